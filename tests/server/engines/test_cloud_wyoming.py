"""A Wyoming server on the LAN as a lane: our own as the real one, and peers that say exactly what a test wants."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import psutil
import pytest

from tests.server.cloud.wyoming import wyoming_stand_in
from tests.server.cloud.wyoming_faults import WYOMING_FAULTS
from tests.server.engines.cloud_requests import asked, ending_of, lane_of
from tests.server.engines.recordings import golden
from tests.server.home import Home
from tests.server.peer import event
from wyoming_server.engines import cloud_wyoming
from wyoming_server.errors import (
    InvalidSettingsError,
    LaneBusyError,
    LaneEmptyError,
    LaneError,
    LaneFailedError,
    LaneLanguageError,
    LaneMalformedError,
    LaneNotPrivateError,
    LaneUnreachableError,
)
from wyoming_server.pipeline.lanes import LaneRequest

type Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TRANSCRIPT = event("transcript", {"text": "open the door", "language": "en"})


class Peer:
    """A server that speaks as told, and keeps what it was told."""

    def __init__(self) -> None:
        self.url, self.connections, self.open = "", 0, 0
        self.heard: list[tuple[str, dict[str, object], int]] = []
        """Type, data and payload length of every event."""

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Read until audio-stop."""
        while line := await reader.readline():
            header = json.loads(line)
            data = json.loads(await reader.readexactly(header.get("data_length") or 0) or b"{}")
            payload = await reader.readexactly(header.get("payload_length") or 0)
            self.heard.append((header["type"], data, len(payload)))
            if header["type"] == "audio-stop":
                return

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.heard]


@contextlib.asynccontextmanager
async def peer(*said: bytes, early: bytes = b"", hangs: bool = False) -> AsyncIterator[Peer]:
    """Serve a peer that says some bytes after audio-stop, or before it has read any, and closes."""
    one = Peer()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        one.connections += 1
        one.open += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                if early:
                    writer.write(early)
                    await writer.drain()
                    await asyncio.sleep(0.05)  # without reading
                else:
                    await one.listen(reader)
                    writer.writelines(said)
                await writer.drain()
                if hangs:
                    await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            one.open -= 1

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        one.url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield one
        for _ in range(500):
            if not one.open:
                break
            await asyncio.sleep(0.01)
        assert not one.open, "the lane left a connection open"


async def test_a_real_server_hears_the_speech(served: Home) -> None:
    async with lane_of(provider="wyoming", url=served.uri) as lane:
        await lane.warm()
        request = LaneRequest(samples=golden("turn_on_the_kitchen_light"), language="en")
        heard = await lane.transcribe(request)
    assert (heard.text, heard.language) == ("Turn on the kitchen light.", "en")
    assert heard.bytes_sent == 2 * len(request.samples)


async def test_the_lane_is_at_home_and_says_only_what_is_asked() -> None:
    async with peer(TRANSCRIPT) as lan, lane_of(provider="wyoming", url=lan.url, model="large") as lane:
        heard = await lane.transcribe(asked("en-GB", prompt=("Küche", "\ud800")))
        assert lane.settings.trust_class == "home"
    assert heard.text == "open the door"
    assert lan.heard[0] == ("transcribe", {"name": "large", "language": "en", "transcript_names": ["Küche"]}, 0)
    assert lan.kinds[1] == "audio-start"
    assert lan.kinds[-1] == "audio-stop"
    assert sum(length for *_, length in lan.heard) == heard.bytes_sent == 16_000


async def test_an_answer_before_the_audio_has_ended_is_taken() -> None:
    async with peer(early=TRANSCRIPT, hangs=True) as lan, lane_of(provider="wyoming", url=lan.url) as lane:
        assert (await lane.transcribe(asked(seconds=60.0))).text == "open the door"


async def test_pieces_count_once_the_server_says_that_they_are_all() -> None:
    pieces = [event("transcript-start", {}), *(event("transcript-chunk", {"text": one}) for one in ("open ", "it"))]
    async with peer(*pieces, event("transcript-stop", {})) as lan, lane_of(provider="wyoming", url=lan.url) as lane:
        assert (await lane.transcribe(asked())).text == "open it"
    async with peer(*pieces) as lan, lane_of(provider="wyoming", url=lan.url) as lane:
        with pytest.raises(LaneFailedError, match="without an answer"):
            await lane.transcribe(asked())


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (b"", LaneFailedError),
        (event("error", {"text": "it says: open the door", "code": "overloaded"}), LaneBusyError),
        (event("error", {"text": "no model"}), LaneFailedError),
        (event("error", {}), LaneFailedError),
        (event("transcript", {"text": " \n"}), LaneEmptyError),
        (event("transcript", {"text": "..."}), LaneEmptyError),
        (event("transcript", {"text": "öffne die Tür", "language": "de"}), LaneLanguageError),
        (event("transcript", {"text": "x" * 5000}), LaneMalformedError),
        (event("transcript", {"text": 7}), LaneMalformedError),
        (event("transcript", {}), LaneMalformedError),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", LaneMalformedError),
        (b"<html>\n", LaneMalformedError),
        (b"[]\n", LaneMalformedError),
        (b'{"data": {}}\n', LaneMalformedError),
        (b'{"type": 7}\n', LaneMalformedError),
        (b'{"type": "transcript", "data": []}\n', LaneMalformedError),
        (b'{"type": "transcript", "data_length": "x"}\n', LaneMalformedError),
        (b"[" * 60_000 + b"\n", LaneMalformedError),
        (b"x" * 300_000, LaneMalformedError),
        (b'{"type": "transcript", "data_length": 1000000000}\n', LaneMalformedError),
        (event("transcript-chunk", {"text": "x" * 60_000}) * 6, LaneMalformedError),
        (TRANSCRIPT[:-4], LaneFailedError),
    ],
    ids=range(22),
)
async def test_whatever_a_server_says_ends_as_one_of_the_lanes_errors(said: bytes, refusal: type[LaneError]) -> None:
    async with peer(said) as lan, lane_of(provider="wyoming", url=lan.url) as lane:
        with pytest.raises(refusal) as refused:
            await lane.transcribe(asked())
    assert refused.value.lane == "a lane"
    assert "'a lane'" in str(refused.value)
    assert "door" not in str(refused.value)


