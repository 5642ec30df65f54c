"""What every provider of the stand-in cloud is made of: a request that was read, and an answer that may be sent."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from multidict import CIMultiDictProxy, MultiDictProxy

from .audio import Sound

TRANSCRIBE, WARM, TOKEN = "transcribe", "warm", "token"
"""What a request is for."""


class RefusedError(Exception):
    """The request breaks the documented protocol: the status that the provider answers with, and why."""

    def __init__(self, status: int, reason: str, document: Any = None) -> None:
        """Say so; a document when it is not the provider's usual one."""
        super().__init__(reason)
        self.status, self.reason, self.document = status, reason, document


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, read whole."""

    method: str
    path: str
    query: MultiDictProxy[str]
    headers: CIMultiDictProxy[str]
    body: bytes
    origin: str
    """The scheme and host by which it was reached."""

    @property
    def content_type(self) -> str:
        """Its media type without parameters, in lower case."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One of: a JSON document, JSON events (server-sent), or plain text."""

    status: int = 200
    document: Any = None
    events: tuple[Mapping[str, Any], ...] = ()
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The media type that it is sent as."""
        if self.events:
            return "text/event-stream"
        return "application/json" if self.text is None else "text/plain"

    @property
    def chunks(self) -> list[bytes]:
        """Its body, in the pieces that it is sent in."""
        if self.events:
            return [f"data: {json.dumps(one, ensure_ascii=False)}\n\n".encode() for one in self.events]
        return [self.text.encode() if self.text is not None else json.dumps(self.document, ensure_ascii=False).encode()]

    @property
    def body(self) -> bytes:
        """Its whole body."""
        return b"".join(self.chunks)


@dataclass(slots=True, kw_only=True)
class Taken:
    """What a provider took out of a request, for whoever looks at it later."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    """Form fields, query or JSON settings as sent, without the audio."""
    sound: Sound | None = None


type Hear = Callable[[Sound], str]


class Service(Protocol):
    """One provider, as its documentation describes it."""

    name: str
    key: str
    """The only key that it accepts."""

    def operation(self, method: str, path: str) -> str | None:
        """Return what a request is for, or None when the path is not this provider's."""

    def answer(self, asked: Asked, taken: Taken, hear: Hear, language: str) -> Answer:
        """Return the documented answer; fill in `taken`. Raises RefusedError."""

    def failure(self, status: int, reason: str) -> Answer:
        """Return the documented body of an error."""

    def spent(self) -> Answer:
        """Return the documented answer when the account's quota is spent."""
