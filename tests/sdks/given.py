"""What a run of the clients is given, and what it reports."""

import http.client
import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Where the stand-in is, and what it hears."""

    origin: str
    urls: dict[str, str]
    keys: dict[str, str]
    wav: str
    """Path of a recording."""
    text: str
    """What is said in it."""

    @property
    def audio(self) -> bytes:
        """The recording's bytes."""
        return Path(self.wav).read_bytes()

    def break_with(self, provider: str, fault: str | None) -> None:
        """Let a provider fail from now on; None: let it be well."""
        body = json.dumps({"provider": provider, "fault": fault}).encode()
        address = urllib.parse.urlsplit(self.origin)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
        connection.request("POST", "/stand-in/fault", body)
        connection.getresponse().read()
        connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that a client does."""

    sdk: str
    name: str
    run: Callable[[], Any]
    """Returns a text, or raises `error`."""
    error: type[BaseException] | None = None
    """What it must raise."""
    status: int | None = None
    """What that must carry."""
    provider: str = ""
    fault: str | None = None
    """How the stand-in fails meanwhile."""

    def tried(self, given: Given) -> dict[str, Any]:
        """Run it; return one line of the report."""
        line = {"sdk": self.sdk, "case": self.name}
        if self.fault:
            given.break_with(self.provider or self.sdk, self.fault)
        try:
            said = str(self.run()).strip()
        except Exception as error:  # noqa: BLE001  # whatever a client raises is the result
            expected = self.error is not None and isinstance(error, self.error)
            carried = _status(error)
            right = expected and (self.status is None or carried == self.status)
            return line | {"ok": right, "raised": type(error).__name__, "status": carried, "says": str(error)[:200]}
        finally:
            if self.fault:
                given.break_with(self.provider or self.sdk, None)
        return line | {"ok": self.error is None and said == given.text, "said": said}


def _status(error: BaseException) -> int | None:
    found = getattr(error, "status_code", None) or getattr(error, "code", None)
    return int(found) if isinstance(found, int) else None