async def test_every_fault_of_a_server_ends_as_it_may() -> None:
    wrong = {}
    async with wyoming_stand_in() as lan:
        for name, fault in WYOMING_FAULTS.items():
            lan.well()
            async with lane_of(**lan.lane(url=lan.set(name))) as lane:
                ending, said = await ending_of(lane, asked(), 0.2 if fault.lasts else 10.0)
            if ending not in fault.endings or (said and "'wyoming'" not in said):
                wrong[name] = (ending, said, fault.endings)
        assert lan.refusals == []
    assert wrong == {}


async def test_a_warmed_connection_is_used_once_and_a_dead_one_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer(TRANSCRIPT) as lan, lane_of(provider="wyoming", url=lan.url) as lane:
        await lane.warm()
        await lane.warm()
        assert lan.connections == 1
        await lane.transcribe(asked())
        assert lan.connections == 1
        await lane.transcribe(asked())
        assert lan.connections == 2


async def test_a_warmed_connection_that_nobody_uses_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_wyoming, "WARM_SECONDS", 0.02)
    async with peer(TRANSCRIPT) as lan, lane_of(provider="wyoming", url=lan.url) as lane:
        await lane.warm()
        for _ in range(200):
            if not lan.open:
                break
            await asyncio.sleep(0.01)
        assert (lan.connections, lan.open) == (1, 0)
        assert (await lane.transcribe(asked())).text == "open the door"


async def test_cancelling_leaves_no_connection_and_no_task() -> None:
    before, steps = psutil.Process().num_fds(), 0
    async with peer(hangs=True) as lan, lane_of(provider="wyoming", url=lan.url) as lane:
        while "audio-stop" not in lan.kinds:
            asking = asyncio.create_task(lane.transcribe(asked()))
            for _ in range(steps):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            assert [task for task in asyncio.all_tasks() if "sends" in task.get_name()] == []
            steps += 1
            assert steps < 10_000
    await asyncio.sleep(0)
    assert psutil.Process().num_fds() <= before


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with lane_of(provider="wyoming", url="tcp://127.0.0.1:1") as lane:
        await lane.warm()
        with pytest.raises(LaneUnreachableError, match=r"127\.0\.0\.1:1"):
            await lane.transcribe(asked())


@pytest.mark.parametrize("host", ["1.1.1.1", "[2606:4700::1111]", "100.64.0.9"])
async def test_an_address_outside_the_home_is_not_connected_to(host: str) -> None:
    async with lane_of(provider="wyoming", url=f"tcp://{host}:10300") as lane:
        with pytest.raises(LaneNotPrivateError, match="private address"):
            await lane.transcribe(asked())


async def test_a_name_that_moves_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, leads_to = asyncio.get_running_loop(), ["127.0.0.1"]
    resolve = loop.getaddrinfo

    async def moving(host: str, port: int, **more: int) -> object:
        return await resolve(leads_to[0] if host == "gpu.lan" else host, port, **more)

    monkeypatch.setattr(loop, "getaddrinfo", moving)
    async with (
        peer(TRANSCRIPT) as lan,
        lane_of(provider="wyoming", url=lan.url.replace("127.0.0.1", "gpu.lan")) as lane,
    ):
        assert (await lane.transcribe(asked())).text == "open the door"
        leads_to[0] = "1.1.1.1"
        with pytest.raises(LaneNotPrivateError):
            await lane.transcribe(asked())


@pytest.mark.parametrize("url", ["", "http://192.168.1.2:10300", "tcp://192.168.1.2", "tcp://:10300", "tcp://x:99999"])
async def test_an_address_that_is_none_is_refused_when_the_lane_is_made(url: str) -> None:
    with pytest.raises(InvalidSettingsError, match=r"tcp://192\.168"):
        async with lane_of(provider="wyoming", url=url):
            pass


async def test_wyoming_in_the_cloud_is_refused_for_it_knows_no_encryption() -> None:
    with pytest.raises(InvalidSettingsError, match="encryption"):
        async with lane_of(provider="wyoming", url="tcp://speech.example:10300", trust="cloud"):
            pass
