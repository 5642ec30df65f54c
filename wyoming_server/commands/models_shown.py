"""What `models` prints for people, made of the control API's answers."""

from collections.abc import Sequence
from typing import Any

from .report import MISSING, Style, table

type Json = dict[str, Any]

WITH_US = "what comes with the server"
_KINDS = {"asr": "recogniser", "wake": "wake words", "vad": "voice detection"}


def listed(told: Json, style: Style) -> str:
    """Return all models: what serves, is tried, installed and offered."""
    parts = [_head(told, style), *(shown_moved(one, style) for one in told["kinds"])]
    rows = [
        (one["label"], one["kind"], "signed" if one["signed"] else "unsigned", _megabytes(one["bytes"]), _origin(one))
        for one in told["installed"]
    ]
    if rows:
        parts += [
            "",
            _strong(
                table([("installed", "kind", "", "MB", "from" if any(row[-1] for row in rows) else ""), *rows]), style
            ),
        ]
    if told["offers"]:
        offers = [
            (one["label"], one["kind"], _verdict(one, told), _megabytes(one["bytes"]), _first_line(one["notes"]))
            for one in told["offers"]
        ]
        parts += ["", _strong(table([("offered", "kind", "to this hub", "MB", "what is new"), *offers]), style)]
    for one in told["denied"]:
        parts.append(style.bad(f"{one['label']} is not tried again ({one['code']}): {one['message']}"))
    return "\n".join(parts)


def explained(told: Json, offers: Sequence[Json], style: Style) -> str:
    """Return, for each bundle that is offered, why this hub gets it or not."""
    parts = [_head(told, style)]
    if not offers:
        parts.append(style.faint("The repository offers nothing in this channel."))
    for one in offers:
        parts += ["", style.strong(f"{one['label']}: {_verdict(one, told)}")]
        for reason in one["reasons"]:
            mark = style.good("yes") if reason["holds"] else style.bad("no ")
            parts.append(f"  {mark}  {reason['code']:<15} {reason['message']}")
    return "\n".join(parts)


def shown_checked(told: Json, style: Style) -> str:
    """Return what the repository was found to offer."""
    offered = [one["offered"] for one in told["kinds"] if one["offered"]]
    lines = [f"{one['label']} is offered: {_verdict(one, told)}." for one in offered]
    return "\n".join((_head(told, style), *(lines or ["Nothing newer is offered."])))


def shown_moved(kind: Json, style: Style) -> str:
    """Return what serves of a kind, and what is on its way."""
    active, name = kind["active"], _KINDS[kind["kind"]]
    said = WITH_US if active is None else active["label"] + ("" if active["signed"] else " (unsigned)")
    lines = [f"{name}: {style.strong(said)}" + (f", before it {kind['previous']}" if kind["previous"] else "")]
    if (candidate := kind["candidate"]) is not None:
        lines.append(
            f"  {candidate['label']} is in its stage {candidate['stage']}: {candidate['turns']} turns so far, "
            f"{candidate['turns_to_go']} to go"
        )
        lines += [f"    {_evidence(one)}" for one in candidate["evidence"] if one["candidate_turns"]]
    if (work := kind["work"]) is not None:
        lines.append(f"  {work['label']}: {work['state']}, {work['progress']:.0%}")
    if (left := kind["last_rollback"]) is not None:
        to = left["to"] or "the plain model"
        lines.append(f"  {left['label']} was left for {to} at {left['at']} ({left['code']}): {left['message']}")
        lines += [f"    {_evidence(one)}" for one in left["evidence"]]
    return "\n".join(lines)


def shown_verified(found: Sequence[Json], style: Style) -> str:
    """Return which models are whole, and what is wrong with the others."""
    if not found:
        return style.faint("No model is installed.")
    wide = max(len(one["label"]) for one in found)
    return "\n".join(
        f"{one['label']:<{wide}}  {'signed' if one['signed'] else 'unsigned':<8}  "
        + (style.bad(f"{one['code']}: {one['message']}") if one["code"] else style.good("whole"))
        for one in found
    )


def _head(told: Json, style: Style) -> str:
    repository = told["repository"]
    if repository is None:
        return style.faint(
            "No repository is trusted, so nothing is updated; `edge-voice models trust URL --root FILE` names one."
        )
    looked = repository["checked_at"] or "never"
    head = f"{repository['url']}, channel {repository['channel']}, looked at: {looked}"
    error = repository["error"]
    return head if error is None else f"{head}\n{style.bad(error['code'] + ': ' + error['message'])}"


def _verdict(offer: Json, told: Json) -> str:
    if any(one["active"] and one["active"]["label"] == offer["label"] for one in told["kinds"]):
        return "serves"
    if any(one["candidate"] and one["candidate"]["label"] == offer["label"] for one in told["kinds"]):
        return "on trial"
    if offer["eligible"]:
        return "yes"
    return "no: " + ", ".join(one["code"] for one in offer["reasons"] if not one["holds"])


def _origin(model: Json) -> str:
    """Return where a plain model is from: the repository, and the beginning of its revision."""
    parts = (model["repository"], (model["revision"] or "")[:7])
    return " @ ".join(one for one in parts if one)


def _evidence(one: Json) -> str:
    return (
        f"{one['metric']}: {_percent(one['candidate'])} of {one['candidate_turns']} turns, before "
        f"{_percent(one['baseline'])} of {one['baseline_turns']}; e-value {one['e_value'] or 0.0:.3g}"
    )


def _percent(share: float | None) -> str:
    return MISSING if share is None else f"{100 * share:.1f} %"


def _megabytes(count: int | None) -> str:
    return MISSING if count is None else f"{count / 1e6:.0f}"


def _first_line(notes: str) -> str:
    """Return the beginning of what a publisher says, without what a terminal would obey."""
    return "".join(filter(str.isprintable, next(iter(notes.strip().splitlines()), "")))[:60]


def _strong(text: str, style: Style) -> str:
    head, _, rest = text.partition("\n")
    return f"{style.strong(head)}\n{rest}"
