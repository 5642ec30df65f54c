"""Every operation of the control API: what it takes, what it answers. One table checks requests and describes them.

Loads no web server: the integration's peers and the description's tests read it, too.
"""

from collections.abc import Mapping
from types import MappingProxyType

from . import control_answers as answers
from .control_answers import CHOICES, ERROR, KINDS
from .control_operation import FORM, WAV, Operation
from .control_operations_past import DOCUMENTS, PAST
from .control_queue import WAITING
from .control_shapes import COUNT, MICROPHONES, NAME, NAMES, ROUTING_MODES
from .control_values import Anything, Choice, Maybe, Moment, Number, Several, Text, Truth, Value, Whole, record

ENDINGS = Choice("answered", "lane-timeout", "lane-failed", "lane-empty", "cancelled")
LARGEST_BODY = 2**20
LARGEST_RECORDING = 32 * 2**20

ANSWERED_ONLY = ("key_ends", "state", "reason", "error_code")
DOCUMENT = ("openapi", "info", "servers", "security", "paths", "components")
_ID = Text(least=1)
_SAID = Text(most=20_000)
_LONG_SECONDS = Number(0, 3600)
_TOOK = Number(0, 600_000)
_SECRET = Text(most=20_000)
COUNTRY = Text(most=2, pattern="([A-Z]{2})?", form="a country's ISO 3166 code, or empty")
_KIND = Choice(*KINDS)
_A_ROOT = {"signed": {"_type": "root", "version": 1}, "signatures": []}
_ADDRESS = Text(most=2_000)
_AT_HOME = {"name": "At home", "provider": "openai", "url": "http://speech.home.arpa:8000/v1", "trust": "home"}

LANE = record(
    {"name": Text(least=1), "provider": Text(least=1)},
    {
        "url": _ADDRESS,
        "key": _SECRET,
        **dict.fromkeys(("model", "region", "project", "entity"), Text()),
        "languages": Several(Text(), most=200),
        "trust": Choice("", "home", "cloud"),
        "consent": Maybe(Text(most=10, pattern="([0-9]{4}-[0-9]{2}-[0-9]{2})?", form="a day as YYYY-MM-DD, or empty")),
        "satellites": Several(Text(), most=500),
        "send_names": Truth(),
        "deadline_seconds": Number(0.1, 30),
        "price_per_minute": Number(0, 10),
        "minimum_seconds": Number(0, 60),
        "price_as_of": Text(),
        "from_file": Truth(),
        **dict.fromkeys(ANSWERED_ONLY, Maybe(_SAID)),
    },
)
"""What only answers hold may be sent back as it came; it changes nothing."""
UPLOAD = record(
    {"at": Moment(), "lane": _ID, "turn_id": Text(), "seconds": _LONG_SECONDS, "ending": ENDINGS},
    {"took_ms": Maybe(_TOOK)},
)
SPEECH_FORM = record(
    {"model": Text(least=1)},
    {
        "language": Text(most=35),
        "prompt": _SAID,
        "response_format": Choice("json", "text", "verbose_json"),
        "stream": Choice("true", "false"),
        "temperature": Text(most=20, pattern=r"0(\.[0-9]+)?|1(\.0+)?", form="0 to 1"),
        "chunking_strategy": _SAID,
    },
)
"""The fields beside `file`; whatever they say, the hub decodes at temperature 0 and in chunks of its own."""


PARTS: Mapping[str, Value] = MappingProxyType({"id": _ID, "upload": Whole(0, 2**53), "number": Whole(0, 2**53)})
"""What stands in braces in a path."""

HEALTH = Operation(
    name="health",
    method="GET",
    path="/health",
    summary="Whether the server can hear, for anybody",
    answer=answers.HEALTH,
    is_open=True,
)
START_PAIRING = Operation(
    name="start_pairing",
    method="POST",
    path="/api/v1/pair/start",
    summary="Write a pairing code to the server's log",
    body=record({}),
    needs_body=False,
    answer=answers.PAIRING,
    status=202,
    refusals=(413, 415, 429),
    example={},
    is_open=True,
)
PAIR = Operation(
    name="pair",
    method="POST",
    path="/api/v1/pair",
    summary="Exchange a pairing code for the token",
    body=record({"code": Text(most=6, pattern="[0-9]{6}", form="six digits")}),
    answer=answers.PAIRED,
    refusals=(413, 415, 429),
    example={"code": "123456"},
    is_open=True,
)

