"""Every turn ends in a transcript or an error, whatever the peer or the model does, and nothing of it stays."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress

import pytest

from wyoming_server.engines.wake_openwakeword import OpenWakeWordEngine
from wyoming_server.listeners.connection import Services
from wyoming_server.listeners.describe import Recogniser
from wyoming_server.listeners.requests import Defaults
from wyoming_server.listeners.wyoming_port import WyomingPort
from wyoming_server.pipeline.edge_asr import EdgeModel
from wyoming_server.pipeline.endpoint import EndpointSettings, VadModel
from wyoming_server.pipeline.grammar import Grammar, Vocabulary
from wyoming_server.pipeline.listen import ListenSettings
from wyoming_server.pipeline.turn import Stages, TurnSettings
from wyoming_server.pipeline.wake import WakeSettings
from wyoming_server.recogniser import workers

from ..doubles import FAILED, SAID, EnergyVad, PlainGrammar, ScriptedModel
from ..home import Home, descriptors
from ..peer import KITCHEN, SHAPE, Peer, audio, bystander, chunk, connected, event, kitchen
from ..pipeline.lane_doubles import judgement_of, lanes_of

BUDGET_SECONDS = 0.3
FAILURES: list[tuple[str, str]] = []
"""Turn and code of every turn that ended without an outcome."""
LOUD = (b"\x00\x40\x00\xc0" * 8) * 64
"""64 ms that any VAD of levels takes for speech."""


@pytest.fixture(scope="module")
def wake() -> Iterator[OpenWakeWordEngine]:
    """The packaged wake words."""
    engine = OpenWakeWordEngine.load(enabled=["hey_jarvis"])
    yield engine
    engine.close()


type Scripted = Callable[..., AbstractContextManager[Home]]


@pytest.fixture
def scripted(wake: OpenWakeWordEngine) -> Scripted:
    """A real port before parts whose behaviour the test writes down."""

    @contextmanager
    def home(
        model: EdgeModel | None = None,
        vad: VadModel | None = None,
        grammar: Grammar | None = None,
        *,
        queue_frames: int = 1000,
    ) -> Iterator[Home]:
        lanes = lanes_of(clock=time.monotonic)
        stages = Stages(
            vad=vad or EnergyVad(),
            judgement=judgement_of(model or ScriptedModel(), grammar or PlainGrammar(), lanes, clock=time.monotonic),
            lanes=lanes,
            endpoint=EndpointSettings(),
            listen=ListenSettings(idle_seconds=1.0, queue_frames=queue_frames),
            turn=TurnSettings(budget_seconds=BUDGET_SECONDS),
            clock=time.monotonic,
        )
        about = Recogniser(model="scripted", languages=("en",), note="")
        services = Services(
            stages=stages,
            wake=wake,
            wake_settings=WakeSettings(),
            defaults=Defaults(language="en", languages=(), vocabulary=Vocabulary(), answer_early=True),
            recogniser=lambda: about,
            requires_external_vad=True,
            denoise=None,
            on_turn=lambda _outcome, _spans: None,
            on_failure=lambda request, failure: FAILURES.append((request.turn_id, failure.code)),
            max_event_bytes=1 << 20,
        )

        @asynccontextmanager
        async def opened() -> AsyncIterator[list[str]]:
            async with WyomingPort(lambda: services, allow=(), connections_per_address=100) as port:
                await port.listen("tcp://127.0.0.1:0")
                yield port.uris

        with Home(opened) as served:
            yield served

    return home


@pytest.fixture
async def leaves_nothing(served: Home) -> AsyncIterator[None]:
    """Check that the shared server has no task, thread or descriptor more than before."""
    tasks = served.tasks()
    async with connected(served.uri) as peer:
        await peer.serves()  # whatever is made on first use exists now
    await served.rests(tasks, 10**6)
    fds, threads = descriptors(), threading.active_count()
    yield
    await served.rests(tasks, fds)
    # The recogniser's pool starts its threads one by one, as decodes first come side by side.
    assert threading.active_count() < threads + workers()
    async with connected(served.uri) as peer:
        await peer.serves()


async def _speak(peer: Peer, chunks: int = 30) -> None:
    """Say something, and neither pause nor stop."""
    await peer.say(event("transcribe", {}), event("audio-start", SHAPE), *[chunk(LOUD)] * chunks)


@pytest.mark.usefixtures("leaves_nothing")
class TestPeers:
    """What peers do to the shared server costs nothing lasting."""

    async def test_a_peer_that_stops_reading_is_dropped(self, served: Home) -> None:
        async with connected(served.uri) as peer:
            peer.stop_reading()
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(peer.say(*[event("ping", {"text": "x" * 60_000})] * 1_000), 60)

    async def test_a_peer_that_resets_in_mid_sentence_is_forgotten(self, served: Home) -> None:
        for speaking in (True, False) * 3:
            async with bystander(served.uri), connected(served.uri) as peer:
                start, *chunks, _ = audio(kitchen().pcm)
                await peer.say(event("transcribe", {}), start, *chunks[: 40 if speaking else 5])
                if speaking:
                    await peer.until("voice-started")
                peer.reset()

    async def test_peers_that_are_gone_before_they_are_accepted_are_no_error(self, served: Home) -> None:
        async with bystander(served.uri):
            for _ in range(100):
                async with connected(served.uri) as peer:
                    peer.reset()

    async def test_a_peer_that_closes_in_mid_sentence_is_forgotten(self, served: Home) -> None:
        async with bystander(served.uri), connected(served.uri) as peer:
            start, *chunks, _ = audio(kitchen().pcm)
            await peer.say(event("transcribe", {}), start, *chunks[:40])
            await peer.until("voice-started")
            peer.writer.write_eof()
            assert await peer.is_closed()

    async def test_a_peer_that_closes_its_side_after_audio_stop_gets_its_answer(self, served: Home) -> None:
        async with connected(served.uri) as peer:
            await peer.say(event("transcribe", {}), *audio(kitchen().pcm))
            peer.writer.write_eof()
            assert (await peer.answer()).text == KITCHEN
            assert await peer.is_closed()

    async def test_a_peer_that_resets_after_audio_stop_is_forgotten(self, served: Home) -> None:
        async with connected(served.uri) as peer:
            await peer.say(event("transcribe", {}), *audio(kitchen().pcm))
            peer.reset()

    async def test_silence_after_the_sentence_answers_a_peer_that_never_stops(self, served: Home) -> None:
        async with connected(served.uri) as peer:
            start, *chunks, _ = audio(kitchen().pcm + bytes(32_000))
            await peer.say(event("transcribe", {}), start, *chunks)
            answer = await peer.answer()
            assert (answer.text, answer.detail["ended_by"]) == (KITCHEN, "hold")

    async def test_a_peer_that_falls_silent_in_mid_sentence_is_answered(self, served: Home) -> None:
        async with connected(served.uri) as peer:
            start, *chunks, _ = audio(kitchen().pcm[: kitchen().rate_hz * 2 * 2])
            await peer.say(event("transcribe", {"context": {"edge_voice": {"answer_early": False}}}), start, *chunks)
            answer = await peer.answer()
            assert (answer.kind, answer.detail["ended_by"]) == ("transcript", "idle")
            await peer.serves()

    async def test_a_transcribe_without_anything_after_it_is_answered(self, served: Home) -> None:
        async with connected(served.uri) as peer:
            await peer.say(event("transcribe", {}))
            answer = await peer.answer()
            assert (answer.text, answer.detail["ended_by"]) == ("", "idle")

    async def test_the_text_is_the_same_however_the_audio_arrives(self, served: Home) -> None:
        pcm = kitchen().pcm + bytes(16_000)

        async def heard(chunk_bytes: int, every_seconds: float, burst: int = 1) -> str:
            async with connected(served.uri) as peer:
                await peer.say(event("transcribe", {}))
                for index, part in enumerate(audio(pcm, chunk_bytes)):
                    await peer.say(part)
                    if index % burst == 0:
                        await asyncio.sleep(every_seconds)
                return (await peer.answer()).text

        real_time, fast, at_once, bursts, late = await asyncio.gather(
            heard(2048, 0.064),
            heard(2048, 0.0032),
            heard(len(pcm), 0.0),
            heard(1024, 0.3, burst=10),
            heard(32_000, 1.2),
        )
        assert {real_time, fast, at_once, bursts, late} == {KITCHEN}

    async def test_many_peers_at_once_each_get_their_text(self, served: Home) -> None:
        async def one() -> str:
            async with connected(served.uri) as peer:
                return (await peer.turn(kitchen().pcm)).text

        assert await asyncio.gather(*(one() for _ in range(12))) == [KITCHEN] * 12


async def _ended(peer: Peer) -> tuple[str, float]:
    """Send audio-stop; return the error's code and how long it took, in budgets."""
    start_s = time.monotonic()
    code = await peer.code(event("audio-stop"))
    return code, (time.monotonic() - start_s) / BUDGET_SECONDS


