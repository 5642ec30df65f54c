"""A real Prometheus (Debian's package), for tests: its server, and promtool."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations"
LACKS = "" if shutil.which("prometheus") and shutil.which("promtool") else "Debian's package `prometheus` is not here"
"""Why nothing here can run; empty where it can."""
LOOKS, LOOK_SECONDS = 400, 0.05


def promtool(*arguments: str | Path, given: bytes = b"") -> str:
    """Return what promtool says; an AssertionError with it when it finds fault."""
    told = subprocess.run(["promtool", *map(str, arguments)], input=given, capture_output=True, check=False, timeout=60)
    said = (told.stdout + told.stderr).decode()
    assert told.returncode == 0, said
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """A server that scrapes."""

    http: aiohttp.ClientSession

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression finds now; an AssertionError when it is none."""
        async with self.http.get("/api/v1/query", params={"query": expression}) as reply:
            answer = await reply.json()
            assert answer["status"] == "success", (expression, answer)
            found: list[dict[str, Any]] = answer["data"]["result"]
            return found

    async def until(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression finds, once it finds any."""
        for _ in range(LOOKS):
            if found := await self.query(expression):
                return found
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"{expression} finds nothing")

    async def ask(self, path: str) -> Any:
        """Return the data of an answer of its API."""
        async with self.http.get(f"/api/v1/{path}") as reply:
            return (await reply.json())["data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Its process."""

    port: int
    fault: Callable[[], str]
    """Says why it has ended by itself; empty while it runs."""

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[Prometheus]:
        """Ask it, once it is ready."""
        async with aiohttp.ClientSession(f"http://127.0.0.1:{self.port}") as http:
            await _ready(http, self.fault)
            yield Prometheus(http=http)


@contextmanager
def running_prometheus(folder: Path, config: str, files: Sequence[Path] = ()) -> Iterator[Running]:
    """Run one with a configuration, and with files beside it; it scrapes first after some five seconds."""
    for path in files:
        shutil.copy(path, folder)
    (folder / "prometheus.yml").write_text(config)
    log, port = folder / "prometheus.log", free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            stdout=output,
            stderr=output,
        )
    try:
        yield Running(port=port, fault=lambda: "" if process.poll() is None else log.read_text())
    finally:
        process.kill()
        process.wait()


async def _ready(http: aiohttp.ClientSession, fault: Callable[[], str]) -> None:
    for _ in range(LOOKS):
        with suppress(aiohttp.ClientConnectionError):
            async with http.get("/-/ready") as reply:
                if reply.status == 200:
                    return
        assert not (said := fault()), said
        await asyncio.sleep(LOOK_SECONDS)
    raise AssertionError("Prometheus does not start")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
