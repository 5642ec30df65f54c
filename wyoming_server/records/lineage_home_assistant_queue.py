"""What the integration shows, tells and keeps in Home Assistant of requests that wait."""

from .lineage_home_assistant import attributes, entities
from .lineage_shape import Fields, Flow, Form, Kind, flows_of


def told(where: str, fields: Fields) -> tuple[Flow, ...]:
    """Return what is told to whoever looks, and is not in Home Assistant's states."""
    return flows_of(Kind.HOME_ASSISTANT_TOLD, where, fields)


_EVENT: Fields = {
    "queue": {
        Form.ID: "request_id turn_id repeats",
        Form.NUMBER: "number tries",
        Form.CODE: "state kind language",
        Form.TIME: "at expires_at",
        Form.NAME: "satellite",
        Form.SENTENCE: "reason",
    }
}

FLOWS: tuple[Flow, ...] = (
    *entities("sensor", {"queue": {Form.NUMBER: "queue_length", Form.TIME: "oldest_request"}}),
    *entities("event", {"queue": {Form.CODE: "waiting_request"}}),
    *entities("todo", {"queue": {Form.NUMBER: "waiting_requests"}}),
    *entities("button", {"queue": {Form.CODE: "flush_requests drop_requests"}}),
    *entities("number", {"choices": {Form.NUMBER: "list_hours note_hours reminder_hours"}}),
    *attributes(
        "sensor.queue_length",
        {"queue": {Form.NUMBER: "waiting ready started needs_you bytes", Form.SENTENCE: "reason"}},
    ),
    *attributes("event.waiting_request", _EVENT),
    # Ids and how far each has come, so that none is done twice.
    *flows_of(
        Kind.HOME_ASSISTANT_FILE, ".storage/edge_voice.*.requests", {"queue": {Form.ID: "id", Form.CODE: "stage"}}
    ),
    *told("to-do list", {"queue": {Form.TEXT: "summary", Form.SENTENCE: "description", Form.TIME: "due"}}),
    *told("actions get_requests, flush_requests, repeat_request", {"queue": {Form.TEXT: "heard text"}}),
    *told("trigger request_done", {"queue": {Form.TEXT: "answer message"}}),
    *told("notification, or announcement", {"queue": {Form.TEXT: "message"}}),
    *told("repair", {"queue": {Form.TEXT: "said", Form.TIME: "at", Form.NAME: "subject", Form.SENTENCE: "reason"}}),
)
