"""The control API's resources on a real port, asked by a real client."""

import io
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from wyoming_server.errors import CapReachedError, DiskError, LaneCredentialsError, NotConsentedError
from wyoming_server.listeners.control_operation import Operation
from wyoming_server.listeners.control_schemas import OPERATIONS
from wyoming_server.listeners.control_shapes import WHAT
from wyoming_server.listeners.control_values import checked

from .control_surfaces import LANE, POLICY, SATELLITE, TURN, RecordingSurface, opened
from .past_surfaces import AT

BY_NAME = {one.name: one for one in OPERATIONS}
WAV = (Path(__file__).parents[3] / "wyoming_server/recordings/kitchen.wav").read_bytes()
JSON = {"Content-Type": "application/json"}
SENT = {key: LANE[key] for key in ("name", "provider", "trust", "consent", "languages")}
KEPT = {"turn_id": "", "seconds": 1.9, "ending": "answered", "lane": "Cloud", "at": AT}


@pytest.fixture
def surface() -> RecordingSurface:
    return RecordingSurface()


@pytest.fixture
async def session(surface: RecordingSurface, tmp_path: Path) -> AsyncGenerator[aiohttp.ClientSession]:
    async with opened(surface, tmp_path) as (_, one):
        yield one


async def answer(session: aiohttp.ClientSession, method: str, path: str, **sent: Any) -> tuple[int, Any]:
    async with session.request(method, path, **sent) as response:
        return response.status, await response.json()


