"""Requests that wait for a speech service: their columns, what is told of them, and what is heard."""

from .lineage_control import answer, body, message
from .lineage_log import lines
from .lineage_metrics import metrics
from .lineage_shape import Fields, Flow, Form
from .lineage_store import table
from .lineage_voice import heard, said

_PLAIN: Fields = {
    "queue": {
        Form.ID: "id turn_id repeats",
        Form.NUMBER: "number tries",
        Form.CODE: "state kind language",
        Form.TIME: "at expires_at",
        Form.NAME: "satellite",
        Form.SENTENCE: "reason",
    }
}
_WHOLE: Fields = {
    "queue": {
        **_PLAIN["queue"],
        Form.TEXT: "heard text",
        Form.ID: "id turn_id repeats session_id device_id started_by",
    }
}
_ALL: Fields = {
    "queue": {
        Form.MIXED: "requests",
        Form.TRUTH: "enabled",
        Form.FIGURES: "hours",
        Form.NUMBER: "most_requests bytes most_bytes",
    }
}

FLOWS: tuple[Flow, ...] = (
    *table(
        "queued",
        {
            "queue": {
                Form.NUMBER: "number tries",
                Form.ID: "id repeats started_by",
                Form.TIME: "day at_ms until_ms",
                Form.HASH: "satellite",
                Form.CODE: "state kind why",
                # Text, satellite, session, device, turn and language; and the sound, until there is a text.
                Form.SEALED: "content sound",
            }
        },
    ),
    *heard(
        "transcribe", {"queue": {Form.TRUTH: "edge_voice.keeps_queue"}, "satellites": {Form.ID: "edge_voice.device_id"}}
    ),
    *said("transcript", {"queue": {Form.MIXED: "edge_voice.queued"}}),
    *answer("WaitingRequest", _WHOLE),
    *answer("Status", {"queue": {Form.FIGURES: "queue"}}),
    *answer("queue", _ALL),
    *answer("flush_queue", _ALL),
    *answer("drop_queue", {"queue": {Form.NUMBER: "dropped"}}),
    *answer("drop_request", {"queue": {Form.NUMBER: "dropped"}}),
    *answer("end_request", {"queue": {Form.TRUTH: "ended"}}),
    *body("start_request", {"queue": {Form.ID: "id by"}}),
    *body("end_request", {"queue": {Form.ID: "id by", Form.CODE: "result"}}),
    *body("repeat_request", {"queue": {Form.ID: "id", Form.TEXT: "text"}}),
    *body("drop_request", {"queue": {Form.ID: "id"}}),
    *message("queue", {"queue": {Form.MIXED: "request", Form.CODE: "event type"}}),
    *lines("control.queue_book", {"queue": {Form.SENTENCE: "error"}}),
    *metrics("queue", "queue_requests", {Form.CODE: "state"}),
    *metrics("queue", "queue_bytes", {}),
)
