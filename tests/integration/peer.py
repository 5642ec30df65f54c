"""A small real hub for faults that a real one cannot show: slow, broken off, talking nonsense, of another version."""

import asyncio
import contextlib
import copy
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from wyoming.event import Event, async_read_event, async_write_event

from tests.integration.waiting import Waiting

type Json = dict[str, Any]
type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ID = "0123456789abcdef0123456789abcdef"
TOKEN = "the peer's token"
SATELLITE = "assist_satellite.kitchen"
NOTHING: Json = dict.fromkeys(("active", "previous", "offered", "candidate", "work", "last_rollback"))
"""A kind of model of which nothing is known."""
OFFERED: Json = {
    "label": "home-en@1.2.0",
    "name": "home-en",
    "version": "1.2.0",
    "kind": "asr",
    "eligible": True,
    "notes": "Hears *timers* better.",
    "bytes": 48_000_000,
    "reasons": [{"code": "region", "holds": True, "message": "It is for every region."}],
}
ACTIVE: Json = {
    "label": "home-en@1.1.0",
    "name": "home-en",
    "version": "1.1.0",
    "signed": True,
    "since": "2026-11-01T03:00:00+00:00",
}
CANDIDATE: Json = {
    "label": "home-en@1.2.0",
    "stage": "shadow",
    "since": "2026-11-22T10:00:00+00:00",
    "turns": 12,
    "turns_to_go": 38,
    "share": 0.5,
    "evidence": [],
}
EVIDENCE: Json = {
    "metric": "failed",
    "baseline": 0.05,
    "candidate": 0.125,
    "baseline_turns": 500,
    "candidate_turns": 80,
    "e_value": 112.5,
}
BUNDLES: Json = {
    "repository": {
        "url": "https://models.example.org",
        "channel": "stable",
        "checked_at": "2026-11-22T10:00:00+00:00",
        "error": None,
    },
    "region": "DE",
    "hub_class": "pi5",
    "kinds": [
        NOTHING | {"kind": "asr", "active": ACTIVE, "previous": "home-en@1.0.0", "offered": OFFERED},
        NOTHING | {"kind": "wake", "active": ACTIVE | {"label": "hey-home@2.0", "name": "hey-home", "version": "2.0"}},
        NOTHING
        | {
            "kind": "vad",
            "active": {"label": "silero", "name": "silero", "version": "", "signed": False, "since": None},
            "offered": OFFERED | {"label": "quiet@1.0", "name": "quiet", "version": "1.0", "kind": "vad"},
        },
    ],
    "denied": [],
}
ALARM: Json = {
    "metric": "escalation",
    "language": "en",
    "since": "2026-11-20T08:00:00+00:00",
    "at": "2026-11-22T10:00:00+00:00",
    "before": 0.25,
    "now": 0.4,
    "turns": 180,
    "e_value": 23000.0,
    "cause": "noise",
    "subject": "",
    "message": "Speech in en asks the cloud more often since Friday, and there is more noise.",
}
BASELINE: Json = {
    "began": "2026-11-20T00:00:00+00:00",
    "ends": "2026-11-27T00:00:00+00:00",
    "ended": None,
    "consent": "2026-11-20",
    "turns": 40,
    "failed": 1,
    "retried": 2,
    "abandoned": 0,
    "pairs": 38,
    "disagreed": 3,
    "would_escalate": 5,
    "seconds": 92.5,
    "seconds_cap": 3600.0,
    "cost": 0.01,
    "money_cap": 2.0,
    "last_word_to_text_ms": {"p50": 700.0, "p95": 1400.0},
    "end_to_text_ms": {"p50": 500.0, "p95": 1200.0},
    "reason": "",
}
HEADLINE: Json = {
    "month": "2026-10",
    "made_at": "2026-11-01T00:01:00+00:00",
    "turns": 5200,
    "escalation_rate": 0.08,
    "within_budget": 0.97,
    "end_to_text_p95_ms": 40.0,
    "last_word_to_text_p95_ms": 260.0,
    "cloud_seconds": 900.0,
    "cloud_cost": 0.09,
    "currency": "USD",
}
UPLOAD: Json = {
    "number": 118,
    "at": "2026-11-22T09:59:58+00:00",
    "lane": "groq",
    "turn_id": "t1",
    "reason": "risk",
    "consent": "2026-11-01",
    "seconds": 1.9,
    "bytes": 60_800,
    "cost": 0.0002,
    "currency": "USD",
    "ending": "answered",
    "took_seconds": 0.412,
    "left": True,
}
SUMS: list[Json] = [
    {"lane": "groq", "trust": "cloud", "uploads": 7, "seconds": 12.5, "cost": 0.001},
    {"lane": "attic", "trust": "home", "uploads": 3, "seconds": 5.0, "cost": 0.0},
]
LEDGER: Json = {"rows": [UPLOAD], "today": SUMS[:1], "this_month": [SUMS[0] | {"uploads": 31}, SUMS[1]]}
DRIFT: Json = {"state": "steady", "turns_to_go": 0, "alarms": []}
STATUS: Json = {
    "schema": 1,
    "server": {
        "id": ID,
        "name": "Edge Voice",
        "version": "0.1.0",
        "started_at": "2026-11-22T10:00:00+00:00",
        "uptime_seconds": 12.3,
    },
    "mode": "normal",
    "mode_reason": "",
    "mode_since": "2026-11-22T10:00:03+00:00",
    "mode_ends": "",
    "model": {
        "name": "base",
        "state": "ready",
        "progress": 1.0,
        "starter": False,
        "languages": ["de", "en"],
        "note": "",
    },
    "wake_words": [{"id": "hey_jarvis", "phrase": "hey jarvis", "languages": ["en"]}],
    "policy": {
        "routing_mode": "auto",
        "cloud_allowed": True,
        "audits": False,
        "keep_transcripts": False,
        "error_target": 0.02,
        "cloud_seconds_per_day": 600,
        "audit_seconds_per_day": 60,
        "hedge_seconds_per_day": 60,
        "cloud_money_per_month": 5.0,
        "hedge": False,
        "wake_threshold": 0.5,
        "answer_early": True,
        "confirm_critical": True,
        "refuse_unconfirmed": True,
        "defer": False,
        "list_hours": 24.0,
        "note_hours": 24.0,
        "reminder_hours": 4.0,
        "ask_text": False,
        "release_channel": "stable",
        "automatic_updates": False,
        "cohort_reports": False,
        "keep_recordings": False,
        "log_level": "info",
    },
    "lanes": [],
    "cloud": {"reachable": None, "over_budget": False, "currency": "USD", "seconds_today": 0.0},
    "figures": {
        "turns": 120,
        "escalations": 9,
        "errors": 1,
        "window_turns": 100,
        "escalation_rate": 0.08,
        "last_word_to_text_ms": {"p50": 180.0, "p95": 260.0},
        "end_to_text_ms": {"p50": 5.0, "p95": None},
        "stages_p95_ms": {"capture": 70.0, "cloud": None},
        "retry_rate": 0.03,
        "abandonment_rate": None,
    },
    "last_turn": None,
    "thresholds": [
        {"language": "en", "microphone_class": "far_field", "value": 0.31, "guaranteed": False, "reason": "young"}
    ],
    "disagreement": [],
    "resources": {
        "cpu_percent": 12.0,
        "memory_percent": 41.0,
        "memory_mb": 210.0,
        "throttled": False,
        "decode_busy": 0.02,
        "waiting": 0,
        "most_waiting": 16,
        "saturated": False,
        "reason": "",
    },
    "satellites": [
        {
            "id": SATELLITE,
            "microphone_class": "far_field",
            "answer_early": True,
            "wake_threshold": None,
            "routing_mode": None,
            "state": "good",
            "reason": "",
            "since": None,
            "ends": "",
            "evidence": {"turns": 20, "wakes": 31, "false_wakes": 2, "snr_db": 18.5, "clipping": 0.0},
            "suggestion": None,
        }
    ],
    "bundles": BUNDLES,
    "drift": DRIFT,
    "records": {
        "bytes": 8_400_000,
        "turns": 5200,
        "oldest": "2026-10-23",
        "transcripts": 0,
        "recordings": 0,
        "corrections": 0,
        "key": "good",
    },
    "queue": {
        "enabled": False,
        "waiting": 0,
        "ready": 0,
        "started": 0,
        "needs_you": 0,
        "bytes": 0,
        "oldest": None,
        "reason": "",
    },
    "baseline": None,
    "scorecard": HEADLINE,
    "warnings": [],
}
HEALTH: Json = {
    "status": "ok",
    "id": ID,
    "name": "Edge Voice",
    "version": "0.1.0",
    "api": {"version": 1, "min_version": 1},
    "wyoming_port": None,
    "model": "base",
    "languages": ["de", "en"],
}
TURN: Json = {
    "turn_id": "t1",
    "at": "2026-11-22T10:00:00.123+00:00",
    "satellite": SATELLITE,
    "microphone_class": "far_field",
    "language": "en",
    "action": "accept",
    "reason": "the hub is sure enough",
    "why": "+18 quiet room noise",
    "intent": "HassTurnOn",
    "route": "edge",
    "lane": None,
    "risk": 0.04,
    "threshold": 0.31,
    "points": {"base": -20.0},
    "class": "device-command",
    "critical": False,
    "lanes": [],
    "model": "base",
    "rules": [],
    "ended_by": "silence",
    "quality": {"snr_db": 21.0},
    "latency_ms": {"capture": 64.0, "last_word_to_text": 182.2, "end_to_text": 4.0},
    "error": None,
}


