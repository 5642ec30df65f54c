"""One utterance over Wyoming, against the real hub and against peers that fail in each way."""

import asyncio
import wave
from collections.abc import AsyncIterator, Iterable

import pytest
from wyoming.asr import Transcript as WireTranscript
from wyoming.error import Error
from wyoming.event import Event

from custom_components.edge_voice import wyoming_client
from custom_components.edge_voice.errors import (
    CannotConnectError,
    EdgeVoiceError,
    NotEdgeVoiceError,
    RefusedError,
    SlowServerError,
)
from custom_components.edge_voice.wyoming_client import Transcript, WyomingTarget, speaks_wyoming, transcribe
from tests.home_assistant.server_process import ROOT, ServerProcess
from tests.integration.peer import WyomingPeer, babbling, listening

CHUNK = bytes(320)
HEARD = WireTranscript(
    text="turn on the light", language="en", context={"edge_voice": {"turn_id": "t1", "route": "edge"}}
).event()


async def chunks(count: int, *, gap_s: float = 0.0) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(gap_s)
        yield CHUNK


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield CHUNK
        await asyncio.sleep(0.001)


async def say(port: int, audio: AsyncIterator[bytes], **timeouts: float) -> Transcript:
    target = WyomingTarget(host="127.0.0.1", port=port)
    return await transcribe(target, language="en", context={"session_id": "s"}, chunks=audio, **timeouts)


def recorded(name: str) -> Iterable[bytes]:
    with wave.open(str(ROOT / "wyoming_server/recordings" / name)) as wav:
        while frame := wav.readframes(160):
            yield frame


async def test_the_real_hub_hears_a_recording(socket_enabled: None, server: ServerProcess) -> None:
    frames = await asyncio.to_thread(lambda: list(recorded("door.wav")))

    async def spoken() -> AsyncIterator[bytes]:
        for frame in frames:
            yield frame

    heard = await say(server.port, spoken())
    assert heard.text == "Lock the front door."
    assert heard.fields["route"] == "edge"
    assert heard.fields["turn_id"]


async def test_all_audio_arrives_in_batches_after_the_context(socket_enabled: None) -> None:
    peer = WyomingPeer([Event("transcript-start"), HEARD])
    async with listening(peer.handle) as port:
        heard = await say(port, chunks(5))
        await peer.hung_up.wait()
    assert heard == Transcript(text="turn on the light", language="en", fields={"turn_id": "t1", "route": "edge"})
    assert bytes(peer.heard) == CHUNK * 5
    assert [one.type for one in peer.events] == ["transcribe", "audio-start", *["audio-chunk"] * 3, "audio-stop"]
    assert peer.events[0].data == {"language": "en", "context": {"edge_voice": {"session_id": "s"}}}


async def test_a_transcript_that_comes_early_ends_the_upload_and_leaves_nothing(socket_enabled: None) -> None:
    peer = WyomingPeer([HEARD], after_bytes=len(CHUNK) * 10)
    before = asyncio.all_tasks()
    audio = endless()
    async with listening(peer.handle) as port:
        assert (await say(port, audio)).text == "turn on the light"
        await peer.hung_up.wait()
    assert asyncio.all_tasks() == before
    await audio.aclose()


async def test_a_transcript_of_another_server_has_no_fields(socket_enabled: None) -> None:
    for context in (None, {"edge_voice": "no"}, {"other": {}}):
        async with listening(WyomingPeer([WireTranscript(text="hm", context=context).event()]).handle) as port:
            assert await say(port, chunks(1)) == Transcript(text="hm")


async def test_a_refusal_of_the_hub_keeps_its_code(socket_enabled: None) -> None:
    async with listening(WyomingPeer([Error(text="too much to do", code="overloaded").event()]).handle) as port:
        with pytest.raises(RefusedError) as raised:
            await say(port, chunks(1))
    assert (raised.value.code, raised.value.message) == ("overloaded", "too much to do")
    async with listening(WyomingPeer([Event("error")]).handle) as port:
        with pytest.raises(RefusedError):
            await say(port, chunks(1))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", CannotConnectError),
        (b"\x00\xff\n", CannotConnectError),
        (b'{"data_length": 100, "type": "transcript"}\n{', CannotConnectError),
        (b'{"version": 1}\n', NotEdgeVoiceError),
        (b"[1, 2]\n", NotEdgeVoiceError),
        (b'{"type": "transcript", "data_length": "seven"}\n', NotEdgeVoiceError),
        (b'{"type": "transcript", "data": {"text": 7}}\n', NotEdgeVoiceError),
    ],
)
async def test_garbage_and_half_an_event_are_named(
    socket_enabled: None, answer: bytes, error: type[EdgeVoiceError]
) -> None:
    async with babbling(answer) as port:
        with pytest.raises(error):
            await say(port, endless())


async def test_a_hub_that_never_answers_is_given_up_after_the_audio(socket_enabled: None) -> None:
    async with listening(WyomingPeer([]).handle) as port:
        with pytest.raises(SlowServerError):
            await say(port, chunks(3), answer_timeout=0.05)


async def test_a_hub_that_takes_no_audio_is_given_up(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming_client, "WRITE_SECONDS", 0.05)

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def loud() -> AsyncIterator[bytes]:
        while True:
            yield bytes(2**20)

    async with listening(deaf) as port:
        with pytest.raises(SlowServerError):
            await say(port, loud())


async def test_nobody_there_is_known_before_any_audio_is_asked_for(socket_enabled: None) -> None:
    async with listening(WyomingPeer([]).handle) as port:
        pass
    asked = False

    async def audio() -> AsyncIterator[bytes]:
        nonlocal asked
        asked = True
        yield CHUNK

    with pytest.raises(CannotConnectError):
        await say(port, audio())
    assert not asked


async def test_what_the_audio_raises_is_raised_and_a_timeout_is_not(socket_enabled: None) -> None:
    async def gone(error: Exception) -> AsyncIterator[bytes]:
        yield CHUNK
        raise error

    async with listening(WyomingPeer([HEARD]).handle) as port:
        with pytest.raises(ZeroDivisionError):
            await say(port, gone(ZeroDivisionError()))
        with pytest.raises(SlowServerError):
            await say(port, gone(TimeoutError()))


async def test_a_cancelled_turn_leaves_no_task_and_hangs_up(socket_enabled: None) -> None:
    peer = WyomingPeer([HEARD])
    async with listening(peer.handle) as port:
        before = asyncio.all_tasks()
        turn = asyncio.create_task(say(port, endless()))
        await asyncio.sleep(0.05)
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        await peer.hung_up.wait()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() <= before


async def test_a_wyoming_server_is_told_from_others(socket_enabled: None, server: ServerProcess) -> None:
    assert await speaks_wyoming(WyomingTarget(host="127.0.0.1", port=server.port))
    assert not await speaks_wyoming(WyomingTarget(host="127.0.0.1", port=server.control_port))
