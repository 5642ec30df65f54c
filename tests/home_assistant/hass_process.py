"""A real Home Assistant in a process of its own: offline, owned, bound to loopback.

Its configuration folder is written whole before the start, because its onboarding would fetch things and its `http:`
key is only tried out and then restarts it: the owner, a token and the listener are storage files.
"""

import asyncio
import contextlib
import datetime as dt
import json
import secrets
import signal
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt

from tests.home_assistant.assist import Assist, session
from tests.home_assistant.server_process import ServerProcess

HOME = Path(__file__).parent / "home.yaml"
INTEGRATION = Path(__file__).parents[2] / "custom_components" / "edge_voice"
_TOKEN_SECONDS = 10 * 365 * 24 * 3600
_START_SECONDS = 120.0
_STOP_SECONDS = 30.0


class HomeAssistantDidNotStartError(Exception):
    """With the end of its log."""


def prepare(config: Path, port: int, more: str = "") -> str:
    """Write a configuration folder for loopback at that port, with the recordings' home; return an owner's token.

    The integration lies where HACS would put it. `more` is YAML behind the home's.
    """
    (config / ".storage").mkdir(parents=True, exist_ok=True)
    (config / "custom_components").mkdir(exist_ok=True)
    installed = config / "custom_components" / INTEGRATION.name
    if not installed.exists():
        installed.symlink_to(INTEGRATION, target_is_directory=True)
    (config / "configuration.yaml").write_text(HOME.read_text("utf-8") + more, "utf-8")
    now = dt.datetime.now(dt.UTC).isoformat()
    user, token_id, key = uuid.uuid4().hex, uuid.uuid4().hex, secrets.token_hex(64)
    _store(config, "http", _listener(port, now), version=2, minor=2)
    _store(config, "onboarding", {"done": ["user", "core_config", "analytics", "integration"]}, version=4)
    _store(config, "auth", _owner(user, token_id, key, now))
    issued = int(time.time())
    token = jwt.encode({"iss": token_id, "iat": issued, "exp": issued + _TOKEN_SECONDS}, key, algorithm="HS256")
    (config / "token").write_text(token, "utf-8")
    (config / "token").chmod(0o600)
    return token


def _store(config: Path, key: str, data: dict[str, Any], *, version: int = 1, minor: int = 1) -> None:
    """Write one of Home Assistant's storage files."""
    document = {"version": version, "minor_version": minor, "key": key, "data": data}
    (config / ".storage" / key).write_text(json.dumps(document), "utf-8")


def _listener(port: int, now: str) -> dict[str, Any]:
    stable = {
        "server_host": ["127.0.0.1"],
        "server_port": port,
        "login_attempts_threshold": -1,
        "cors_allowed_origins": [],
        "ip_ban_enabled": False,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": now,
        "error": None,
        "error_message": None,
    }
    return {"stable": stable, "pending": None, "yaml_migration_done": True}


