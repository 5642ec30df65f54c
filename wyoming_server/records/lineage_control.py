"""What the control API takes and tells. A shape that several answers share is told once, by its name."""

from .lineage_shape import Fields, Flow, Form, Kind, flows_of


def answer(name: str, fields: Fields) -> tuple[Flow, ...]:
    """Return the top fields of a shape, or of an operation's own answer."""
    return flows_of(Kind.ANSWER, name, fields)


def body(name: str, fields: Fields) -> tuple[Flow, ...]:
    """Return what an operation's path, query and body bring."""
    return flows_of(Kind.REQUEST, name, fields)


def message(name: str, fields: Fields) -> tuple[Flow, ...]:
    """Return the fields of a WebSocket's message."""
    return flows_of(Kind.EVENT, name, fields)


_POLICY: Fields = {
    "choices": {
        Form.TRUTH: "answer_early ask_text audits automatic_updates cloud_allowed cohort_reports confirm_critical"
        " defer hedge keep_recordings keep_transcripts refuse_unconfirmed",
        Form.NUMBER: "audit_seconds_per_day cloud_money_per_month cloud_seconds_per_day error_target"
        " hedge_seconds_per_day list_hours note_hours reminder_hours wake_threshold",
        Form.CODE: "log_level release_channel routing_mode",
    }
}
_LANE: Fields = {
    "lanes": {
        Form.TIME: "consent price_as_of",
        Form.NUMBER: "deadline_seconds minimum_seconds price_per_minute",
        Form.OWNER_WORD: "name entity project region model",
        Form.CODE: "error_code languages provider state trust",
        Form.TRUTH: "from_file send_names",
        Form.SENTENCE: "reason",
        Form.NAME: "satellites",
        Form.ADDRESS: "url",
    },
    # The last four characters, of keys of twelve and more.
    "provider-keys": {Form.KEY: "key_ends"},
}
_TURN: Fields = {
    "turns": {
        Form.CODE: "action class ended_by error intent language microphone_class route rules",
        Form.TIME: "at",
        Form.TRUTH: "critical",
        Form.OWNER_WORD: "lane model",
        Form.FIGURES: "lanes latency_ms points quality",
        Form.SENTENCE: "reason why",
        Form.NUMBER: "risk threshold",
        Form.NAME: "satellite",
        Form.ID: "turn_id",
    },
    "transcripts": {Form.TEXT: "text"},
}
_SPREADS = "end_to_text_ms last_word_to_text_ms"
_BASELINES: Fields = {"baselines": {Form.FIGURES: "running last"}}
_SESSION: Fields = {"browser-sessions": {Form.TRUTH: "open", Form.CODE: "by"}}
_LANES: Fields = {"lanes": {Form.SETTINGS: "lanes"}, "status": {Form.SETTINGS: "providers"}}

