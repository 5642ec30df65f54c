"""What the integration shows, tells and keeps in Home Assistant.

Its entities tell the figures, choices and evidence that the control API has told it; only what they add is a flow of
its own: each entity, each attribute, what goes on the event bus, what lies on Home Assistant's disk.
"""

from .lineage_shape import Fields, Flow, Form, Kind, flows_of


def entities(platform: str, fields: Fields) -> tuple[Flow, ...]:
    """Return the entities of a platform, by their keys."""
    return flows_of(Kind.ENTITY, platform, fields)


def attributes(entity: str, fields: Fields) -> tuple[Flow, ...]:
    """Return the attributes of an entity, beside Home Assistant's own."""
    return flows_of(Kind.ATTRIBUTE, entity, fields)


_THRESHOLD: Fields = {"learned": {Form.TRUTH: "guaranteed", Form.SENTENCE: "reason", Form.NUMBER: "turns_to_go"}}
_HEADLINE = {
    Form.NUMBER: "cloud_cost cloud_seconds end_to_text_p95_ms escalation_rate last_word_to_text_p95_ms turns"
    " within_budget",
    Form.CODE: "currency",
}
_BUNDLE: Fields = {
    "bundle-state": {
        Form.OWNER_WORD: "previous",
        Form.TRUTH: "signed",
        Form.CODE: "stage",
        Form.NUMBER: "turns turns_to_go",
        Form.SENTENCE: "waits_for",
    }
}

