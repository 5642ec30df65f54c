"""What the owner should know of models that were refused or had to go, with the figures that told."""

from collections.abc import Mapping, Sequence
from typing import Final

from .protocol import Status
from .protocol_bundles import Comparison

ROLLED_BACK: Final = "bundle-rolled-back"
REFUSED: Final = "bundle-refused"
METRICS: Final = ("escalated", "failed", "disagreed", "slow", "error")
"""Whose figures have a row of their own in the issue's text."""
_WORSE: Final = ("worse", "slow")
"""Codes of a rollback that figures have called for; of others, something broke, and their sentence says what."""
_UNKNOWN: Final = "–"


def bundle_issue(code: str, subject: str, status: Status) -> tuple[str, Mapping[str, str]]:
    """Return the key of the texts of a warning about a bundle, and what stands in them besides its message."""
    if code == REFUSED:
        return ("bundle_refused" if subject else "repository_refused"), {}
    evidence = _evidence(subject, status)
    if not evidence:
        return "bundle_rolled_back_broken", {}
    return "bundle_rolled_back", _figures(evidence)


def _evidence(label: str, status: Status) -> Sequence[Comparison]:
    """Return the figures for which a bundle had to go, empty where it was for something else."""
    kinds = status.bundles.kinds if status.bundles else ()
    left = (one.last_rollback for one in kinds if one.last_rollback is not None)
    told = (one.evidence for one in left if one.label == label and one.code in _WORSE)
    return [one for evidence in told for one in evidence if one.metric in METRICS]


def _figures(evidence: Sequence[Comparison]) -> dict[str, str]:
    """Return each metric before, after, and how strongly it speaks; a dash stands for what was not measured."""
    found = {one.metric: one for one in evidence}
    figures: dict[str, str] = {}
    for metric in METRICS:
        one = found.get(metric, Comparison(metric=metric))
        figures |= {
            f"{metric}_before": _share(one.baseline, one.baseline_turns),
            f"{metric}_after": _share(one.candidate, one.candidate_turns),
            f"{metric}_weight": _UNKNOWN if None in {one.e_value, one.candidate} else f"{one.e_value:.3g}",
        }
    return figures


def _share(share: float | None, turns: int) -> str:
    return _UNKNOWN if share is None else f"{100.0 * share:.1f} % ({turns})"
