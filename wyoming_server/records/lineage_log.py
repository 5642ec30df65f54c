"""What reaches the log: the fields of events, and every value that a sentence is made with.

A value is named as the source writes it: a test reads every call off it.
"""

from .lineage_shape import Fields, Flow, Form, Kind, flows_of


def event(name: str, fields: Fields) -> tuple[Flow, ...]:
    """Return the fields of an event."""
    return flows_of(Kind.LOG, f"event {name}", fields)


def lines(module: str, fields: Fields) -> tuple[Flow, ...]:
    """Return the values of a module's sentences, as its source writes them, with ; between them."""
    return flows_of(Kind.LOG, module, fields, between=";")


FLOWS: tuple[Flow, ...] = (
    *event(
        "turn",
        {
            "turns": {
                Form.CODE: "action error route language microphone_class workload ended_by rules",
                Form.OWNER_WORD: "lane model",
                Form.TRUTH: "trusted critical spoke is_baseline",
                Form.NUMBER: "risk threshold snr_db speech_seconds retries capture_ms inference_ms hold_ms post_ms"
                " cloud_ms transport_ms last_word_to_text_ms end_to_text_ms uploads cloud_seconds cloud_cost",
            }
        },
    ),
    *lines(
        "bundles.hub_model", {"models": {Form.SENTENCE: "damage; directory; changed; error", Form.CODE: "error.code"}}
    ),
    *lines("bundles.crash_book", {"models": {Form.SENTENCE: "crashed; self._folder; error"}}),
    *lines("bundles.install", {"models": {Form.VERSION: "before.commit", Form.OWNER_WORD: "repository"}}),
    *lines(
        "bundles.supply",
        {
            "models": {
                Form.OWNER_WORD: "engine.name; self._chosen.name; self._tried",
                Form.CODE: "error.code; worse.code",
                Form.SENTENCE: "error; worse",
                Form.NUMBER: "delay_s",
            }
        },
    ),
    *lines("commands.local", {"bundle-state": {Form.CODE: "error.code", Form.SENTENCE: "error"}}),
    *lines("commands.models_publish_reports", {"cohort-reports": {Form.SENTENCE: "error"}}),
    *lines(
        "control.arms", {"bundle-state": {Form.OWNER_WORD: "label", Form.CODE: "error.code", Form.SENTENCE: "error"}}
    ),
    *lines("control.baseline", {"baselines": {Form.CODE: "error.code"}}),
    *lines("control.months", {"scorecards": {Form.CODE: "error.code"}}),
    *lines("control.history", {"day-sums": {Form.NUMBER: "LOOK_SECONDS"}}),
    *lines("control.meters", {"metrics": {Form.CODE: "name"}}),
    *lines(
        "control.drift_watch",
        {
            "learned": {
                Form.CODE: "alarm.language; alarm.metric.value; explained.cause.value; error.code; name",
                Form.SENTENCE: "error",
            }
        },
    ),
    *lines("control.privacy", {"log": {Form.SENTENCE: "LOST; error"}}),
    *lines("records.erasure", {"log": {Form.NUMBER: "removed"}}),
    *lines("records.retention", {"log": {Form.TIME: "self._day.known; self._today()"}}),
    *lines("control.ears", {"models": {Form.CODE: "error.code", Form.SENTENCE: "error"}}),
    *lines("control.lane_book", {"lanes": {Form.SENTENCE: "error"}}),
    *lines("control.recorder", {"log": {Form.CODE: "type(one).__name__"}}),
    *lines("control.satellite_book", {"satellites": {Form.SENTENCE: "error"}}),
    *lines("control.shadow", {"bundle-state": {Form.CODE: "error.code", Form.SENTENCE: "error"}}),
    *lines("control.steering", {"choices": {Form.SENTENCE: "error"}}),
    *lines(
        "engines.apart",
        {"bundle-state": {Form.OWNER_WORD: "self.name", Form.NUMBER: "self.tried.memory_mb; self.tried.load_ms"}},
    ),
    *lines("engines.goldens", {"models": {Form.VERSION: "golden.file"}}),
    *lines("engines.lanes", {"lanes": {Form.OWNER_WORD: "settings.name"}}),
    *lines(
        "engines.load",
        {
            "models": {
                Form.OWNER_WORD: "bundle.name",
                Form.NUMBER: "time.perf_counter() - started_s",
                Form.SENTENCE: "error",
            }
        },
    ),
    *lines(
        "engines.wake_openwakeword",
        {"models": {Form.OWNER_WORD: "custom; name; path", Form.CODE: "err.code", Form.SENTENCE: "err"}},
    ),
    *lines("learning.learner", {"learned": {Form.CODE: "name", Form.SENTENCE: "error"}}),
    *lines("learning.thresholds", {"learned": {Form.SENTENCE: "known.refusal"}}),
    *lines("listeners.connection", {"log": {Form.CODE: "failure.code; event.type[:40]"}}),
    *lines(
        "listeners.control_access",
        {
            "control-token": {
                Form.CODE: "TOKEN_FILE",
                Form.SENTENCE: "'there is a new one' if token else _GONE; error",
            }
        },
    ),
    *lines("listeners.control_certificate", {"tls-key": {Form.SENTENCE: "kept"}}),
    *lines("listeners.control_door", {"log": {Form.SENTENCE: "error"}}),
    *lines(
        "listeners.control_guards",
        {
            "log": {Form.CODE: "error.code; type(error).__name__", Form.SENTENCE: "where"},
        },
    ),
    # Of whoever shows a wrong token: a fault of yours is found by it, and so is a guesser.
    *lines("listeners.control_visitors", {"control-token": {Form.ADDRESS: "address"}}),
    # The code is meant to be read there: who reads the log may pair.
    *lines(
        "listeners.control_pairing",
        {
            "browser-sessions": {Form.KEY: "digits[:3]; digits[3:]", Form.NUMBER: "TRIES"},
            "tls-key": {Form.VERSION: "certificate"},
        },
    ),
    *lines(
        "listeners.control_port",
        {"status": {Form.ADDRESS: "door.url", Form.NUMBER: "port", Form.SENTENCE: "failure.strerror"}},
    ),
    *lines("control.past", {"log": {Form.CODE: "name", Form.NUMBER: "pause_seconds"}}),
    *lines("listeners.discovery", {"status": {Form.OWNER_WORD: "true[0].name", Form.CODE: "type(error).__name__"}}),
    *lines("listeners.supervisor_discovery", {"log": {Form.CODE: "type(error).__name__; reason"}}),
    *lines("listeners.wyoming_port", {"log": {Form.CODE: "refusal.code"}}),
    *lines(
        "pipeline.cloud",
        {
            "lanes": {
                Form.OWNER_WORD: "name; task.get_name()",
                Form.SENTENCE: "guarded.breaker.reason(self._clock())",
            }
        },
    ),
    *lines("recogniser", {"models": {Form.SENTENCE: "error"}}),
    *lines("records.choices", {"choices": {Form.SENTENCE: "error", Form.CODE: "name.partition('/')[0]"}}),
    *lines("records.data_keys", {"hub-key": {Form.SENTENCE: "failure"}}),
    *lines("records.database", {"log": {Form.ADDRESS: "self.path; aside", Form.SENTENCE: "error"}}),
    *lines("records.identity", {"server-id": {Form.SENTENCE: "error", Form.ADDRESS: "path"}}),
    *lines("records.private_file", {"log": {Form.CODE: "path.name"}}),
    *lines("records.snapshots", {"learned": {Form.CODE: "name"}}),
    *lines("records.store", {"log": {Form.SENTENCE: "error"}}),
    *lines("routing", {"learned": {Form.SENTENCE: "budget.refusal; error", Form.CODE: "name; error.code"}}),
    *lines("serve", {"status": {Form.ADDRESS: "uri"}}),
    *lines(
        "updates.course",
        {
            "bundle-state": {
                Form.OWNER_WORD: "left.label; left.to or 'the plain model'",
                Form.SENTENCE: "message; error",
                Form.CODE: "error.code",
            }
        },
    ),
    *lines(
        "updates.installing",
        {"bundle-state": {Form.OWNER_WORD: "label", Form.CODE: "error.code", Form.SENTENCE: "error"}},
    ),
    *lines("updates.opening", {"bundle-state": {Form.SENTENCE: "opening.refusal; error", Form.CODE: "error.code"}}),
    *lines("updates.report", {"cohort-reports": {Form.ADDRESS: "url", Form.NUMBER: "answer.status"}}),
    *lines("updates.update", {"bundle-state": {Form.OWNER_WORD: "path", Form.SENTENCE: "why"}}),
    *lines("updates.updating", {"bundle-state": {Form.CODE: "job.get('action')"}}),
)