class Peer:
    """An aiohttp server that answers as a hub does, until a test tells it otherwise."""

    def __init__(self) -> None:
        self.health = copy.deepcopy(HEALTH)
        self.status = copy.deepcopy(STATUS)
        self.ledger = copy.deepcopy(LEDGER)
        self.queue = Waiting(self._queue_moved)
        self.hello: Json = {"type": "hello", "version": 1, "min_version": 1, "id": ID, "server_version": "0.1.0"}
        self.token = TOKEN
        self.port = 0
        self.asked: list[tuple[str, str, Any]] = []
        """Method, path as it came, and body of each request but the events."""
        self.answers: dict[str, Handler] = {}
        """Per path: what a test wants to be said instead."""
        self.sockets: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self.connects = 0
        self.tls: ssl.SSLContext | None = None
        self._runner: web.AppRunner | None = None
        self._door: socket.socket | None = None

    async def start(self) -> None:
        """Listen; after a stop, on the same port again."""
        application = web.Application(client_max_size=2**25)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        self._door = socket.create_server(("127.0.0.1", self.port))
        self.port = self._door.getsockname()[1]
        await web.SockSite(self._runner, self._door, ssl_context=self.tls).start()

    async def stop(self) -> None:
        """Go away, as a hub that is switched off."""
        if self._runner is not None and self._door is not None:
            # Whoever has just come in is let through, or asyncio complains of a door that closed on them.
            asyncio.get_running_loop().remove_reader(self._door.fileno())
            await asyncio.sleep(0.01)
            await self.drop()
            await self._runner.cleanup()
            self._runner = self._door = None

    async def drop(self) -> None:
        """Break every events' connection, as a network that is cut."""
        for transport in tuple(self.sockets.values()):
            transport.abort()
        await asyncio.sleep(0)

    async def push(self, message: Json) -> None:
        """Say something to everybody who listens."""
        for listener in tuple(self.sockets):
            await listener.send_json(message)

    async def push_status(self, **changes: Any) -> None:
        """Change some of the status and say so."""
        self.status |= changes
        await self.push({"type": "status", "status": self.status})

    async def keep(self, text: str | None = "add milk to the shopping list", **changes: Any) -> str:
        """Have one more request wait, ready unless something else is said, and say so; return its id."""
        request_id = self.queue.add(text, **changes)
        one = self.queue.find(request_id)
        await self.queue.move("ready" if one["state"] == "ready" else "kept", one)
        return request_id

    async def _queue_moved(self, message: Json) -> None:
        await self.push(message)
        await self.push_status(queue=self.queue.counts())

    async def push_kind(self, kind: str, **changes: Any) -> None:
        """Change what is said of one kind of model, and say so."""
        bundles = self.status["bundles"]
        kinds = [one | changes if one["kind"] == kind else one for one in bundles["kinds"]]
        await self.push_status(bundles=bundles | {"kinds": kinds})

    async def push_text(self, text: str) -> None:
        """Say something that is no event."""
        for listener in tuple(self.sockets):
            await listener.send_str(text)

    async def push_raw(self, data: bytes) -> None:
        """Write bytes that are no frame, or half of one."""
        for transport in tuple(self.sockets.values()):
            transport.write(data)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path in self.answers:
            return await self.answers[request.path](request)
        if request.path == "/health":
            return web.json_response(self.health, status=503 if self.health["status"] == "unavailable" else 200)
        if (
            not request.path.startswith("/api/v1/pair")
            and request.headers.get("Authorization") != f"Bearer {self.token}"
        ):
            return refusal(401, "token-refused", "pair again")
        if request.path == "/api/v1/events":
            return await self._events(request)
        body = await request.read()
        is_json = request.content_type == "application/json" and body
        told = await request.json() if is_json else body
        self.asked.append((request.method, request.raw_path, told))
        if request.path.startswith("/api/v1/queue"):
            return await self.queue.answer(request.method, request.path, told or {})
        return web.json_response(self.answer(request.path))

    def answer(self, path: str) -> Json:
        """Return what it says to whoever asks there."""
        known: dict[str, Json] = {f"/api/v1/satellites/{one['id']}": one for one in self.status["satellites"]}
        known |= {
            "/api/v1/status": self.status,
            "/api/v1/policy": self.status["policy"],
            "/api/v1/pair": {"token": self.token, "id": ID},
            "/api/v1/turns": {"turns": [TURN]},
            "/api/v1/ledger": self.ledger | {"written": 1},
            "/api/v1/drift": DRIFT | {"metrics": []},
            "/api/v1/drift/accept": DRIFT | {"metrics": []},
            "/api/v1/baseline": {"running": self.status.get("baseline"), "last": None},
            "/api/v1/scorecard": {"headline": HEADLINE, "complete": True},
            "/api/v1/figures": {"days": 7, "cells": []},
            "/api/v1/history": {"step_seconds": 3600, "points": []},
            "/api/v1/incidents": {"incidents": []},
            "/api/v1/lineage": {"version": 1, "classes": [], "flows": []},
            "/api/v1/kept": {"classes": []},
        }
        if path.startswith("/api/v1/bundles"):
            return self.status["bundles"] | {"offers": [OFFERED], "installed": []}
        return known.get(
            path, {"counted": True, "upload": 17, "written": 1, "lanes": [], "providers": [], "erased": {}}
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self.connects += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        self.sockets[socket] = request.transport
        try:
            await socket.send_json(self.hello)
            await socket.send_json({"type": "status", "status": self.status})
            async for _ in socket:
                pass
        except ConnectionError:
            pass  # it was dropped
        finally:
            del self.sockets[socket]
        return socket


def refusal(status: int, code: str, message: str) -> web.Response:
    """Return a refusal as hubs write it."""
    return web.json_response({"code": code, "message": message}, status=status)


def says(body: str | bytes, *, status: int = 200, content_type: str = "text/html") -> Handler:
    """Return a handler that says the same to everybody."""

    async def handle(_: web.Request) -> web.Response:
        return web.Response(
            body=body.encode() if isinstance(body, str) else body, status=status, content_type=content_type
        )

    return handle


async def never(_: web.Request) -> web.StreamResponse:
    """Accept and say nothing, until the client gives up."""
    await asyncio.Event().wait()
    raise AssertionError


@contextlib.asynccontextmanager
async def listening(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Run a TCP server until the end; yield its port."""
    tasks: set[asyncio.Task[Any]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handle(reader, writer)
        except ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        running = tuple(tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()


@contextlib.asynccontextmanager
async def babbling(answer: bytes) -> AsyncIterator[int]:
    """Run a server that answers whatever is said with the same bytes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        while await reader.read(2**16):
            pass  # what is left unread would take the answer back with it

    async with listening(handle) as port:
        yield port


class WyomingPeer:
    """A Wyoming server that answers once so many bytes of audio, or the end of it, have come."""

    def __init__(self, answer: Sequence[Event], *, after_bytes: int | None = None, info: Event | None = None) -> None:
        self.answer = answer
        self.after_bytes = after_bytes
        self.info = info
        self.heard = bytearray()
        self.events: list[Event] = []
        self.hung_up = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while (event := await async_read_event(reader)) is not None:
                self.events.append(event)
                if event.type == "describe" and self.info is not None:
                    await async_write_event(self.info, writer)
                self.heard += event.payload or b""
                if event.type == "audio-stop" or (self.after_bytes is not None and len(self.heard) >= self.after_bytes):
                    for one in self.answer:
                        await async_write_event(one, writer)
                    self.after_bytes = None
        finally:
            self.hung_up.set()


def certificate(folder: Path) -> tuple[ssl.SSLContext, str]:
    """Return a server's TLS context with a certificate of its own, and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{made.serial_number}.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, made.fingerprint(hashes.SHA256()).hex()
