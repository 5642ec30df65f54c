"""What Prometheus can fetch: every metric with its labels. The process's own (`process_…`) come on top."""

from collections.abc import Mapping

from .lineage_shape import Flow, Form, Kind, flows_of

PREFIX = "edge_voice_"
VALUE = "value"
"""Stands for the metric's number itself."""


def metrics(data_class: str, names: str, labels: Mapping[Form, str]) -> tuple[Flow, ...]:
    """Return metrics, named without their prefix, that all have the same labels."""
    fields = {data_class: {Form.NUMBER: VALUE, **labels}}
    return tuple(flow for name in names.split() for flow in flows_of(Kind.METRIC, f"{PREFIX}{name}", fields))


FLOWS: tuple[Flow, ...] = (
    *metrics(
        "turns",
        "turns_total",
        {Form.CODE: "language microphone_class action"},
    ),
    *metrics(
        "turns",
        "spoken_turns_total window_turns window_escalation_ratio window_within_budget_ratio",
        {Form.CODE: "language microphone_class"},
    ),
    *metrics(
        "turns",
        "answers_total",
        {Form.CODE: "route"},
    ),
    *metrics(
        "turns",
        "endings_total",
        {Form.CODE: "ended_by"},
    ),
    *metrics(
        "turns",
        "failed_turns_total",
        {Form.CODE: "code"},
    ),
    *metrics(
        "baselines",
        "baseline_turns_total baseline_running",
        {},
    ),
    *metrics(
        "turns",
        "results_total",
        {Form.CODE: "result"},
    ),
    *metrics(
        "turns",
        "judged_turns_total wrong_turns_total",
        {Form.CODE: "language"},
    ),
    *metrics(
        "turns",
        "turn_signals_total",
        {Form.CODE: "language signal"},
    ),
    *metrics(
        "turns",
        "speech_seconds_total",
        {},
    ),
    *metrics(
        "turns",
        "stage_seconds",
        {Form.CODE: "stage language"},
    ),
    *metrics(
        "turns",
        "last_word_to_text_seconds end_to_text_seconds",
        {Form.CODE: "language route"},
    ),
    *metrics(
        "turns",
        "window_p50_seconds window_p95_seconds",
        {Form.CODE: "span language microphone_class"},
    ),
    *metrics(
        "pairs",
        "pairs_total disagreements_total",
        {Form.CODE: "language audited"},
    ),
    *metrics(
        "pairs",
        "disagreement_ratio disagreement_low_ratio disagreement_high_ratio disagreement_pairs",
        {Form.CODE: "language population"},
    ),
    *metrics(
        "learned",
        "retry_ratio abandonment_ratio drift_turns_to_go",
        {},
    ),
    *metrics(
        "learned",
        "threshold_ratio threshold_guaranteed threshold_turns_to_go",
        {Form.CODE: "language microphone_class"},
    ),
    *metrics(
        "learned",
        "drift_state",
        {Form.CODE: "state"},
    ),
    *metrics(
        "learned",
        "drift_e_value drift_alarm_e_value drift_reference drift_now",
        {Form.CODE: "metric language"},
    ),
    *metrics(
        "learned",
        "drift_alarms",
        {Form.CODE: "metric"},
    ),
    *metrics(
        "satellites",
        "wakes_total",
        {Form.OWNER_WORD: "word"},
    ),
    *metrics(
        "satellites",
        "judged_wakes_total false_wakes_total",
        {},
    ),
    *metrics(
        "ledger",
        "uploads_total upload_audio_seconds_total upload_bytes_total",
        {Form.OWNER_WORD: "lane", Form.CODE: "trust reason"},
    ),
    *metrics(
        "ledger",
        "upload_cost_total",
        {Form.OWNER_WORD: "lane", Form.CODE: "currency"},
    ),
    *metrics(
        "ledger",
        "lane_attempts_total",
        {Form.OWNER_WORD: "lane", Form.CODE: "ending"},
    ),
    *metrics(
        "ledger",
        "lane_answer_seconds",
        {Form.OWNER_WORD: "lane"},
    ),
    *metrics(
        "lanes",
        "lane_state",
        {Form.OWNER_WORD: "lane", Form.CODE: "state"},
    ),
    *metrics(
        "lanes",
        "cloud_allowed cloud_reachable cloud_over_budget",
        {},
    ),
    *metrics(
        "ledger",
        "cloud_audio_today_seconds cloud_audio_month_seconds cloud_audio_left_seconds",
        {},
    ),
    *metrics(
        "ledger",
        "cloud_cost_month cloud_cost_left",
        {Form.CODE: "currency"},
    ),
    *metrics(
        "status",
        "info",
        {Form.VERSION: "version", Form.CODE: "hub_class"},
    ),
    *metrics(
        "status",
        "mode",
        {Form.CODE: "mode"},
    ),
    *metrics(
        "status",
        "model_info",
        {Form.OWNER_WORD: "model"},
    ),
    *metrics(
        "status",
        "model_state records_key_state",
        {Form.CODE: "state"},
    ),
    *metrics(
        "bundle-state",
        "bundle_info",
        {Form.CODE: "kind role", Form.OWNER_WORD: "label"},
    ),
    *metrics(
        "bundle-state",
        "bundles_denied",
        {},
    ),
    *metrics(
        "bundle-state",
        "bundle_candidate_turns",
        {Form.CODE: "kind"},
    ),
    *metrics(
        "satellites",
        "satellites",
        {Form.CODE: "state"},
    ),
    *metrics(
        "status",
        "warnings",
        {Form.CODE: "code"},
    ),
    *metrics(
        "load",
        "machine_processor_ratio machine_memory_ratio machine_throttled decode_busy_ratio "
        "decode_seconds_total decodes_waiting decodes_waiting_limit event_loop_lag_seconds saturated",
        {},
    ),
    *metrics(
        "load",
        "strain",
        {Form.CODE: "strain"},
    ),
    *metrics(
        "status",
        "records_bytes records_failing",
        {},
    ),
    *metrics(
        "status",
        "records_kept",
        {Form.CODE: "class"},
    ),
    *metrics(
        "status",
        "metrics_unreadable",
        {Form.CODE: "source"},
    ),
)
