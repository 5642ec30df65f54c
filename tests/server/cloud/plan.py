"""Which fault comes next."""

from collections import deque

from .faults import FAULTS, Fault
from .protocol import TRANSCRIBE


class Plan:
    """Which fault comes next."""

    def __init__(self) -> None:
        self._always: dict[tuple[str, str], str] = {}
        self._scripts: dict[str, deque[str | None]] = {}

    def always(self, provider: str, fault: str, operation: str = TRANSCRIBE) -> None:
        """Let every request for one purpose fail so."""
        assert FAULTS[fault].where == "request", f"{fault} has an address of its own: use url(provider, fault=…)"
        self._always[provider, operation] = fault

    def script(self, provider: str, *faults: str | None) -> None:
        """Let the next transcriptions fail so, one after the other; None: not at all."""
        assert all(one is None or FAULTS[one].where == "request" for one in faults)
        self._scripts.setdefault(provider, deque()).extend(faults)

    def well(self, provider: str | None = None) -> None:
        """Let a provider, or all, be well again."""
        for key in [key for key in self._always if provider in (None, key[0])]:
            del self._always[key]
        for key in [key for key in self._scripts if provider in (None, key)]:
            del self._scripts[key]

    def next(self, provider: str, operation: str) -> Fault | None:
        """Return the fault of the next request."""
        script = self._scripts.get(provider) if operation == TRANSCRIBE else None
        name = script.popleft() if script else self._always.get((provider, operation))
        return FAULTS[name] if name else None
