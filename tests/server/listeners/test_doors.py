"""tcp://, unix:// and stdio://, who is let in, and how the server ends."""

import asyncio
import contextlib
import ipaddress
import json
import signal
import socket
import subprocess
import types
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.errors import AddressRefusedError, InvalidSettingsError, PortBusyError, TooManyConnectionsError
from wyoming_server.listeners.wyoming_port import WyomingPort
from wyoming_server.serve import running

from ..home import Home, ServerProcess, home, settings_for_tests
from ..peer import KITCHEN, audio, connected, event, kitchen

type StartServer = Callable[..., ServerProcess]

PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}


def _events(output: bytes) -> list[tuple[str, dict[str, object]]]:
    """Return the events that some bytes are, to the last byte."""
    found = []
    while output:
        line, _, output = output.partition(b"\n")
        header = json.loads(line)
        length = header.get("data_length", 0)
        found.append((header["type"], json.loads(output[:length]) if length else {}))
        output = output[length + header.get("payload_length", 0) :]
    return found


async def test_standard_input_and_output_carry_a_turn_and_nothing_else(start_server: StartServer) -> None:
    server = start_server("--uri", "stdio://", "--log-level", "debug", **PIPES)
    said = event("describe") + event("transcribe", {}) + b"".join(audio(kitchen().pcm))
    await server.uri()
    output, _ = await asyncio.to_thread(server.process.communicate, said, 60)
    events = _events(output)
    assert events[0][0] == "info"
    assert [data["text"] for kind, data in events if kind == "transcript"] == [KITCHEN]
    assert events[-1][0] == "transcript-stop"
    assert server.process.returncode == 0
    assert "Traceback" not in server.log
    assert "Warning" not in server.log


async def test_nonsense_at_standard_input_gets_its_code_and_ends_the_server(start_server: StartServer) -> None:
    server = start_server("--uri", "stdio://", **PIPES)
    output, _ = await asyncio.to_thread(server.process.communicate, b"{nonsense\n", 60)
    assert [data["code"] for _, data in _events(output)] == ["malformed-event"]
    assert server.process.returncode == 0
    assert "Traceback" not in server.log


async def test_a_peer_that_closes_our_standard_output_ends_the_server(start_server: StartServer) -> None:
    server = start_server("--uri", "stdio://", **PIPES)
    assert server.process.stdin
    assert server.process.stdout
    server.process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        server.process.stdin.write(event("ping", {"text": "x"}) * 100)
        server.process.stdin.close()
    assert await server.ended() == 0
    assert "Traceback" not in server.log


async def test_standard_input_that_is_no_pipe_is_refused(start_server: StartServer) -> None:
    server = start_server("--uri", "stdio://", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert await server.ended() == 2
    assert server.log.splitlines()[-1].startswith("edge-voice: invalid-settings: server.uris is 'stdio://'")
    assert "Traceback" not in server.log


async def test_a_unix_socket_serves_and_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "voice.sock"
    with home(settings_for_tests(tmp_path, server={"uris": [f"unix://{path}", "tcp://127.0.0.1:0"]})) as served:
        assert len(served.uris) == 2
        for uri in served.uris:
            async with connected(uri) as peer:
                await peer.serves()
    assert not path.exists()


async def test_a_socket_that_a_killed_server_left_is_replaced(tmp_path: Path, start_server: StartServer) -> None:
    uri = f"unix://{tmp_path / 'voice.sock'}"
    first = start_server("--uri", uri)
    await first.uri()
    first.kill()
    assert (tmp_path / "voice.sock").exists()
    second = start_server("--uri", uri)
    await second.uri()
    async with connected(uri) as peer:
        await peer.serves()
    assert await second.stop() == 0
    assert not (tmp_path / "voice.sock").exists()


@pytest.fixture
async def port() -> AsyncIterator[WyomingPort]:
    """A port that opens doors; nobody is served behind them."""
    services: Any = types.SimpleNamespace(max_event_bytes=1)
    async with WyomingPort(lambda: services, allow=("203.0.113.0/24",), connections_per_address=2) as one:
        yield one


async def test_the_address_of_a_live_server_stays_its_own(tmp_path: Path, port: WyomingPort) -> None:
    path = tmp_path / "voice.sock"
    with home(settings_for_tests(tmp_path, server={"uris": [f"unix://{path}"]})) as served:
        with pytest.raises(PortBusyError, match="listens there already"):
            await port.listen(f"unix://{path}")
        async with connected(served.uri) as peer:
            await peer.serves()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with pytest.raises(PortBusyError, match="already in use"):
                await port.listen(f"tcp://127.0.0.1:{taken.getsockname()[1]}")


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path, port: WyomingPort) -> None:
    (tmp_path / "letters").write_text("dear")
    with pytest.raises(PortBusyError):
        await port.listen(f"unix://{tmp_path / 'letters'}")
    assert (tmp_path / "letters").read_text() == "dear"


