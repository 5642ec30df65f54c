"""The composition root: the only place that builds objects, and the owner of their lives."""

import asyncio
import functools
import ipaddress
import logging
import signal
import time
from collections.abc import AsyncGenerator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from . import memory
from .engines.class_vocabulary import class_words
from .engines.decode_queue import DecodeQueue
from .engines.denoise_webrtc import WebrtcDenoiser
from .engines.grammar_hassil import HassilGrammar
from .engines.vad_silero import SileroVad
from .engines.wake_openwakeword import OpenWakeWordEngine
from .errors import EdgeVoiceError, ModelMissingError
from .learning.learner import Learner
from .listeners.connection import Denoise, Services
from .listeners.ears import OnTurn
from .listeners.requests import Defaults
from .listeners.wyoming_port import WyomingPort
from .pipeline.grammar import Vocabulary
from .pipeline.interpret import Judgement, TurnRequest
from .pipeline.risk import GENERIC
from .pipeline.scorecard import Scorecard
from .pipeline.timeline import Spans
from .pipeline.turn import Stages
from .pipeline.types import Outcome
from .pipeline.wake import GateSettings
from .recogniser import Supply, chosen_model, recogniser_now, supply_of, workers
from .routing import brain_of
from .settings import Settings

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that listens."""

    port: WyomingPort
    supply: Supply

    @property
    def uris(self) -> tuple[str, ...]:
        """The addresses as bound."""
        return tuple(self.port.uris)

    async def ready(self) -> None:
        """Wait until a model serves. Raises what is wrong with the chosen one, even when the starter stands in."""
        await self.supply.serving()
        if self.supply.failure is not None:
            raise self.supply.failure


@asynccontextmanager
async def running(settings: Settings, on_turn: OnTurn | None = None) -> AsyncGenerator[RunningServer]:
    """Run a server until the block ends. Raises EdgeVoiceError when it cannot."""
    memory.limit_arenas()
    async with AsyncExitStack() as stack:
        supply = await stack.enter_async_context(supply_of(settings, chosen_model(settings)))
        services = await _services(settings, supply, on_turn or _log_turn, stack)
        _in_background(_settle(supply), stack)
        port = await stack.enter_async_context(
            WyomingPort(
                services,
                allow=settings.server.allow,
                connections_per_address=settings.server.connections_per_address,
            )
        )
        for uri in settings.server.uris:
            await port.listen(uri)
        yield RunningServer(port=port, supply=supply)


async def _services(settings: Settings, supply: Supply, on_turn: OnTurn, stack: AsyncExitStack) -> Services:
    """Load everything that loads in a moment, off the event loop and side by side."""
    run = asyncio.get_running_loop().run_in_executor
    with ThreadPoolExecutor(2, "load") as loading:
        vad, wake, _ = await asyncio.gather(
            run(loading, SileroVad), run(loading, _load_wake, settings), run(loading, _read_words, settings)
        )
    stack.callback(vad.close)
    stack.callback(wake.close)
    grammar = HassilGrammar()
    stack.push_async_callback(grammar.aclose)
    edge = DecodeQueue(supply.lease, supply.serving, limit=settings.asr.waiting, workers=workers())
    stack.callback(edge.close)
    home = Vocabulary(names=settings.home.names, areas=settings.home.areas, floors=settings.home.floors)
    scorecard = functools.partial(_scorecard, edge)
    brain = await stack.enter_async_context(
        brain_of(settings, scorecard=scorecard, grammar=grammar, home=home, clock=time.monotonic)
    )
    _in_background(brain.learner.run(), stack)
    # After the brain, whose every step would wait for this thread's turn at the interpreter: 0.1 s in all.
    _in_background(grammar.warm(settings.asr.language or "en", home), stack)
    return Services(
        stages=Stages(
            vad=vad,
            judgement=Judgement(
                edge=edge,
                scorecard=scorecard,
                grammar=grammar,
                words=class_words,
                learned=brain.learner,
                health=brain.lanes.health,
                policy=settings.routing,
                hedge=settings.hedge,
                clock=time.monotonic,
            ),
            lanes=brain.lanes,
            endpoint=settings.endpoint,
            listen=settings.listen,
            turn=settings.turn,
            clock=time.monotonic,
        ),
        wake=wake,
        wake_settings=settings.wake,
        defaults=Defaults(
            language=settings.asr.language or None,
            languages=settings.asr.languages,
            vocabulary=home,
            answer_early=settings.asr.early_answers,
            trusted=tuple(map(ipaddress.ip_network, settings.routing.trusted)),
        ),
        recogniser=lambda: recogniser_now(supply),
        requires_external_vad=settings.server.requires_external_vad,
        denoise=_denoise(settings, stack),
        on_turn=functools.partial(_finished, brain.learner, on_turn),
        on_failure=functools.partial(_failed, brain.learner),
        max_event_bytes=settings.server.max_event_kib * 1024,
    )


def _scorecard(edge: DecodeQueue) -> Scorecard:
    """Return the scorecard of the model that serves now."""
    try:
        return edge.scorecard or GENERIC
    except ModelMissingError:
        return GENERIC


def _failed(learner: Learner, request: TurnRequest, _failure: EdgeVoiceError) -> None:
    learner.failed(request.turn_id, request.caller, request.language or "")


def _finished(learner: Learner, on_turn: OnTurn, outcome: Outcome, spans: Spans) -> None:
    learner.take(outcome)
    on_turn(outcome, spans)


def _read_words(settings: Settings) -> None:
    """Have the words that classes are told by at hand: reading a language's takes 30 ms."""
    for language in {settings.asr.language, *settings.asr.languages, "en"} - {""}:
        class_words(language)


def _load_wake(settings: Settings) -> OpenWakeWordEngine:
    return OpenWakeWordEngine.load(
        custom=Path(settings.wake.folder) if settings.wake.folder else None,
        enabled=settings.wake.words,
        gate=GateSettings() if settings.wake.gate else None,
    )


def _denoise(settings: Settings, stack: AsyncExitStack) -> Denoise | None:
    """Return the denoiser and whom it serves; None when nobody. Raises ModelMissingError without its extra."""
    if not settings.denoise.satellites:
        return None
    denoiser = WebrtcDenoiser(strength=settings.denoise.level)
    stack.callback(denoiser.close)
    return Denoise(denoiser=denoiser, satellites=frozenset(settings.denoise.satellites))


def _in_background(work: Coroutine[None, None, None], stack: AsyncExitStack) -> None:
    """Run what may finish while the server is up already; the stack ends it."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


async def _settle(supply: Supply) -> None:
    """Give back what loading the model took."""
    await supply.serving()
    memory.trim()


def _log_turn(outcome: Outcome, spans: Spans) -> None:
    """Log a turn without its text."""
    _LOGGER.info(
        "turn %s: %s by %s, %.0f ms from the last word, %.0f ms from the end, ended by %s",
        outcome.turn_id[:8],
        outcome.decision.action,
        outcome.route,
        spans.last_word_to_text_ms,
        spans.end_to_text_ms,
        outcome.ended_by,
    )


async def serve_until_stopped(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM, or until the peer at standard input goes; return the exit status."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running(settings) as server:
        for uri in server.uris:
            _LOGGER.info("listening on %s", uri)
        waits = {asyncio.create_task(stopped.wait()), asyncio.create_task(server.port.closed.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
    return 0
