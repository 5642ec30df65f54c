"""Wyoming servers as processes of their own, started as their users start them, on loopback."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "wyoming_server/models/starter"
HOME = {
    "EDGE_VOICE_HOME_NAMES": "kitchen light,bedroom lamp,front door,living room blinds,office fan,hallway light",
    "EDGE_VOICE_HOME_AREAS": "kitchen,bedroom,hallway,living room,office",
}
"""The home of home.yaml, as an owner would write it into the server's settings."""
_CONTROL = re.compile(r"control API at https?://127\.0\.0\.1:(\d+)")
_LISTENING = re.compile(r"listening on tcp://127\.0\.0\.1:(\d+)")
_LOADED = "Answering with the "
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


class ServerDidNotStartError(Exception):
    """With what it said."""


@dataclass(slots=True, kw_only=True)
class ServerProcess:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    data: Path = Path()
    """Its data folder."""

    @property
    def control_port(self) -> int:
        """Where its control API listens; raises ServerDidNotStartError when that is off."""
        found = _CONTROL.search(self.said())
        if found is None:
            raise ServerDidNotStartError(self.said())
        return int(found[1])

    @property
    def token(self) -> str:
        """What the control API asks for."""
        return (self.data / "control-token").read_text("utf-8").strip()

    def stop(self) -> int:
        """End it as a service manager would; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """End it as the power does."""
        self.process.kill()
        self.process.wait(_STOP_SECONDS)

    def said(self) -> str:
        """Return its log so far."""
        return self.log.read_text("utf-8", errors="replace")


def our_python() -> Path:
    """Return the python of the server's environment; raises ServerDidNotStartError when there is none."""
    named = os.environ.get("EDGE_VOICE_PYTHON")
    candidates = [Path(named)] if named else [ROOT / ".venv/bin/python", ROOT / ".venv-test/bin/python"]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise ServerDidNotStartError("script/bootstrap server makes the environment that the server needs")


@contextlib.contextmanager
def edge_voice(
    *,
    port: int = 0,
    control_port: int | None = None,
    data: Path | None = None,
    loaded: bool = True,
    model: str = "starter",
    settings: Mapping[str, str] | None = None,
) -> Iterator[ServerProcess]:
    """Run our server with the starter model until the end; it listens, and its model is loaded, when this is entered.

    `model` is what its owner has named, empty for what suits the machine; `loaded` False does not wait for any.
    `settings` are EDGE_VOICE_… variables over those of the home. With a `control_port` (0: any) it has a control API;
    `data` is the folder of a server that is started again.
    """
    with contextlib.ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield stack.enter_context(
            _edge_voice(port, control_port, folder, loaded=loaded, model=model, settings=settings or {})
        )


@contextlib.contextmanager
def _edge_voice(
    port: int, control_port: int | None, data: Path, *, loaded: bool, model: str, settings: Mapping[str, str]
) -> Iterator[ServerProcess]:
    """Run our server in a data folder."""
    command: list[str | Path] = [our_python(), "-m", "wyoming_server", "serve", "--model", model]
    command += ["--language", "en", "--uri", f"tcp://127.0.0.1:{port}", "--data-dir", data]
    command += ["--http", "off" if control_port is None else f"127.0.0.1:{control_port}"]
    ready = _loaded if loaded else _listening
    with _running(command, {"PYTHONPATH": str(ROOT), **HOME, **settings}, ready) as server:
        server.data = data
        yield server


@contextlib.contextmanager
def faster_whisper(python: Path, *arguments: str) -> Iterator[ServerProcess]:
    """Run wyoming-faster-whisper with the starter model from that environment until the end."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        command: list[str | Path] = [
            python,
            "-m",
            "wyoming_faster_whisper",
            "--model",
            str(STARTER),
            "--language",
            "en",
        ]
        command += ["--uri", f"tcp://127.0.0.1:{port}", "--data-dir", data, *arguments]
        with _running(command, {}, lambda _: port if _accepts(port) else None) as server:
            yield server


def _listening(log: str) -> int | None:
    found = _LISTENING.search(log)
    return int(found[1]) if found else None


def _loaded(log: str) -> int | None:
    return _listening(log) if _LOADED in log else None


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


@contextlib.contextmanager
def _running(
    command: Sequence[str | Path], environment: Mapping[str, str], ready: Callable[[str], int | None]
) -> Iterator[ServerProcess]:
    """Run a server until the end; `ready` gives its port once the log, or the network, shows that it listens."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command, env=os.environ | environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
        server = ServerProcess(process=process, port=0, log=log)
        try:
            server.port = _wait_until(ready, server)
            yield server
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _wait_until(ready: Callable[[str], int | None], server: ServerProcess) -> int:
    deadline_s = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline_s and server.process.poll() is None:
        if (port := ready(server.said())) is not None:
            return port
        time.sleep(0.05)
    raise ServerDidNotStartError(server.said())
