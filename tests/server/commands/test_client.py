import asyncio
import socket
from pathlib import Path

import numpy as np
import pytest
from wyoming.event import Event

from tests.server.commands.small_server import at_stop, small_server, transcript
from wyoming_server.commands.client import Manner, connected, refusal, spoken
from wyoming_server.commands.recording import Recording
from wyoming_server.errors import (
    EdgeVoiceError,
    InvalidSettingsError,
    OverloadedError,
    ServerUnreachableError,
    TurnError,
    TurnTimeoutError,
)

FAST = Manner(real_time=False)


def speech(seconds: float = 0.4) -> Recording:
    """Room noise for 0.35 s, a tone, and 0.05 s of room noise."""
    rng = np.random.default_rng(0)
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 16000)) / 16000)
    signal = np.concatenate([np.zeros(5600), tone, np.zeros(800)])
    pcm = ((signal + 0.001 * rng.standard_normal(len(signal))) * 32767).astype("<i2").tobytes()
    return Recording(path=Path("a.wav"), pcm=pcm, rate_hz=16000, width_bytes=2, channels=1)


async def test_a_recording_arrives_whole_and_in_order_and_its_answer_comes_back() -> None:
    async with small_server(at_stop(transcript("Hello.", action="accept"))) as server:
        async with connected(server.uri) as connection:
            answer = await connection.transcribe(speech(), FAST, language="en", mode="file")
        assert answer.text == "Hello."
        assert answer.detail == {"action": "accept"}
        assert server.types() == ["transcribe", "audio-start", "audio-chunk", "audio-stop"]
        assert b"".join(event.payload or b"" for event in server.heard) == speech().pcm
        assert server.heard[0].data == {"language": "en", "context": {"edge_voice": {"mode": "file"}}}


async def test_chunks_leave_when_they_have_been_said_and_the_schedule_does_not_drift() -> None:
    async with small_server(at_stop(transcript("Hello."))) as server, connected(server.uri) as connection:
        answer = await connection.transcribe(speech(), Manner())
    assert answer.stop_to_text_s is not None
    assert answer.last_word_to_text_s is not None
    assert answer.answered_s - answer.started_s >= speech().seconds
    # Both figures are of one moment: they differ by the audio after the last voiced sample, and by lateness alone.
    assert answer.last_word_to_text_s - answer.stop_to_text_s >= 0.05 - 0.011


async def test_an_early_answer_ends_the_audio_and_counts_from_the_last_voiced_sample_alone() -> None:
    def early(event: Event, audio_bytes: int) -> tuple[Event, ...]:
        return (transcript("Hello."),) if event.type == "audio-chunk" and audio_bytes == 2 * 1600 else ()

    async with small_server(early) as server, connected(server.uri) as connection:
        answer = await connection.transcribe(speech(), Manner(chunk_seconds=0.05))
        await connection.client.write_event(Event("describe"))
    assert answer.stop_to_text_s is None
    assert answer.last_word_to_text_s is not None
    assert answer.last_word_to_text_s < 0  # it did not wait for the end
    assert sum(len(event.payload or b"") for event in server.heard) < len(speech().pcm)


async def test_what_only_the_stop_event_knows_is_part_of_the_answer() -> None:
    stop = Event("transcript-stop", {"context": {"edge_voice": {"latency_ms": {"transport": 2.0}}}})
    events = (
        Event("transcript-start"),
        Event("transcript-chunk", {"text": "Hel"}),
        transcript("Hello.", action="accept", latency_ms={"post": 1.0}),
        stop,
    )
    async with small_server(at_stop(*events)) as server, connected(server.uri) as connection:
        answer = await connection.transcribe(speech(), FAST)
    assert answer.chunks == ("Hel",)
    assert answer.detail == {"action": "accept", "latency_ms": {"post": 1.0, "transport": 2.0}}


async def test_a_transcript_stands_when_its_stop_never_comes() -> None:
    events = (Event("transcript-start"), transcript("Hello."))
    async with small_server(at_stop(*events)) as server, connected(server.uri) as connection:
        assert (await connection.transcribe(speech(), FAST)).text == "Hello."


