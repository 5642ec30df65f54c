"""An evaluation as tables for people and as a figure."""

import math
from collections.abc import Iterator, Mapping, Sequence

from ..learning.bootstrap import Interval
from ..learning.curves import Ranking
from ..learning.evaluation import UNKNOWN, Evaluation, Part
from ..pipeline.scorecard import SETS
from .evaluate_fit import Fitted, Rival
from .plot import Axis, Bars, Line, Lines, drawing, up_to
from .report import MISSING, table

NAMES = {"risk": "risk", "avg_logprob": "average log-probability", "random": "random", "oracle": "oracle"}
KINDS = {
    "language": "language",
    "microphone_class": "microphone",
    "condition": "condition",
    "snr": "signal to noise, dB",
    "length": "speech, s",
}
FIGURES = {
    "auroc": "AUROC",
    "caught_at_0.15": "errors caught at 15 % escalated",
    "excess_aurc": "excess area under the risk–coverage curve",
}
_CURVE_POINTS = 201
_SHARE = 0.15


def shown(found: Evaluation) -> str:
    """Return the figures as tables."""
    return "\n\n".join(["\n".join(_headline(found)), _scores(found), "\n".join(_differences(found)), _parts(found)])


def _headline(found: Evaluation) -> Iterator[str]:
    whole, there = found.whole, found.whole.there
    yield f"{whole.turns} recordings, {whole.wrong} of their texts wrong: {_percent(whole.wrong / whole.turns)}"
    yield from found.notes
    if found.threshold_logit == -math.inf:
        yield f"No threshold keeps the errors at {100 * found.target_error:g} %: all would be escalated"
        return
    accepted = MISSING if there.accepted_error is None else _percent(there.accepted_error)
    yield (
        f"At the threshold for {100 * found.target_error:g} % errors, a risk of {_percent(found.threshold)}: "
        f"{_percent(there.escalation)} escalated, {_percent(there.error)} accepted and wrong "
        f"({accepted} of those accepted)"
    )


def _scores(found: Evaluation) -> str:
    rankings = found.rankings
    share, points = _SHARE, 4
    rows = [["", *NAMES.values()]]
    rows.append([FIGURES["auroc"], *(_number(one.auroc(), points) for one in rankings.values())])
    rows.append([FIGURES["caught_at_0.15"], *(_percent(one.caught_at(share)) for one in rankings.values())])
    best = rankings["oracle"].caught_at(share)
    rows.append(["  of what the oracle catches", *(_percent(one.caught_at(share) / best) for one in rankings.values())])
    rows.append(["area under the risk–coverage curve", *(_number(one.aurc(), points) for one in rankings.values())])
    rows.append(["  above the oracle's", *(_number(one.excess_aurc(), points) for one in rankings.values())])
    return table(rows)


def _differences(found: Evaluation) -> Iterator[str]:
    yield f"Risk against average log-probability, with 95 % intervals over {found.groups} groups of recordings"
    rows = [[f"  {name}", _difference(found.differences[key])] for key, name in FIGURES.items()]
    yield table(rows)
    gaps = ", ".join(f"{_percent(one.predicted)} → {_percent(one.observed)}" for one in found.bins)
    yield f"Risk as told → errors as found: {gaps}"


def _difference(interval: Interval | None) -> str:
    """Return a difference, more being better."""
    if interval is None:
        return MISSING
    return f"{_signed(interval.difference)}  ({_signed(interval.low)} to {_signed(interval.high)})"


def _parts(found: Evaluation) -> str:
    head = ["", "turns", "wrong", "escalated", "accepted and wrong", "AUROC of risk", "of average log-probability"]
    rows = [head]
    for kind, parts in found.parts.items():
        rows.append([KINDS.get(kind, kind), *[""] * (len(head) - 1)])
        rows += [[f"  {value}", *_cells(part)] for value, part in parts.items()]
    return table(rows)


def _cells(part: Part) -> list[str]:
    return [
        str(part.turns),
        _percent(part.wrong / part.turns),
        _percent(part.there.escalation),
        _percent(part.there.error),
        *(_number(one.auroc(), 3) for one in part.rankings.values()),
    ]


def compared(splits: Mapping[str, Evaluation]) -> str:
    """Return several evaluations of the same turns side by side, a row each."""
    rows = [["", *FIGURES.values()]]
    for kind, found in splits.items():
        risk = found.rankings["risk"]
        cells = [_number(risk.auroc(), 4), _percent(risk.caught_at(_SHARE)), _number(risk.excess_aurc(), 4)]
        rows.append([f"  {kind}", *cells])
    return table(rows)


