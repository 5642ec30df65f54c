"""A baseline as the control API tells of it."""

from ..records.baselines import TIMES, KeptBaseline
from .feed import Json


def fields_of(one: KeptBaseline | None) -> Json | None:
    """Return a baseline as JSON."""
    if one is None:
        return None
    counted = one.counted
    return {
        "began": one.began.isoformat(timespec="seconds"),
        "ends": one.ends.isoformat(timespec="seconds"),
        "ended": None if one.ended is None else one.ended.isoformat(timespec="seconds"),
        "consent": one.consent,
        "turns": counted.turns,
        "failed": counted.failed,
        "retried": counted.retried,
        "abandoned": counted.abandoned,
        "pairs": counted.pairs,
        "disagreed": counted.disagreed,
        "would_escalate": counted.would_escalate,
        "seconds": round(one.seconds, 2),
        "seconds_cap": one.seconds_cap,
        "cost": round(one.cost, 6),
        "money_cap": one.money_cap,
        **{name: _spread(counted.times.get(name)) for name in TIMES},
        "reason": one.reason,
    }


def _spread(found: tuple[float | None, float | None] | None) -> Json:
    p50, p95 = found or (None, None)
    return {"p50": p50, "p95": p95}