ASKED: list[tuple[str, str, Any, tuple[object, ...]]] = [
    ("status", "/api/v1/status", None, ("status",)),
    ("policy", "/api/v1/policy", None, ("policy",)),
    ("change_policy", "/api/v1/policy", {"hedge": True}, ("change_policy", {"hedge": True})),
    ("reset_policy", "/api/v1/policy", None, ("reset_policy",)),
    ("lanes", "/api/v1/lanes", None, ("lanes",)),
    (
        "change_lanes",
        "/api/v1/lanes",
        {
            "lanes": [
                {"name": "from the file", "provider": "openai", "from_file": True, "key_ends": "abcd"},
                {"name": "a", "provider": "openai", "key": "a secret", "key_ends": "cret", "languages": ["en"]},
                LANE,
            ]
        },
        ("change_lanes", [{"name": "a", "provider": "openai", "key": "a secret", "languages": ["en"]}, SENT]),
    ),
    (
        "test_lane",
        "/api/v1/lanes/test",
        {"name": "a", "provider": "wyoming", "url": "tcp://127.0.0.1:1"},
        ("test_lane", {"name": "a", "provider": "wyoming", "url": "tcp://127.0.0.1:1"}),
    ),
    (
        "change_vocabulary",
        "/api/v1/vocabulary",
        {"names": [" Kitchen light ", ""], "areas": ["Küche"]},
        (
            "change_vocabulary",
            {"names": ["Kitchen light"], "areas": ["Küche"], "floors": [], "terms": [], "critical": []},
        ),
    ),
    (
        "change_vocabulary",
        "/api/v1/vocabulary",
        {"country": "DE"},
        ("change_vocabulary", {"names": [], "areas": [], "floors": [], "terms": [], "critical": []}, "DE"),
    ),
    ("bundles", "/api/v1/bundles", None, ("bundles",)),
    (
        "trust_repository",
        "/api/v1/bundles/repository",
        {"url": "https://models.example.org", "root": {"signed": {}, "signatures": []}},
        ("trust_repository", "https://models.example.org", {"signed": {}, "signatures": []}),
    ),
    ("distrust_repository", "/api/v1/bundles/repository", None, ("distrust_repository",)),
    ("check_bundles", "/api/v1/bundles/check", {}, ("check_bundles",)),
    (
        "install_bundle",
        "/api/v1/bundles/install",
        {"kind": "asr", "label": "home-en@1.2.0"},
        ("install_bundle", "asr", "home-en@1.2.0", False),
    ),
    (
        "install_bundle",
        "/api/v1/bundles/install",
        {"kind": "wake", "again": True},
        ("install_bundle", "wake", None, True),
    ),
    ("roll_back_bundle", "/api/v1/bundles/rollback", {"kind": "vad"}, ("roll_back_bundle", "vad")),
    ("turns", "/api/v1/turns", None, ("turns", 50)),
    ("turns", "/api/v1/turns?limit=7", None, ("turns", 7)),
    (
        "tell_outcome",
        "/api/v1/turns/a-turn/outcome",
        {"result": "intent", "intent": "HassTurnOn"},
        ("told_outcome", "a-turn", "intent", "HassTurnOn"),
    ),
    (
        "tell_outcome",
        "/api/v1/turns/a-turn/outcome",
        {"result": "no_intent"},
        ("told_outcome", "a-turn", "no_intent", None),
    ),
    (
        "tell_correction",
        "/api/v1/turns/a-turn/correction",
        {"text": "turn it off"},
        ("told_correction", "a-turn", "turn it off"),
    ),
    (
        "begin_upload",
        "/api/v1/turns/a-turn/escalation",
        {"lane": "Cloud", "seconds": 2},
        ("begin_upload", "a-turn", "Cloud", 2.0),
    ),
    (
        "end_upload",
        "/api/v1/turns/a-turn/escalation/17",
        {"ending": "lane-timeout", "took_ms": 412.5},
        ("end_upload", "a-turn", 17, {"ending": "lane-timeout", "took_ms": 412.5}),
    ),
    ("satellites", "/api/v1/satellites", None, ("satellites",)),
    (
        "change_satellite",
        "/api/v1/satellites/assist_satellite.b%C3%BCro%2Fleft",
        {"wake_threshold": None, "microphone_class": "headset"},
        ("change_satellite", "assist_satellite.büro/left", {"wake_threshold": None, "microphone_class": "headset"}),
    ),
    (
        "forget_satellite",
        "/api/v1/satellites/assist_satellite.kitchen",
        None,
        ("forget_satellite", "assist_satellite.kitchen"),
    ),
    ("ledger", "/api/v1/ledger", None, ("ledger", 100, None)),
    ("ledger", "/api/v1/ledger?limit=10&before=8", None, ("ledger", 10, 8)),
    ("write_ledger", "/api/v1/ledger", {"rows": [KEPT]}, ("write_ledger", [KEPT])),
    ("purge", "/api/v1/purge", {"what": ["ledger", "turns", "ledger"]}, ("purge", ("ledger", "turns"), None)),
    ("purge", "/api/v1/purge", {"what": "everything", "satellite": "stt.a"}, ("purge", WHAT, "stt.a")),
    ("figures", "/api/v1/figures", None, ("figures", 7)),
    ("figures", "/api/v1/figures?days=30", None, ("figures", 30)),
    ("history", "/api/v1/history", None, ("series", 24)),
    ("history", "/api/v1/history?hours=9600", None, ("series", 9600)),
    ("records", "/api/v1/records", None, ("records", 50, None, None, None)),
    (
        "records",
        "/api/v1/records?limit=5&before=99&language=de&satellite=stt.a",
        None,
        ("records", 5, 99, "de", "stt.a"),
    ),
    ("incidents", "/api/v1/incidents", None, ("incidents", 50)),
    ("drift", "/api/v1/drift", None, ("drift",)),
    ("accept_drift", "/api/v1/drift/accept", {}, ("accept", None)),
    ("accept_drift", "/api/v1/drift/accept", None, ("accept", None)),
    ("check_bundles", "/api/v1/bundles/check", None, ("check_bundles",)),
    ("accept_drift", "/api/v1/drift/accept", {"language": "en"}, ("accept", "en")),
    ("baseline", "/api/v1/baseline", None, ("baseline",)),
    ("begin_baseline", "/api/v1/baseline", {"consent": "2026-11-22"}, ("begin_baseline", {"consent": "2026-11-22"})),
    ("end_baseline", "/api/v1/baseline", None, ("end_baseline",)),
    ("scorecard", "/api/v1/scorecard", None, ("scorecard", None)),
    ("scorecard", "/api/v1/scorecard?month=2026-10", None, ("scorecard", "2026-10")),
    ("lineage", "/api/v1/lineage", None, ("lineage",)),
    ("kept", "/api/v1/kept", None, ("kept",)),
    ("queue", "/api/v1/queue", None, ("queue",)),
    ("flush_queue", "/api/v1/queue/flush", {}, ("flush",)),
    ("flush_queue", "/api/v1/queue/flush", None, ("flush",)),
    ("drop_queue", "/api/v1/queue", None, ("drop_all",)),
    ("start_request", "/api/v1/queue/a-request/start", {"by": "a home"}, ("start", "a-request", "a home")),
    (
        "end_request",
        "/api/v1/queue/a-request/end",
        {"by": "a home", "result": "interrupted"},
        ("end", "a-request", "a home", "interrupted"),
    ),
    ("repeat_request", "/api/v1/queue/a-request/repeat", None, ("repeat", "a-request", None)),
    ("repeat_request", "/api/v1/queue/a-request/repeat", {"text": "milk"}, ("repeat", "a-request", "milk")),
    ("drop_request", "/api/v1/queue/a-request", None, ("drop", "a-request")),
]