def fit_shown(one: Fitted) -> str:
    """Return a fit's figures as tables: all of the hardest kind, the others in short, and what it was compared with."""
    left_out = "".join(f"  {kind}: not held back; {reason}\n" for kind, reason in one.left_out.items())
    seen = "".join(f"  {name}: not compared; it was fitted on these recordings, or most\n" for name in one.seen_before)
    return (
        f"{one.card.model}, each recording scored by a fit that did not see its {one.hardest}\n\n"
        f"{shown(one.splits[one.hardest])}\n\n"
        f"Held back in turn, and what the fit to the rest was worth\n{compared(one.splits)}\n{left_out}\n"
        f"{_verdict(one)}\n{_beside(one.rivals)}\n{seen}"
    )


def _verdict(one: Fitted) -> str:
    said = "better than" if one.is_better else "NOT better than all of"
    return f"The fit is {said} what there is without it, each {one.hardest} held back"


def _beside(rivals: Sequence[Rival]) -> str:
    rows = [["", "recordings", "AUROC", "of the fit", FIGURES["excess_aurc"], "of the fit", ""]]
    for rival in rivals:
        areas = _number(rival.excess_aurc, 4), _number(rival.fit_excess_aurc, 4)
        scores = _number(rival.auroc, 4), _number(rival.fit_auroc, 4)
        verdict = "better" if rival.is_beaten else "not better"
        rows.append([f"  {rival.name}", str(rival.recordings), *scores, *areas, verdict])
    return table(rows)


def no_better_than(one: Fitted) -> str:
    """Return what a fit does not beat, with both figures."""
    return " and ".join(
        f"it is no better than {rival.name} ({FIGURES['excess_aurc']} {_number(rival.fit_excess_aurc, 4)} against "
        f"{_number(rival.excess_aurc, 4)}; AUROC {_number(rival.fit_auroc, 4)} against {_number(rival.auroc, 4)})"
        for rival in one.rivals
        if not rival.is_beaten
    )


def fit_saw(one: Fitted) -> str:
    """Return what the scorecard of all recordings remembers."""
    saw = ", ".join(f"{len(getattr(one.card.provenance, name))} {name}" for name in SETS)
    return (
        f"It is fitted to all of the recordings and lists what it saw ({saw}); `evaluate` refuses to measure it on any "
        "of that"
    )


def drawn(found: Evaluation, *, title: str, note: str) -> str:
    """Return the figures as SVG: the cost–quality curve, the reliability diagram and the errors by noise."""
    return drawing(title, [_cost_quality(found), _reliability(found), _by_noise(found)], note=note)


def _cost_quality(found: Evaluation) -> Lines:
    there = found.whole.there
    lines = [Line(name=NAMES[name], points=_curve(one)) for name, one in found.rankings.items()]
    at = Line(name=f"threshold for {100 * found.target_error:g} % errors", points=[(there.escalation, there.error)])
    return Lines(
        title="What stays wrong when the riskiest turns are escalated",
        x=Axis(label="turns escalated", is_share=True),
        y=Axis(label="turns accepted and wrong", high=up_to(found.whole.wrong / found.whole.turns), is_share=True),
        lines=[*lines, at],
        is_wide=True,
    )


def _curve(ranking: Ranking) -> Sequence[tuple[float, float]]:
    shares, errors = ranking.cost_quality(_CURVE_POINTS)
    return list(zip(shares.tolist(), errors.tolist(), strict=True))


def _reliability(found: Evaluation) -> Lines:
    points = [(one.predicted, one.observed) for one in found.bins]
    spread = [(one.low, one.high) for one in found.bins]
    return Lines(
        title="Whether a risk means what it says",
        x=Axis(label="risk as told", is_share=True),
        y=Axis(label="turns that are wrong", is_share=True),
        lines=[
            Line(name="tenths of the turns, 95 % interval", points=points, spread=spread, is_joined=False),
            Line(name="as told", points=[(0.0, 0.0), (1.0, 1.0)]),
        ],
    )


def _by_noise(found: Evaluation) -> Bars:
    parts = found.parts.get("snr", {})
    series = {
        "wrong": [one.wrong / one.turns for one in parts.values()],
        "escalated": [one.there.escalation for one in parts.values()],
        "accepted and wrong": [one.there.error for one in parts.values()],
    }
    return Bars(
        title="By signal-to-noise ratio",
        y=Axis(label="turns", high=up_to(max(max(values, default=0.0) for values in series.values())), is_share=True),
        groups=[_decibels(name) for name in parts],
        series=series,
        notes=[f"{one.turns}" for one in parts.values()],
    )


def _decibels(bucket: str) -> str:
    said = bucket.replace("-", "–").replace(">=", "≥ ").replace("<", "< ")
    return said if bucket == UNKNOWN else f"{said} dB"


def _percent(share: float) -> str:
    return MISSING if math.isnan(share) else f"{100 * share:.1f} %"


def _number(value: float, points: int) -> str:
    return MISSING if math.isnan(value) else f"{value:.{points}f}"


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")
