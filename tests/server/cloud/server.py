"""The stand-in cloud: a real HTTP(S) server that speaks every provider's documented protocol, and fails as told."""

import asyncio
import json
import logging
import socket
import ssl
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from . import tls
from .assemblyai import AssemblyAi
from .audio import Samples, Sound
from .azure import Azure
from .deepgram import Deepgram
from .elevenlabs import ElevenLabs
from .exchange import EndedError, Exchange
from .faults import FAULTS, Fault
from .google import Google
from .hearing import Hearing
from .home_assistant import HomeAssistant
from .openai import compatible, groq, openai
from .protocol import TRANSCRIBE, Answer, Asked, RefusedError, Service, Taken
from .recorder import Arrival, Connection, Recorder, listening

CONSENT = "2026-11-22"
CONTROL = "/stand-in/fault"
"""The only path that is no provider's."""
BASES = {"openai": "/v1", "groq": "/openai/v1", "compatible": "/local/v1"}
"""Where a provider's base address has a path, by its own convention."""
SETTINGS = {"groq": "openai", "compatible": "openai"}
"""Stand-in provider → the name of its adapter in our settings."""
MORE: dict[str, dict[str, Any]] = {
    "azure": {"region": "westeurope"},
    "google": {"project": "stand-in-project", "region": "global"},
    "home_assistant": {"entity": "stt.stand_in"},
    "compatible": {"trust": "home", "consent": "", "model": "small"},
    "groq": {"model": "whisper-large-v3-turbo"},
}


def every_service() -> tuple[Service, ...]:
    """Return one of each provider."""
    return (openai(), groq(), compatible(), Deepgram(), AssemblyAi(), Azure(), Google(), ElevenLabs(), HomeAssistant())


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