SLOW = {
    "a slow model": {"model": ScriptedModel(seconds=60)},
    "a slow grammar": {"grammar": PlainGrammar(seconds=60)},
}


@pytest.mark.parametrize("parts", SLOW.values(), ids=SLOW.keys())
async def test_what_takes_too_long_is_an_error_within_the_budget(
    scripted: Scripted, parts: dict[str, ScriptedModel | PlainGrammar]
) -> None:
    with scripted(**parts) as served:
        before = served.tasks(), descriptors()
        async with connected(served.uri) as peer:
            await _speak(peer)
            code, budgets = await _ended(peer)
            assert code == "turn-timeout"
            assert 0.5 < budgets < 10
            assert await peer.code(event("transcribe", {}), event("audio-start", SHAPE), *[chunk(LOUD)] * 30,
                                   event("audio-stop")) == "turn-timeout"  # fmt: skip
        await served.rests(*before)


async def test_a_model_that_fails_is_an_error_and_the_next_turn_is_served(scripted: Scripted) -> None:
    model = ScriptedModel(failure=FAILED)
    with scripted(model) as served:
        before = served.tasks(), descriptors()
        async with connected(served.uri) as peer:
            await _speak(peer)
            assert await peer.code(event("audio-stop")) == "decode-failed"
            model.failure = None
            await _speak(peer)
            await peer.say(event("audio-stop"))
            assert (await peer.answer()).text == SAID
        await served.rests(*before)
    assert FAILURES[-1][1] == "decode-failed"  # sessions are to know


