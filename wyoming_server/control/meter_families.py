"""Every metric that `/metrics` can hold, and where the values of its labels come from. None is a person's or a room's.

Counters begin at the server's start; units are Prometheus's base units. The process's own (`process_…`) come on top.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "edge_voice_"
BUCKETS = (0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)
"""Seconds. Close together around the budget (0.3), wide where it is lost anyway."""

LABELS: Mapping[str, str] = {
    "action": "what became of a turn: a value of Action, or `error`",
    "audited": "`true`: an accepted turn that was sent to see whether the hub was right; `false`: an escalation",
    "class": "of what is kept: `turns`, `transcripts`, `recordings` or `corrections`",
    "code": "a code of errors.py, or of a warning",
    "currency": "the ledger's currency, by its code",
    "ended_by": "what ended the listening: a value of EndedBy",
    "ending": "`answered`, `cancelled`, or a code of errors.py",
    "hub_class": "the kind of machine, as rollouts know it: `pi5`, `n100` …",
    "kind": "of bundle: `asr`, `wake` or `vad`",
    "label": "a bundle's name and version, as its publisher signed them",
    "lane": "the name that the owner gave a speech service; the first 16, then `other`",
    "language": "a language that the model and the home know, by its code: at most 16, then `other`; `all` of a window",
    "metric": "which figure drift is looked for in",
    "microphone_class": "a value of MicrophoneClass; `all` of a window",
    "mode": "a value of Mode",
    "model": "the name of the speech model that serves",
    "population": "of which turns the figure speaks: `all` or `escalated`",
    "reason": "why speech was sent: `risk`, `mode` (also of a baseline), `hedge`, `audit`, `away` or `test`",
    "result": "what the conversation made of a text",
    "role": "`active`, `previous` or `candidate`",
    "route": "who recognised the text: a value of Route, or `none`",
    "signal": "what a session said of a turn: `retried`, `corrected`, `abandoned` or `no_intent`",
    "source": "a part of the server that could not be read",
    "span": "a stretch of the turn's time: a stage, `last_word_to_text` or `end_to_text`",
    "stage": "a stage of the turn's time",
    "state": "one of the states of what it is a state of: 1 for the one that holds, 0 for the others",
    "strain": "what the hub strains with: a code of strain.py",
    "trust": "a value of Trust: `home` stays in the house, `cloud` leaves it",
    "version": "the server's version",
    "word": "a wake word's id; the first 16, then `other`",
}
"""Label → where its values come from. All of them are bounded, whatever clients say."""


class Kind(enum.StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    """Of seconds, in BUCKETS."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A metric; each is itself alone."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


def _counter(name: str, help_: str, *labels: str) -> Family:
    return Family(f"{PREFIX}{name}_total", Kind.COUNTER, labels, help_)


def _gauge(name: str, help_: str, *labels: str) -> Family:
    return Family(f"{PREFIX}{name}", Kind.GAUGE, labels, help_)


def _histogram(name: str, help_: str, *labels: str) -> Family:
    return Family(f"{PREFIX}{name}_seconds", Kind.HISTOGRAM, labels, help_)


_CELL = ("language", "microphone_class")
_LANE = ("lane", "trust", "reason")

# Turns.
TURNS = _counter("turns", "Turns that ended, but for those of a baseline.", *_CELL, "action")
SPOKEN = _counter("spoken_turns", "Of these: turns in which somebody spoke. Rates are shares of them.", *_CELL)
ROUTES = _counter("answers", "Turns with a text, by who recognised it.", "route")
ENDINGS = _counter("endings", "Turns by what ended the listening.", "ended_by")
FAILED = _counter("failed_turns", "Turns that ended in an error.", "code")
BASELINE_TURNS = _counter("baseline_turns", "Turns of a baseline, in which a lane answers all.")
RESULTS = _counter("results", "What the conversation made of texts.", "result")
JUDGED = _counter("judged_turns", "Turns of which their session says no more.", "language")
WRONG = _counter("wrong_turns", "Of these: said again, put right, taken back or given up.", "language")
SIGNALS = _counter(
    "turn_signals", "Of these: turns by what was said of them, several of one turn.", "language", "signal"
)
SPEECH = _counter("speech_seconds", "Speech that was heard.")
STAGE = _histogram("stage", "Where turns' time went, stage by stage.", "stage", "language")
LAST_WORD = _histogram("last_word_to_text", "From the last voiced sample to the text.", "language", "route")
END = _histogram("end_to_text", "From the end of the turn to the text.", "language", "route")

