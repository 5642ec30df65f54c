"""Being found: what is told to the network and to the Supervisor, when, and that it is taken back."""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from wyoming_server.listeners.control_door import ControlDoor
from wyoming_server.listeners.control_settings import ControlSettings
from wyoming_server.listeners.discovery import (
    SERVICE_TYPE,
    Announcement,
    addresses_of,
    announced,
    announcement_of,
)
from wyoming_server.listeners.supervisor_discovery import supervised, supervisor_config
from wyoming_server.listeners.zeroconf_voice import ZeroconfVoice

from .control_home import ID, Behind

LAN_URI, LOOPBACK_URI = "tcp://0.0.0.0:10300", "tcp://127.0.0.1:10300"
SHORT = 0.02
"""Seconds between two looks."""


def door(host: str) -> ControlDoor:
    near = host in {"127.0.0.1", "localhost"}
    return ControlDoor(host=host, port=10380, fingerprint=None if near else "ab" * 32, show_token=lambda: "a token")


def told(
    uris: Sequence[str], open_door: ControlDoor | None, *, announce: bool = True, **health: Any
) -> Announcement | None:
    settings = ControlSettings(announce=announce)
    return announcement_of(settings, {**Behind().health(), **health}, uris=uris, door=open_door, machine="hub.lan")


