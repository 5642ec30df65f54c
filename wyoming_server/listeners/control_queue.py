"""The shapes and operations of requests that wait for a speech service."""

from .control_operation import Operation
from .control_shapes import AMOUNT, COUNT, NAME, PROSE
from .control_values import Choice, Maybe, Moment, Named, Several, Text, Truth, record

KINDS = ("list", "note", "reminder")
STATES = ("waiting", "hearing", "ready", "started", "interrupted", "failed", "unheard")
EVENTS = ("kept", "ready", "started", "done", "failed", "interrupted", "unheard", "expired", "dropped", "repeated")
_QUEUED = {
    "id": NAME,
    "number": COUNT,
    "state": Choice(*STATES),
    "kind": Choice(*KINDS),
    "at": Moment(),
    "expires_at": Moment(),
    "language": NAME,
    "satellite": Maybe(NAME),
    "turn_id": Maybe(NAME),
    "tries": COUNT,
    "reason": PROSE,
    "repeats": Maybe(NAME),
}
REQUEST = Named(
    "WaitingRequest",
    record(
        {
            **_QUEUED,
            "heard": Maybe(PROSE),
            "text": Maybe(PROSE),
            "session_id": Maybe(NAME),
            "device_id": Maybe(NAME),
            "started_by": Maybe(NAME),
        }
    ),
)
"""`heard` is the hub's own text, `text` what a service made of it; both null where the key is lost."""
REQUESTS = record(
    {
        "requests": Several(REQUEST),
        "enabled": Truth(),
        "hours": {Choice(*KINDS): AMOUNT},
        "most_requests": COUNT,
        "bytes": COUNT,
        "most_bytes": COUNT,
    }
)
QUEUE = record(
    {
        "enabled": Truth(),
        **dict.fromkeys(("waiting", "ready", "started", "needs_you", "bytes"), COUNT),
        "oldest": Maybe(Moment()),
        "reason": PROSE,
    }
)
"""In the status. `waiting` counts `waiting` and `hearing`, `needs_you` the three that need their owner's word."""
QUEUE_EVENT = record({"type": Choice("queue"), "event": Choice(*EVENTS), "request": record(_QUEUED)})
"""Without what was said."""
_BY = Text(least=1, most=64)

WAITING: tuple[Operation, ...] = (
    Operation(
        name="queue",
        method="GET",
        path="/api/v1/queue",
        summary="Requests that wait for a speech service, or for their owner's word, the oldest first",
        answer=REQUESTS,
        refusals=(503,),
    ),
    Operation(
        name="flush_queue",
        method="POST",
        path="/api/v1/queue/flush",
        summary="Ask the services now, however long they were to be left alone",
        body=record({}),
        needs_body=False,
        answer=REQUESTS,
        refusals=(413, 415, 503),
        example={},
    ),
    Operation(
        name="drop_queue",
        method="DELETE",
        path="/api/v1/queue",
        summary="Drop every request but those that are being done now",
        answer=record({"dropped": COUNT}),
        refusals=(503,),
    ),
    Operation(
        name="start_request",
        method="POST",
        path="/api/v1/queue/{id}/start",
        summary="Take a request that is ready, to do it; the same client may ask again and gets the same answer",
        body=record({"by": _BY}),
        answer=REQUEST,
        refusals=(404, 409, 413, 415, 503),
        example={"by": "a home's own id"},
    ),
    Operation(
        name="end_request",
        method="POST",
        path="/api/v1/queue/{id}/end",
        summary="Tell how that ended: `done` forgets it, all else leaves it to its owner",
        body=record({"by": _BY, "result": Choice("done", "failed", "interrupted")}),
        answer=record({"ended": Truth()}),
        refusals=(404, 409, 413, 415, 503),
        example={"by": "a home's own id", "result": "done"},
    ),
    Operation(
        name="repeat_request",
        method="POST",
        path="/api/v1/queue/{id}/repeat",
        summary="Have a request that needs its owner's word done under a new id, with a better text where one is given",
        body=record({}, {"text": Maybe(Text(least=1, most=1_000))}),
        needs_body=False,
        answer=REQUEST,
        status=201,
        refusals=(404, 409, 413, 415, 503),
        example={"text": "add milk to the shopping list"},
    ),
    Operation(
        name="drop_request",
        method="DELETE",
        path="/api/v1/queue/{id}",
        summary="Drop a request that is not being done now",
        answer=record({"dropped": COUNT}),
        refusals=(404, 409, 503),
    ),
)