class _Server(web.Server):
    """aiohttp's server, watched."""

    def __init__(self, handler: Any, recorder: Recorder) -> None:
        quiet = logging.getLogger(f"{__name__}.http")
        quiet.disabled = True  # clients that vanish are the point here; what matters is kept by the recorder
        super().__init__(handler, handler_cancellation=True, logger=quiet, access_log=None)
        self._recorder = recorder
        self.known: dict[RequestHandler, Connection] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        now = asyncio.get_running_loop().time()
        self.known[handler] = Connection(number=len(self._recorder.connections) + 1, opened_s=now)
        self._recorder.connections.append(self.known[handler])

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        if found := self.known.pop(handler, None):
            found.closed_s = asyncio.get_running_loop().time()

    async def stop(self) -> None:
        """Drop all connections and wait for their handlers."""
        tasks = [one._task_handler for one in self.connections if one._task_handler]
        for one in self.connections:
            if one.transport:
                one.transport.abort()
        await asyncio.sleep(0)
        await self.shutdown(1.0)
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True, kw_only=True)
class StandIn:
    """A running stand-in."""

    origin: str
    """Scheme, host and port that are right."""
    elsewhere_origin: str
    folder: Path
    services: dict[str, Service]
    recorder: Recorder = field(default_factory=Recorder)
    elsewhere: Recorder = field(default_factory=Recorder)
    """Of the other host, to which redirects lead."""
    hearing: Hearing = field(default_factory=Hearing)
    plan: Plan = field(default_factory=Plan)
    origins: dict[str, str] = field(default_factory=dict)
    """Fault with an address of its own → that address."""
    language: str = "en"
    delay_seconds: float = 0.0
    """An honest provider's own time between the last byte of a request and the first of its answer."""
    failures: list[BaseException] = field(default_factory=list)
    """Faults of the stand-in itself; raised at its end."""

    @property
    def ca_file(self) -> str:
        """The authority that its right certificate is signed by."""
        return str(tls.authority_file(self.folder))

    def url(self, provider: str, *, fault: str | None = None) -> str:
        """Return a provider's base address, or that of a fault that has one."""
        return (self.origins[fault] if fault else self.origin) + BASES.get(provider, "")

    def key(self, provider: str) -> str:
        """Return the only key that a provider accepts."""
        return self.services[provider].key

    def lane(self, provider: str, *, fault: str | None = None, **more: Any) -> dict[str, Any]:
        """Return the fields of LaneSettings that lead here."""
        url = self.url(provider, fault=fault)
        ca_file = {"ca_file": self.ca_file} if url.startswith("https:") else {}
        return {
            "name": provider,
            "provider": SETTINGS.get(provider, provider),
            "url": url,
            "key": self.key(provider),
            "trust": "cloud",
            "consent": CONSENT,
            **ca_file,
            **MORE.get(provider, {}),
            **more,
        }

    def hears(self, samples: Samples, text: str) -> None:
        """Register what these samples say."""
        self.hearing.learn(samples, text)

    def always(self, provider: str, fault: str, operation: str = TRANSCRIBE) -> None:
        """Let every request for one purpose fail so."""
        self.plan.always(provider, fault, operation)

    def script(self, provider: str, *faults: str | None) -> None:
        """Let the next transcriptions fail so, one after the other; None: not at all."""
        self.plan.script(provider, *faults)

    def well(self, provider: str | None = None) -> None:
        """Let a provider, or all, be well again."""
        self.plan.well(provider)

    def set(self, provider: str, fault: str) -> str:
        """Let a provider fail so, whichever kind of fault it is; return the address to use."""
        if FAULTS[fault].where == "listener":
            return self.url(provider, fault=fault)
        self.always(provider, fault)
        return self.url(provider)

    def serving(self, recorder: Recorder) -> _Server:
        """Return a server that keeps what arrives in a recorder."""

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await self._handle(request, recorder, server.known[request.protocol])
            except ConnectionError:
                raise
            except Exception as failure:
                self.failures.append(failure)
                raise

        server = _Server(handle, recorder)
        return server

    async def _handle(self, request: web.BaseRequest, recorder: Recorder, connection: Connection) -> web.StreamResponse:
        """Answer one request, well or not."""
        if request.path == CONTROL:
            return await self._told(request)
        loop = asyncio.get_running_loop()
        found = ((one, one.operation(request.method, request.path)) for one in self.services.values())
        service, operation = next(((one, what) for one, what in found if what), (None, ""))
        connection.requests += 1
        arrival = Arrival(
            provider=service.name if service else "",
            operation=operation or "",
            method=request.method,
            path=request.path,
            query=tuple(request.query.items()),
            raw_headers=request.raw_headers,
            connection=connection.number,
            reused=connection.requests > 1,
            arrived_s=loop.time(),
        )
        recorder.arrivals.append(arrival)
        if service is None:
            arrival.status, arrival.refusal = 404, f"no provider has {request.method} {request.path}"
            return web.json_response({"message": "no such path"}, status=404)
        exchange = Exchange(request=request, arrival=arrival, elsewhere=self.elsewhere_origin, service=service)
        try:
            await self._exchange(exchange, self.plan.next(service.name, arrival.operation))
            arrival.answered_s = loop.time()
        except EndedError:
            pass
        except asyncio.CancelledError, ConnectionError:
            arrival.disconnected = True
            raise
        return exchange.response or web.Response(status=500)

    async def _told(self, request: web.BaseRequest) -> web.StreamResponse:
        """Let a client of another process choose a fault: {"provider": …, "fault": … or null}."""
        told = json.loads(await request.read())
        self.well(told["provider"])
        if told["fault"]:
            self.always(told["provider"], told["fault"])
        return web.Response(status=204)

    async def _exchange(self, exchange: Exchange, fault: Fault | None) -> None:
        arrival = exchange.arrival
        arrival.fault = fault.name if fault else ""
        if fault and fault.early:
            await fault.early(exchange)
        await exchange.read()
        answer = self._answer(exchange, fault)
        if self.delay_seconds and arrival.operation == TRANSCRIBE:
            await asyncio.sleep(self.delay_seconds)
        if fault and fault.late:
            await fault.late(exchange, answer)
        else:
            await exchange.send(answer)

    def _answer(self, exchange: Exchange, fault: Fault | None) -> Answer:
        """Return the honest answer, or the provider's refusal of what is against its protocol."""
        request, arrival, service = exchange.request, exchange.arrival, exchange.service
        taken = Taken()
        asked = Asked(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=arrival.body,
            origin=self.origin,
        )

        def hear(sound: Sound) -> str:
            return self.hearing(sound) if fault is None or fault.heard is None else fault.heard

        try:
            return service.answer(asked, taken, hear, fault.language if fault and fault.language else self.language)
        except RefusedError as refusal:
            arrival.refusal = refusal.reason
            if refusal.document is not None:
                return Answer(status=refusal.status, document=refusal.document)
            return service.failure(refusal.status, refusal.reason)
        finally:
            arrival.fields, arrival.sound = taken.fields, taken.sound


