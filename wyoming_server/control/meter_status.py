"""What the server tells of itself, as docs/control-api.md describes it → gauges. What is `null` has no sample."""

from collections.abc import Collection, Iterator, Mapping

from ..bundles.supply import SupplyState
from ..learning.satellites import WakeTotals
from ..pipeline.policy import LaneState
from ..resilience.degraded import Mode
from ..saturation import Resources
from ..strain import STRAINS
from . import meter_families as of
from .feed import Json
from .meter_families import Family
from .meter_labels import OTHER, Namers, one_of
from .meter_tally import Sample

KEY_STATES = ("good", "none", "missing", "wrong")
DRIFT_STATES = ("learning", "steady", "drifted")
MICROPHONE_STATES = ("good", "noisy", "text_only")
QUEUE_STATES = ("waiting", "ready", "started", "needs_you")
WARNINGS = (
    *("starter-model", "model-missing", "model-crashed", "lane-credentials", "microphone-clipping", "microphone-noisy"),
    *(
        "over-budget",
        "records-unwritable",
        "bundle-rolled-back",
        "bundle-refused",
        "drift",
        "records-key",
        "hub-saturated",
    ),
)
"""Their codes, as docs/control-api.md lists them."""


def status_samples(status: Json, namers: Namers) -> Iterator[Sample]:
    """Yield what a status says."""
    yield of.INFO, (status["server"]["version"], status["bundles"]["hub_class"]), 1.0
    yield from _states(of.MODE, [one.value for one in Mode], status["mode"])
    yield from _model(status["model"])
    yield from _lanes(status["lanes"], namers)
    yield from _cloud(status["cloud"], status["policy"])
    yield of.RETRY, (), status["figures"]["retry_rate"]
    yield of.ABANDONMENT, (), status["figures"]["abandonment_rate"]
    yield from _learned(status, namers)
    yield from _counts(of.SATELLITES, MICROPHONE_STATES, [one["state"] for one in status["satellites"]])
    yield from _bundles(status["bundles"])
    yield from _states(of.DRIFT_STATE, DRIFT_STATES, status["drift"]["state"])
    yield of.DRIFT_TO_GO, (), status["drift"]["turns_to_go"]
    yield from _records(status["records"])
    yield from ((of.QUEUE, (state,), status["queue"][state]) for state in QUEUE_STATES)
    yield of.QUEUE_BYTES, (), status["queue"]["bytes"]
    yield of.BASELINE, (), status["baseline"] is not None
    codes = [one["code"] for one in status["warnings"]]
    yield from _counts(of.WARNINGS, WARNINGS, codes)
    yield of.RECORDS_FAILING, (), "records-unwritable" in codes


def drift_samples(told: Json, metrics: Collection[str], namers: Namers) -> Iterator[Sample]:
    """Yield what the drift watch says of each figure."""
    yield from _counts(of.DRIFT_ALARMS, metrics, [one["metric"] for one in told["alarms"]])
    for one in told["metrics"]:
        labels = one_of(metrics, one["metric"]), namers.language(one["language"])
        if OTHER not in labels:
            yield of.DRIFT_E_VALUE, labels, one["e_value"]
            yield of.DRIFT_ALARM_AT, labels, one["alarm_at"]
            yield of.DRIFT_BEFORE, labels, one["before"]
            yield of.DRIFT_NOW, labels, one["now"]


def load_samples(found: Resources, decode_seconds: float) -> Iterator[Sample]:
    """Yield how busy the hub is."""
    yield of.CPU, (), found.cpu_percent / 100.0
    yield of.MEMORY, (), found.memory_percent / 100.0
    yield of.THROTTLED, (), found.throttled
    yield of.DECODE_BUSY, (), found.decode_busy
    yield of.DECODE_SECONDS, (), decode_seconds
    yield of.WAITING, (), found.waiting
    yield of.WAITING_LIMIT, (), found.most_waiting
    yield of.LAG, (), found.lag_seconds
    yield of.SATURATED, (), bool(found.strains)
    yield from _counts(of.STRAIN, [one.code for one in STRAINS], [one.code for one in found.strains])


