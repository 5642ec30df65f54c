"""Which model answers: the starter at once, the chosen one as soon as it is here and has passed its self-test."""

import asyncio
import contextlib
import enum
import functools
import itertools
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from ..errors import DiskError, EdgeVoiceError, ModelCrashedError, ModelDownloadError
from ..pipeline.checked import Checked, ranged
from .crash_book import CrashBook
from .crashes import MOST_CRASHES, TryApart, UntilMended, pause_after, until_mended
from .leases import Closable, Leases
from .progress import FetchState, Progress, ReportProgress

_LOGGER = logging.getLogger(__name__)
RETRY_DELAYS_S = (60.0, 300.0, 900.0, 3600.0)
"""Between tries to fetch a model without a network; the last one repeats, so that no log and no line is filled."""


class ModelSource(Protocol):
    """Where the chosen model comes from."""

    @property
    def name(self) -> str:
        """What it is called; empty while that is not known yet."""

    def find(self) -> Path | None:
        """Return its folder if it is on this machine; blocks on the disk only. Raises EdgeVoiceError."""

    def fetch(self, report: ReportProgress, cancelled: threading.Event) -> Path:
        """Return its folder, fetched; blocks. Raises EdgeVoiceError, and any exception once `cancelled` is set."""


class SignedSource(Protocol):
    """Signed bundles that are installed: the active one, the one before it, and so on. All of it blocks."""

    def find(self) -> Path | None:
        """Return the folder of the one that may serve, verified; None for none. Raises EdgeVoiceError."""

    def reject(self, error: EdgeVoiceError) -> None:
        """Hear that the one that was found last cannot be loaded: another is found next."""