FLOWS: tuple[Flow, ...] = (
    *entities(
        "binary_sensor",
        {
            "lanes": {Form.TRUTH: "cloud_reachable over_budget"},
            "status": {Form.TRUTH: "degraded records_key"},
            "learned": {Form.TRUTH: "drift"},
            "satellites": {Form.TRUTH: "microphone_unusable"},
            "load": {Form.TRUTH: "straining throttled"},
        },
    ),
    *entities(
        "button",
        {
            "choices": {
                Form.CODE: "erase_recordings erase_satellite erase_texts erase_turns forget_learned forget_satellite"
                " reset_policy roll_back_asr roll_back_vad roll_back_wake stop_baseline use_home_wake_threshold"
            }
        },
    ),
    *entities(
        "event",
        {
            "turns": {Form.CODE: "turn"},
            "bundle-state": {Form.CODE: "bundle"},
            "learned": {Form.CODE: "drift"},
            "scorecards": {Form.CODE: "scorecard"},
        },
    ),
    *entities(
        "number",
        {
            "choices": {
                Form.NUMBER: "audit_seconds_per_day cloud_money_per_month cloud_seconds_per_day error_target"
                " hedge_seconds_per_day satellite_wake_threshold wake_threshold"
            }
        },
    ),
    *entities(
        "select",
        {"choices": {Form.CODE: "log_level microphone_class release_channel routing_mode satellite_routing_mode"}},
    ),
    *entities(
        "sensor",
        {
            "turns": {
                Form.NUMBER: "end_to_text_p50 end_to_text_p95 errors escalation_rate escalations first_response"
                " last_risk latency_p50 latency_p95 recent_turns stage_capture_p95 stage_cloud_p95 stage_hold_p95"
                " stage_inference_p95 stage_post_p95 stage_transport_p95 turns",
                Form.CODE: "last_route",
            },
            "learned": {
                Form.NUMBER: "abandonment_rate retry_rate threshold_far_field threshold_headset threshold_near_field"
                " threshold_phone",
                Form.CODE: "drift",
            },
            "pairs": {Form.NUMBER: "disagreement"},
            "baselines": {Form.CODE: "baseline"},
            "satellites": {
                Form.NUMBER: "clipped_turns clipping cut_starts false_wakes noisy_turns snr wakes",
                Form.CODE: "microphone",
            },
            "ledger": {
                Form.NUMBER: "cloud_cost_this_month cloud_seconds_this_month cloud_seconds_today uploads_this_month",
                Form.TIME: "last_upload",
            },
            "load": {Form.NUMBER: "cpu decode_busy memory memory_used turns_waiting"},
            "status": {Form.CODE: "mode model_state", Form.OWNER_WORD: "model", Form.NUMBER: "records_size"},
            "scorecards": {Form.TIME: "scorecard"},
        },
    ),
    *entities(
        "switch",
        {
            "choices": {
                Form.TRUTH: "answer_early ask_text audits automatic_updates cloud_allowed cohort_reports"
                " confirm_critical defer hedge keep_recordings keep_transcripts refuse_unconfirmed"
                " satellite_answer_early"
            }
        },
    ),
    *entities("update", {"bundle-state": {Form.VERSION: "bundle_asr bundle_vad bundle_wake"}}),
    *attributes(
        "sensor.baseline",
        {
            "baselines": {
                Form.TIME: "began consent ends",
                Form.NUMBER: "cost disagreed money_cap pairs seconds seconds_cap turns would_escalate",
            }
        },
    ),
    *attributes("binary_sensor.drift", {"learned": {Form.SENTENCE: "reason"}}),
    *attributes("binary_sensor.straining", {"load": {Form.SENTENCE: "reason"}}),
    *attributes(
        "event.turn",
        {
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
            }
        },
    ),
    *attributes(
        "event.bundle",
        {
            "bundle-state": {
                Form.TIME: "at",
                Form.CODE: "code kind",
                Form.FIGURES: "evidence",
                Form.OWNER_WORD: "label",
                Form.SENTENCE: "message",
            }
        },
    ),
    *attributes(
        "event.drift",
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
    *attributes("event.scorecard", {"scorecards": {**_HEADLINE, Form.TIME: "made_at month"}}),
    *attributes("sensor.scorecard", {"scorecards": {**_HEADLINE, Form.TIME: "month"}}),
    *attributes("sensor.disagreement", {"pairs": {Form.NUMBER: "high low pairs", Form.CODE: "population"}}),
    *attributes("sensor.drift", {"learned": {Form.MIXED: "alarms", Form.NUMBER: "turns_to_go"}}),
    *attributes("sensor.last_risk", {"turns": {Form.SENTENCE: "why"}}),
    *attributes("sensor.last_route", {"turns": {Form.OWNER_WORD: "lane", Form.SENTENCE: "reason"}}),
    *attributes(
        "sensor.last_upload",
        {
            "ledger": {
                Form.NUMBER: "bytes cost seconds",
                Form.TIME: "consent",
                Form.CODE: "currency ending reason",
                Form.OWNER_WORD: "lane",
            }
        },
    ),
    *attributes("sensor.microphone", {"satellites": {Form.SENTENCE: "reason ends", Form.TIME: "since"}}),
    *attributes("sensor.mode", {"status": {Form.SENTENCE: "reason ends", Form.TIME: "since"}}),
    *attributes("sensor.model", {"status": {Form.CODE: "languages", Form.TRUTH: "starter"}}),
    *attributes("sensor.model_state", {"status": {Form.SENTENCE: "note", Form.NUMBER: "progress"}}),
    *attributes(
        "sensor.records_size",
        {"status": {Form.NUMBER: "corrections recordings transcripts turns", Form.CODE: "key", Form.TIME: "oldest"}},
    ),
    *attributes("sensor.turns_waiting", {"load": {Form.NUMBER: "most"}}),
    *attributes("sensor.uploads_this_month", {"ledger": {Form.FIGURES: "by_service", Form.NUMBER: "today"}}),
    *(
        flow
        for microphone in ("far_field", "headset", "near_field", "phone")
        for flow in attributes(f"sensor.threshold_{microphone}", _THRESHOLD)
    ),
    *(flow for kind in ("asr", "vad", "wake") for flow in attributes(f"update.bundle_{kind}", _BUNDLE)),
    *flows_of(
        Kind.HOME_ASSISTANT_EVENT,
        "edge_voice_transcript",
        # Only while texts are kept.
        {
            "transcripts": {Form.TEXT: "text"},
            "turns": {
                Form.ID: "turn_id device_id",
                Form.CODE: "action route language",
                Form.OWNER_WORD: "lane",
                Form.NAME: "satellite",
            },
        },
    ),
    *flows_of(
        Kind.HOME_ASSISTANT_FILE,
        ".storage/core.config_entries",
        {
            "home-assistant-entry": {
                Form.ADDRESS: "host",
                Form.NUMBER: "port wyoming_port",
                Form.VERSION: "fingerprint",
            },
            "control-token": {Form.KEY: "token"},
        },
    ),
    # Until the hub is back and has them in its ledger.
    *flows_of(
        Kind.HOME_ASSISTANT_FILE,
        ".storage/edge_voice.*.uploads",
        {
            "ledger": {
                Form.TIME: "at",
                Form.OWNER_WORD: "lane",
                Form.ID: "turn_id",
                Form.NUMBER: "seconds took_ms",
                Form.CODE: "ending",
            }
        },
    ),
    # Home Assistant's own records of what it shows: names of entities, last states, and states over time.
    *(
        flow
        for file in (".storage/core.entity_registry", ".storage/core.device_registry", ".storage/core.restore_state")
        for flow in flows_of(Kind.HOME_ASSISTANT_FILE, file, {"home-assistant-states": {Form.MIXED: "entities"}})
    ),
    *flows_of(
        Kind.HOME_ASSISTANT_FILE,
        "home-assistant_v2.db*",
        {"home-assistant-states": {Form.MIXED: "states events statistics"}},
    ),
    *flows_of(
        Kind.DIAGNOSTICS,
        "config entry",
        {
            "home-assistant-diagnostics": {
                Form.SETTINGS: "entry",
                Form.TRUTH: "connected",
                Form.CODE: "last_error",
                Form.MIXED: "health status recent_turns ledger",
            }
        },
    ),
)