async def until(true: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be")


@pytest.mark.parametrize(
    ("uris", "host", "control", "port"),
    [
        ([LAN_URI], "0.0.0.0", "lan", 10380),
        ([LAN_URI], "127.0.0.1", "loopback", 10300),
        ([LAN_URI], None, "off", 10300),
        ([LOOPBACK_URI], "0.0.0.0", "lan", 10380),
        (["unix:///run/edge-voice", "stdio://", LAN_URI], "localhost", "loopback", 10300),
        ([], "192.168.1.7", "lan", 10380),
    ],
)
def test_what_others_can_reach_is_announced(uris: list[str], host: str | None, control: str, port: int) -> None:
    announcement = told(uris, door(host) if host else None)
    assert announcement is not None
    properties = announcement.properties
    assert (properties["control"], announcement.port) == (control, port)
    assert properties.get("control_port") == (None if host is None else "10380")
    assert properties.get("wyoming_port") == ("10300" if LAN_URI in uris else None)
    assert properties["tls"] == ("1" if control == "lan" else "0")
    assert (properties["id"], properties["version"], properties["languages"]) == (ID, "0.1.0", "en")
    assert properties["api"] == "1"
    assert announcement.name == "Edge Voice (hub 0123)"


@pytest.mark.parametrize(
    ("uris", "host", "announce"),
    [
        ([LOOPBACK_URI], "127.0.0.1", True),
        (["tcp://[::1]:10300", "tcp://localhost:1"], None, True),
        (["stdio://"], None, True),
        ([LAN_URI], "0.0.0.0", False),
    ],
)
def test_nothing_is_announced_where_nobody_could_come_or_it_is_off(
    uris: list[str], host: str | None, announce: bool
) -> None:
    assert told(uris, door(host) if host else None, announce=announce) is None


def test_what_is_announced_fits_whatever_the_names_are() -> None:
    languages = [f"{first}{second}" for first in "abcdefghij" for second in "abcdefghij"]
    settings, health = ControlSettings(), {**Behind().health(), "languages": languages}
    for machine in ("", "a" * 63, "ü" * 63, "hub"):
        announcement = announcement_of(settings, health, uris=[LAN_URI], door=None, machine=machine)
        assert announcement is not None
        assert len(announcement.name.encode()) <= 63
        assert "." not in announcement.name
        assert all(len(f"{key}={value}") <= 255 for key, value in announcement.properties.items())
        assert set(announcement.properties["languages"].split(",")) < set(languages)


def test_addresses_are_those_that_are_listened_on() -> None:
    assert addresses_of(["127.0.0.1"]) == ("127.0.0.1",)
    assert addresses_of(["no.such.name.invalid"]) == ()
    for any_of, family in (("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6)):
        found = addresses_of([any_of, any_of])
        assert len(set(found)) == len(found)
        for one in found:
            assert not one.startswith(("127.", "::1", "fe80"))
            assert socket.inet_pton(family, one)


class Listener:
    """Somebody on the network who looks for servers."""

    def __init__(self) -> None:
        self.changes: list[tuple[ServiceStateChange, str]] = []
        self._zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        def changed(**change: Any) -> None:
            self.changes.append((change["state_change"], change["name"]))

        browser = AsyncServiceBrowser(self._zeroconf.zeroconf, SERVICE_TYPE, handlers=[changed])
        try:
            yield self
        finally:
            await browser.async_cancel()
            await self._zeroconf.async_close()

    def heard(self, kind: ServiceStateChange, name: str) -> bool:
        return (kind, f"{name}.{SERVICE_TYPE}") in self.changes

    async def look(self, name: str) -> Any:
        info = await self._zeroconf.async_get_service_info(SERVICE_TYPE, f"{name}.{SERVICE_TYPE}")
        assert info is not None
        return info


def on_loopback() -> ZeroconfVoice:
    return ZeroconfVoice(["127.0.0.1"])


async def test_the_network_hears_of_the_server_of_what_changes_and_of_its_end() -> None:
    now = told([LAN_URI], door("127.0.0.1"))
    assert now is not None
    facts = [dataclasses.replace(now, hosts=("127.0.0.1",))]
    async with Listener().listening() as listener:
        async with announced(lambda: facts[0], voice=on_loopback, look_seconds=SHORT):
            await until(lambda: listener.heard(ServiceStateChange.Added, now.name))
            info = await listener.look(now.name)
            assert info.decoded_properties == dict(now.properties)
            assert (info.port, info.parsed_addresses()) == (10300, ["127.0.0.1"])
            facts[0] = dataclasses.replace(facts[0], properties={**now.properties, "languages": "de,en"})
            await until(lambda: listener.heard(ServiceStateChange.Updated, now.name))
            assert (await listener.look(now.name)).decoded_properties["languages"] == "de,en"
        await until(lambda: listener.heard(ServiceStateChange.Removed, now.name))


async def test_a_name_that_is_taken_gets_a_number() -> None:
    one, other = ZeroconfVoice(["127.0.0.1"]), ZeroconfVoice(["127.0.0.2"])
    first = Announcement(id="1" * 32, name="Taken", port=1, hosts=())
    second = Announcement(id="2" * 32, name="Taken", port=2, hosts=())
    async with Listener().listening() as listener:
        try:
            await one.say(first, ["127.0.0.1"])
            await other.say(second, ["127.0.0.2"])
            await until(lambda: listener.heard(ServiceStateChange.Added, "Taken-2"))
            assert [(await listener.look(name)).port for name in ("Taken", "Taken-2")] == [1, 2]
            await other.say(dataclasses.replace(second, properties={"languages": "de"}), ["127.0.0.2"])
            await until(lambda: listener.heard(ServiceStateChange.Updated, "Taken-2"))
        finally:
            await other.aclose()
            await one.aclose()


class Network:
    """A network that works, or does not; every voice on it is counted."""

    def __init__(self) -> None:
        self.broken = False
        self.said: list[tuple[str, ...]] = []
        self.closed = 0

    async def say(self, announcement: Announcement, addresses: Sequence[str]) -> None:
        if self.broken:
            raise OSError("no route")
        self.said.append((announcement.properties["languages"], *addresses))

    async def aclose(self) -> None:
        self.closed += 1
        if self.broken:
            raise OSError("no route")


async def test_a_broken_network_is_tried_again_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    network = Network()
    network.broken = True
    now = told([LAN_URI], None)
    assert now is not None
    here = dataclasses.replace(now, hosts=("127.0.0.1",))
    async with announced(lambda: here, voice=lambda: network, look_seconds=0.001):
        await until(lambda: network.closed >= 3)
        assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1
        network.broken = False
        await until(lambda: network.said != [])
        await asyncio.sleep(0.02)
        assert network.said == [("en", "127.0.0.1")]  # what is told already is not told again
    assert network.closed >= 4


async def test_new_addresses_are_told_by_a_new_voice_and_none_by_a_goodbye() -> None:
    made: list[Network] = []

    def voice() -> Network:
        made.append(Network())
        return made[-1]

    now = told([LAN_URI], None)
    assert now is not None
    facts: list[Announcement | None] = [dataclasses.replace(now, hosts=("127.0.0.1",))]
    async with announced(lambda: facts[0], voice=voice, look_seconds=0.001):
        await until(lambda: len(made) == 1 and made[0].said != [])
        facts[0] = dataclasses.replace(now, hosts=("127.0.0.2",))
        await until(lambda: len(made) == 2 and made[1].said != [])
        assert (made[0].closed, made[1].said) == (1, [("en", "127.0.0.2")])
        facts[0] = None
        await until(lambda: made[1].closed == 1)


async def test_a_server_with_nothing_to_tell_starts_no_task() -> None:
    before = asyncio.all_tasks()
    async with announced(lambda: None), supervised("", lambda: {"host": "x"}):
        assert asyncio.all_tasks() == before


class Supervisor:
    """A small one that keeps messages as the real one does."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[tuple[str, str, Any]] = []
        self.kept: dict[str, Any] = {}
        self.tokens: set[str] = set()
        self.url = ""

    async def post(self, request: web.Request) -> web.Response:
        message = await request.json()
        self.tokens.add(request.headers["Authorization"])
        self.asked.append(("POST", message["service"], message["config"]))
        if self.status != 200:
            return web.json_response({"result": "error", "message": "refused"}, status=self.status)
        self.kept["0a1b2c"] = message["config"]
        return web.json_response({"result": "ok", "data": {"uuid": "0a1b2c"}})

    async def delete(self, request: web.Request) -> web.Response:
        self.asked.append(("DELETE", request.match_info["uuid"], None))
        del self.kept[request.match_info["uuid"]]
        return web.json_response({"result": "ok", "data": {}})


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    one = Supervisor()
    app = web.Application()
    app.add_routes([web.post("/discovery", one.post), web.delete("/discovery/{uuid}", one.delete)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{site.port}"
    yield one
    await runner.cleanup()


def test_the_supervisor_is_told_what_the_integration_needs() -> None:
    assert supervisor_config(Behind().health(), door("0.0.0.0"), host="local-edge-voice") == {
        "host": "local-edge-voice",
        "port": 10380,
        "token": "a token",
        "fingerprint": "ab" * 32,
        "wyoming_port": 10300,
        "id": ID,
    }


def test_the_supervisor_is_told_nothing_that_nobody_could_reach() -> None:
    for nowhere in (None, door("127.0.0.1"), dataclasses.replace(door("0.0.0.0"), show_token=lambda: "")):
        assert supervisor_config(Behind().health(), nowhere, host="local-edge-voice") is None


async def test_the_supervisor_hears_of_the_server_of_a_new_token_and_of_its_end(supervisor: Supervisor) -> None:
    config = {"host": "local-edge-voice", "token": "one"}
    facts = [config]
    async with supervised("the add-on's", lambda: facts[0], url=supervisor.url, look_seconds=SHORT):
        await until(lambda: supervisor.kept == {"0a1b2c": config})
        facts[0] = {**config, "token": "two"}
        await until(lambda: supervisor.kept == {"0a1b2c": facts[0]})
        await asyncio.sleep(5 * SHORT)
    assert [one[:2] for one in supervisor.asked] == [("POST", "edge_voice")] * 2 + [("DELETE", "0a1b2c")]
    assert supervisor.tokens == {"Bearer the add-on's"}
    assert supervisor.kept == {}


@pytest.mark.parametrize("status", [403, 500])
async def test_a_supervisor_that_refuses_is_asked_again(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    supervisor.status = status
    secret = {"token": "hush-hush"}
    async with supervised("also-hush", lambda: secret, url=supervisor.url, look_seconds=SHORT):
        await until(lambda: len(supervisor.asked) >= 2)
        supervisor.status = 200
        await until(lambda: supervisor.kept != {})
    warnings = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert len(warnings) == 1
    assert str(status) in warnings[0]
    assert "hush" not in caplog.text


async def test_without_a_supervisor_the_server_runs_and_stops(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with supervised("token", lambda: {"host": "x"}, url=nobody, look_seconds=SHORT):
        await until(lambda: "tried again" in caplog.text)