async def test_an_error_event_is_raised_as_the_refusal_that_its_code_names() -> None:
    error = Event("error", {"text": "too many", "code": "overloaded"})
    async with small_server(at_stop(error)) as server, connected(server.uri) as connection:
        with pytest.raises(OverloadedError, match="too many"):
            await connection.transcribe(speech(), FAST)


@pytest.mark.parametrize("data", [{}, {"text": "no"}, {"text": "no", "code": "something-of-theirs"}])
def test_a_foreign_error_is_a_failed_turn(data: dict[str, str]) -> None:
    assert type(refusal(Event("error", data))) is TurnError


def test_every_code_of_the_tree_comes_back_as_its_own_class() -> None:
    kinds: list[type[EdgeVoiceError]] = [EdgeVoiceError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    leaves = [kind for kind in kinds if "code" in vars(kind)]
    assert len(leaves) > 15
    for leaf in leaves:
        assert type(refusal(Event("error", {"text": "x", "code": leaf.code}))) is leaf


async def test_a_server_that_never_answers_costs_the_wait_and_no_more() -> None:
    async with small_server(lambda _event, _bytes: ()) as server, connected(server.uri) as connection:
        with pytest.raises(TurnTimeoutError, match="did not answer"):
            await connection.transcribe(speech(), Manner(real_time=False, answer_seconds=0.01))


async def test_a_server_that_hangs_up_without_an_answer_is_named() -> None:
    async with small_server(at_stop(Event("pong"))) as server:
        server.ends_after_answer = True
        async with connected(server.uri) as connection:
            with pytest.raises(ServerUnreachableError, match=server.uri):
                await connection.transcribe(speech(), FAST)


async def test_an_address_where_nobody_listens_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        uri = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(ServerUnreachableError, match=uri):
        async with connected(uri):
            pass


@pytest.mark.parametrize("uri", ["tcp://127.0.0.1", "http://127.0.0.1:1", "nonsense"])
async def test_an_address_that_is_none_is_bad_usage(uri: str) -> None:
    with pytest.raises(InvalidSettingsError, match="for example tcp://"):
        async with connected(uri):
            pass


async def test_one_connection_wakes_and_is_then_spoken_to() -> None:
    def script(event: Event, audio_bytes: int) -> tuple[Event, ...]:
        asked = [seen.type for seen in server.heard if seen.type in {"detect", "transcribe"}][-1]
        if asked == "detect" and event.type == "audio-chunk" and audio_bytes == 2 * 3200:
            return (Event("detection", {"name": "hey_jarvis", "timestamp": 200}),)
        return (transcript("Hello."),) if asked == "transcribe" and event.type == "audio-stop" else ()

    async with small_server(script) as server, connected(server.uri) as connection:
        detection = await connection.detect(speech(), Manner(real_time=False, chunk_seconds=0.1), ["hey_jarvis"])
        answer = await connection.transcribe(speech(), FAST)
    assert detection is not None
    assert detection.name == "hey_jarvis"
    assert answer.text == "Hello."


async def test_a_missed_wake_word_is_none() -> None:
    async with small_server(at_stop(Event("not-detected"))) as server, connected(server.uri) as connection:
        assert await connection.detect(speech(), FAST) is None


async def test_several_clients_are_served_side_by_side() -> None:
    async with small_server(at_stop(transcript("Hello."))) as server:

        async def turn() -> str:
            async with connected(server.uri) as connection:
                return (await connection.transcribe(speech(), Manner())).text

        assert await asyncio.gather(*(turn() for _ in range(4))) == ["Hello."] * 4


@pytest.mark.parametrize("silence", [0.0, 0.02, 0.7])
def test_client_silence_counts_from_the_last_voiced_sample(silence: float) -> None:
    recording = speech()
    voiced = recording.last_voiced_second()
    assert voiced is not None
    sent = spoken(recording, Manner(client_silence_seconds=silence))
    assert len(sent) / 2 / 16000 == pytest.approx(voiced + silence, abs=1e-4)
    kept = min(len(sent), len(recording.pcm))
    assert sent[:kept] == recording.pcm[:kept]