def wake_samples(totals: WakeTotals) -> Iterator[Sample]:
    """Yield how often nobody spoke after a wake word."""
    yield of.JUDGED_WAKES, (), totals.judged
    yield of.FALSE_WAKES, (), totals.false


def _states(family: Family, states: Collection[str], holds: str, *before: str) -> Iterator[Sample]:
    for state in states:
        yield family, (*before, state), state == holds


def _counts(family: Family, known: Collection[str], seen: Collection[str]) -> Iterator[Sample]:
    """Yield how often each of some known values was seen: 0, too, so that an alert's series is there before it."""
    names = [one_of(known, one) for one in seen]
    for one in (*known, *([OTHER] if OTHER in names else ())):
        yield family, (one,), names.count(one)


def _model(model: Json) -> Iterator[Sample]:
    if model["name"]:
        yield of.MODEL, (model["name"],), 1.0
    yield from _states(of.MODEL_STATE, [one.value for one in SupplyState], model["state"])


def _lanes(lanes: Collection[Json], namers: Namers) -> Iterator[Sample]:
    for lane in lanes:
        if (name := namers.lane(lane["name"])) != OTHER:
            yield from _states(of.LANE_STATE, [one.value for one in LaneState], lane["state"], name)


def _cloud(cloud: Json, policy: Json) -> Iterator[Sample]:
    currency = (cloud["currency"],)
    yield of.CLOUD_ALLOWED, (), policy["cloud_allowed"]
    yield of.CLOUD_REACHABLE, (), cloud["reachable"]
    yield of.CLOUD_OVER_BUDGET, (), cloud["over_budget"]
    yield of.CLOUD_TODAY, (), cloud["seconds_today"]
    yield of.CLOUD_MONTH, (), cloud["seconds_this_month"]
    yield of.CLOUD_LEFT, (), cloud["seconds_left_today"]
    yield of.COST_MONTH, currency, cloud["cost_this_month"]
    yield of.COST_LEFT, currency, cloud["money_left_this_month"]


def _learned(status: Json, namers: Namers) -> Iterator[Sample]:
    for one in status["thresholds"]:
        if (language := namers.language(one["language"])) != OTHER:
            cell = language, one["microphone_class"]
            yield of.THRESHOLD, cell, one["value"]
            yield of.THRESHOLD_BOUND, cell, one["guaranteed"]
            yield of.THRESHOLD_TO_GO, cell, one["turns_to_go"]
    for one in status["disagreement"]:
        if (language := namers.language(one["language"])) != OTHER:
            labels = language, one["population"]
            yield of.DISAGREEMENT, labels, one["value"]
            yield of.DISAGREEMENT_LOW, labels, one["low"]
            yield of.DISAGREEMENT_HIGH, labels, one["high"]
            yield of.DISAGREEMENT_PAIRS, labels, one["pairs"]


def _bundles(bundles: Json) -> Iterator[Sample]:
    yield of.BUNDLES_DENIED, (), len(bundles["denied"])
    for kind in bundles["kinds"]:
        labels: Mapping[str, str | None] = {
            "active": (kind["active"] or {}).get("label"),
            "previous": kind["previous"],
            "candidate": (kind["candidate"] or {}).get("label"),
        }
        for role, label in labels.items():
            if label:
                yield of.BUNDLE, (kind["kind"], role, label), 1.0
        if kind["candidate"]:
            yield of.CANDIDATE_TURNS, (kind["kind"],), kind["candidate"]["turns"]


def _records(records: Json) -> Iterator[Sample]:
    yield of.RECORDS_BYTES, (), records["bytes"]
    for one in ("turns", "transcripts", "recordings", "corrections"):
        yield of.RECORDS_KEPT, (one,), records[one]
    yield from _states(of.RECORDS_KEY, KEY_STATES, records["key"])