# The last 500 spoken turns of each language and microphone: exact.
WINDOW_TURNS = _gauge("window_turns", "Spoken turns that the figures of a window rest on, at most 500.", *_CELL)
WINDOW_P50 = _gauge("window_p50_seconds", "Half of the window's turns took no longer: exact.", "span", *_CELL)
WINDOW_P95 = _gauge("window_p95_seconds", "19 of 20 of the window's turns took no longer: exact.", "span", *_CELL)
WINDOW_ESCALATED = _gauge("window_escalation_ratio", "Share of the window's turns that were escalated.", *_CELL)
WINDOW_IN_BUDGET = _gauge(
    "window_within_budget_ratio",
    "Share of those that the hub answered by itself within 300 ms of the last word.",
    *_CELL,
)

# Rightness.
PAIRS = _counter("pairs", "Turns that both the hub and a lane heard.", "language", "audited")
DISAGREED = _counter("disagreements", "Of these: turns in which they heard another intent.", "language", "audited")
DISAGREEMENT = _gauge("disagreement_ratio", "Edge-cloud disagreement: no word error rate.", "language", "population")
DISAGREEMENT_LOW = _gauge("disagreement_low_ratio", "Its 95 % interval begins there.", "language", "population")
DISAGREEMENT_HIGH = _gauge("disagreement_high_ratio", "Its 95 % interval ends there.", "language", "population")
DISAGREEMENT_PAIRS = _gauge("disagreement_pairs", "Pairs that it rests on, at most 500.", "language", "population")
RETRY = _gauge("retry_ratio", "Share of the last 500 judged turns of each language that were said again.")
ABANDONMENT = _gauge("abandonment_ratio", "Share of the last 500 judged turns of each language that were given up.")
THRESHOLD = _gauge("threshold_ratio", "Risk up to which the hub answers by itself.", *_CELL)
THRESHOLD_BOUND = _gauge("threshold_guaranteed", "1: the threshold's bound on errors holds.", *_CELL)
THRESHOLD_TO_GO = _gauge("threshold_turns_to_go", "Turns until the threshold is this home's own.", *_CELL)
DRIFT_STATE = _gauge("drift_state", "Whether turns are as they were.", "state")
DRIFT_TO_GO = _gauge("drift_turns_to_go", "Turns until there is something to hold later ones against.")
DRIFT_E_VALUE = _gauge("drift_e_value", "Evidence of a change for the worse: 1 is none.", "metric", "language")
DRIFT_ALARM_AT = _gauge("drift_alarm_e_value", "Evidence at which it is told of.", "metric", "language")
DRIFT_BEFORE = _gauge("drift_reference", "The figure when its reference was taken.", "metric", "language")
DRIFT_NOW = _gauge("drift_now", "The same figure now.", "metric", "language")
DRIFT_ALARMS = _gauge("drift_alarms", "Changes for the worse that stand.", "metric")

# Wake words.
WAKES = _counter("wakes", "Wake words.", "word")
JUDGED_WAKES = _counter("judged_wakes", "Wakes of named satellites of which it is known whether somebody spoke after.")
FALSE_WAKES = _counter("false_wakes", "Of these: wakes after which nobody spoke.")

