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
    *entities("select", {"choices": {Form.CODE: "log_level microphone_class release_channel routing_mode"}}),
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
                Form.NUMBER: "port",
                Form.VERSION: "fingerprint",
                Form.ID: "id",
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
    *flows_of(
        Kind.DIAGNOSTICS,
        "config entry",
        {
            "home-assistant-diagnostics": {
                Form.SETTINGS: "entry",
                Form.TRUTH: "connected",
                Form.CODE: "last_error",
                Form.MIXED: "health status recent_turns",
            }
        },
    ),
)
