"""The control API's socket: plain HTTP on loopback, TLS elsewhere."""

import asyncio
import contextlib
import logging
import secrets
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

from aiohttp import web

from ..errors import InvalidSettingsError, PortBusyError
from .control_access import Access
from .control_certificate import certificate_of
from .control_connections import Connections
from .control_door import ControlDoor
from .control_entry import Entry
from .control_guards import Guards, names_of_this_machine, security_headers
from .control_page import page_routes
from .control_pairing import Pairing
from .control_resources import routes
from .control_sessions import Sessions
from .control_settings import ControlSettings, is_any, is_loopback, parts_of
from .control_sockets import GOING_AWAY, SOCKETS, TOKEN_ENDED, Sockets
from .control_surface import Surface
from .control_visitors import SUPERVISOR, VISITORS, Visitors

_LOGGER = logging.getLogger(__name__)
_HTTP_LOGGER = logging.getLogger(f"{__name__}.http")
_HTTP_LOGGER.disabled = True  # it quotes what broken requests hold, and what is worth telling is told already
WATCH_SECONDS = 0.5
"""How soon an open WebSocket notices that its token has ended; a request notices at once."""
LAST_SECONDS = 3.0
"""For requests that are under way when the server stops."""
KEEP_ALIVE_SECONDS = 75.0
HANDSHAKE_SECONDS = 10.0
GOODBYE_SECONDS = 1.0
"""For TLS peers that do not say goodbye."""


@asynccontextmanager
async def control_port(
    settings: ControlSettings,
    surface: Surface,
    *,
    data_dir: Path,
    allow: Sequence[str],
    clock: Callable[[], float],
    wall: Callable[[], datetime],
) -> AsyncGenerator[ControlDoor]:
    """Listen until the block ends. Raises PortBusyError, InvalidSettingsError, DiskError."""
    try:
        host, port = parts_of(settings.address)
    except ValueError as error:
        raise InvalidSettingsError(str(error)) from error
    async with AsyncExitStack() as stack:
        changed = asyncio.Event()
        access = await Access.opened(data_dir, changed.set)
        fingerprint, tls = await _tls(settings, host, data_dir, wall())
        sessions = Sessions(access, clock)
        visitors = Visitors(
            access=access,
            sessions=sessions,
            admit=surface.admit,
            cookie=f"edge-voice-{surface.health()['id'][:8]}",  # cookies know no ports: two hubs of one machine
            supervisor=SUPERVISOR if settings.supervisor_token else "",
            clock=clock,
        )
        guards = Guards(visitors=visitors, allow=allow, hosts=settings.hosts)
        pairing = Pairing(fingerprint=fingerprint, clock=clock, draw=secrets.randbelow)
        entry = Entry(
            surface, pairing=pairing, access=access, visitors=visitors, sessions=sessions, fingerprint=fingerprint
        )
        app = web.Application(middlewares=guards.middlewares())
        sockets, app[VISITORS] = Sockets(), visitors
        app[SOCKETS] = sockets
        app.add_routes([*entry.routes(), *page_routes(), *routes(surface)])
        app.on_response_prepare.append(security_headers)
        ingress = settings.ingress_port if tls is not None and visitors.supervisor else 0
        server = await stack.enter_async_context(_serving(app, settings.address, host, port, tls, ingress))
        watching = asyncio.create_task(_watch(access, changed, sockets, sessions), name="control token")
        stack.push_async_callback(_ended, watching)
        bound = server.sockets[0].getsockname()[1]
        door = ControlDoor(host=host, port=bound, fingerprint=fingerprint, show_token=lambda: access.token)
        _LOGGER.info("control API at %s; `edge-voice token` prints its token", door.url)
        yield door


async def _tls(
    settings: ControlSettings, host: str, data_dir: Path, now: datetime
) -> tuple[str | None, ssl.SSLContext | None]:
    """Return fingerprint and context; None twice on loopback, where nobody listens in."""
    if is_loopback(host):
        return None, None
    names = ("localhost", *sorted(names_of_this_machine()), *([] if is_any(host) else [host]), *settings.hosts)
    made = await asyncio.to_thread(certificate_of, data_dir, names, now)
    return made.fingerprint, made.context


@asynccontextmanager
async def _serving(
    app: web.Application, address: str, host: str, port: int, tls: ssl.SSLContext | None, ingress: int
) -> AsyncGenerator[asyncio.Server]:
    """Answer requests until the block ends, on a port for the Supervisor, too. Raises PortBusyError."""
    runner = web.AppRunner(
        app, access_log=None, logger=_HTTP_LOGGER, keepalive_timeout=KEEP_ALIVE_SECONDS, shutdown_timeout=LAST_SECONDS
    )
    await runner.setup()
    assert runner.server is not None  # noqa: S101  # setup has made it
    try:
        server = await _listening(Connections(runner.server), address, host, port, tls)
    except PortBusyError:
        await runner.cleanup()
        raise
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_dropped, server)
        stack.push_async_callback(runner.cleanup)
        stack.push_async_callback(app[SOCKETS].close, GOING_AWAY, "the server stops")
        stack.callback(server.close)
        if ingress:
            await _open_ingress(stack, Connections(runner.server, only=app[VISITORS].supervisor), host, ingress)
        yield server


async def _open_ingress(stack: AsyncExitStack, made: Connections, host: str, port: int) -> None:
    """Listen for the Supervisor, too; without that port, there is only no panel."""
    try:
        server = await asyncio.get_running_loop().create_server(made, host, port)
    except OSError as failure:
        _LOGGER.warning("control.ingress_port %s cannot be listened on: %s", port, failure.strerror)
        return
    stack.push_async_callback(_dropped, server)
    stack.callback(server.close)


async def _dropped(server: asyncio.Server) -> None:
    """End those that came in the very last moment, and TLS peers that do not say goodbye."""
    server.abort_clients()
    await server.wait_closed()


async def _listening(
    made: Connections, address: str, host: str, port: int, tls: ssl.SSLContext | None
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    patience, goodbye = (HANDSHAKE_SECONDS, GOODBYE_SECONDS) if tls else (None, None)
    try:
        return await loop.create_server(
            made, host, port, ssl=tls, ssl_handshake_timeout=patience, ssl_shutdown_timeout=goodbye
        )
    except (OSError, UnicodeError) as failure:  # UnicodeError: a host that is no name at all
        raise PortBusyError(
            f"control.address {address} cannot be listened on: {getattr(failure, 'strerror', None) or failure}; "
            "stop what uses it, or choose another with --http HOST:PORT (or --http off)"
        ) from failure


async def _watch(access: Access, changed: asyncio.Event, sockets: Sockets, sessions: Sessions) -> None:
    """End what was opened with a token that has ended."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS):
                await changed.wait()
        await access.refresh()
        if changed.is_set():
            changed.clear()
            await sockets.close(TOKEN_ENDED, "the token has ended")
        for secret in sessions.overdue():
            await sockets.close(TOKEN_ENDED, "the session has ended", owner=secret)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
