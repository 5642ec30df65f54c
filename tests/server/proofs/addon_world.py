"""The add-on's image runs as its Supervisor runs it: `python -m tests.server.proofs.addon_world IMAGE.json`.

For a network and process namespace of its own (`tests.server.proofs.addon` makes it); prints a row for each thing seen.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.server.peer import KITCHEN, audio, connected, event, kitchen
from tests.server.proofs.addon_supervisor import ADDRESS, INDEX, Supervisor
from wyoming_server.commands.recording import PACKAGED, read_recording

OWN, OTHER = "172.30.33.4", "172.30.33.9"
HOSTNAME = "0d1ec6b4-edge-voice"
WYOMING = f"tcp://{OWN}:10300"
PATIENCE_SECONDS = 90.0
OWNER, GUEST = "0" * 32, "f" * 32


class Addon:
    """One container: the image's root, its environment, its command."""

    def __init__(self, image: dict[str, Any], token: str) -> None:
        self._image, self._root = image, Path(image["root"])
        self.data, self.config = self._root / "data", self._root / "config"
        self._environ = {
            **image["environ"],
            "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SUPERVISOR_TOKEN": token,
            "HASSIO_TOKEN": token,
            "TZ": "Europe/Berlin",
            "PIP_INDEX_URL": INDEX,
            "PIP_TRUSTED_HOST": ADDRESS,
        }
        self._log = self._root.parent / "log"

    def prepare(self, **options: Any) -> None:
        """Write what the Supervisor writes before a start."""
        self.config.mkdir(exist_ok=True)
        self.data.mkdir(exist_ok=True)
        (self.data / "options.json").write_text(json.dumps(options), encoding="utf-8")

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _argv(self, command: list[str]) -> list[str]:
        return ["chroot", str(self._root), *command]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Container]:
        """Run until the block ends."""
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._argv(self._image["command"]), env=self._environ, stdout=log, stderr=log, start_new_session=True
            )
        container = Container(self, process)
        try:
            yield container
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def fetch_elsewhere(self) -> str:
        """Fetch wake words into another folder; return the first that is said of it."""
        script, wanted = "/opt/edge-voice/bin/fetch_wake_words.py", "/opt/edge-voice/requirements-wake-words.txt"
        fetch = await asyncio.create_subprocess_exec(
            *self._argv(["python3", script, wanted, "/data/elsewhere"]), env=self._environ, stdout=subprocess.PIPE
        )
        assert fetch.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await fetch.stdout.readline()
        fetch.kill()
        await fetch.wait()
        return said.decode()

    async def health(self) -> int:
        """Return the health check's status."""
        check = await asyncio.create_subprocess_exec(
            *self._argv(self._image["health"]), env=self._environ, stderr=subprocess.DEVNULL
        )
        return await check.wait()


class Container:
    """An add-on that runs."""

    def __init__(self, addon: Addon, process: asyncio.subprocess.Process) -> None:
        self._addon, self._process = addon, process
        self._began = time.monotonic()

    async def healthy(self) -> float:
        """Return after how many seconds its health check passes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._addon.health():
                if self._process.returncode is not None:
                    raise AssertionError(f"it ended with {self._process.returncode}: {self._addon.log[-2000:]}")
        return time.monotonic() - self._began

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def stop(self) -> tuple[int, float]:
        """Ask it to end; return its status and the seconds."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._process.wait(), time.monotonic() - began

    @property
    def environ(self) -> bytes:
        """As the process has it."""
        return Path(f"/proc/{self._process.pid}/environ").read_bytes()


