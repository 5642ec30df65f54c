"""The client of the control API: what is said, what comes back, and what each fault is called."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from homeassistant.core import HomeAssistant
from wyoming.event import Event

from custom_components.edge_voice import client as client_module
from custom_components.edge_voice.client import EdgeVoiceClient, is_loopback
from custom_components.edge_voice.errors import (
    CannotConnectError,
    CertificateChangedError,
    EdgeVoiceError,
    MalformedAnswerError,
    NotEdgeVoiceError,
    RefusedError,
    ServerTooNewError,
    ServerTooOldError,
    SlowServerError,
    TokenRefusedError,
)
from custom_components.edge_voice.protocol import Hello, Status, Turn, Wake
from tests.integration.conftest import client_for
from tests.integration.peer import (
    ID,
    SATELLITE,
    TURN,
    Peer,
    WyomingPeer,
    babbling,
    certificate,
    listening,
    never,
    refusal,
    says,
)


@pytest.fixture
async def client(hass: HomeAssistant, peer: Peer) -> EdgeVoiceClient:
    return client_for(hass, peer.port)


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (lambda c: c.change_policy(audits=True), "PUT", "/api/v1/policy", {"audits": True}),
        (lambda c: c.reset_policy(), "DELETE", "/api/v1/policy", b""),
        (lambda c: c.lanes(), "GET", "/api/v1/lanes", b""),
        (lambda c: c.change_lanes([{"name": "a"}]), "PUT", "/api/v1/lanes", {"lanes": [{"name": "a"}]}),
        (lambda c: c.test_lane({"name": "a"}), "POST", "/api/v1/lanes/test", {"name": "a"}),
        (
            lambda c: c.change_vocabulary(names=("Lamp",), areas=(), floors=(), terms=("dim",)),
            "PUT",
            "/api/v1/vocabulary",
            {"names": ["Lamp"], "areas": [], "floors": [], "terms": ["dim"]},
        ),
        (
            lambda c: c.change_vocabulary(names=(), areas=(), floors=(), terms=(), country="DE"),
            "PUT",
            "/api/v1/vocabulary",
            {"names": [], "areas": [], "floors": [], "terms": [], "country": "DE"},
        ),
        (lambda c: c.open_panel(["one", "two"]), "PUT", "/api/v1/panel", {"users": ["one", "two"]}),
        (
            lambda c: c.trust_repository("https://models.example.net", {"signed": {}}),
            "PUT",
            "/api/v1/bundles/repository",
            {"url": "https://models.example.net", "root": {"signed": {}}},
        ),
        (lambda c: c.distrust_repository(), "DELETE", "/api/v1/bundles/repository", b""),
        (lambda c: c.check_bundles(), "POST", "/api/v1/bundles/check", {}),
        (lambda c: c.install_bundle("wake"), "POST", "/api/v1/bundles/install", {"kind": "wake"}),
        (
            lambda c: c.install_bundle("asr", "home-en@1.2.0"),
            "POST",
            "/api/v1/bundles/install",
            {"kind": "asr", "label": "home-en@1.2.0"},
        ),
        (lambda c: c.roll_back_bundle("vad"), "POST", "/api/v1/bundles/rollback", {"kind": "vad"}),
        (lambda c: c.turns(5), "GET", "/api/v1/turns?limit=5", b""),
        (
            lambda c: c.tell_outcome("t/1", "intent", "X"),
            "POST",
            "/api/v1/turns/t%2F1/outcome",
            {"result": "intent", "intent": "X"},
        ),
        (lambda c: c.tell_outcome("t1", "error"), "POST", "/api/v1/turns/t1/outcome", {"result": "error"}),
        (lambda c: c.tell_correction("t1", "on"), "POST", "/api/v1/turns/t1/correction", {"text": "on"}),
        (
            lambda c: c.begin_upload("t1", "a", 1.9),
            "POST",
            "/api/v1/turns/t1/escalation",
            {"lane": "a", "seconds": 1.9},
        ),
        (
            lambda c: c.end_upload("t1", 17, ending="answered", took_ms=4.0, text="on"),
            "PUT",
            "/api/v1/turns/t1/escalation/17",
            {"ending": "answered", "took_ms": 4.0, "text": "on"},
        ),
        (
            lambda c: c.end_upload("t1", 17, ending="lane-timeout", took_ms=4.0),
            "PUT",
            "/api/v1/turns/t1/escalation/17",
            {"ending": "lane-timeout", "took_ms": 4.0},
        ),
        (lambda c: c.forget_satellite("a b"), "DELETE", "/api/v1/satellites/a%20b", b""),
        (lambda c: c.ledger(7), "GET", "/api/v1/ledger?limit=7", b""),
        (lambda c: c.write_ledger([{"lane": "a"}]), "POST", "/api/v1/ledger", {"rows": [{"lane": "a"}]}),
        (lambda c: c.transcribe(b"RIFF", "de"), "POST", "/api/v1/transcribe?lane=auto&language=de", b"RIFF"),
        (lambda c: c.purge(["turns"]), "POST", "/api/v1/purge", {"what": ["turns"]}),
        (lambda c: c.past.scorecard(), "GET", "/api/v1/scorecard", b""),
    ],
)
async def test_each_request_is_the_one_that_the_contract_names(
    peer: Peer,
    client: EdgeVoiceClient,
    call: Callable[[EdgeVoiceClient], Awaitable[object]],
    method: str,
    path: str,
    body: Any,
) -> None:
    await call(client)
    assert peer.asked == [(method, path, body)]


async def test_what_is_forgotten_needs_no_answer(peer: Peer, client: EdgeVoiceClient) -> None:
    peer.answers["/api/v1/satellites/x"] = says("", status=204)
    await client.forget_satellite("x")


async def test_answers_come_back_as_values(peer: Peer, client: EdgeVoiceClient) -> None:
    assert (await client.health()).wyoming_port is None
    assert (await client.status()).figures.last_word_to_text_ms.p95 == 260.0
    assert (await client.turns(1))[0].class_ == TURN["class"]
    assert await client.pair("123456") == peer.token
    peer.answers["/api/v1/pair/start"] = says('{"fingerprint": null}', status=202)
    assert await client.start_pairing() == {"fingerprint": None}
    assert await client.begin_upload("t1", "a", 1.0) == 17
    assert await client.tell_outcome("t1", "intent") is True
    assert (await client.change_policy(audits=True)).routing_mode == "auto"


async def test_what_is_open_to_all_is_asked_without_the_token(peer: Peer, client: EdgeVoiceClient) -> None:
    heard: list[bool] = []

    async def health(request: web.Request) -> web.Response:
        heard.append("Authorization" in request.headers)
        return web.json_response(peer.health)

    peer.answers["/health"] = health
    await client.health()
    assert heard == [False]


async def test_a_hub_that_is_unavailable_still_tells_who_it_is(peer: Peer, client: EdgeVoiceClient) -> None:
    peer.health["status"] = "unavailable"
    assert (await client.health()).id == ID


@pytest.mark.parametrize(
    ("api", "error"),
    [({"version": 0, "min_version": 0}, ServerTooOldError), ({"version": 9, "min_version": 2}, ServerTooNewError)],
)
async def test_a_hub_of_another_version_is_named(
    peer: Peer, client: EdgeVoiceClient, api: dict[str, int], error: type[EdgeVoiceError]
) -> None:
    peer.health["api"] = api
    peer.hello |= api
    with pytest.raises(error) as raised:
        await client.health()
    assert raised.value.placeholders == {"version": "0.1.0"}
    with pytest.raises(error):
        await anext(client.events())


async def test_a_newer_hub_that_still_serves_us_is_welcome(peer: Peer, client: EdgeVoiceClient) -> None:
    peer.health |= {"api": {"version": 3, "min_version": 1}, "something": "new"}
    assert (await client.health()).api_version == 3


@pytest.mark.parametrize("body", ["<html>hello</html>", "[]", "{}", '{"id": 5}', "", "\x00\x01", '{"code": "teapot"}'])
async def test_a_peer_whose_health_is_none_is_not_edge_voice(peer: Peer, client: EdgeVoiceClient, body: str) -> None:
    peer.answers["/health"] = says(body)
    with pytest.raises(NotEdgeVoiceError):
        await client.health()


@pytest.mark.parametrize("said", [b"\x00\xff\x17garbage\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b'{"type":"info"}\n'])
async def test_a_peer_that_speaks_no_http_is_not_edge_voice(
    hass: HomeAssistant, socket_enabled: None, said: bytes
) -> None:
    async with babbling(said) as port:
        with pytest.raises(NotEdgeVoiceError) as raised:
            await client_for(hass, port).health()
    assert raised.value.placeholders == {"host": "127.0.0.1", "port": str(port)}


async def test_a_wyoming_server_is_not_edge_voice_with_tls_or_without(
    hass: HomeAssistant, socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CONNECT_SECONDS", 0.2)  # it waits for the end of a line that TLS does not have
    async with listening(WyomingPeer([], info=Event("info")).handle) as port:
        with pytest.raises(NotEdgeVoiceError):
            await client_for(hass, port).health()
        with pytest.raises(NotEdgeVoiceError):
            await client_for(hass, port, fingerprint="00" * 32).health()


async def test_a_peer_that_hangs_up_may_be_a_hub_that_stops(hass: HomeAssistant, socket_enabled: None) -> None:
    async with babbling(b"") as port:
        with pytest.raises(CannotConnectError):
            await client_for(hass, port).health()


async def test_nothing_there_cannot_be_connected_to(hass: HomeAssistant, peer: Peer, client: EdgeVoiceClient) -> None:
    await peer.stop()
    for call in (client.health, client.status, client.seen_fingerprint, lambda: anext(client.events())):
        with pytest.raises(CannotConnectError):
            await call()


async def test_a_hub_that_answers_slowly_is_given_up(
    peer: Peer, client: EdgeVoiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "REQUEST_SECONDS", 0.1)
    monkeypatch.setattr(client_module, "LONG_REQUEST_SECONDS", 0.1)
    peer.answers |= {"/api/v1/status": never, "/api/v1/lanes/test": never}
    for call in (client.status(), client.test_lane({})):
        with pytest.raises(SlowServerError):
            await call


async def test_half_an_answer_is_a_broken_connection(hass: HomeAssistant, socket_enabled: None) -> None:
    async with babbling(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id"') as port:
        with pytest.raises(CannotConnectError):
            await client_for(hass, port).status()


async def test_an_answer_that_does_not_end_is_cut(
    peer: Peer, client: EdgeVoiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MOST_ANSWER_BYTES", 1000)
    peer.answers["/api/v1/status"] = says("x" * 10_000)
    with pytest.raises(MalformedAnswerError):
        await client.status()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(401, "token-refused", "pair"), TokenRefusedError),
        (refusal(409, "cap-reached", "wait"), RefusedError),
        (web.Response(text="<html>no hub</html>", status=502), CannotConnectError),
        (web.Response(text="<html>no page</html>", status=404), NotEdgeVoiceError),
        (web.Response(text="moved", status=302, headers={"Location": "http://127.0.0.1:1/"}), NotEdgeVoiceError),
        (web.Response(text="fine", status=200), MalformedAnswerError),
        (web.json_response({"server": {"id": 5}}), MalformedAnswerError),
        (web.json_response({"server": "hub"}), MalformedAnswerError),
    ],
)
async def test_each_refusal_is_named(
    peer: Peer, client: EdgeVoiceClient, answer: web.Response, error: type[EdgeVoiceError]
) -> None:
    async def handle(_: web.Request) -> web.Response:
        return answer

    peer.answers["/api/v1/status"] = handle
    with pytest.raises(error) as raised:
        await client.status()
    if isinstance(raised.value, RefusedError):
        assert (raised.value.code, raised.value.message, raised.value.status) == ("cap-reached", "wait", 409)


async def test_an_answer_without_what_was_asked_for_is_malformed(peer: Peer, client: EdgeVoiceClient) -> None:
    for path in ("pair", "turns", "turns/t1/escalation"):
        peer.answers[f"/api/v1/{path}"] = says("{}", content_type="application/json")
    for call in (client.pair("1"), client.turns(), client.begin_upload("t1", "a", 1.0)):
        with pytest.raises(MalformedAnswerError):
            await call


async def test_a_pinned_certificate_is_the_only_one_that_is_trusted(
    hass: HomeAssistant, peer: Peer, tmp_path: Path
) -> None:
    await peer.stop()
    peer.tls, fingerprint = certificate(tmp_path)
    await peer.start()
    assert await client_for(hass, peer.port).seen_fingerprint() == fingerprint
    pinned = client_for(hass, peer.port, fingerprint=fingerprint)
    assert (await pinned.health()).id == ID
    async with contextlib.aclosing(pinned.events()) as events:
        assert isinstance(await anext(events), Hello)
    other = client_for(hass, peer.port, fingerprint="ab" * 32)
    with pytest.raises(CertificateChangedError):
        await other.status()
    with pytest.raises(CertificateChangedError):
        await anext(other.events())


async def test_a_hub_without_tls_shows_no_fingerprint(client: EdgeVoiceClient) -> None:
    assert await client.seen_fingerprint() is None


@pytest.mark.parametrize(
    ("host", "yes"),
    [
        ("localhost", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("192.168.1.2", False),
        ("hub.local", False),
    ],
)
def test_only_this_machine_may_be_spoken_to_in_the_clear(host: str, yes: bool) -> None:
    assert is_loopback(host) is yes


async def test_events_come_as_values_and_unknown_ones_are_passed_over(peer: Peer, client: EdgeVoiceClient) -> None:
    async with contextlib.aclosing(client.events()) as events:
        assert await anext(events) == Hello(id=ID, version=1, min_version=1, server_version="0.1.0")
        assert isinstance(await anext(events), Status)
        await peer.push({"type": "moon", "phase": "full"})
        await peer.push({"type": "turn", "turn": TURN})
        await peer.push({"type": "wake", "satellite": SATELLITE, "word": "hey_jarvis", "score": 1, "at": None})
        turn, wake = await anext(events), await anext(events)
    assert isinstance(turn, Turn)
    assert turn.text is None
    assert turn.latency_ms == {"capture": 64.0, "last_word_to_text": 182.2, "end_to_text": 4.0}
    assert wake == Wake(satellite=SATELLITE, word="hey_jarvis", score=1.0)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"kind": "turn"}', '{"type": "turn"}', '{"type": "turn", "turn": {"turn_id": "x", "at": "yesterday"}}',
     '{"type": "turn", "turn": {"turn_id": "x", "at": "2026-11-22T10:00:00"}}', '{"type": "wake", "word": 7}',
     '{"type": "turn", "turn": {"turn_id": "x", "at": "2026-11-22T10:00:00Z", "risk": NaN}}',
     '{"type": "turn", "turn": {"turn_id": "x", "at": "2026-11-22T10:00:00Z", "lanes": {}}}',
     '{"type": "turn", "turn": {"turn_id": "x", "at": "2026-11-22T10:00:00Z", "points": []}}'],
)  # fmt: skip
async def test_garbage_events_are_malformed(peer: Peer, client: EdgeVoiceClient, text: str) -> None:
    async with contextlib.aclosing(client.events()) as events:
        assert [type(await anext(events)), type(await anext(events))] == [Hello, Status]
        await peer.push_text(text)
        with pytest.raises(MalformedAnswerError) as raised:
            await anext(events)
    assert text not in str(raised.value)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", MalformedAnswerError),  # no frame has these bits
        (b"\x82\x02ab", MalformedAnswerError),  # a binary one
    ],
)
async def test_broken_frames_end_the_events(
    peer: Peer, client: EdgeVoiceClient, raw: bytes, error: type[EdgeVoiceError]
) -> None:
    async with contextlib.aclosing(client.events()) as events:
        assert [type(await anext(events)), type(await anext(events))] == [Hello, Status]
        await peer.push_raw(raw)
        with pytest.raises(error):
            await anext(events)


async def test_half_a_frame_and_a_cut_network_end_the_events(peer: Peer, client: EdgeVoiceClient) -> None:
    async with contextlib.aclosing(client.events()) as events:
        assert [type(await anext(events)), type(await anext(events))] == [Hello, Status]
        await peer.push_raw(b"\x81\x7e\xff\xff{")
        awaited = asyncio.create_task(anext(events, None))
        await asyncio.sleep(0.05)  # what was written arrives before the connection breaks
        await peer.drop()
        assert await awaited is None


async def test_a_hub_that_does_not_say_hello_first_is_left(peer: Peer, client: EdgeVoiceClient) -> None:
    peer.hello = {"type": "status", "status": peer.status}
    with pytest.raises(MalformedAnswerError):
        await anext(client.events())


async def test_a_hub_that_never_says_hello_is_left(
    peer: Peer, client: EdgeVoiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    monkeypatch.setattr(client_module, "HELLO_SECONDS", 0.1)
    peer.answers["/api/v1/events"] = silent
    with pytest.raises(SlowServerError):
        await anext(client.events())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, TokenRefusedError),
        (403, RefusedError),
        (404, NotEdgeVoiceError),
        (429, CannotConnectError),
        (503, CannotConnectError),
    ],
)
async def test_each_refused_upgrade_is_named(
    peer: Peer, client: EdgeVoiceClient, status: int, error: type[EdgeVoiceError]
) -> None:
    peer.answers["/api/v1/events"] = says("no", status=status)
    with pytest.raises(error):
        await anext(client.events())


async def test_events_end_when_the_hub_closes_them(peer: Peer, client: EdgeVoiceClient) -> None:
    seen = []
    async with contextlib.aclosing(client.events()) as events:
        async for event in events:
            seen.append(type(event))
            if isinstance(event, Status):
                for socket in tuple(peer.sockets):
                    await socket.close(code=1013)
    assert seen == [Hello, Status]


async def test_a_hub_that_refuses_to_tell_its_health_says_why(peer: Peer, client: EdgeVoiceClient) -> None:
    peer.answers["/health"] = says('{"code": "origin-refused", "message": "not my name"}', status=403)
    with pytest.raises(RefusedError) as raised:
        await client.health()
    assert raised.value.code == "origin-refused"
