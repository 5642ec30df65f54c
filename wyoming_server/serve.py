"""The composition root: the only place that builds objects, and the owner of their lives."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from .bundles.store import STARTER_DIRECTORY, ModelStore
from .engines.decode_queue import DecodeQueue
from .engines.grammar_hassil import HassilGrammar
from .engines.load import load_edge_model
from .engines.vad_silero import SileroVad
from .engines.wake_openwakeword import OpenWakeWordEngine
from .listeners.connection import Services
from .listeners.describe import Recogniser, describe
from .listeners.ears import OnTurn
from .listeners.requests import Defaults
from .listeners.wyoming_port import WyomingPort
from .pipeline.grammar import Vocabulary
from .pipeline.turn import Stages
from .pipeline.types import Outcome, Spans
from .pipeline.wake import GateSettings
from .settings import Settings

_LOGGER = logging.getLogger(__name__)


class RunningServer:
    """A server that serves."""

    def __init__(self, port: WyomingPort) -> None:
        """Know the open port."""
        self._port = port

    @property
    def uris(self) -> tuple[str, ...]:
        """The addresses as bound."""
        return tuple(self._port.uris)

    async def ready(self) -> None:
        """Wait until a model serves."""

    async def finished(self) -> None:
        """Wait until nobody can come any more: the peer at standard input has gone."""
        await self._port.closed.wait()


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


@asynccontextmanager
async def running(settings: Settings, on_turn: OnTurn | None = None) -> AsyncGenerator[RunningServer]:
    """Run a server until the block ends. Raises EdgeVoiceError when it cannot."""
    async with AsyncExitStack() as stack:
        services = await _services(settings, on_turn or _log_turn, stack)
        port = await stack.enter_async_context(
            WyomingPort(
                services,
                allow=settings.server.allow,
                connections_per_address=settings.server.connections_per_address,
            )
        )
        for uri in settings.server.uris:
            await port.listen(uri)
        yield RunningServer(port)


async def _services(settings: Settings, on_turn: OnTurn, stack: AsyncExitStack) -> Services:
    """Load everything off the event loop, side by side."""
    threads = settings.asr.threads or min(4, os.cpu_count() or 1)
    store = ModelStore(Path(settings.server.data_dir) / "models")
    directory = store.resolve(settings.asr.model) if settings.asr.model else STARTER_DIRECTORY
    loading = stack.enter_context(ThreadPoolExecutor(3, "load"))
    run = asyncio.get_running_loop().run_in_executor
    vad, wake, engine = await asyncio.gather(
        run(loading, SileroVad),
        run(loading, _load_wake, settings),
        run(loading, lambda: load_edge_model(directory, threads=threads)),
    )
    stack.callback(vad.close)
    stack.callback(wake.close)
    stack.callback(engine.close)
    grammar = HassilGrammar()
    stack.push_async_callback(grammar.aclose)

    @contextmanager
    def lease():
        yield engine

    edge = DecodeQueue(lease, limit=settings.asr.waiting)
    stack.callback(edge.close)
    home = Vocabulary(names=settings.home.names, areas=settings.home.areas, floors=settings.home.floors)
    stack.push_async_callback(grammar.aclose)
    stages = Stages(
        vad=vad,
        edge=edge,
        grammar=grammar,
        endpoint=settings.endpoint,
        listen=settings.listen,
        turn=settings.turn,
        clock=time.monotonic,
    )
    await grammar.warm(settings.asr.language or edge.languages[0], home)
    return Services(
        stages=stages,
        wake=wake,
        wake_settings=settings.wake,
        defaults=Defaults(
            language=settings.asr.language or None,
            languages=settings.asr.languages,
            vocabulary=home,
            answer_early=settings.asr.early_answers,
        ),
        describe=lambda: describe(
            Recogniser(model=edge.name, languages=edge.languages, note="starter model"),
            wake.words,
            requires_external_vad=settings.server.requires_external_vad,
        ),
        on_turn=on_turn,
        max_event_bytes=settings.server.max_event_kib * 1024,
    )


def _load_wake(settings: Settings) -> OpenWakeWordEngine:
    return OpenWakeWordEngine.load(
        custom=Path(settings.wake.folder) if settings.wake.folder else None,
        enabled=settings.wake.words or None,
        gate=GateSettings() if settings.wake.gate else None,
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
        waits = {asyncio.create_task(stopped.wait()), asyncio.create_task(server.finished())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
    return 0