async def test_a_speculative_failure_does_not_cost_the_turn(scripted: Scripted) -> None:
    model = ScriptedModel(failure=FAILED)
    with scripted(model) as served:
        async with connected(served.uri) as peer:
            await _speak(peer)
            await peer.say(*[chunk(bytes(2048))] * 5)  # long enough to speculate, too short to end
            async with asyncio.timeout(20):
                while not model.asked.is_set():  # noqa: ASYNC110  # it is set on the server's thread, which wakes nobody here
                    await asyncio.sleep(0.002)
            model.failure = None
            await peer.say(event("audio-stop"))
            assert (await peer.answer()).text == SAID


async def test_what_is_beyond_the_line_is_refused_at_once_and_the_line_is_served(scripted: Scripted) -> None:
    model = ScriptedModel(seconds=0.15, limit=1)
    with scripted(model) as served:
        before = served.tasks(), descriptors()

        async def one() -> tuple[str, str]:
            async with connected(served.uri) as peer:
                await _speak(peer)
                await peer.say(event("audio-stop"))
                answer = await peer.answer()
                return answer.kind, answer.data.get("code", "")

        answers = await asyncio.gather(*(one() for _ in range(5)))
        assert answers.count(("error", "overloaded")) == 4
        assert answers.count(("transcript", "")) == 1
        assert await one() == ("transcript", "")
        await served.rests(*before)


async def test_a_mistake_of_our_own_is_an_answer_too(scripted: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    with scripted(ScriptedModel(failure=ZeroDivisionError("a bug"))) as served:
        async with connected(served.uri) as peer:
            await _speak(peer)
            assert await peer.code(event("audio-stop")) == "internal-error"
            assert (await peer.code(chunk(b"\0\0"))) == "unexpected-event"
    assert "ZeroDivisionError" in caplog.text
    caplog.clear()


async def test_a_turn_far_behind_holds_its_peer_up_instead_of_buffering(scripted: Scripted) -> None:
    with scripted(vad=EnergyVad(seconds=0.2), queue_frames=32) as served:
        async with connected(served.uri) as peer:
            await _speak(peer, chunks=5)
            payload = bytes(200_000)
            sent = 0
            with suppress(TimeoutError):
                async with asyncio.timeout(0.15):
                    while True:
                        await peer.say(chunk(payload))
                        sent += len(payload)
            # Two socket buffers, the reader's own and the queue are finite; half a minute of waiting is not held.
            assert sent < 60_000_000


async def test_the_server_stops_in_mid_turn_and_with_peers_that_do_not_read(scripted: Scripted) -> None:
    with scripted(ScriptedModel(seconds=60)) as served:
        async with connected(served.uri) as speaking, connected(served.uri) as deaf, connected(served.uri) as idle:
            await _speak(speaking)
            deaf.stop_reading()
            await deaf.say(*[event("ping", {"text": "x" * 60_000})] * 20)
            await idle.say(event("ping"))
            await idle.until("pong")
            await asyncio.to_thread(served.stop)
            assert await speaking.is_closed()
            assert await idle.is_closed()