@pytest.mark.parametrize(
    "uri",
    [
        "unix:///nowhere/at/all/voice.sock",
        "unix://" + "x" * 300,
        "tcp://203.0.113.1:0",
        "tcp://no.such.host.invalid:0",
        "tcp://..:0",
        "tcp://" + "x" * 300 + ":0",
    ],
)
async def test_an_address_that_cannot_be_opened_is_named(port: WyomingPort, uri: str) -> None:
    with pytest.raises(PortBusyError, match=r"cannot be listened on.*--uri"):
        await port.listen(uri)


@pytest.mark.parametrize("uri", ["tcp://127.0.0.1", "tcp://:1", "tcp://a:b", "tcp://127.0.0.1:65536", "unix://"])
async def test_an_address_that_is_none_is_a_wrong_setting(port: WyomingPort, uri: str) -> None:
    with pytest.raises(InvalidSettingsError, match=r"server\.uris is .*allowed is"):
        await port.listen(uri)


HOME = (
    "127.0.0.1 127.8.8.8 10.1.2.3 172.16.0.1 172.31.255.255 192.168.178.20 169.254.1.1 ::1 fd00::5 fe80::1 203.0.113.9"
)
ABROAD = "8.8.8.8 172.32.0.1 192.169.0.1 100.64.0.1 203.0.112.255 2001:db8::1 2002:808:808::1 2001:0:808::1 2a00::1"


async def test_the_homes_networks_and_those_allowed_may_connect(port: WyomingPort) -> None:
    for address in HOME.split():
        port._check(str(ipaddress.ip_address(address)))
    port._check("")  # a Unix socket
    for address in ABROAD.split():
        with pytest.raises(AddressRefusedError, match=f"--allow {address}"):
            port._check(str(ipaddress.ip_address(address)))


async def test_an_address_holds_as_many_connections_as_it_may(tmp_path: Path) -> None:
    settings = settings_for_tests(tmp_path, server={"connections_per_address": 2})
    with home(settings) as served:
        async with connected(served.uri) as first:
            async with connected(served.uri) as second:
                for peer in (first, second):
                    await peer.say(event("ping"))
                    await peer.until("pong")
                for _ in range(3):
                    async with connected(served.uri) as third:
                        # It talks before it listens, as peers do: the refusal has to reach it all the same.
                        code = await third.code(*[event("describe")] * 10)
                        assert code == TooManyConnectionsError.code
                        assert await third.is_closed()
                await first.serves()
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(100):
                    fourth = await stack.enter_async_context(connected(served.uri))
                    await fourth.say(event("ping"))
                    if (await fourth.until("pong", "error")).kind == "pong":
                        break
                    await stack.aclose()
                await fourth.serves()


async def test_nothing_is_kept_of_addresses_that_left(port: WyomingPort) -> None:
    """Counting would otherwise grow by every address that ever came."""
    await port.listen("tcp://127.0.0.1:0")
    for _ in range(3):
        async with connected(port.uris[0]):
            pass
    for _ in range(500):
        await asyncio.sleep(0.01)
        if not port._tasks:
            break
    assert not port._per_address
    assert not port._tasks


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_server_cleanly_in_mid_turn(start_server: StartServer, number: int) -> None:
    server = start_server("--uri", "tcp://127.0.0.1:0", environ={"PYTHONWARNINGS": "always", "PYTHONASYNCIODEBUG": "1"})
    (uri,) = await server.uri()
    async with connected(uri) as speaking, connected(uri) as idle:
        start, *chunks, _ = audio(kitchen().pcm)
        await speaking.say(event("transcribe", {}), start, *chunks[:40])
        await speaking.until("voice-started")
        await idle.say(event("ping"))
        await idle.until("pong")
        assert await server.stop(number) == 0
        assert await speaking.is_closed()
        assert await idle.is_closed()
    assert "Traceback" not in server.log
    ours = [line for line in server.log.splitlines() if "Warning" in line and "wyoming_server" in line]
    assert not ours


async def test_a_busy_port_is_one_line_and_status_2(start_server: StartServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        uri = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        server = start_server("--uri", "tcp://127.0.0.1:0", "--uri", uri, "--log-level", "error")
        assert await server.ended() == 2
    assert server.log.startswith(f"edge-voice: port-busy: {uri} cannot be listened on: ")
    assert server.log.count("\n") == 1


async def test_a_server_that_cannot_open_its_second_address_closes_its_first(tmp_path: Path, served: Home) -> None:
    path = tmp_path / "voice.sock"
    settings = settings_for_tests(tmp_path, server={"uris": [f"unix://{path}", served.uri]})
    with pytest.raises(PortBusyError):
        async with running(settings):
            raise AssertionError("it listens twice at one address")
    assert not path.exists()