@pytest.mark.parametrize(("name", "path", "body", "heard"), ASKED, ids=lambda value: str(value)[:40])
async def test_each_resource_asks_the_surface_and_answers_as_described(
    name: str, path: str, body: Any, heard: tuple[object, ...], session: aiohttp.ClientSession, surface: Any
) -> None:
    operation = BY_NAME[name]
    status, told = await answer(session, operation.method, path, **({} if body is None else {"json": body}))
    assert (status, surface.asked) == (operation.status, [heard])
    assert checked(operation.answer, told) == told


async def test_a_client_of_openai_s_finds_the_model_that_hears_now(session: aiohttp.ClientSession) -> None:
    status, told = await answer(session, "GET", "/v1/models")
    assert (status, [one["id"] for one in told["data"]]) == (200, ["starter"])
    assert checked(BY_NAME["openai_models"].answer, told) == told


def test_every_operation_is_asked_here_or_has_a_test_of_its_own() -> None:
    others = {
        "health",
        "start_pairing",
        "pair",
        "transcribe",
        "openapi",
        "events",
        "openai_transcription",
        "openai_models",
        "recording",
        "scorecard_page",
        "metrics",
        "session",
        "begin_session",
        "end_session",
        "open_panel",
    }
    assert {name for name, *_ in ASKED} | others == set(BY_NAME)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if not one.is_open], ids=lambda one: one.name)