class World:
    """The rows, and what they are asked of."""

    def __init__(self, image: dict[str, Any]) -> None:
        self.failed = 0
        self._image = image
        self._token = secrets.token_hex(28)
        self._supervisor = Supervisor(self._token, image["discovery"], Path(image["wheels"]))
        self._addon = Addon(image, self._token)

    def row(self, name: str, figure: object, *, holds: bool) -> None:
        """Print one."""
        self.failed += not holds
        print(f"{'ok    ' if holds else 'FAILED'} {name:58} {figure}", flush=True)

    async def run(self) -> None:
        """See all of it."""
        async with self._supervisor.listening():
            self._addon.prepare(wake_words=True)
            async with self._addon.running() as container:
                config = await self._first_start(container)
                await self._wake_words_come()
                await self._panel(config)
                await self._stop(container)
            async with self._addon.running() as container:
                await self._again(container)
            async with self._addon.running() as container:
                self.row("killed, and started again: healthy after", f"{await container.healthy():.1f} s", holds=True)
                await self._hear_sentence()
            await self._restored()
            await self._other_options()

    async def _first_start(self, container: Container) -> dict[str, Any]:
        self.row("first start, without a network: healthy after", f"{await container.healthy():.1f} s", holds=True)
        await self._hear_sentence()
        self.row("… wake words", len(await _words()), holds=not await _words())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._supervisor.until(lambda: bool(self._supervisor.messages))
        (config,) = self._supervisor.messages.values()
        self.row("… the Supervisor was told of", ", ".join(config), holds=config["host"] == HOSTNAME)
        status = await _asked(config, "status")
        self.row("… and what it was told opens the control API", status["mode"], holds=bool(status["mode"]))
        held = b"\0SUPERVISOR_TOKEN=" in container.environ
        self.row("… its token in the log, or under its own name", self._told(), holds=not held and not self._told())
        return config

    def _told(self) -> int:
        return self._addon.log.count(self._token)

    async def _hear_sentence(self) -> None:
        async with connected(WYOMING) as peer:
            text = (await peer.turn(kitchen().pcm, {"language": "en"})).text
        self.row("… a sentence is heard", text, holds=text == KITCHEN)

    async def _wake_words_come(self) -> None:
        self._supervisor.is_online = True
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (words := await _words()):
                pass
        took = f"{len(words)} after {time.monotonic() - began:.0f} s: {', '.join(words)}"
        self.row("with a network: wake words, without a restart", took, holds="okay_nabu" in words)
        self.row("… one is heard", "hey jarvis", holds=await _wakes())

    async def _panel(self, config: dict[str, Any]) -> None:
        page, body = await _at_panel(ADDRESS, "", GUEST)
        self.row("the panel, asked for by the Supervisor", f"{page}, {len(body)} bytes", holds=b"<html" in body)
        before, _ = await _at_panel(ADDRESS, "api/v1/status", OWNER)
        self.row("… what is in it, before the integration has told", before, holds=before == 401)
        await _asked(config, "panel", {"users": [OWNER]})
        mine, _ = await _at_panel(ADDRESS, "api/v1/status", OWNER)
        other, _ = await _at_panel(ADDRESS, "api/v1/status", GUEST)
        self.row("… by an administrator, by another user", f"{mine}, {other}", holds=(mine, other) == (200, 401))
        status, _ = await _at_panel(OTHER, "", OWNER)
        self.row("… from any other address", status or "hung up", holds=status == 0)

    async def _stop(self, container: Container) -> None:
        status, seconds = await container.stop()
        gone = not self._supervisor.messages
        self.row("stopped: status, seconds", f"{status}, {seconds:.1f} s", holds=status == 0 and seconds < 10)
        self.row("… the Supervisor was told of that", "withdrawn" if gone else "still there", holds=gone)

    async def _again(self, container: Container) -> None:
        before = self._supervisor.fetched
        self.row("started again: healthy after", f"{await container.healthy():.1f} s", holds=True)
        words = await _words()
        self.row("… wake words at once, fetched again", f"{len(words)}, {self._supervisor.fetched - before}",
                 holds=bool(words) and self._supervisor.fetched == before)  # fmt: skip
        self._supervisor.is_tampered = True
        refused = await self._addon.fetch_elsewhere()
        self._supervisor.is_tampered = False
        self.row("models that are not those of the hash", "refused", holds="HASHES" in refused)
        container.send(signal.SIGSTOP)
        self.row("hung: the health check's status", status := await self._addon.health(), holds=status == 1)
        container.send(signal.SIGCONT)

    async def _restored(self) -> None:
        data, patterns = self._addon.data, self._image["backup_exclude"]
        there = Path("/mnt/data/supervisor/addons/data") / HOSTNAME
        files = [path for path in data.rglob("*") if path.is_file()]
        secrets_of = [path.read_bytes().strip() for path in files if path.name in {"control-token", "records-key"}]
        kept = [path for path in files if not _is_left_out(there / path.relative_to(data), patterns)]
        leaked = sum(any(one in path.read_bytes() for one in secrets_of) for path in kept)
        self.row("backup: keys found in its files", f"{leaked} of {len(secrets_of)}, {len(kept)} files",
                 holds=not leaked and len(secrets_of) == 2)  # fmt: skip
        copy = data.with_name("restored")
        for path in kept:
            (copy / path.relative_to(data)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / path.relative_to(data))
        identity = (data / "edge-voice" / "identity").read_bytes()
        shutil.rmtree(data)
        copy.rename(data)
        async with self._addon.running() as container:
            self.row("… restored: healthy after", f"{await container.healthy():.1f} s", holds=True)
            same = (data / "edge-voice" / "identity").read_bytes() == identity
            self.row("… the same hub, with a new token", same, holds=same and bool(await _words()))

    async def _other_options(self) -> None:
        shutil.rmtree(self._addon.data)
        self._addon.prepare(wake_words=False, language="en", model="starter", threads=1)
        (self._addon.config / "settings.yaml").write_text("endpoint:\n  cap_seconds: 12\n", encoding="utf-8")
        before = self._supervisor.fetched
        async with self._addon.running() as container:
            self.row("other options, a settings file: healthy after", f"{await container.healthy():.1f} s", holds=True)
            await self._hear_sentence()
            self.row(
                "… wake words fetched", self._supervisor.fetched - before, holds=self._supervisor.fetched == before
            )