# Lanes, and what leaves the home.
UPLOADS = _counter("uploads", "Recordings that went to a lane.", *_LANE)
UPLOAD_SECONDS = _counter("upload_audio_seconds", "Audio in them.", *_LANE)
UPLOAD_BYTES = _counter("upload_bytes", "Their bytes.", *_LANE)
UPLOAD_COST = _counter("upload_cost", "What they cost, by the lanes' prices.", "lane", "currency")
ATTEMPTS = _counter("lane_attempts", "How asking a lane for a turn's text ended.", "lane", "ending")
ATTEMPT = _histogram("lane_answer", "How long a lane took to answer.", "lane")
LANE_STATE = _gauge("lane_state", "How each lane is.", "lane", "state")
CLOUD_ALLOWED = _gauge("cloud_allowed", "1: the owner lets speech leave the home.")
CLOUD_REACHABLE = _gauge("cloud_reachable", "0: every consented cloud lane is broken; absent without one.")
CLOUD_OVER_BUDGET = _gauge("cloud_over_budget", "1: a cap on what leaves the home is reached.")
CLOUD_TODAY = _gauge("cloud_audio_today_seconds", "Audio that left the home today.")
CLOUD_MONTH = _gauge("cloud_audio_month_seconds", "Audio that left the home this month.")
CLOUD_LEFT = _gauge("cloud_audio_left_seconds", "Audio that may still leave today.")
COST_MONTH = _gauge("cloud_cost_month", "What it cost this month.", "currency")
COST_LEFT = _gauge("cloud_cost_left", "What it may still cost this month.", "currency")

# The hub.
INFO = _gauge("info", "1 for the version that runs, and the kind of machine.", "version", "hub_class")
MODE = _gauge("mode", "How well the hub can serve.", "mode")
MODEL = _gauge("model_info", "1 for the speech model that serves.", "model")
MODEL_STATE = _gauge("model_state", "How far the chosen model is.", "state")
BUNDLE = _gauge("bundle_info", "1 for each bundle, by its role.", "kind", "role", "label")
BUNDLES_DENIED = _gauge("bundles_denied", "Bundles that failed here and are not tried again.")
CANDIDATE_TURNS = _gauge("bundle_candidate_turns", "Turns that a new bundle was tried in.", "kind")
SATELLITES = _gauge("satellites", "Satellites by how their microphone is.", "state")
WARNINGS = _gauge("warnings", "What the owner should mend, by its code.", "code")
CPU = _gauge("machine_processor_ratio", "Share of all cores that is busy.")
MEMORY = _gauge("machine_memory_ratio", "Share of all memory that is in use.")
THROTTLED = _gauge("machine_throttled", "1: heat or a weak supply slows the processor; absent where nobody tells.")
DECODE_BUSY = _gauge("decode_busy_ratio", "Share of the last minute in which the recogniser worked.")
DECODE_SECONDS = _counter("decode_seconds", "How long the recogniser has worked, all threads together.")
WAITING = _gauge("decodes_waiting", "Turns that wait for the recogniser or are in it.")
WAITING_LIMIT = _gauge("decodes_waiting_limit", "As many may.")
LAG = _gauge("event_loop_lag_seconds", "The longest that the server kept others waiting in the last minute.")
SATURATED = _gauge("saturated", "1: the hub strains.")
STRAIN = _gauge("strain", "What with.", "strain")
RECORDS_BYTES = _gauge("records_bytes", "Size of the records' file.")
RECORDS_KEPT = _gauge("records_kept", "Records by their class.", "class")
RECORDS_FAILING = _gauge("records_failing", "1: the records cannot be written.")
RECORDS_KEY = _gauge("records_key_state", "Whether what was sealed can be read.", "state")
QUEUE = _gauge("queue_requests", "Requests that wait for a speech service, or for their owner's word.", "state")
QUEUE_BYTES = _gauge("queue_bytes", "Their size on the disk.")
BASELINE = _gauge("baseline_running", "1: a baseline is being recorded.")
UNREADABLE = _gauge("metrics_unreadable", "1: that part of this page could not be read; the log says why.", "source")

FAMILIES = tuple(one for one in tuple(globals().values()) if isinstance(one, Family))
"""All, in the order in which they are written."""
