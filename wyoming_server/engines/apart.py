"""A model in a process of its own: tried there, and there it may decode unheard.

A model that crashes its process, hangs, or eats memory costs that process. It runs at the lowest priority, and may be
halted whenever somebody speaks.
"""

import asyncio
import contextlib
import logging
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

import psutil

from ..bundles.bundle import Bundle, Kind
from ..errors import (
    BundleManifestError,
    DecodeError,
    EdgeVoiceError,
    EngineMissingError,
    ModelCorruptError,
    ModelMissingError,
    SelfTestError,
    TrialCrashedError,
    TrialError,
    TrialMemoryError,
    TrialTimeoutError,
    UnknownWakeWordError,
    UnsupportedLanguageError,
)
from ..pipeline.checked import Checked, ranged
from ..pipeline.scorecard import Scorecard
from ..pipeline.types import DecodeRequest, Hypothesis
from .apart_wire import Message, WireError, hypothesis_of, packed, read_soon, request_fields
from .load import described

_LOGGER = logging.getLogger(__name__)
_LOOK_SECONDS = 0.05
"""Between two looks at its memory while it loads; a page-touching loop takes some 100 MB in that."""
_SHADOW_LOOK_SECONDS = 1.0
_MB = 1 << 20
_REFUSALS: Mapping[str, type[EdgeVoiceError]] = {
    one.code: one
    for one in (
        BundleManifestError,
        DecodeError,
        EngineMissingError,
        ModelCorruptError,
        ModelMissingError,
        SelfTestError,
        TrialMemoryError,
        UnknownWakeWordError,
        UnsupportedLanguageError,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLimits(Checked):
    """What a model may take while it is tried."""

    memory_mb: int = ranged(1024, at_least=1)
    """Resident memory beyond that of its libraries."""
    seconds: float = ranged(120.0, at_least=0.1)
    """For loading and hearing its golden recordings, and for any one decode after that."""
    threads: int = ranged(1, at_least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a trial has shown."""

    label: str
    languages: tuple[str, ...]
    """Empty for what is no recogniser."""
    memory_mb: float
    """Resident memory that it took beyond its libraries', at most."""
    load_ms: float
    """Until all golden recordings were heard right, twice."""
    decode_ms: tuple[float, ...]
    """For each golden recording."""


class ApartModel:
    """A tried model whose process lives; a recogniser satisfies the path's `EdgeModel`. One decode at a time."""

    def __init__(self, process: asyncio.subprocess.Process, bundle: Bundle, limits: TrialLimits) -> None:
        """Own a process that was just started; `started` makes it useful."""
        self._process, self._bundle, self._limits = process, bundle, limits
        self._told, self._heard = _pipes(process)
        self._line = asyncio.Lock()
        self._end: type[TrialError] | None = None
        """Why we killed it; None when we did not."""
        self._spare_bytes = self._peak_bytes = 0
        self._look_seconds = _LOOK_SECONDS
        self._watching = asyncio.create_task(self._watch(), name="memory of a model apart")
        self._held = False
        self._deadline: asyncio.Timeout | None = None
        """Of the answer that is waited for."""
        self._left_s = limits.seconds
        """Until then, when it was halted."""
        self.name = bundle.label
        self.hallucination_phrases = bundle.hallucination_phrases
        self.languages: tuple[str, ...] = ()
        self.tried: Tried | None = None
        """What its trial has shown; None until then."""

    @classmethod
    async def started(cls, kind: Kind, folder: Path, limits: TrialLimits, *, data: Path | None = None) -> Self:
        """Load a model's folder in a process of its own and hold it to its golden recordings.

        `data` is the data folder, for the owner's own scorecard and what was fetched for wake words. Raises
        TrialError, SelfTestError, ModelError and BundleManifestError; then the process is gone.
        """
        bundle = await asyncio.to_thread(described, folder, data)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "wyoming_server.engines.apart_child"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self = cls(process, bundle, limits)
        try:
            await self._load(kind, folder, data)
        except BaseException:
            await self.aclose()
            raise
        return self

    @property
    def scorecard(self) -> Scorecard | None:
        """How its evidence adds up to a risk; None when nobody fitted that."""
        return self._bundle.scorecard

    @property
    def is_busy(self) -> bool:
        """Whether it is at a decode."""
        return self._line.locked()

    async def _load(self, kind: Kind, folder: Path, data: Path | None) -> None:
        loop = asyncio.get_running_loop()
        job = {
            "kind": kind.value,
            "folder": str(folder),
            "data": str(data) if data else "",
            "threads": self._limits.threads,
            # Twice: mapped memory is more than what is resident, and a weight file may be mapped and copied.
            "headroom_bytes": (2 * self._limits.memory_mb + 512) * _MB,
        }
        await self._asked(packed(job))
        self._spare_bytes = self._resident()
        began_s = loop.time()
        fields, _ = await self._asked(b"")
        report = self._part(fields, "report")
        self._peak_bytes = max(self._peak_bytes, self._resident())
        self.languages = tuple(report["languages"])
        self.tried = Tried(
            label=self.name,
            languages=self.languages,
            memory_mb=max(0.0, (self._peak_bytes - self._spare_bytes) / _MB),
            load_ms=1000.0 * (loop.time() - began_s),
            decode_ms=tuple(report["decode_ms"]),
        )
        _LOGGER.info("%s has passed its trial: %.0f MB, %.0f ms", self.name, self.tried.memory_mb, self.tried.load_ms)

    async def be_idle(self) -> None:
        """Run only where nothing else wants to, from now on."""
        self._look_seconds = _SHADOW_LOOK_SECONDS
        await self._write(packed({"idle": True}))

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        """Return what it hears. Raises DecodeError and UnsupportedLanguageError, and TrialError when it is gone."""
        async with self._line:
            try:
                fields, _ = await self._asked(packed(*request_fields(request)))
                if "failed" in fields:
                    self._raise(fields["failed"])
                return hypothesis_of(self._part(fields, "heard"))
            except asyncio.CancelledError:
                # Its answer would be taken for that to the next question.
                self._kill(TrialCrashedError)
                raise
            except WireError as error:
                self._kill(TrialCrashedError)
                raise TrialCrashedError(f"The model '{self.name}' answers nonsense: {error}") from error

    def hold(self) -> None:
        """Halt it: somebody speaks."""
        if not self._held:
            self._held = True
            self._signal(signal.SIGSTOP)
            if self._deadline is not None and (when_s := self._deadline.when()) is not None:
                self._left_s = when_s - asyncio.get_running_loop().time()
                self._put_off(None)

    def go_on(self) -> None:
        """Let it run again."""
        if self._held:
            self._held = False
            self._signal(signal.SIGCONT)
            self._put_off(asyncio.get_running_loop().time() + self._left_s)

    def _put_off(self, when_s: float | None) -> None:
        """Wait for the answer until another moment: while it is halted, it is not it that takes so long."""
        if self._deadline is not None:
            with contextlib.suppress(RuntimeError):  # it has just passed
                self._deadline.reschedule(when_s)

    async def aclose(self) -> None:
        """End its process and wait until it has gone."""
        self._kill(None)
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await self._process.wait()
        await self._heard.read()  # to its end, so that nothing of the pipe is left
        self._told.close()
        with contextlib.suppress(OSError):
            await self._told.wait_closed()

    async def _asked(self, question: bytes) -> Message:
        """Return the answer to a message. Raises what it refuses with, TrialError when it does not answer."""
        try:
            self._left_s = self._limits.seconds
            async with asyncio.timeout(None if self._held else self._left_s) as self._deadline:
                await self._write(question)
                fields, payload = await read_soon(self._heard)
        except TimeoutError:
            self._kill(TrialTimeoutError)
            raise TrialTimeoutError(
                f"The model '{self.name}' took longer than {self._limits.seconds:.0f} s in a process of its own, "
                "so it is not taken up"
            ) from None
        except asyncio.IncompleteReadError, OSError:
            await self._mourn()
        except WireError as error:
            self._kill(TrialCrashedError)
            raise TrialCrashedError(f"The model '{self.name}' answers nonsense: {error}") from error
        finally:
            self._deadline = None
        if "refusal" in fields:
            self._raise(fields["refusal"])
        return fields, payload

    async def _write(self, message: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # it has gone: reading says so, and why
            self._told.write(message)
            await self._told.drain()

    async def _mourn(self) -> NoReturn:
        """Say why the process is gone."""
        status = await self._process.wait()
        if self._end is TrialMemoryError:
            raise TrialMemoryError(
                f"The model '{self.name}' took more than {self._limits.memory_mb} MB in a process of its own, "
                "so it is not taken up; bundles.memory_mb of the settings allows more"
            )
        end = _ending(status)
        raise TrialCrashedError(
            f"The model '{self.name}' ended the process that tried it ({end}), so it is not taken up"
        )

    def _part(self, fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        part = fields.get(name)
        if not isinstance(part, dict):
            self._kill(TrialCrashedError)
            raise TrialCrashedError(f"The model '{self.name}' answers nonsense: no {name}")
        return part

    @staticmethod
    def _raise(refusal: Mapping[str, Any]) -> NoReturn:
        raise _REFUSALS.get(str(refusal.get("code")), TrialCrashedError)(str(refusal.get("message", "")))

    async def _watch(self) -> None:
        """End it when it takes more memory than it may."""
        while self._process.returncode is None:
            resident = self._resident()
            self._peak_bytes = max(self._peak_bytes, resident)
            if self._spare_bytes and resident - self._spare_bytes > self._limits.memory_mb * _MB:
                self._kill(TrialMemoryError)
                return
            await asyncio.sleep(self._look_seconds)

    def _resident(self) -> int:
        try:
            resident: int = psutil.Process(self._process.pid).memory_info().rss
        except psutil.Error:
            return 0
        return resident

    def _kill(self, why: type[TrialError] | None) -> None:
        self._end = self._end or why
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def _pipes(process: asyncio.subprocess.Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a model's own process was started without its pipes")
    return process.stdin, process.stdout


def _ending(status: int) -> str:
    """Return how a process ended, for people."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
