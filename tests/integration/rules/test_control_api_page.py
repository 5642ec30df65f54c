"""The page about the control API, held to a real server: every request, and every key of its examples."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from tests.home_assistant.server_process import ServerProcess
from tests.integration.rules.source import ROOT, parts

PAGE = ROOT / "docs" / "control-api.md"
RECORDING = ROOT / "wyoming_server" / "recordings" / "kitchen.wav"
SATELLITE = "assist_satellite.page"
FREE = {"points", "quality"}
"""Whose keys the page does not tell one by one."""


def example(heading: str) -> Any:
    """Return the example below a heading; what it leaves out is empty."""
    text = re.findall(r"^```json\n(.*?)^```$", parts(PAGE)[heading], re.MULTILINE | re.DOTALL)[0]
    return json.loads(re.sub(r"\{…[^}]*\}", "{}", text).replace(", …", "").replace("…", ""))


def differences(told: Any, real: Any, at: str = "") -> set[str]:
    """Return the keys that only one of both has; of lists, the first ones are compared, and nothing with nothing."""
    if isinstance(told, list) and isinstance(real, list):
        return differences(told[0], real[0], at) if told and real else set()
    if not isinstance(told, dict) or not isinstance(real, dict) or not told or not real or at in FREE:
        return set()
    both = told.keys() & real.keys()
    return set(told.keys() ^ real.keys()) | {one for key in both for one in differences(told[key], real[key], key)}


@pytest.fixture
async def ask(hass: HomeAssistant, socket_enabled: None, server: ServerProcess) -> Any:
    """Ask the real server."""
    session = async_get_clientsession(hass)

    async def asked(method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {server.token}"} | more.pop("headers", {})
        url = f"http://127.0.0.1:{server.control_port}{path}"
        async with session.request(method, url, headers=headers, **more) as response:
            assert response.ok, await response.text()
            return await response.json()

    return asked


async def test_every_request_is_on_the_page(ask: Any) -> None:
    described = await ask("GET", "/api/v1/openapi.json")
    page = await _read(PAGE)
    asked = {f"{method.upper()} {path}" for path, methods in described["paths"].items() for method in methods}
    assert {one for one in asked if f"`{one}" not in page} == set()


async def test_the_status_on_the_page_is_the_one_that_is_sent(ask: Any) -> None:
    await ask("PUT", f"/api/v1/satellites/{SATELLITE}", json={})
    status = await ask("GET", "/api/v1/status")
    assert differences(example("Status"), status) == set()
    assert differences(example("Satellites"), status["satellites"][0]) == set()


async def test_the_policy_on_the_page_is_the_one_that_is_held_to(ask: Any) -> None:
    rows = re.findall(r"^\| (`.+?) \|", parts(PAGE)["Policy"], re.MULTILINE)
    told = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert told == set(await ask("GET", "/api/v1/policy"))


async def test_the_turn_on_the_page_is_the_one_that_is_answered(ask: Any) -> None:
    wav = await _read_bytes(RECORDING)
    turn = await ask("POST", "/api/v1/transcribe?language=en", data=wav, headers={"Content-Type": "audio/wav"})
    assert differences(example("Turns"), turn) == {"seconds"}


async def test_the_providers_on_the_page_are_those_that_are_offered(ask: Any) -> None:
    told = re.search(r"Each provider: `\{(.+?)\}`", await _read(PAGE), re.DOTALL)
    assert told
    named = set(re.findall(r'"(\w+)"(?=[,:])', told[1]))
    offered = (await ask("GET", "/api/v1/lanes"))["providers"]
    assert named == {key for one in offered for key in one}


async def _read(path: Path) -> str:
    return (await _read_bytes(path)).decode()


async def _read_bytes(path: Path) -> bytes:
    return await asyncio.to_thread(path.read_bytes)
