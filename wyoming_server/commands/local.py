"""Servers of our own on loopback, for the commands that were given none."""

import asyncio
import contextlib
import logging
import multiprocessing
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from ..bundles.bundle import Kind
from ..bundles.hub import STARTER
from ..errors import EdgeVoiceError, ServerUnreachableError
from ..recogniser import chosen_model, with_bundles
from ..serve import running
from ..settings import AsrSettings, HomeSettings, Settings, set_up_logging
from ..updates.folder import BundleFolder

_LOGGER = logging.getLogger(__name__)
_LOOPBACK = "tcp://127.0.0.1:0"
_START_SECONDS = 120.0
_STOP_SECONDS = 10.0

DEMO_NAMES = (
    "bathroom heater",
    "bedroom curtains",
    "bedroom lamp",
    "front door",
    "hallway light",
    "kitchen light",
    "living room blinds",
    "office fan",
)
DEMO_AREAS = ("bathroom", "bedroom", "hallway", "kitchen", "living room", "office")
"""The home that the packaged recordings speak of."""


def with_model(settings: Settings, model: str | None) -> Settings:
    """Return the settings with that model, where one was named."""
    return settings if model is None else replace(settings, asr=replace(settings.asr, model=model))


def with_a_home(settings: Settings) -> Settings:
    """Return the settings with the home that the packaged recordings speak of, where they name none."""
    if settings.home.names or settings.home.areas:
        return settings
    return replace(settings, home=HomeSettings(names=DEMO_NAMES, areas=DEMO_AREAS))


def demo_home(settings: Settings) -> Settings:
    """Return what the demonstration needs: the starter model and the home that the recordings speak of."""
    home = HomeSettings(names=DEMO_NAMES, areas=DEMO_AREAS)
    asr = AsrSettings(model="starter", language="en", threads=settings.asr.threads)
    return unheeded(Settings(server=settings.server, asr=asr, home=home))


def unheeded(settings: Settings) -> Settings:
    """Return settings of a server that learns nothing from us: recordings are not how the home speaks."""
    return replace(settings, routing=replace(settings.routing, trusted=()))


def _on_loopback(settings: Settings) -> Settings:
    """Return the settings of a server that only this machine reaches, at a free port.

    A command measures and fetches nothing: where no model is named, it takes the bundle that serves, else the model
    that `serve` chose and fetched before, else the starter.
    """
    model = settings.asr.model
    if (folder := bundle_that_serves(settings)) is None and not model:
        chosen = chosen_model(settings)
        model = chosen.name if chosen.find() else STARTER
    settings = with_model(settings, "" if folder else model)
    return replace(
        settings,
        server=replace(settings.server, uris=(_LOOPBACK,)),
        control=replace(settings.control, address="off", announce=False),  # its port is the running server's
    )


def bundle_that_serves(settings: Settings) -> Path | None:
    """Return the folder of the bundle that recognises speech here, whole; blocks while it is read.

    None where none does, or where the settings name another model.
    """
    folder = BundleFolder(Path(settings.server.data_dir) / "bundles")
    try:
        state = folder.read()
        label = state.of(Kind.ASR).active
        if not label or with_bundles(settings, state, trusts=False).asr.model:
            return None
        folder.verify(label)
    except EdgeVoiceError as error:
        _LOGGER.warning("%s: %s", error.code, error)
        return None
    return folder.folder_of(label)


@contextlib.asynccontextmanager
async def in_process(settings: Settings) -> AsyncIterator[str]:
    """Run a server beside the caller until the end; give its address once it hears."""
    if settings.server.log_level == "info":  # a line per turn would run through what the command prints
        logging.getLogger(__package__.partition(".")[0]).setLevel(logging.WARNING)
    async with running(await asyncio.to_thread(_on_loopback, settings), borrows=True) as server:
        await server.ready()
        yield server.uris[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server in a process of its own."""

    uri: str
    pid: int


@contextlib.asynccontextmanager
async def in_a_process(settings: Settings) -> AsyncIterator[Served]:
    """Run a server in a process of its own, so that the client's work and the server's do not share a loop.

    Raises what the server refused, or ServerUnreachableError when it died or is not ready in time.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_served, args=(settings, theirs), name="edge-voice-server")
    process.start()
    theirs.close()
    try:
        uri = await asyncio.to_thread(_address, ours)
        yield Served(uri=uri, pid=process.pid or 0)
    finally:
        ours.close()  # the server reads this as the end
        await asyncio.to_thread(process.join, _STOP_SECONDS)
        if process.is_alive():
            process.kill()


def _address(pipe: Connection) -> str:
    """Wait for the child's address or its refusal."""
    try:
        said = pipe.recv() if pipe.poll(_START_SECONDS) else None
    except EOFError:
        said = None
    if isinstance(said, EdgeVoiceError):
        raise said
    if not isinstance(said, str):
        raise ServerUnreachableError("the server of our own did not start; its log above may say why")
    return said


def _served(settings: Settings, pipe: Connection) -> None:
    """Serve in a child process until the parent closes its end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts both; the parent is the one that ends this
    set_up_logging(settings)
    try:
        asyncio.run(_serving(settings, pipe))
    except EdgeVoiceError as error:
        pipe.send(error)


async def _serving(settings: Settings, pipe: Connection) -> None:
    """Serve, say where, and wait for the end."""
    async with in_process(settings) as uri:
        pipe.send(uri)
        with contextlib.suppress(EOFError):
            await asyncio.to_thread(pipe.recv)