@asynccontextmanager
async def _listener(server: Any, recorder: Recorder, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Listen; give the port."""
    loop = asyncio.get_running_loop()
    sock = listening(recorder)
    # ssl_shutdown_timeout: a client that is told off by a fault need not say goodbye
    timeouts = {"ssl_handshake_timeout": 30.0, "ssl_shutdown_timeout": 0.5} if context else {}
    listener = await loop.create_server(server, sock=sock, ssl=context, **timeouts)
    try:
        yield sock.getsockname()[1]
    finally:
        listener.close()
        await listener.wait_closed()


class _Mute(asyncio.Protocol):
    """Takes everything and says nothing."""

    open: set[asyncio.BaseTransport]

    def __init__(self, everyone: set[asyncio.BaseTransport]) -> None:
        self._everyone = everyone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._everyone.add(transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._everyone.discard(self._transport)


@asynccontextmanager
async def stand_in(*, secure: bool = False) -> AsyncIterator[StandIn]:
    """Serve every provider on free ports of 127.0.0.1 within the running loop; `secure`: over HTTPS."""
    scheme = "https" if secure else "http"
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stand-in-")))
        contexts = {name: make().context(folder, name) for name, make in tls.CERTIFICATES.items()}
        right = contexts.pop("right") if secure else None
        contexts.pop("right", None)
        cloud = StandIn(
            origin="", elsewhere_origin="", folder=folder, services={one.name: one for one in every_service()}
        )
        own, other, mute = cloud.serving(cloud.recorder), cloud.serving(cloud.elsewhere), set[asyncio.BaseTransport]()
        port = await stack.enter_async_context(_listener(own, cloud.recorder, right))
        plain = await stack.enter_async_context(_listener(own, cloud.recorder, None))
        elsewhere = await stack.enter_async_context(_listener(other, cloud.elsewhere, right))
        silent = await stack.enter_async_context(_listener(lambda: _Mute(mute), cloud.recorder, None))
        cloud.origin, cloud.elsewhere_origin = f"{scheme}://127.0.0.1:{port}", f"{scheme}://localhost:{elsewhere}"
        google = cloud.services["google"]
        assert isinstance(google, Google)
        google.token_uri = f"{cloud.origin}/token"
        for name, context in contexts.items():
            at = await stack.enter_async_context(_listener(own, cloud.recorder, context))
            cloud.origins[name] = f"https://127.0.0.1:{at}"
        nobody = stack.enter_context(_bound())
        cloud.origins |= {
            "refuses-connection": f"{scheme}://127.0.0.1:{nobody.getsockname()[1]}",
            "never-speaks": f"{scheme}://127.0.0.1:{silent}",
            "no-such-host": f"{scheme}://stand-in.invalid:{port}",
            "no-tls": f"https://127.0.0.1:{plain}",
        }
        try:
            yield cloud
        finally:
            for transport in list(mute):
                transport.close()
            await own.stop()
            await other.stop()
    if cloud.failures:
        raise ExceptionGroup(
            "the stand-in itself failed", [one for one in cloud.failures if isinstance(one, Exception)]
        )


def _bound() -> socket.socket:
    """Return a socket that has a port and does not listen: connecting to it is refused."""
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    return one
