"""The control port: who gets in, what is refused and how, and that it leaves nothing behind."""

import asyncio
import io
import logging
import socket
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from wyoming_server.errors import (
    CapReachedError,
    DecodeError,
    DiskError,
    EdgeVoiceError,
    InvalidSettingsError,
    LaneCredentialsError,
    ModelMissingError,
    NotConsentedError,
    OverloadedError,
    PlainHttpRefusedError,
    PortBusyError,
    TooManyRequestsError,
    UnknownLaneError,
    UnknownProviderError,
    UnknownTurnError,
)
from wyoming_server.listeners import control_guards, control_visitors
from wyoming_server.listeners.control_access import rotated_token
from wyoming_server.listeners.control_connections import Connections
from wyoming_server.listeners.control_door import open_control
from wyoming_server.listeners.control_settings import ControlSettings

from .control_home import ID, NOW, Behind, Caller, Clock, control

STATUS = "/api/v1/status"


@pytest.fixture
async def caller(tmp_path: Path) -> AsyncIterator[Caller]:
    async with control(tmp_path) as one:
        yield one


async def raw(port: int, request: bytes) -> bytes:
    """Send bytes and return all that comes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_health_is_open_to_all_and_says_when_nothing_can_be_heard(caller: Caller) -> None:
    well = await caller.ask("GET", "/health", token="")
    assert (well.status, well.body["id"]) == (200, ID)
    caller.behind.state = "starting"
    assert (await caller.ask("GET", "/health", token="")).status == 200
    caller.behind.state = "unavailable"
    assert (await caller.ask("GET", "/health", token="")).status == 503
    assert caller.behind.admitted == []


async def test_the_token_opens_and_admits_the_address(caller: Caller) -> None:
    answer = await caller.ask("GET", STATUS)
    assert (answer.status, answer.body) == (200, {"mode": "normal"})
    assert caller.behind.admitted == ["127.0.0.1"]


@pytest.mark.parametrize(
    "path",
    [
        STATUS,
        "/api/v1/nothing",
        "/metrics",
        "/scorecard",
        "/pages",
        "/api/v1/openapi.json",
        "/health/",
        "/healthy",
    ],
)
async def test_nothing_else_is_open(caller: Caller, path: str) -> None:
    answer = await caller.ask("GET", path, token="")
    assert (answer.status, answer.code) == (401, "token-refused")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert caller.behind.admitted == []


@pytest.mark.parametrize(
    "shown", ["Bearer wrong", "Bearer", "Bearer  ", "Basic {token}", "{token}", "Bearer {token}x", "Bearer ümläut"]
)
async def test_a_wrong_token_is_refused(caller: Caller, shown: str) -> None:
    headers = {"Authorization": shown.format(token=caller.door.token)}
    assert (await caller.ask("GET", STATUS, token="", headers=headers)).code == "token-refused"


async def test_the_scheme_may_be_written_small(caller: Caller) -> None:
    headers = {"Authorization": f"bearer {caller.door.token}"}
    assert (await caller.ask("GET", STATUS, token="", headers=headers)).status == 200


async def test_wrong_tokens_are_slowed_down_and_the_right_one_is_not(caller: Caller) -> None:
    for _ in range(control_visitors.WRONG_TOKENS.most):
        assert (await caller.ask("GET", STATUS, token="wrong")).status == 401
    slowed = await caller.ask("GET", STATUS, token="wrong")
    assert (slowed.status, slowed.code) == (429, "too-many-requests")
    assert int(slowed.headers["Retry-After"]) == control_visitors.WRONG_TOKENS.seconds_each
    assert (await caller.ask("GET", STATUS)).status == 200
    caller.clock.now_s += control_visitors.WRONG_TOKENS.seconds_each
    assert (await caller.ask("GET", STATUS, token="wrong")).status == 401


async def test_requests_without_a_token_are_no_guesses(caller: Caller) -> None:
    for _ in range(control_visitors.WRONG_TOKENS.most + 5):
        assert (await caller.ask("GET", STATUS, token="")).status == 401


async def test_a_rotated_token_ends_the_old_one_at_once(caller: Caller, tmp_path: Path) -> None:
    old = caller.door.token
    assert (await caller.ask("GET", STATUS)).status == 200
    new = await asyncio.to_thread(rotated_token, tmp_path)
    assert (await caller.ask("GET", STATUS, token=old)).status == 401
    assert (await caller.ask("GET", STATUS, token=new)).status == 200
    assert caller.door.token == new != old


async def test_a_rotated_token_closes_what_the_old_one_opened(caller: Caller, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {caller.door.token}"}
    async with caller.session.ws_connect("/api/v1/events", headers=headers) as events:
        assert (await events.receive_json(timeout=10))["type"] == "hello"
        await asyncio.to_thread(rotated_token, tmp_path)
        while (message := await events.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert (message.type, events.close_code) == (aiohttp.WSMsgType.CLOSE, 4401)


async def test_a_stop_says_goodbye_to_open_sockets_and_leaves_no_task(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with control(tmp_path) as caller:
        session = aiohttp.ClientSession()
        headers = {"Authorization": f"Bearer {caller.door.token}"}
        events = await session.ws_connect(f"{caller.door.url}/api/v1/events", headers=headers)
        await events.receive_json(timeout=10)
        leaving = asyncio.create_task(_close_code(events))
        _, idle = await asyncio.open_connection("127.0.0.1", caller.door.port)
        idle.write(b"GET /health HTTP/1.1\r\n")
    assert await leaving == 1001
    idle.close()
    await session.close()
    assert asyncio.all_tasks() - before == set()


async def _close_code(socket_: aiohttp.ClientWebSocketResponse) -> int | None:
    while (await socket_.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
        pass
    return socket_.close_code


async def test_a_client_that_reads_nothing_cannot_hold_up_the_stop(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with asyncio.timeout(30):
        async with control(tmp_path) as caller:
            caller.behind.floods = True
            mute = socket.create_connection(("127.0.0.1", caller.door.port))
            mute.sendall(
                b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                b"Authorization: Bearer " + caller.door.token.encode() + b"\r\n\r\n"
            )
            await caller.behind.listened.wait()
            await asyncio.sleep(0.2)  # until both ends' buffers are full
        mute.close()
    assert asyncio.all_tasks() - before == set()


async def test_a_body_that_breaks_off_harms_nobody(caller: Caller) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", caller.door.port)
    head = (
        "POST /api/v1/pair HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    )
    writer.write(head.encode())
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.close()
    await writer.wait_closed()
    assert (await caller.ask("GET", STATUS)).status == 200


async def test_the_port_can_be_had_again_after_a_stop(tmp_path: Path) -> None:
    async with control(tmp_path) as first:
        await first.ask("GET", "/health")
        port, token = first.door.port, first.door.token
    async with control(tmp_path, address=f"127.0.0.1:{port}") as second:
        assert (await second.ask("GET", STATUS, token=token)).status == 200


async def test_a_busy_port_names_the_cure(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortBusyError, match="--http HOST:PORT"):
        async with control(tmp_path, address=f"127.0.0.1:{taken.getsockname()[1]}"):
            pass


async def test_a_disk_that_takes_no_token_closes_the_door_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    settings = ControlSettings(address="127.0.0.1:0")
    opened = open_control(settings, Behind(), data_dir=tmp_path / "file", allow=(), clock=Clock(), wall=lambda: NOW)
    async with opened as door:
        assert door is None
    assert "the control API stays closed: " in caplog.text
    assert "control-token" in caplog.text
    caplog.clear()  # this one error was wanted


@pytest.mark.parametrize("address", ["", "10380", "127.0.0.1", "::1:10380", "host:port", "host:70000", "[]:1", "on"])
async def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(InvalidSettingsError, match=r"control\.address"):
        async with control(tmp_path, address=address):
            pass


async def test_ipv6_is_an_address_like_any_other(tmp_path: Path) -> None:
    async with control(tmp_path, address="[::1]:0") as caller:
        url = f"{caller.door.url}{STATUS}"
        assert url.startswith("http://[::1]:")
        headers = {"Authorization": f"Bearer {caller.door.token}"}
        async with aiohttp.request("GET", url, headers=headers) as answer:
            assert answer.status == 200
        assert caller.behind.admitted == ["::1"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:10380", "8.8.8.8", "localhost.evil.example", "", "user@localhost", "[::1", "a/b"],
)
async def test_a_name_that_is_none_of_ours_is_refused(caller: Caller, host: str) -> None:
    request = f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = await raw(caller.door.port, request.encode())
    assert b" 403 " in answer.partition(b"\r\n")[0]
    assert b"origin-refused" in answer


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: localhost\r\n"])
async def test_a_request_names_exactly_one_host(caller: Caller, hosts: bytes) -> None:
    answer = await raw(caller.door.port, b"GET /health HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
    assert answer.partition(b"\r\n")[0].split()[1] in {b"400", b"403"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:1", "LOCALHOST", "192.168.1.7:10380", "[::1]:10380", "[fe80::1]", "edge.home:443"]
)
async def test_every_address_of_the_home_and_the_names_in_the_settings_are_ours(tmp_path: Path, host: str) -> None:
    async with control(tmp_path, hosts=("Edge.Home",)) as caller:
        assert (await caller.ask("GET", "/health", headers={"Host": host})).status == 200


async def test_this_machine_goes_by_its_name(caller: Caller) -> None:
    machine = socket.gethostname().partition(".")[0]
    for name in (machine, f"{machine}.local", f"{machine.upper()}.local.:10380"):
        assert (await caller.ask("GET", "/health", headers={"Host": name})).status == 200, name


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "127.0.0.1", "http://["])
async def test_pages_of_other_sites_are_refused(caller: Caller, origin: str) -> None:
    for method, path in (("GET", STATUS), ("POST", "/api/v1/pair/start"), ("GET", "/health")):
        answer = await caller.ask(method, path, headers={"Origin": origin})
        assert (answer.status, answer.code) == (403, "origin-refused")
    assert caller.behind.admitted == []


async def test_its_own_page_may_ask(caller: Caller) -> None:
    assert (await caller.ask("GET", STATUS, headers={"Origin": caller.door.url})).status == 200


async def test_peers_from_outside_are_refused_and_those_allowed_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_guards, "HOME_NETWORKS", ())
    async with control(tmp_path) as caller:
        answer = await caller.ask("GET", "/health")
        assert (answer.status, answer.code) == (403, "address-refused")
        assert "--allow 127.0.0.1" in answer.body["message"]
    async with control(tmp_path, allow=("127.0.0.0/30",)) as caller:
        assert (await caller.ask("GET", STATUS)).status == 200


async def test_what_is_not_there_is_said_in_json(caller: Caller) -> None:
    absent = await caller.ask("GET", "/api/v1/nothing")
    assert (absent.status, absent.code) == (404, "not-found")
    wrong = await caller.ask("DELETE", STATUS)
    assert (wrong.status, wrong.code) == (405, "wrong-method")
    assert "GET" in wrong.headers["Allow"]
    kind = await caller.ask("POST", "/api/v1/pair", data=b"<xml/>", headers={"Content-Type": "text/xml"})
    assert (kind.status, kind.code) == (415, "wrong-content-type")


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"1", b'"text"', b"\xff", b"[" * 100_000, b'{"code": 123456}'])
async def test_a_body_that_is_not_what_was_asked_for_is_refused(caller: Caller, body: bytes) -> None:
    answer = await caller.ask("POST", "/api/v1/pair", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, "invalid-request")


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_beyond_its_limit_is_refused(caller: Caller, declared: bool) -> None:
    body = b" " * (control_guards.BODY_BYTES + 1)

    async def piecewise() -> AsyncIterator[bytes]:
        yield body

    sent = io.BytesIO(body) if declared else piecewise()
    answer = await caller.ask("POST", "/api/v1/pair", data=sent, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (413, "body-too-large")


async def test_a_recording_may_be_larger_than_other_bodies(caller: Caller) -> None:
    recording = io.BytesIO()
    with wave.open(recording, "wb") as writer:
        writer.setparams((1, 2, 16_000, 0, "NONE", "not compressed"))
        writer.writeframes(bytes(control_guards.BODY_BYTES))
    size = len(recording.getvalue())
    recording.seek(0)
    answer = await caller.ask("POST", "/api/v1/transcribe", data=recording, headers={"Content-Type": "audio/wav"})
    assert (answer.code, answer.body["message"]) == ("malformed-audio", f"{size} bytes")


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (UnknownProviderError("none has that name"), 400),
        (InvalidSettingsError("not in its range"), 400),
        (LaneCredentialsError("the key is wrong"), 400),
        (NotConsentedError("tick it"), 403),
        (PlainHttpRefusedError("use TLS"), 403),
        (UnknownTurnError("too old"), 404),
        (UnknownLaneError("none has that name"), 404),
        (CapReachedError("tomorrow"), 409),
        (TooManyRequestsError("wait", retry_after_s=1.5), 429),
        (DiskError("full"), 503),
        (ModelMissingError("fetch it"), 503),
        (OverloadedError("wait"), 503),
    ],
)
async def test_every_refusal_has_its_status(caller: Caller, refusal: EdgeVoiceError, status: int) -> None:
    caller.behind.failure = refusal
    answer = await caller.ask("GET", STATUS)
    assert (answer.status, answer.body) == (status, {"code": refusal.code, "message": str(refusal)})
    assert answer.headers.get("Retry-After") == ("2" if status == 429 else None)


@pytest.mark.parametrize(
    ("failure", "code"), [(ValueError("he said open the door"), "internal-error"), (DecodeError(), "decode-failed")]
)
async def test_a_failure_of_ours_says_where_and_never_what(
    caller: Caller, caplog: pytest.LogCaptureFixture, failure: Exception, code: str
) -> None:
    caller.behind.failure = failure
    answer = await caller.ask("GET", STATUS)
    assert (answer.status, answer.code) == (500, code)
    assert code == "decode-failed" or "control_home.py:" in caplog.text
    assert "open the door" not in caplog.text + str(answer.body)
    caplog.clear()  # this one error was wanted
    caller.behind.failure = None
    assert (await caller.ask("GET", STATUS)).status == 200


async def test_every_answer_tells_browsers_to_make_nothing_else_of_it(caller: Caller) -> None:
    for path, token in (("/health", ""), (STATUS, None), (STATUS, ""), ("/api/v1/nothing", None)):
        headers = (await caller.ask("GET", path, token=token)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Content-Type"].startswith("application/json")
        assert "aiohttp" not in headers["Server"].lower()


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b'{"type": "describe"}\n\r\n\r\n', b"\x00" * 70_000,
     b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"],
)  # fmt: skip
async def test_garbage_ends_its_own_connection_only(caller: Caller, garbage: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", caller.door.port)
    writer.write(garbage)
    writer.write_eof()
    with_reset = await asyncio.gather(asyncio.wait_for(reader.read(), 10), return_exceptions=True)
    assert not isinstance(with_reset[0], TimeoutError)
    writer.close()
    assert (await caller.ask("GET", STATUS)).status == 200


async def test_no_log_holds_the_token_or_a_body(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "open sesame"
    await caller.ask("GET", STATUS)
    await caller.ask("GET", f"{STATUS}?x={secret}", token=secret.replace(" ", "-"))
    await caller.ask("POST", "/api/v1/pair", json={"code": secret})
    told = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("wyoming_server"))
    assert told
    assert [one for one in (caller.door.token, secret, secret.replace(" ", "-")) if one in told] == []


class _Far(asyncio.Transport):
    """A connection's other end, from one address."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.168.1.9", 4711)})
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class _Heard(asyncio.Protocol):
    """What a server makes for a connection."""

    def __init__(self) -> None:
        self.heard = b""
        self.made = self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made = True

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