def _is_left_out(path: Path, patterns: list[str]) -> bool:
    """Tell as the Supervisor does: a pattern is matched from the right, and a folder takes all below along."""
    return any(one.match(pattern) for one in (path, *path.parents) for pattern in patterns)


async def _words() -> list[str]:
    async with connected(WYOMING) as peer:
        await peer.say(event("describe"))
        info = (await peer.until("info")).data
    return [model["name"] for program in info["wake"] for model in program["models"]]


async def _wakes() -> bool:
    async with connected(WYOMING) as peer:
        await peer.say(event("detect", {"names": ["hey_jarvis"]}), *audio(read_recording(PACKAGED / "wake.wav").pcm))
        return (await peer.until("detection", "not-detected")).kind == "detection"


async def _asked(config: dict[str, Any], path: str, told: dict[str, Any] | None = None) -> Any:
    """Ask the control API, or tell it something, as the integration does: by what discovery says."""
    fingerprint = aiohttp.Fingerprint(bytes.fromhex(config["fingerprint"]))
    url = f"https://{config['host']}:{config['port']}/api/v1/{path}"
    headers = {"Authorization": f"Bearer {config['token']}"}
    method = "GET" if told is None else "PUT"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, ssl=fingerprint, json=told) as answer,
    ):
        return await answer.json()


async def _at_panel(source: str, path: str, user: str) -> tuple[int, bytes]:
    """Ask the panel for a user, from an address; return status and body, 0 when nobody answers."""
    headers = {"X-Ingress-Path": "/api/hassio_ingress/secret", "X-Remote-User-Id": user}
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        try:
            answer = await stack.enter_async_context(session.get(f"http://{OWN}:8099/{path}", headers=headers))
            return answer.status, await answer.read()
        except aiohttp.ClientConnectionError, ssl.SSLError:
            return 0, b""


def make_network(root: Path) -> None:
    """Give this namespace the Supervisor's network, and the container its name."""
    hosts = f"127.0.0.1 localhost\n{ADDRESS} supervisor hassio\n{OWN} {HOSTNAME}\n"
    commands = (
        ["ip", "link", "set", "lo", "up"],
        *(["ip", "address", "add", f"{one}/23", "dev", "lo"] for one in (ADDRESS, OWN, OTHER)),
        ["hostname", HOSTNAME],
        ["mount", "-t", "proc", "proc", str(root / "proc")],
        ["mount", "-t", "proc", "proc", "/proc"],
    )
    for command in commands:
        subprocess.run(command, check=True)
    (root / "etc/hosts").write_text(hosts, encoding="utf-8")
    own_hosts = root.parent / "hosts"
    own_hosts.write_text(hosts, encoding="utf-8")
    subprocess.run(["mount", "--bind", str(own_hosts), "/etc/hosts"], check=True)


def main() -> int:
    """Print the rows; return 1 when one does not hold."""
    image = json.loads(Path(sys.argv[1]).read_bytes())
    make_network(Path(image["root"]))
    world = World(image)
    asyncio.run(world.run())
    return int(bool(world.failed))


if __name__ == "__main__":
    sys.exit(main())
