"""A control port on loopback, with little behind it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from wyoming_server.errors import MalformedAudioError
from wyoming_server.listeners.control_door import ControlDoor, open_control
from wyoming_server.listeners.control_settings import ControlSettings

ID = "0123456789abcdef" * 2
NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Behind:
    """What the control port needs of a server, and nothing else."""

    def __init__(self) -> None:
        self.admitted: list[str] = []
        self.state = "ok"
        self.failure: Exception | None = None
        self.floods = False
        self.listened = asyncio.Event()

    def health(self) -> dict[str, Any]:
        api = {"version": 1, "min_version": 1}
        told = {"status": self.state, "id": ID, "name": "Edge Voice", "version": "0.1.0", "api": api}
        return {**told, "wyoming_port": 10300, "model": "starter", "languages": ["en"]}

    def status(self) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        return {"mode": "normal"}

    def admit(self, address: str) -> None:
        self.admitted.append(address)

    async def transcribe(self, wav: bytes, **_options: Any) -> dict[str, Any]:
        raise MalformedAudioError(f"{len(wav)} bytes")

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        self.listened.set()
        yield {"type": "status", "status": self.status()}
        while self.floods:
            yield {"type": "status", "status": {"mode": "x" * 100_000}}
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, read to its end."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        """Its refusal's code; the message must be there, too."""
        assert set(self.body) == {"code", "message"}
        assert self.body["message"]
        return str(self.body["code"])


@dataclass(slots=True, kw_only=True)
class Caller:
    """A client."""

    door: ControlDoor
    behind: Behind
    session: aiohttp.ClientSession
    clock: Clock
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> Reply:
        """Ask with a token: the right one unless another (or an empty one) is given."""
        shown = self.door.token if token is None else token
        headers = {**({"Authorization": f"Bearer {shown}"} if shown else {}), **options.pop("headers", {})}
        async with self.session.request(method, path, headers=headers, **options) as answer:
            return Reply(status=answer.status, body=await answer.json(), headers=answer.headers)


@asynccontextmanager
async def control(
    folder: Path, *, address: str = "127.0.0.1:0", allow: Sequence[str] = (), **settings: Any
) -> AsyncIterator[Caller]:
    """Open a control port and a client that pins its certificate."""
    behind, clock = Behind(), Clock()
    chosen = ControlSettings(address=address, **settings)
    async with open_control(chosen, behind, data_dir=folder, allow=allow, clock=clock, wall=lambda: NOW) as door:
        assert door is not None
        tls = aiohttp.Fingerprint(bytes.fromhex(door.fingerprint)) if door.fingerprint else True
        base = f"{'https' if door.fingerprint else 'http'}://127.0.0.1:{door.port}"
        async with aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(ssl=tls)) as session:
            yield Caller(door=door, behind=behind, session=session, clock=clock)
