"""`models receive-reports`: takes in what hubs report, for `models status` to read."""

import argparse
import asyncio
import datetime as dt
import logging
import signal
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from ..bundles.offer import CHANNELS
from ..canary.cohort import LARGEST_BYTES
from ..errors import DiskError, PortBusyError, ReportRefusedError
from ..publisher.reports_received import REPORTS_FOLDER, ReportBook
from ..publisher.repository import Repository, utc_now
from ..settings import Settings

_LOGGER = logging.getLogger(__name__)
PORT = 10340
_SLOWEST_SECONDS = 15.0
"""What a report's bytes may take to come."""


def add_arguments(parser: argparse.ArgumentParser, _action: str) -> None:
    """Add a sub-command's arguments."""
    parser.add_argument(
        "repository", type=Path, metavar="FOLDER", help="the publisher's folder; reports lie in it, too"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen (127.0.0.1, for a proxy in front that speaks https)"
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"on which port ({PORT})")


async def run(arguments: argparse.Namespace, _settings: Settings) -> int:
    """Take in reports until stopped; return the exit status. Raises RepositoryStateError and PortBusyError."""
    repository = Repository(arguments.repository)
    await asyncio.to_thread(repository.newest, "root")
    book = ReportBook(arguments.repository / REPORTS_FOLDER, known=Published(repository))
    runner = web.AppRunner(receiver(book, clock=utc_now), access_log=None)  # who reports is nobody's business
    await runner.setup()
    try:
        try:
            site = web.TCPSite(runner, arguments.host, arguments.port)
            await site.start()
        except OSError as error:
            raise PortBusyError(
                f"{arguments.host}:{arguments.port} cannot be listened on: {error.strerror or error}"
            ) from error
        print(f"Taking in reports at {site.name}; `models status` shows what they say.", flush=True)
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()
    finally:
        await runner.cleanup()
    return 0


class Published:
    """Whether a bundle was ever published; looks again when the repository has changed."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._read_at = -1
        self._labels: frozenset[str] = frozenset()

    def __call__(self, label: str) -> bool:
        """Tell it of one label; blocks."""
        try:
            changed = (self._repository.metadata / "timestamp.json").stat().st_mtime_ns
        except OSError:
            return label in self._labels  # between two uploads
        if changed != self._read_at:
            found = {channel: self._repository.current(channel) for channel in CHANNELS}
            offers = [self._repository.offers(channel, now) for channel, now in found.items() if now]
            self._labels, self._read_at = frozenset().union(*offers), changed
        return label in self._labels


def receiver(book: ReportBook, *, clock: Callable[[], dt.datetime]) -> web.Application:
    """Return what answers hubs: 204 for a report that was taken, else the refusal's code; it keeps no addresses."""

    async def take(request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_SLOWEST_SECONDS):
                body = await request.read()
            await asyncio.to_thread(book.receive, body, now=clock())
        except ReportRefusedError as error:
            return _refusal(400, error.code, str(error))
        except TimeoutError:
            return _refusal(408, ReportRefusedError.code, "The report did not come to its end")
        except DiskError as error:
            _LOGGER.error("%s", error)  # noqa: TRY400  # the sentence says it all
            return _refusal(507, error.code, "The report cannot be kept now")
        return web.Response(status=204)

    # One byte more than is taken, so that the book says why.
    application = web.Application(client_max_size=LARGEST_BYTES + 1)
    application.router.add_post("/{path:.*}", take)
    return application


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
