"""What the owner should know of models that were refused or had to go, with the figures that told."""

from collections.abc import Mapping, Sequence
from typing import Final

from .protocol import Status
from .protocol_bundles import Comparison

ROLLED_BACK: Final = "bundle-rolled-back"
REFUSED: Final = "bundle-refused"
METRICS: Final = ("escalated", "failed", "disagreed", "slow", "error")
"""Whose figures have a row of their own in the issue's text."""
_UNKNOWN: Final = "–"


def bundle_issue(code: str, subject: str, status: Status) -> tuple[str, Mapping[str, str]]:
    """Return the key of the texts of a warning about a bundle, and what stands in them besides its message."""
    if code == REFUSED:
        return ("bundle_refused" if subject else "repository_refused"), {}
    evidence = _evidence(subject, status)
    if not evidence:
        return "bundle_rolled_back_broken", {}  # it did not get as far as figures
    return "bundle_rolled_back", _figures(evidence)


def _evidence(label: str, status: Status) -> Sequence[Comparison]:
    """Return what was measured of a bundle that had to go, empty where nothing was."""
    kinds = status.bundles.kinds if status.bundles else ()
    gone = (one.last_rollback for one in kinds if one.last_rollback and one.last_rollback.label == label)
    return [one for rollback in gone for one in rollback.evidence if one.metric in METRICS]


def _figures(evidence: Sequence[Comparison]) -> dict[str, str]:
    """Return each metric before, after, and how strongly it speaks; a dash stands for what was not measured."""
    found = {one.metric: one for one in evidence}
    figures: dict[str, str] = {}
    for metric in METRICS:
        one = found.get(metric, Comparison(metric=metric))
        figures |= {
            f"{metric}_before": _share(one.baseline, one.baseline_turns),
            f"{metric}_after": _share(one.candidate, one.candidate_turns),
            f"{metric}_weight": _UNKNOWN if one.e_value is None else f"{one.e_value:.3g}",
        }
    return figures


def _share(share: float | None, turns: int) -> str:
    return _UNKNOWN if share is None else f"{100.0 * share:.1f} % ({turns})"
