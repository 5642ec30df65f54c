"""One thing that many use and that is replaced under them: the old one is closed after its last user."""

import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import ModelMissingError


class Closable(Protocol):
    """Something that holds memory until it is closed."""

    def close(self) -> None:
        """Free it; blocks."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Held[E: Closable]:
    """An engine and how many use it."""

    engine: E
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Goes with it when it is handed over, so that whoever leased it before is still counted."""
    leases: int = 0
    retired: bool = False


class Leases[E: Closable]:
    """Hands out the current engine from any thread; closes retired ones in `executor`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._held: _Held[E] | None = None

    @property
    def current(self) -> E | None:
        """The engine that is handed out now."""
        held = self._held
        return held.engine if held else None

    @contextmanager
    def lease(self) -> Iterator[E]:
        """Give the current engine and keep it open until the block ends. Raises ModelMissingError without one."""
        held = self._leased()
        try:
            yield held.engine
        finally:
            with held.lock:
                held.leases -= 1
                last = held.retired and not held.leases
            if last:
                self._close(held.engine)

    def _leased(self) -> _Held[E]:
        while (held := self._held) is not None:
            with held.lock:
                if not held.retired:  # else it was replaced just now, and may be closed already
                    held.leases += 1
                    return held
        raise ModelMissingError("No model is loaded yet; try again in a moment")

    def replace(self, engine: E | None) -> None:
        """Hand out this engine from now on, and close the one before it after its last lease."""
        self._replace(_Held(engine=engine) if engine is not None else None)

    def take_over(self, other: Leases[E]) -> None:
        """Hand out the other's engine from now on; the other has none any more."""
        held, other._held = other._held, None
        self._replace(held)

    def _replace(self, held: _Held[E] | None) -> None:
        before, self._held = self._held, held
        if before is None:
            return
        with before.lock:
            before.retired = True
            unused = not before.leases
        if unused:
            self._close(before.engine)

    def _close(self, engine: E) -> None:
        try:
            self._executor.submit(engine.close)
        except RuntimeError:  # the executor is shut down: the server ends, and this is the last lease of all
            engine.close()