def _owner(user: str, token_id: str, key: str, now: str) -> dict[str, Any]:
    owner = {
        "id": user,
        "group_ids": ["system-admin"],
        "is_owner": True,
        "is_active": True,
        "name": "Owner",
        "system_generated": False,
        "local_only": False,
    }
    token = {
        "id": token_id,
        "user_id": user,
        "client_id": None,
        "client_name": "owner's program",
        "client_icon": None,
        "token_type": "long_lived_access_token",
        "created_at": now,
        "access_token_expiration": float(_TOKEN_SECONDS),
        "token": secrets.token_hex(64),
        "jwt_key": key,
        "last_used_at": None,
        "last_used_ip": None,
        "expire_at": None,
        "credential_id": None,
        "version": None,
    }
    groups = {"system-admin": "Administrators", "system-users": "Users", "system-read-only": "Read Only"}
    return {
        "users": [owner],
        "groups": [{"id": group, "name": name} for group, name in groups.items()],
        "credentials": [],
        "refresh_tokens": [token],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAssistant:
    """A running Home Assistant."""

    url: str
    token: str
    process: asyncio.subprocess.Process
    log: Path

    async def add_wyoming(self, port: int) -> str:
        """Add a Wyoming server on this machine as the user step of the config flow does; return its STT entity."""
        async with self.http() as http:
            flows = "/api/config/config_entries/flow"
            async with http.post(flows, json={"handler": "wyoming"}) as reply:
                flow = (await reply.json())["flow_id"]
            async with http.post(f"{flows}/{flow}", json={"host": "127.0.0.1", "port": port}) as reply:
                done = await reply.json()
        assert done["type"] == "create_entry", done
        return await self._stt_of(done["result"]["entry_id"])

    async def add_edge_voice(self, server: ServerProcess, port: int | None = None) -> str:
        """Add our server as the user step of our own flow does, by its token; return its STT entity.

        `port` leads to its control API by another way.
        """
        headers = {"Authorization": f"Bearer {self.token}"}
        flows = "/api/config/config_entries/flow"
        async with aiohttp.ClientSession(self.url, headers=headers, raise_for_status=True) as http:

            async def step(path: str, **said: Any) -> Any:
                async with http.post(f"{flows}{path}", json=said) as reply:
                    return await reply.json()

            flow = (await step("", handler="edge_voice"))["flow_id"]
            await step(f"/{flow}", host="127.0.0.1", port=port or server.control_port)
            await step(f"/{flow}", next_step_id="token")
            done = await step(f"/{flow}", token=server.token)
        assert done["type"] == "create_entry", done
        return await self._stt_of(done["result"]["entry_id"])

    async def _stt_of(self, entry: str) -> str:
        async with self.session() as assist:
            entities = await assist.call("config/entity_registry/list")
        (stt,) = [
            str(one["entity_id"])
            for one in entities
            if one["config_entry_id"] == entry and one["entity_id"].startswith("stt.")
        ]
        return stt

    def http(self) -> aiohttp.ClientSession:
        """Return a client for the REST API as the owner; it raises for refusals."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return aiohttp.ClientSession(self.url, headers=headers, raise_for_status=True)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Assist]:
        """Open a session as the owner."""
        async with session(self.url, self.token) as assist:
            yield assist

    async def state(self, entity_id: str) -> str:
        """Return an entity's state."""
        async with self.session() as assist:
            states = await assist.call("get_states")
        return next(str(one["state"]) for one in states if one["entity_id"] == entity_id)


@contextlib.asynccontextmanager
async def home_assistant(
    config: Path, port: int | None = None, more: str = "", *, under: Sequence[str] = ()
) -> AsyncIterator[HomeAssistant]:
    """Run Home Assistant with that folder until the end; it is running, and all is set up, when this is entered.

    `more` is YAML for it; `under` is a program that watches it. Raises HomeAssistantDidNotStartError.
    """
    if port is None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
    token, log = await asyncio.to_thread(prepare, config, port, more), config / "output.log"
    # Its own pins are in this environment; without --skip-pip it would try to install them again.
    command = [*under, sys.executable, "-m", "homeassistant", "-c", str(config), "--skip-pip", "--log-no-color"]
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    running = HomeAssistant(url=f"http://127.0.0.1:{port}", token=token, process=process, log=log)
    try:
        await _until_running(running)
        yield running
    finally:
        await _stop(process)


async def _until_running(running: HomeAssistant) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while running.process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError):
                    async with running.session() as assist:
                        if (await assist.call("get_config"))["state"] == "RUNNING":
                            # A lock is not exposed to the agent unless its owner wants so.
                            await assist.call(
                                "homeassistant/expose_entity",
                                assistants=["conversation"],
                                entity_ids=["lock.front_door"],
                                should_expose=True,
                            )
                            return
                await asyncio.sleep(0.2)
    raise HomeAssistantDidNotStartError("\n".join(running.log.read_text("utf-8", errors="replace").splitlines()[-30:]))


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