FLOWS: tuple[Flow, ...] = (
    # Shapes that several answers share.
    *answer(
        "Alarm",
        {
            "learned": {
                Form.TIME: "at since",
                Form.NUMBER: "before e_value now turns",
                Form.CODE: "cause language metric",
                Form.SENTENCE: "message",
            },
            "satellites": {Form.NAME: "subject"},
        },
    ),
    *answer(
        "Baseline",
        {
            "baselines": {
                Form.NUMBER: "abandoned cost disagreed failed money_cap pairs retried seconds seconds_cap turns"
                " would_escalate",
                Form.TIME: "began consent ended ends",
                Form.FIGURES: _SPREADS,
                Form.SENTENCE: "reason",
            }
        },
    ),
    *answer(
        "Bundles",
        {
            "bundle-state": {
                Form.MIXED: "denied installed kinds offers repository",
                Form.CODE: "hub_class",
            },
            "vocabulary": {Form.CODE: "region"},
        },
    ),
    *answer(
        "Cell",
        {
            "day-sums": {
                Form.NUMBER: "abandonment_rate cloud_cost cloud_seconds error_rate errors escalation_rate escalations"
                " retry_rate turns uploads within_budget",
                Form.FIGURES: f"disagreement stages_ms {_SPREADS}",
                Form.CODE: "language microphone_class",
            }
        },
    ),
    *answer("Drift", {"learned": {Form.MIXED: "alarms metrics", Form.CODE: "state", Form.NUMBER: "turns_to_go"}}),
    *answer(
        "Health",
        {
            "status": {
                Form.VERSION: "api version",
                Form.CODE: "languages name status",
                Form.OWNER_WORD: "model",
                Form.NUMBER: "wyoming_port",
            },
            "server-id": {Form.ID: "id"},
        },
    ),
    *answer(
        "Incident",
        {
            "incidents": {
                Form.TIME: "at",
                Form.CODE: "kind",
                Form.OWNER_WORD: "subject",
                Form.SENTENCE: "message",
            }
        },
    ),
    *answer("Lane", _LANE),
    *answer(
        "LedgerRow",
        {
            "ledger": {
                Form.TIME: "at consent",
                Form.NUMBER: "bytes cost number seconds took_seconds",
                Form.CODE: "currency ending reason",
                Form.OWNER_WORD: "lane",
                Form.ID: "turn_id",
                Form.TRUTH: "left",
            }
        },
    ),
    *answer(
        "MonthlyScorecard",
        {
            "scorecards": {
                Form.SENTENCE: "advice",
                Form.FIGURES: "days figures headline languages last_month lanes models months without_hub",
                Form.NUMBER: "budget_ms",
                Form.TRUTH: "complete",
            },
            "baselines": {Form.FIGURES: "baseline"},
            "incidents": {Form.MIXED: "incidents"},
        },
    ),
    *answer(
        "Point",
        {
            "day-sums": {
                Form.TIME: "at",
                Form.NUMBER: "cloud_seconds end_to_text_p50_ms end_to_text_p95_ms errors escalations"
                " last_word_to_text_p50_ms last_word_to_text_p95_ms retries turns",
            },
            "load": {Form.NUMBER: "cpu_percent decode_busy memory_percent"},
        },
    ),
    *answer("Policy", _POLICY),
    *answer(
        "Provider",
        {
            "status": {
                Form.TIME: "as_of",
                Form.CODE: "models needs optional provider title trust",
                Form.NUMBER: "price_per_minute",
                Form.ADDRESS: "url",
            }
        },
    ),
    *answer(
        "Record",
        {
            "turns": {
                Form.CODE: "action class ended_by error intent language microphone_class result route rules",
                Form.TIME: "at",
                Form.TRUTH: "baseline critical wrong",
                Form.NUMBER: "cloud_cost cloud_seconds number retries risk speech_seconds threshold",
                Form.OWNER_WORD: "lane model",
                Form.FIGURES: "latency_ms points quality",
                Form.NAME: "satellite",
                Form.ID: "turn_id",
            },
            "pairs": {Form.TRUTH: "disagreed"},
            "recordings": {Form.TRUTH: "recording"},
            "transcripts": {Form.TEXT: "text"},
            "corrections": {Form.TEXT: "correction"},
        },
    ),
    *answer(
        "Satellite",
        {
            "satellites": {
                Form.TRUTH: "answer_early",
                Form.FIGURES: "evidence",
                Form.NAME: "id",
                Form.CODE: "microphone_class routing_mode state",
                Form.SENTENCE: "ends reason",
                Form.TIME: "since",
                Form.SETTINGS: "suggestion",
                Form.NUMBER: "wake_threshold",
            }
        },
    ),
    *answer(
        "Status",
        {
            "status": {
                Form.CODE: "mode",
                Form.SENTENCE: "mode_ends mode_reason warnings",
                Form.TIME: "mode_since",
                Form.MIXED: "model server wake_words",
                Form.VERSION: "schema",
            },
            "baselines": {Form.FIGURES: "baseline"},
            "bundle-state": {Form.MIXED: "bundles"},
            "ledger": {Form.FIGURES: "cloud"},
            "pairs": {Form.FIGURES: "disagreement"},
            "learned": {Form.MIXED: "drift thresholds"},
            "turns": {Form.FIGURES: "figures records", Form.MIXED: "last_turn"},
            "lanes": {Form.MIXED: "lanes"},
            "choices": {Form.MIXED: "policy"},
            "load": {Form.FIGURES: "resources"},
            "satellites": {Form.MIXED: "satellites"},
            "scorecards": {Form.FIGURES: "scorecard"},
        },
    ),
    *answer("Transcribed", {**_TURN, "live-audio": {Form.NUMBER: "seconds"}}),
    *answer("Turn", _TURN),
    # Operations' own.
    *answer("baseline", _BASELINES),
    *answer("begin_baseline", _BASELINES),
    *answer("end_baseline", _BASELINES),
    *answer("session", _SESSION),
    *answer("begin_session", _SESSION),
    *answer("open_panel", {"browser-sessions": {Form.NUMBER: "users"}}),
    *answer("end_session", _SESSION),
    *answer("begin_upload", {"ledger": {Form.NUMBER: "upload"}}),
    *answer("end_upload", {"ledger": {Form.TRUTH: "counted"}}),
    *answer("lanes", _LANES),
    *answer("change_lanes", _LANES),
    *answer("change_vocabulary", {"vocabulary": {Form.NUMBER: "areas critical floors names terms"}}),
    *answer("figures", {"day-sums": {Form.NUMBER: "budget_ms days", Form.MIXED: "cells", Form.TIME: "since"}}),
    *answer("forget_satellite", {"satellites": {Form.NAME: "forgotten"}}),
    *answer("history", {"day-sums": {Form.MIXED: "points", Form.NUMBER: "step_seconds"}}),
    *answer("incidents", {"incidents": {Form.MIXED: "incidents"}}),
    *answer("kept", {"status": {Form.FIGURES: "classes now"}}),
    *answer("ledger", {"ledger": {Form.MIXED: "rows", Form.FIGURES: "this_month today"}}),
    *answer("lineage", {"status": {Form.SENTENCE: "classes flows", Form.VERSION: "version"}}),
    *answer("openai_models", {"models": {Form.OWNER_WORD: "data", Form.CODE: "object"}}),
    *answer(
        "openai_transcription",
        {
            "transcripts": {Form.TEXT: "text"},
            "live-audio": {Form.NUMBER: "duration", Form.CODE: "language task", Form.FIGURES: "usage"},
        },
    ),
    *answer("openapi", {"status": {Form.SENTENCE: "components info openapi paths security servers"}}),
    *answer("pair", {"server-id": {Form.ID: "id"}, "control-token": {Form.KEY: "token"}}),
    *answer("purge", {"status": {Form.FIGURES: "erased left"}}),
    *answer("records", {"turns": {Form.MIXED: "records"}}),
    *answer("satellites", {"satellites": {Form.MIXED: "satellites"}}),
    *answer(
        "start_pairing",
        {"browser-sessions": {Form.NUMBER: "expires_in_seconds"}, "tls-key": {Form.VERSION: "fingerprint"}},
    ),
    *answer("tell_correction", {"corrections": {Form.TRUTH: "counted was_right"}}),
    *answer("tell_outcome", {"turns": {Form.TRUTH: "counted"}}),
    *answer("test_lane", {"lanes": {Form.TRUTH: "matches", Form.NUMBER: "took_ms"}, "models": {Form.SENTENCE: "text"}}),
    *answer("turns", {"turns": {Form.MIXED: "turns"}}),
    *answer("write_ledger", {"ledger": {Form.NUMBER: "written"}}),
    *answer("recording", {"recordings": {Form.SOUND: "body"}}),
    *answer("scorecard_page", {"scorecards": {Form.FIGURES: "body"}}),
    *answer("metrics", {"metrics": {Form.FIGURES: "body"}}),
    *answer("events", {"status": {Form.MIXED: "body"}}),
    # What requests bring.
    *body("accept_drift", {"learned": {Form.CODE: "language"}}),
    *body("begin_baseline", {"baselines": {Form.TIME: "consent", Form.NUMBER: "days money seconds"}}),
    *body("begin_session", {"control-token": {Form.KEY: "token"}}),
    *body("open_panel", {"browser-sessions": {Form.ID: "users"}}),
    *body("begin_upload", {"ledger": {Form.OWNER_WORD: "lane", Form.NUMBER: "seconds", Form.ID: "id"}}),
    *body("change_lanes", {"lanes": {Form.MIXED: "lanes"}}),
    *body("change_policy", _POLICY),
    *body(
        "change_satellite",
        {
            "satellites": {
                Form.NAME: "id",
                Form.TRUTH: "answer_early",
                Form.CODE: "microphone_class routing_mode",
                Form.NUMBER: "wake_threshold",
            }
        },
    ),
    *body("forget_satellite", {"satellites": {Form.NAME: "id"}}),
    *body("change_vocabulary", {"vocabulary": {Form.NAME: "areas critical floors names terms", Form.CODE: "country"}}),
    # A service's text is compared with the hub's, and forgotten.
    *body(
        "end_upload",
        {
            "ledger": {Form.CODE: "ending", Form.NUMBER: "took_ms upload", Form.ID: "id"},
            "transcripts": {Form.TEXT: "text"},
        },
    ),
    *body("figures", {"day-sums": {Form.NUMBER: "days"}}),
    *body("history", {"day-sums": {Form.NUMBER: "hours"}}),
    *body("incidents", {"incidents": {Form.NUMBER: "limit"}}),
    *body("install_bundle", {"bundle-state": {Form.TRUTH: "again", Form.CODE: "kind", Form.OWNER_WORD: "label"}}),
    *body("ledger", {"ledger": {Form.NUMBER: "before limit"}}),
    *body(
        "openai_transcription",
        {
            "live-audio": {
                Form.SOUND: "recording",
                Form.SETTINGS: "chunking_strategy language model response_format stream temperature",
            },
            "vocabulary": {Form.NAME: "prompt"},
        },
    ),
    *body("pair", {"browser-sessions": {Form.KEY: "code"}}),
    *body("purge", {"choices": {Form.CODE: "what"}, "satellites": {Form.NAME: "satellite"}}),
    *body("recording", {"recordings": {Form.NUMBER: "number"}}),
    *body(
        "records",
        {"turns": {Form.NUMBER: "before limit", Form.CODE: "language"}, "satellites": {Form.NAME: "satellite"}},
    ),
    *body("roll_back_bundle", {"bundle-state": {Form.CODE: "kind"}}),
    *body("scorecard", {"scorecards": {Form.TIME: "month"}}),
    *body("scorecard_page", {"scorecards": {Form.TIME: "month"}}),
    *body("tell_correction", {"corrections": {Form.TEXT: "text"}, "turns": {Form.ID: "id"}}),
    *body("tell_outcome", {"turns": {Form.CODE: "intent result", Form.ID: "id"}}),
    *body("test_lane", {**_LANE, "provider-keys": {Form.KEY: "key key_ends"}}),
    *body("transcribe", {"live-audio": {Form.SOUND: "recording", Form.CODE: "lane language"}}),
    *body("trust_repository", {"bundle-state": {Form.VERSION: "root", Form.ADDRESS: "url"}}),
    *body("turns", {"turns": {Form.NUMBER: "limit"}}),
    *body("write_ledger", {"ledger": {Form.MIXED: "rows"}}),
    # What the WebSocket says.
    *message(
        "asking",
        {"turns": {Form.CODE: "type", Form.OWNER_WORD: "lane", Form.NAME: "satellite", Form.ID: "turn_id"}},
    ),
    *message(
        "bundle",
        {
            "bundle-state": {
                Form.TIME: "at",
                Form.CODE: "code event kind type",
                Form.FIGURES: "evidence",
                Form.OWNER_WORD: "label",
                Form.SENTENCE: "message",
            }
        },
    ),
    *message("drift", {"learned": {Form.MIXED: "alarm", Form.CODE: "event type"}}),
    *message(
        "hello",
        {
            "status": {Form.VERSION: "min_version server_version version", Form.CODE: "type"},
            "server-id": {Form.ID: "id"},
        },
    ),
    *message("scorecard", {"scorecards": {Form.FIGURES: "scorecard", Form.CODE: "type"}}),
    *message("status", {"status": {Form.MIXED: "status", Form.CODE: "type"}}),
    *message("turn", {"turns": {Form.MIXED: "turn", Form.CODE: "type"}}),
    *message(
        "wake",
        {
            "wake-audio": {
                Form.TIME: "at",
                Form.NAME: "satellite",
                Form.NUMBER: "score",
                Form.CODE: "type",
                Form.OWNER_WORD: "word",
            }
        },
    ),
)