_TOLD = record({"counted": Truth()})
_LIMIT = Whole(1, 500, default=50)

MODEL = record({"id": Text(least=1), "object": Choice("model"), "created": Whole(0), "owned_by": Text(least=1)})
RESOURCES: tuple[Operation, ...] = (
    Operation(
        name="status",
        method="GET",
        path="/api/v1/status",
        summary="The whole status",
        answer=answers.STATUS,
    ),
    Operation(
        name="policy",
        method="GET",
        path="/api/v1/policy",
        summary="Every choice of the owner",
        answer=answers.POLICY,
    ),
    Operation(
        name="change_policy",
        method="PUT",
        path="/api/v1/policy",
        summary="Change some choices; they outlive a restart and outrank the settings file",
        body=record({}, CHOICES),
        answer=answers.POLICY,
        refusals=(413, 415, 503),
        example={"routing_mode": "auto", "error_target": 0.05, "cloud_allowed": True},
    ),
    Operation(
        name="reset_policy",
        method="DELETE",
        path="/api/v1/policy",
        summary="Return to the settings file's choices",
        answer=answers.POLICY,
        refusals=(503,),
    ),
    Operation(
        name="lanes",
        method="GET",
        path="/api/v1/lanes",
        summary="The lanes in their order, and the providers there are",
        answer=answers.LANES,
    ),
    Operation(
        name="change_lanes",
        method="PUT",
        path="/api/v1/lanes",
        summary="Replace every lane that is not of the settings file; one without a key keeps the key it has",
        body=record({"lanes": Several(LANE, most=50)}),
        answer=answers.LANES,
        refusals=(413, 415, 503),
        example={
            "lanes": [
                _AT_HOME,
                {"name": "Cloud", "provider": "client", "entity": "stt.home_assistant_cloud", "consent": "2026-11-22"},
            ]
        },
    ),
    Operation(
        name="test_lane",
        method="POST",
        path="/api/v1/lanes/test",
        summary="Send a packaged recording (nothing of the home) to a lane, saved or not",
        body=LANE,
        answer=record({"text": Text(most=20_000), "took_ms": Number(0), "matches": Truth()}),
        refusals=(404, 409, 413, 415, 503),
        example=_AT_HOME,
    ),
    Operation(
        name="change_vocabulary",
        method="PUT",
        path="/api/v1/vocabulary",
        summary="Tell the home's names; they are held in memory only",
        body=record(
            {},
            {
                **dict.fromkeys(NAMES, Several(NAME, most=20_000)),
                "country": Maybe(COUNTRY),
            },
        ),
        answer=record(dict.fromkeys(NAMES, COUNT)),
        refusals=(413, 415),
        example={
            "names": ["Kitchen light"],
            "areas": ["Kitchen"],
            "floors": ["Ground floor"],
            "terms": ["movie"],
            "critical": ["Front door"],
            "country": "DE",
        },
    ),
    Operation(
        name="turns",
        method="GET",
        path="/api/v1/turns",
        summary="The last turns, the newest first",
        query={"limit": _LIMIT},
        answer=record({"turns": Several(answers.TURN)}),
    ),
    Operation(
        name="tell_outcome",
        method="POST",
        path="/api/v1/turns/{id}/outcome",
        summary="Tell what the conversation made of a turn's text",
        body=record(
            {"result": Choice("intent", "sentence_trigger", "no_intent", "error", "follow_up")}, {"intent": Maybe(NAME)}
        ),
        answer=_TOLD,
        refusals=(404, 413, 415),
        example={"result": "intent", "intent": "HassTurnOn"},
    ),
    Operation(
        name="tell_correction",
        method="POST",
        path="/api/v1/turns/{id}/correction",
        summary="Tell what was really said; it is compared and forgotten",
        body=record({"text": _SAID}),
        answer=record({"counted": Truth(), "was_right": Truth()}),
        refusals=(404, 413, 415),
        example={"text": "turn on the kitchen light"},
    ),
    Operation(
        name="begin_upload",
        method="POST",
        path="/api/v1/turns/{id}/escalation",
        summary="Write down that the client is about to ask a lane of its own",
        body=record({"lane": _ID, "seconds": _LONG_SECONDS}),
        answer=record({"upload": COUNT}),
        status=201,
        refusals=(404, 409, 413, 415, 503),
        example={"lane": "Home Assistant Cloud", "seconds": 1.9},
    ),
    Operation(
        name="end_upload",
        method="PUT",
        path="/api/v1/turns/{id}/escalation/{upload}",
        summary="Tell how that ended; its text is compared and forgotten",
        body=record({"ending": ENDINGS}, {"took_ms": Maybe(_TOOK), "text": Maybe(_SAID)}),
        answer=_TOLD,
        refusals=(404, 413, 415),
        example={"ending": "answered", "took_ms": 412.0, "text": "turn on the kitchen light"},
    ),
    Operation(
        name="satellites",
        method="GET",
        path="/api/v1/satellites",
        summary="Each satellite that was heard or has settings",
        answer=record({"satellites": Several(answers.SATELLITE)}),
    ),
    Operation(
        name="change_satellite",
        method="PUT",
        path="/api/v1/satellites/{id}",
        summary="Change some of a satellite's settings; they outrank what a client says",
        body=record(
            {},
            {
                "microphone_class": Choice(*MICROPHONES),
                "answer_early": Truth(),
                "wake_threshold": Maybe(Number(0, 1)),
                "routing_mode": Maybe(Choice(*ROUTING_MODES)),
            },
        ),
        answer=answers.SATELLITE,
        refusals=(413, 415, 503),
        example={"microphone_class": "far_field", "wake_threshold": 0.6},
    ),
    Operation(
        name="forget_satellite",
        method="DELETE",
        path="/api/v1/satellites/{id}",
        summary="Forget a satellite's settings and evidence",
        answer=record({"forgotten": Text()}),
        refusals=(404, 503),
    ),
    Operation(
        name="ledger",
        method="GET",
        path="/api/v1/ledger",
        summary="Every upload, the newest first, and the sums of today and this month",
        query={"limit": Whole(1, 1000, default=100), "before": Whole(1, 2**53)},
        answer=answers.LEDGER,
        refusals=(503,),
    ),
    Operation(
        name="write_ledger",
        method="POST",
        path="/api/v1/ledger",
        summary="Write down uploads that a client made while the server was away",
        body=record({"rows": Several(UPLOAD, most=1000)}),
        answer=record({"written": COUNT}),
        refusals=(404, 413, 415, 503),
        example={
            "rows": [
                {
                    "at": "2026-11-22T10:00:00+00:00",
                    "lane": "Home Assistant Cloud",
                    "turn_id": "",
                    "seconds": 1.9,
                    "ending": "answered",
                    "took_ms": 412.0,
                }
            ]
        },
    ),
    Operation(
        name="bundles",
        method="GET",
        path="/api/v1/bundles",
        summary="The signed models: what serves, is tried, offered and installed",
        answer=answers.BUNDLES,
    ),
    Operation(
        name="trust_repository",
        method="PUT",
        path="/api/v1/bundles/repository",
        summary="Trust a repository by its root, and look at it",
        body=record({"url": Text(least=1, most=2_000), "root": {Text(): Anything()}}),
        answer=answers.BUNDLES,
        refusals=(409, 413, 415, 502, 503),
        example={"url": "https://models.example.org", "root": _A_ROOT},
    ),
    Operation(
        name="distrust_repository",
        method="DELETE",
        path="/api/v1/bundles/repository",
        summary="Trust no repository any more; what is installed goes on serving",
        answer=answers.BUNDLES,
        refusals=(409, 503),
    ),
    Operation(
        name="check_bundles",
        method="POST",
        path="/api/v1/bundles/check",
        summary="Look at the repository now",
        body=record({}),
        needs_body=False,
        answer=answers.BUNDLES,
        refusals=(409, 413, 415, 502, 503),
        example={},
    ),
    Operation(
        name="install_bundle",
        method="POST",
        path="/api/v1/bundles/install",
        summary="Begin to install a bundle that is offered to this hub, the newest without a label",
        body=record({"kind": _KIND}, {"label": Maybe(Text(least=1)), "again": Truth()}),
        answer=answers.BUNDLES,
        status=202,
        refusals=(404, 409, 413, 415, 502, 503),
        example={"kind": "asr", "label": "home-en@1.2.0"},
    ),
    Operation(
        name="roll_back_bundle",
        method="POST",
        path="/api/v1/bundles/rollback",
        summary="Return to the bundle before, between two turns; the one that is left is not tried again",
        body=record({"kind": _KIND}),
        answer=answers.BUNDLES,
        refusals=(409, 413, 415, 503),
        example={"kind": "asr"},
    ),
    Operation(
        name="transcribe",
        method="POST",
        path="/api/v1/transcribe",
        summary="Hear a PCM WAV recording",
        query={"language": Text(most=35), "lane": Choice(*ROUTING_MODES)},
        kind=WAV,
        answer=answers.TRANSCRIBED,
        refusals=(409, 413, 415, 503),
    ),
    *PAST,
    *WAITING,
    Operation(
        name="openai_models",
        method="GET",
        path="/v1/models",
        summary="OpenAI's own list of models: the one that hears now",
        answer=record({"object": Choice("list"), "data": Several(MODEL, least=1, most=1)}),
    ),
    Operation(
        name="openapi",
        method="GET",
        path="/api/v1/openapi.json",
        summary="This description",
        answer=record(dict.fromkeys(DOCUMENT, Anything())),
    ),
)
"""What the resources answer in JSON."""