class SupplyState(enum.StrEnum):
    """How far the chosen model is."""

    LOADING = "loading"
    MEASURING = "measuring"
    FETCHING = "fetching"
    WAITING = "waiting"
    """The fetch failed and will be tried again."""
    READY = "ready"
    FAILED = "failed"
    """It will not serve until what the error says is mended, which is found out by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyStatus(Checked):
    """How far the chosen model is, and what answers until then."""

    state: SupplyState
    name: str
    """The chosen model."""
    serving: str = ""
    """The model that answers now; empty before the first is loaded."""
    progress: float = ranged(0.0, at_least=0.0, at_most=1.0)
    """Of the fetch."""
    error_code: str = ""
    error_text: str = ""
    """A sentence that names the cure; empty when nothing is wrong."""
    has_given_up: bool = False
    """Nothing answers until the chosen model has come, and turns do not wait for that."""


class Engine(Closable, Protocol):
    """What is supplied."""

    @property
    def name(self) -> str:
        """What the model is called."""


def _ignore(_: SupplyStatus) -> None:
    pass


class ModelSupply[E: Engine]:
    """Supplies a loaded model from entering to leaving; loads, fetches and closes on a thread of its own."""

    def __init__(
        self,
        *,
        chosen: ModelSource,
        starter: Path,
        load: Callable[[Path], E],
        signed: SignedSource | None = None,
        on_change: Callable[[SupplyStatus], None] = _ignore,
        retry_delays_s: Sequence[float] = RETRY_DELAYS_S,
        crashes: CrashBook | None = None,
        try_apart: TryApart | None = None,
        until_mended: UntilMended = until_mended,
    ) -> None:
        """Prepare; `load` blocks and returns an engine that has passed its self-test, or raises EdgeVoiceError.

        A signed bundle that is installed outranks the chosen model, which serves where none can. What crashed too often
        by the count of `crashes` is left alone for a while, and then tried apart before it is loaded again.
        """
        self._chosen, self._signed = chosen, signed
        self._starter = starter
        self._load = load
        self._on_change = on_change
        self._retry_delays_s = retry_delays_s
        self._crashes, self._try_apart = crashes or CrashBook(None), try_apart
        self._until_mended = until_mended
        self._tried: Path | None = None
        """The chosen model's folder, where it was found."""
        self._failures = 0
        """On end, of the chosen model."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._leases: Leases[E] = Leases(self._executor)
        self._cancelled = threading.Event()
        """Ends the fetch that is under way."""
        self._settled = asyncio.Event()
        self._failure: EdgeVoiceError | None = None
        self._task: asyncio.Task[None] | None = None
        self.lease = self._leases.lease
        """Gives the model that serves now and keeps it loaded until the lease ends; from any thread. Raises
        ModelMissingError before the first one is loaded."""
        self.status = SupplyStatus(state=SupplyState.LOADING, name=chosen.name)

    async def serving(self) -> None:
        """Wait until a model answers. Raises what is wrong with all of them when none will."""
        await self._settled.wait()
        if not self._leases.current and self._failure is not None:
            raise self._failure

    @property
    def failure(self) -> EdgeVoiceError | None:
        """Why the chosen model will not serve; None while it may."""
        return self._failure

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="model supply")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()
        self._leases.replace(None)
        await asyncio.to_thread(self._executor.shutdown)

    async def _stop(self) -> None:
        """End what is under way for the chosen model."""
        self._cancelled.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def left_alone(self) -> ModelCrashedError | None:
        """Why what serves had better not be asked where a lane can be; None when it may.

        Either it stands in for a model that crashed, or it crashed itself of late.
        """
        if isinstance(self._failure, ModelCrashedError):
            return self._failure
        is_starter = self.status.serving == self._starter.name
        return _crashed(self._starter) if is_starter and self._crashes.pause_seconds(self._starter) else None

    def set_aside(self, model: str, error: ModelCrashedError) -> None:
        """Have the starter stand in for a model that fails on whatever it is given, and try it again after a while.

        Does nothing when another one serves by now, or it is the starter itself.
        """
        if model == self.status.serving and model != self._starter.name and self._task is not None:
            self._task.cancel()
            self._task = asyncio.create_task(self._run(failure=error), name="model supply")

    async def made_ready(self, directory: Path) -> E:
        """Return a model that is loaded and has passed its self-test, and serves nobody yet. Raises EdgeVoiceError."""
        return await self._in_thread(lambda: self._load(directory))

    def apart(self) -> Leases[E]:
        """Return leases of their own for another engine, which is closed where this supply's are."""
        return Leases(self._executor)

    def after_closing(self, work: Callable[[], None]) -> None:
        """Have something done once what was replaced so far is closed, but for what is still leased; waits for nothing.

        Which may be minutes, while a model is fetched.
        """
        with contextlib.suppress(RuntimeError):  # the server ends
            self._executor.submit(work)

    async def adopt(self, other: Leases[E]) -> None:
        """Answer with the engine that others have leased so far; what was under way for the chosen model ends."""
        await self._stop()
        self._crashes.rest()  # signed bundles are watched over in `updates.opening`
        self._failures = 0
        self._leases.take_over(other)
        engine = self._leases.current
        if engine is not None:
            self._now_serves(engine, engine.name, SupplyState.READY)

    async def return_to_chosen(self) -> None:
        """Answer with the chosen model again as soon as it is here; what serves goes on until then.

        Raises EdgeVoiceError when it is here and cannot serve.
        """
        await self._stop()
        self._cancelled = threading.Event()
        self._failures = 0
        if not await self._serve_installed():
            self._task = asyncio.create_task(self._run(signed=False), name="model supply")

    async def _run(self, *, signed: bool = True, failure: EdgeVoiceError | None = None) -> None:
        """Bring the chosen model into service, after a `failure` of it when it can be hoped for, until it serves."""
        if failure is not None:
            await self._fail(failure, stands_in=True)
        while failure is not None or (failure := await self._failed(signed=signed)) is not None:
            self._failures += 1
            await self._until_hopeful(failure)
            failure = None

    async def _until_hopeful(self, failure: EdgeVoiceError) -> None:
        """Wait until a model that failed is worth another try; one that crashed has passed a trial by then."""
        seconds = pause_after(self._failures)
        if not isinstance(failure, ModelCrashedError) or self._tried is None:
            await self._until_mended(self._tried, seconds)
            return
        if self._crashes.crashes(self._tried) >= MOST_CRASHES:  # then the pause has begun with the crash
            seconds = self._crashes.pause_seconds(self._tried)
        while True:
            await self._until_mended(self._tried, seconds)
            try:
                if self._try_apart is not None:
                    await self._try_apart(self._tried)
            except EdgeVoiceError as error:
                _LOGGER.warning("%s: '%s' is left alone for longer: %s", error.code, self._tried, error)
                self._failures += 1
                seconds = pause_after(self._failures)
            else:
                self._crashes.forgive(self._tried)
                return

    async def _failed(self, *, signed: bool) -> EdgeVoiceError | None:
        """Bring the chosen model into service; return why it will not serve, with the starter in its place."""
        failure: EdgeVoiceError | None = None
        try:
            if not (signed and await self._serve_signed()) and not await self._serve_installed():
                await self._serve_starter_if_it_can()
                await self._fetch_and_serve()
        except EdgeVoiceError as error:
            failure = error
        # A fault in a loader must cost the chosen model only, never the server that answers meanwhile.
        except Exception as error:
            _LOGGER.exception("The model %s cannot be brought into service", self._chosen.name)
            failure = EdgeVoiceError(f"The model '{self._chosen.name}' cannot be loaded: {error!r}")
        try:
            if failure is not None:
                await self._fail(failure)
        finally:
            self._settled.set()
        return failure

    async def _serve_signed(self) -> bool:
        """Serve the first bundle that can be verified and loaded."""
        if (signed := self._signed) is None:
            return False
        while (directory := await self._in_thread(signed.find)) is not None:
            try:
                engine = await self.made_ready(directory)
            except EdgeVoiceError as error:
                _LOGGER.error("%s: %s", error.code, error)  # noqa: TRY400  # the sentence says it; a trace would not
                await self._in_thread(functools.partial(signed.reject, error))
            else:
                self._crashes.rest()
                self._leases.replace(engine)
                self._now_serves(engine, engine.name, SupplyState.READY)
                return True
        return False

    async def _serve_installed(self) -> bool:
        named = Path(self._chosen.name)
        self._tried = named if named.is_absolute() else None  # where it is looked for while it is not there
        self._tried = directory = await self._in_thread(self._chosen.find)
        if directory is None:
            return False
        await self._in_thread(lambda: self._crashes.forgive_others(directory, self._starter))
        if directory == self._starter:
            await self._serve_starter(SupplyState.READY, anyway=True)
            return True
        if self._crashes.crashes(directory) >= MOST_CRASHES:
            raise _crashed(directory)
        await self._serve(directory, SupplyState.READY)
        return True

    async def _serve_starter(self, state: SupplyState | None = None, *, anyway: bool = False) -> None:
        """Load the starter, unless something serves already. One that keeps crashing is tried apart before."""
        if self._leases.current and not anyway:
            return
        if self._crashes.crashes(self._starter) >= MOST_CRASHES and self._try_apart is not None:
            try:
                await self._try_apart(self._starter)
            except EdgeVoiceError as error:
                raise _crashed(self._starter) from error
        await self._serve(self._starter, state or self.status.state)

    async def _serve_starter_if_it_can(self) -> None:
        """Load the starter while the chosen model is fetched; without it, turns end in its error until then."""
        try:
            await self._serve_starter()
        except EdgeVoiceError as error:
            _LOGGER.warning("%s: %s", error.code, error)
            self._failure = error
            self._change(has_given_up=True)
            self._settled.set()

    async def _fetch_and_serve(self) -> None:
        """Fetch and load the chosen model, again and again while only the network or the disk is in the way."""
        loop = asyncio.get_running_loop()

        def report(progress: Progress) -> None:
            loop.call_soon_threadsafe(self._report, progress)

        for delay_s in itertools.chain(self._retry_delays_s, itertools.repeat(self._retry_delays_s[-1])):
            try:
                directory = await self._in_thread(lambda: self._chosen.fetch(report, self._cancelled))
            except (ModelDownloadError, DiskError) as error:
                self._change(
                    name=self._chosen.name,
                    state=SupplyState.WAITING,
                    error_code=error.code,
                    error_text=str(error),
                )
                _LOGGER.warning("%s: %s. The next try is in %.0f s", error.code, error, delay_s)
                await asyncio.sleep(delay_s)
            else:
                self._change(state=SupplyState.LOADING, progress=1.0)
                await self._serve(directory, SupplyState.READY)
                return

    def _report(self, progress: Progress) -> None:
        state = SupplyState.MEASURING if progress.state is FetchState.MEASURING else SupplyState.FETCHING
        self._change(name=progress.name, state=state, progress=progress.fraction, error_code="", error_text="")

    def _change(self, **fields: Any) -> None:
        self.status = replace(self.status, **fields)
        self._on_change(self.status)

    async def _in_thread[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def _serve(self, directory: Path, state: SupplyState) -> None:
        with self._crashes.loading(directory):
            engine = await self.made_ready(directory)
        self._leases.replace(engine)
        self._now_serves(engine, self._chosen.name or engine.name, state)
        if directory == self._starter:
            _LOGGER.warning(
                "Answering with the starter model: a few hundred English words of home commands, for trying out only"
            )

    def _now_serves(self, engine: E, name: str, state: SupplyState) -> None:
        if state is SupplyState.READY:
            self._failure = None
            _LOGGER.info("Answering with the model %s", engine.name)
        self._change(name=name, state=state, serving=engine.name, error_code="", error_text="", has_given_up=False)
        self._settled.set()

    async def _fail(self, error: EdgeVoiceError, *, stands_in: bool = False) -> None:
        """Say what is wrong with the chosen model, and answer with the starter if nothing else does.

        Where it `stands_in`, it answers in the place of what serves now.
        """
        self._failure = error
        _LOGGER.error("%s: %s", error.code, error)
        try:
            await self._serve_starter(SupplyState.LOADING if stands_in else None, anyway=stands_in)
        except EdgeVoiceError as worse:
            _LOGGER.error("%s: %s", worse.code, worse)  # noqa: TRY400  # the sentence says it; a trace would not
        self._change(name=self._chosen.name, state=SupplyState.FAILED, error_code=error.code, error_text=str(error))


def _crashed(model: Path) -> ModelCrashedError:
    return ModelCrashedError(
        f"The model in '{model}' took the server down with it twice and is left alone for a while; it is tried again "
        "by itself, and at once when its files change or another model is chosen"
    )
