"""The register of data, for people, for programs, and as the page that docs/privacy.md holds. Needs no server."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..records import lineage
from ..settings import Settings
from .report import Style, print_json

type Json = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser, action: str) -> None:
    """Add this sub-command's arguments."""
    names = [one.name for one in lineage.classes()]
    parser.add_argument("name", nargs="?", choices=names, metavar="CLASS", help="one, with every flow of it")
    parser.add_argument("--markdown", action="store_true", help=f"print the {action} as docs/privacy.md has it")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print it; return the exit status."""
    told = lineage.told(settings.records)
    if arguments.name is not None:
        told = _of_class(told, arguments.name)
    if arguments.json:
        print_json(told)
    elif arguments.markdown:
        print(page_of(told))
    else:
        style = Style.of(sys.stdout)
        print(shown(told, style) if arguments.name is None else shown_class(told, style))
    return 0


def _of_class(told: Json, name: str) -> Json:
    return told | {
        "classes": [one for one in told["classes"] if one["name"] == name],
        "flows": [one for one in told["flows"] if one["data_class"] == name],
    }


def shown(told: Json, style: Style) -> str:
    """Return one line for each class."""
    counts = {one["name"]: 0 for one in told["classes"]}
    for flow in told["flows"]:
        counts[flow["data_class"]] += 1
    rows = [
        (one["name"], one["title"], _window(one), "on" if one["on_by_default"] else "off", str(counts[one["name"]]))
        for one in told["classes"]
    ]
    head, *rest = _aligned([("class", "what", "kept", "", "flows"), *rows])
    said = (
        f"{len(rows)} classes of data, {len(told['flows'])} flows; `edge-voice privacy lineage CLASS` shows all of one."
    )
    return "\n".join((style.strong(head), *rest, "", style.faint(said)))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows with all columns but the last to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(cells[:-1], widths, strict=False)) + f"  {cells[-1]:>5}"
        for cells in rows
    ]


def shown_class(told: Json, style: Style) -> str:
    """Return all that is known of one class, and its flows."""
    (one,) = told["classes"]
    facts = (
        ("holds", one["holds"]),
        ("from", one["source"]),
        ("for", one["purpose"]),
        ("processed", one["processed"]),
        ("stored", one["stored"] or "nowhere"),
        ("as", one["form"]),
        ("kept", f"{_window(one)}{f' ({one["setting"]})' if one['setting'] else ''}"),
        ("ends", one["ends"]),
        ("by default", "on" if one["on_by_default"] else "off"),
        ("who gets it", "; ".join(one["recipients"]) or "nobody"),
    )
    lines = [style.strong(f"{one['title']} ({one['name']})"), *(f"  {name:<12} {said}" for name, said in facts)]
    for kind in dict.fromkeys(flow["kind"] for flow in told["flows"]):
        lines += ["", style.strong(f"  {kind}")]
        of_kind = [flow for flow in told["flows"] if flow["kind"] == kind]
        for (where, _), forms in _grouped(of_kind).items():
            lines.append(f"    {where}")
            lines += [f"      {form}: {', '.join(fields)}" for form, fields in forms.items()]
    return "\n".join(lines)


def _window(one: Json) -> str:
    if one["days"] is not None:
        return f"{one['days']} days"
    if not one["stored"]:
        return "not kept"
    return "in memory" if one["stored"].startswith("in memory") else "until it is ended"


def page_of(told: Json) -> str:
    """Return the register as Markdown: the classes, then every flow by its way."""
    parts = [f"{len(told['classes'])} classes of data, {len(told['flows'])} flows.", "", "### Classes"]
    for one in told["classes"]:
        parts += [
            "",
            f"#### {one['title']} (`{one['name']}`)",
            "",
            f"{_sentence(one['holds'])} From {one['source']}; {one['purpose']}.",
            "",
            "| processed | stored | form | kept | ends | by default | who gets it |",
            "|---|---|---|---|---|---|---|",
            f"| {' | '.join(_facts(one))} |",
        ]
    parts += ["", "### Flows"]
    for kind in dict.fromkeys(one["kind"] for one in told["flows"]):
        of_kind = [one for one in told["flows"] if one["kind"] == kind]
        parts += ["", f"#### {_sentence(kind).removesuffix('.')}", "", "| where | class | fields |", "|---|---|---|"]
        parts += _rows(of_kind)
    return "\n".join(parts)


def _facts(one: Json) -> tuple[str, ...]:
    setting = f" ([`{one['setting']}`](settings.yaml))" if one["setting"] else ""
    return (
        one["processed"],
        one["stored"] or "nowhere",
        one["form"],
        f"{_window(one)}{setting}",
        one["ends"],
        "on" if one["on_by_default"] else "off",
        "; ".join(one["recipients"]) or "nobody",
    )


type _Grouped = dict[tuple[str, str], dict[str, list[str]]]
"""(Where, class) → form → fields."""


def _grouped(flows: Sequence[Json]) -> _Grouped:
    grouped: _Grouped = {}
    for one in flows:
        place = grouped.setdefault((one["where"], one["data_class"]), {})
        place.setdefault(one["form"], []).append(one["field"])
    return grouped


def _rows(flows: Sequence[Json]) -> list[str]:
    """Return a row for each place and class: its fields, by what they hold."""
    return [f"| `{where}` | {name} | {_fields(forms)} |" for (where, name), forms in _grouped(flows).items()]


def _fields(forms: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{form}: {', '.join(f'`{_cell(one)}`' for one in fields)}" for form, fields in forms.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