async def test_one_address_holds_only_so_many_connections() -> None:
    inner = [_Heard(), _Heard(), _Heard()]
    parts = iter(inner)
    make = Connections(lambda: next(parts), most=1)
    links = [_Far(), _Far(), _Far()]
    first, second = make(), make()
    first.connection_made(links[0])
    second.connection_made(links[1])
    second.data_received(b"GET /")
    second.connection_lost(None)
    assert [one.aborted for one in links] == [False, True, False]
    assert (inner[1].made, inner[1].heard, inner[1].lost) == (False, b"", False)
    first.connection_lost(None)
    third = make()
    third.connection_made(links[2])
    assert inner[2].made
    third.connection_lost(None)


async def test_who_never_asks_is_cut_off_and_who_asked_is_not() -> None:
    make = Connections(_Heard, seconds=0.01)
    silent, asking = _Far(), _Far()
    protocols = [make(), make()]
    protocols[0].connection_made(silent)
    protocols[1].connection_made(asking)
    for piece in (b"GET / HTTP/1.1\r", b"\nHost: x\r\n", b"\r", b"\n"):
        protocols[1].data_received(piece)
    for _ in range(500):
        if silent.aborted:
            break
        await asyncio.sleep(0.01)
    assert (silent.aborted, asking.aborted) == (True, False)
    for one in protocols:
        one.connection_lost(None)