async def test_nothing_is_asked_of_the_surface_without_the_token(
    operation: Operation, session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    path = operation.path.format(id="a-turn", upload=17, number=17)
    for sent in ("", "Bearer wrong", "Basic d3Jvbmc="):
        headers = {"Authorization": sent}
        status, told = await answer(session, operation.method, path, json=operation.example, headers=headers)
        assert (status, told["code"]) == (401, "token-refused")
    assert surface.asked == []


WRONG: list[tuple[str, str, Any, str]] = [
    ("PUT", "/api/v1/policy", {"routing_mode": "fast"}, "routing_mode: allowed is auto, edge, cloud"),
    ("PUT", "/api/v1/policy", {"error_target": 0.7}, "error_target: allowed is 0.001 to 0.5"),
    ("PUT", "/api/v1/policy", {"error_target": True}, "error_target: must be a number"),
    ("PUT", "/api/v1/policy", {"error_target": 10**400}, "error_target: allowed is 0.001 to 0.5"),
    ("PUT", "/api/v1/policy", {"audits": "yes"}, "audits: must be true or false"),
    ("PUT", "/api/v1/policy", {"routing": "auto"}, "routing is not known here; known: routing_mode"),
    ("PUT", "/api/v1/policy", [], "must be a JSON object"),
    ("PUT", "/api/v1/policy", "audits", "must be a JSON object"),
    (
        "PUT",
        "/api/v1/lanes",
        {"lanes": [{"name": "a"}, {"provider": "b", "deadline_seconds": 99}]},
        "lanes[0].provider is missing; lanes[1].deadline_seconds: allowed is 0.1 to 30; lanes[1].name is missing",
    ),
    ("PUT", "/api/v1/lanes", {"lanes": [{"name": "a", "provider": "b", "consent": "yes"}]}, "YYYY-MM-DD"),
    ("PUT", "/api/v1/lanes", {}, "lanes is missing"),
    ("PUT", "/api/v1/vocabulary", {"names": "Kitchen"}, "names: must be a list"),
    ("PUT", "/api/v1/vocabulary", {"names": ["a", 7, "\ud800"]}, "names[1]: must be text; names[2]: must be text"),
    ("POST", "/api/v1/turns/a-turn/outcome", {"result": "done"}, "result: allowed is intent, sentence_trigger"),
    ("POST", "/api/v1/turns/a-turn/escalation", {"lane": "a", "seconds": -1}, "seconds: allowed is 0 to 3600"),
    ("PUT", "/api/v1/turns/a-turn/escalation/x", {"ending": "answered"}, "upload: must be a whole number"),
    ("PUT", "/api/v1/satellites/x", {"wake_threshold": 2}, "wake_threshold: allowed is 0 to 1"),
    ("PUT", "/api/v1/policy", {"list_hours": 721}, "list_hours: allowed is 0 to 720"),
    ("POST", "/api/v1/queue/a/start", {}, "by is missing"),
    ("POST", "/api/v1/queue/a/end", {"by": "b", "result": "lost"}, "result: allowed is done, failed, interrupted"),
    ("POST", "/api/v1/queue/a/repeat", {"text": ""}, "text: must be 1 to 1000 characters long"),
    ("POST", "/api/v1/ledger", {"rows": [KEPT | {"at": "today"}]}, "rows[0].at: must be a time such as"),
    ("POST", "/api/v1/ledger", {"rows": [KEPT | {"at": "2026-02-30T10:00:00Z"}]}, "rows[0].at: must be a time such as"),
    ("POST", "/api/v1/purge", {"what": ["disk"]}, "what[0]: allowed is turns, transcripts"),
    ("POST", "/api/v1/purge", {"what": []}, "what: must have 1 to 13 entries"),
    ("GET", "/api/v1/figures?days=31", None, "days: allowed is 1 to 30"),
    ("GET", "/api/v1/scorecard?month=2026-13", None, "month: must be a month as YYYY-MM"),
    ("GET", "/api/v1/records?satellite=", None, "satellite: must be 1 to 500 characters long"),
    ("POST", "/api/v1/baseline", {"consent": "yes"}, "consent: must be a day as YYYY-MM-DD"),
    ("POST", "/api/v1/baseline", {"consent": "2026-11-22", "days": 32}, "days: allowed is 1 to 31"),
    ("GET", "/api/v1/turns?limit=0", None, "limit: allowed is 1 to 500"),
    ("GET", "/api/v1/turns?limit=many", None, "limit: must be a whole number; allowed is 1 to 500"),
    ("GET", "/api/v1/turns?limit=1&limit=2", None, "limit: name it once"),
    ("GET", "/api/v1/turns?most=1", None, "'most' is not known in the query; known: limit"),
    ("GET", "/api/v1/status?fast=1", None, "'fast' is not known in the query"),
]


@pytest.mark.parametrize(("method", "path", "body", "sentence"), WRONG, ids=lambda value: str(value)[:40])
async def test_a_wrong_request_is_told_which_key_and_what_is_allowed(
    method: str, path: str, body: Any, sentence: str, session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    status, told = await answer(session, method, path, **({} if method == "GET" else {"json": body}))
    assert (status, told["code"], surface.asked) == (400, "invalid-request", [])
    assert sentence in told["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"error_target": NaN}',
        b'{"error_target": 1e400}',
        b"[" * 200_000,
        b'"\\ud800"',
        b"9" * 5000,
    ],
)
async def test_what_is_no_json_is_refused(body: bytes, session: aiohttp.ClientSession) -> None:
    status, told = await answer(session, "PUT", "/api/v1/policy", data=body, headers=JSON)
    assert (status, told["code"]) == (400, "invalid-request")


async def test_other_content_types_and_bodies_that_are_too_large_are_refused(session: aiohttp.ClientSession) -> None:
    status, told = await answer(session, "PUT", "/api/v1/policy", data=b"{}", headers={"Content-Type": "text/plain"})
    assert (status, told["code"]) == (415, "wrong-content-type")
    status, told = await answer(
        session, "PUT", "/api/v1/vocabulary", data=io.BytesIO(b'"' + b"x" * 2**20 + b'"'), headers=JSON
    )
    assert (status, told["code"]) == (413, "body-too-large")


async def test_no_value_that_was_sent_comes_back_in_a_refusal(session: aiohttp.ClientSession) -> None:
    lane = {"name": "a", "provider": "openai", "key": ["sk-very-secret"], "url": 5, "sk-in-the-wrong-place": 1}
    _, told = await answer(session, "PUT", "/api/v1/lanes", json={"lanes": [lane]})
    assert "key: must be text" in told["message"]
    assert "very-secret" not in told["message"]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (CapReachedError("the day's seconds are used up"), 409),
        (NotConsentedError("tick the sentence first"), 403),
        (DiskError("the disk is full"), 503),
        (LaneCredentialsError("the key is wrong"), 400),
    ],
)
async def test_a_refusal_of_the_surface_is_answered_with_its_code(
    refusal: Any, status: int, session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    surface.refuses = refusal
    body = {"lane": "a", "seconds": 1}
    assert await answer(session, "POST", "/api/v1/turns/a-turn/escalation", json=body) == (
        status,
        {"code": refusal.code, "message": str(refusal)},
    )


async def test_what_is_not_known_is_not_found(session: aiohttp.ClientSession) -> None:
    status, told = await answer(session, "POST", "/api/v1/turns/none/outcome", json={"result": "intent"})
    assert (status, told["code"]) == (404, "unknown-turn")
    status, told = await answer(session, "DELETE", "/api/v1/satellites/none")
    assert (status, told["code"]) == (404, "unknown-satellite")


async def test_a_wav_is_heard(session: aiohttp.ClientSession, surface: RecordingSurface) -> None:
    headers = {"Content-Type": "audio/wav"}
    status, told = await answer(session, "POST", "/api/v1/transcribe?language=en&lane=edge", data=WAV, headers=headers)
    assert status == 200
    assert checked(BY_NAME["transcribe"].answer, told)["text"] == surface.text
    [(_, seconds, *asked)] = surface.asked
    assert asked == ["en", "edge", ()]
    assert told["seconds"] == pytest.approx(seconds, abs=0.06)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed-audio"),
        (b"RIFF", "malformed-audio"),
        (WAV[:40], "malformed-audio"),
        (WAV[:44], "malformed-audio"),
        (b"OggS" + b"\0" * 100, "malformed-audio"),
        (WAV[:22] + b"\xff\x00" + WAV[24:], "unsupported-audio"),
    ],
    ids=["empty", "a word", "half a header", "no samples", "ogg", "255 channels"],
)
async def test_what_is_no_wav_is_refused(body: bytes, code: str, session: aiohttp.ClientSession) -> None:
    status, told = await answer(session, "POST", "/api/v1/transcribe", data=body, headers={"Content-Type": "audio/wav"})
    assert (status, told["code"]) == (400, code)


async def test_the_surfaces_own_values_fit_what_is_described(session: aiohttp.ClientSession) -> None:
    policy = await answer(session, "GET", "/api/v1/policy")
    assert policy == (200, POLICY)
    turns = await answer(session, "GET", "/api/v1/turns")
    assert turns[1]["turns"][0] == TURN
    satellites = await answer(session, "GET", "/api/v1/satellites")
    assert satellites[1] == {"satellites": [SATELLITE]}


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.example is not None], ids=lambda one: one.name)
def test_every_example_fits_its_own_shape(operation: Operation) -> None:
    assert checked(operation.body, operation.example) == operation.example