EVENT_STREAM = Operation(
    name="events",
    method="GET",
    path="/api/v1/events",
    summary="Upgrades to a WebSocket: hello, the status, then every change, question, turn, wake word and bundle",
    status=101,
)
OPENAI = Operation(
    name="openai_transcription",
    method="POST",
    path="/v1/audio/transcriptions",
    summary="OpenAI's own request and answer; the token is the API key",
    kind=FORM,
    body=SPEECH_FORM,
    answer=record(
        {"text": Text(most=1_000_000)},
        {
            "task": Choice("transcribe"),
            "language": Text(),
            "duration": Number(0),
            "usage": record({"type": Choice("duration"), "seconds": Number(0)}),
        },
    ),
    refusals=(409, 413, 415, 503),
)
SESSION = Operation(
    name="session",
    method="GET",
    path="/session",
    summary="Whether this browser is let in: by its cookie, or by Home Assistant's ingress",
    answer=record({"open": Truth(), "by": Maybe(Choice("cookie", "ingress"))}),
    is_open=True,
)
BEGIN_SESSION = Operation(
    name="begin_session",
    method="POST",
    path="/session",
    summary="Exchange the token for a cookie, which ends with the token, with the server, or after 30 days",
    body=record({"token": Text(least=1, most=512)}),
    answer=SESSION.answer,
    refusals=(413, 415, 429),
    example={"token": "what `edge-voice token` prints"},
    is_open=True,
)
OPEN_PANEL = Operation(
    name="open_panel",
    method="PUT",
    path="/api/v1/panel",
    summary="Tell which users of Home Assistant may come in by its ingress without the token; held in memory only",
    body=record({"users": Several(Text(least=1, most=64), most=1000)}),
    answer=record({"users": COUNT}),
    refusals=(413, 415),
    example={"users": ["0123456789abcdef0123456789abcdef"]},
)
END_SESSION = Operation(
    name="end_session",
    method="DELETE",
    path="/session",
    summary="End this browser's cookie",
    answer=SESSION.answer,
    is_open=True,
)
OPERATIONS = (HEALTH, START_PAIRING, PAIR, SESSION, BEGIN_SESSION, END_SESSION, OPEN_PANEL, *RESOURCES, EVENT_STREAM,
              OPENAI, *DOCUMENTS)  # fmt: skip
REFUSAL = ERROR
