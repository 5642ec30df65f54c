"""The composition root: the only place that builds objects, and the owner of their lives."""

import asyncio
import datetime as dt
import functools
import ipaddress
import logging
import signal
import socket
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from . import memory
from .bundles.bundle import Kind
from .bundles.crash_book import CrashBook
from .bundles.store import ModelStore
from .control.arms import Arms
from .control.canary_turns import CanarySays
from .control.ears import Ears, at_start, ear_loaders
from .control.lane_book import LaneBook
from .control.parts import Parts
from .control.steering import chosen
from .control.surface import Control
from .engines.class_vocabulary import class_words
from .engines.decode_queue import DecodeLine, DecodeQueue
from .engines.denoise_webrtc import WebrtcDenoiser
from .engines.grammar_hassil import HassilGrammar
from .errors import EdgeVoiceError, ModelCrashedError
from .learning.comparison import Comparison
from .learning.sessions import ClosedTurn
from .listeners.connection import Denoise, Services
from .listeners.control_door import ControlDoor, open_control
from .listeners.discovery import Announcement, announced, announcement_of
from .listeners.ears import OnTurn
from .listeners.requests import Defaults
from .listeners.supervisor_discovery import supervised, supervisor_config
from .listeners.wyoming_port import WyomingPort
from .pipeline.grammar import Vocabulary
from .pipeline.interpret import Judgement
from .pipeline.turn import Stages
from .recogniser import Supply, recogniser_now, with_bundles, workers
from .records.choices import Choices
from .records.identity import identity_in
from .records.keyring import Keyring
from .records.store import FILE_NAME, opened_store
from .resilience.degraded import MOST_CRASHES
from .resilience.edge_faults import EdgeFaults, OnCrashing
from .routing import Brain, brain_of
from .settings import Settings
from .updates.folder import BundleFolder
from .updates.opening import opened
from .updates.running import boot_id
from .updates.update import Updates
from .upkeep import Models, Upkeep, scorecard_of

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that listens."""

    port: WyomingPort
    supply: Supply
    brain: Brain
    control: Control
    arms: Arms
    updates: Updates
    door: ControlDoor | None
    """None: the control API is off."""

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
async def running(
    settings: Settings, on_turn: OnTurn | None = None, *, borrows: bool = False
) -> AsyncGenerator[RunningServer]:
    """Run a server until the block ends, with bundles that are its own, or that it `borrows` from the home's server.

    Raises EdgeVoiceError when it cannot.
    """
    memory.limit_arenas()
    async with AsyncExitStack() as stack:
        folder = BundleFolder(Path(settings.server.data_dir) / "bundles")
        opening = stack.enter_context(opened(folder, _utc_now, borrows=borrows))
        settings = with_bundles(settings, opening.state, trusts=opening.folder.trusted() is not None)
        # Without the lock another server is at work here, whose mark is no crash.
        data = Path(settings.server.data_dir)
        crashes = CrashBook(data / "crashes" if opening.lock else None, _utc_now, boot=boot_id())
        stack.enter_context(crashes.opened())
        models = Models(opening, settings, _utc_now, crashes)
        supply = await stack.enter_async_context(models.supply)
        parts, control = await _built(settings, models, on_turn, stack)
        _in_background(_settle(supply), stack)
        _in_background(control.run(), stack)
        port = await stack.enter_async_context(
            WyomingPort(
                control.services,
                allow=settings.server.allow,
                connections_per_address=settings.server.connections_per_address,
            )
        )
        for uri in settings.server.uris:
            await port.listen(uri)
        control.at_port(lambda: _tcp_port(port.uris))
        door = await _opened_door(settings, control, port, stack)
        if door is not None:
            opening.tell({"control": door.local_url, "fingerprint": door.fingerprint})
        stack.callback(crashes.rest)  # first of all: whoever kills a server that is slow to end kills no model
        yield RunningServer(
            port=port,
            supply=supply,
            brain=parts.brain,
            control=control,
            arms=parts.arms,
            updates=parts.updates,
            door=door,
        )


async def _opened_door(
    settings: Settings, control: Control, port: WyomingPort, stack: AsyncExitStack
) -> ControlDoor | None:
    """Open the control API, and tell of it those who look for it."""
    door = await stack.enter_async_context(
        open_control(
            settings.control,
            control,
            data_dir=Path(settings.server.data_dir),
            allow=settings.server.allow,
            clock=time.monotonic,
            wall=_utc_now,
        )
    )

    host = socket.gethostname()

    def facts() -> Announcement | None:
        return announcement_of(settings.control, control.health(), uris=port.uris, door=door, machine=host)

    await stack.enter_async_context(announced(facts))
    await stack.enter_async_context(
        supervised(settings.control.supervisor_token, lambda: supervisor_config(control.health(), door, host=host))
    )
    return door


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _tcp_port(uris: Sequence[str]) -> int | None:
    """Return the port that Home Assistant connects to; None where there is no TCP."""
    return next((int(uri.rpartition(":")[2]) for uri in uris if uri.startswith("tcp://")), None)


async def _built(
    file_settings: Settings, models: Models, on_turn: OnTurn | None, stack: AsyncExitStack
) -> tuple[Parts, Control]:
    """Load everything that loads in a moment, off the event loop and side by side."""
    supply, data = models.supply, Path(file_settings.server.data_dir)
    store = await stack.enter_async_context(opened_store(data / FILE_NAME))
    wall = file_settings.ledger.clock()
    choices = await Choices.opened(store, wall)
    lane_book = LaneBook(choices, Keyring(data))
    await lane_book.read()
    settings = chosen(file_settings, choices, lane_book.lanes)
    ears = await _loaded_ears(settings, models)
    grammar = HassilGrammar()
    stack.push_async_callback(grammar.aclose)
    faults = EdgeFaults(time.monotonic, _on_loop(supply.set_aside))
    line = DecodeLine(
        limit=settings.asr.waiting,
        workers=workers(),
        budget_seconds=settings.turn.budget_seconds,
    )
    edge = DecodeQueue(supply.lease, supply.serving, line=line, faults=faults, marked=models.crashes.decoding)
    stack.callback(edge.close)
    home = Vocabulary(
        names=settings.home.names,
        areas=settings.home.areas,
        floors=settings.home.floors,
        critical=settings.home.critical,
    )
    scorecard = functools.partial(scorecard_of, edge, models.cards)
    upkeep = await Upkeep.built(
        models,
        settings,
        edge=edge,
        ears=ears,
        grammar=grammar,
        says=CanarySays(
            scorecard=scorecard,
            threshold=lambda: brain.learner.knowledge.thresholds.settings,
            has_lanes=lambda: bool(brain.lanes.guarded),
        ),
        server_id=(server_id := await asyncio.to_thread(identity_in, data)),
    )
    stack.push_async_callback(upkeep.arms.aclose)

    def judged(closed: ClosedTurn) -> None:
        upkeep.arms.turn_judged(closed)
        control.judged(closed)

    def compared(turn_id: str, language: str, comparison: Comparison, chance: float | None) -> None:
        control.compared(turn_id, language, comparison, chance)

    brain = await stack.enter_async_context(
        brain_of(
            settings,
            store,
            scorecard=scorecard,
            grammar=grammar,
            home=home,
            clock=time.monotonic,
            on_judged=judged,
            on_pair=compared,
        )
    )
    _in_background(brain.learner.run(), stack)
    # After the brain, whose every step would wait for this thread's turn at the interpreter: 0.1 s in all.
    _in_background(grammar.warm(settings.asr.language or "en", home), stack)
    services = Services(
        stages=Stages(
            vad=ears.vad,
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
                left_alone=lambda: supply.left_alone or faults.left_alone(),
            ),
            lanes=brain.lanes,
            endpoint=settings.endpoint,
            listen=settings.listen,
            turn=settings.turn,
            clock=time.monotonic,
        ),
        wake=ears.wake,
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
        on_turn=_unheard,
        on_failure=_unheard,
        max_event_bytes=settings.server.max_event_kib * 1024,
    )
    _in_background(upkeep.run(), stack)
    parts = Parts(
        server_id=server_id,
        settings=file_settings,
        data=data,
        brain=brain,
        edge=edge,
        supply_status=lambda: supply.status,
        crashes=lambda: MOST_CRASHES if supply.left_alone else faults.count,
        warm=grammar.warm,
        choices=choices,
        lane_book=lane_book,
        updates=upkeep.updates,
        arms=upkeep.arms,
        plain_models=ModelStore(data / "models").models,
        clock=time.monotonic,
        wall=wall,
    )
    control = Control(parts, settings, services, on_turn)
    await control.begin()
    _in_background(upkeep.hear_late_words(), stack)
    return parts, control


async def _loaded_ears(settings: Settings, models: Models) -> Ears:
    loaders = ear_loaders(settings)
    run = asyncio.get_running_loop().run_in_executor
    with ThreadPoolExecutor(2, "load") as loading:
        vad, wake, _ = await asyncio.gather(
            run(loading, at_start, models.bundles[Kind.VAD], loaders.vad),
            run(loading, at_start, models.bundles[Kind.WAKE], loaders.wake),
            run(loading, _read_words, settings),
        )
    return Ears(wake=wake, vad=vad, labels=models.labels)


def _on_loop(hear: OnCrashing) -> OnCrashing:
    """Return what may be called from any thread, and has it heard on this event loop."""
    loop = asyncio.get_running_loop()

    def tell(model: str, error: ModelCrashedError) -> None:
        with suppress(RuntimeError):  # the server ends
            loop.call_soon_threadsafe(hear, model, error)

    return tell


def _unheard(*_of: object) -> None:
    """Stand for what the control hears, until there is one."""


def _read_words(settings: Settings) -> None:
    """Have the words that classes are told by at hand: reading a language's takes 30 ms."""
    for language in {settings.asr.language, *settings.asr.languages, "en"} - {""}:
        class_words(language)


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

    def say(ended: asyncio.Task[None]) -> None:
        error = None if ended.cancelled() else ended.exception()
        if error is not None and not isinstance(error, EdgeVoiceError):  # which is told elsewhere
            _LOGGER.error("A part of the server has ended, and the rest goes on without it", exc_info=error)

    task.add_done_callback(say)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


async def _settle(supply: Supply) -> None:
    """Give back what loading the model took."""
    await supply.serving()
    memory.trim()


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
