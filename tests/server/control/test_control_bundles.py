"""From a publisher's repository over real HTTP to the voice of a home and back, as its owner sees it.

One story, told once: what takes seconds (processes, trials, turns) is not begun anew for each sentence of it.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server.bundles import made
from tests.server.bundles.publishing import TestRepository, a_repository, served
from wyoming_server.commands.recording import PACKAGED, read_recording
from wyoming_server.listeners.control_answers import BUNDLES, MESSAGES
from wyoming_server.listeners.control_values import checked

from ..home import Home, home, settings_for_tests
from ..peer import connected
from .owner import Events, Owner, owner_of

SMALL = {
    "shadow_turns": 3, "shadow_hours": 0.0, "shadow_share": 1.0, "serving_share": 0.9, "serving_turns": 3,
    "watch_turns": 3, "check_hours": 100.0, "false_rollback": 0.2,
}  # fmt: skip
FIRST, GOOD, BAD, CRASHES = (f"home-en@1.{number}.0" for number in range(4))
MOST_TURNS = 120
TEXTS = {
    "time": "What time is it?",
    "fan-noisy": "Turn off the office fan.",
    "kitchen": "Turn on the kitchen light.",
}
SAID = tuple(TEXTS)
"""The first two are among those that the subtly bad model hears wrong."""


def models(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run `edge-voice models` at the hub."""
    command = [sys.executable, "-m", "wyoming_server", "models", *argv, "--data-dir", str(folder / "data")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


async def shell(folder: Path, *argv: str, status: int = 0) -> Any:
    """Return what `models --json` prints; an AssertionError with its refusal for another status."""
    done = await asyncio.to_thread(models, folder, *argv, "--json")
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if status == 0 else done.stderr


@contextmanager
def hearing(folder: Path, **bundles: Any) -> Iterator[Home]:
    """Serve with what is installed."""
    settings = settings_for_tests(
        folder,
        asr={"model": ""},
        bundles={**SMALL, **bundles},
        control={"address": "127.0.0.1:0", "announce": False},
    )
    with home(settings) as one:
        yield one


@asynccontextmanager
async def owning(one: Home) -> AsyncIterator[tuple[Owner, Events]]:
    async with owner_of(one) as owner, owner.events() as events:
        yield owner, events


async def says(one: Home, number: int = 0) -> str:
    """Say something in a room of its own, so that no turn retries another; return the model that heard it, rightly."""
    said = SAID[number % len(SAID)]
    recording = read_recording(PACKAGED / f"{said}.wav", text=TEXTS[said])
    told = {"satellite_id": f"assist_satellite.room_{number}", "session_id": f"room {number}"}
    async with connected(one.uri) as peer:
        heard = await peer.turn(recording.pcm, {"language": "en", "context": {"edge_voice": told}})
    assert (heard.kind, heard.text) == ("transcript", TEXTS[said])
    model: str = heard.detail["model"]
    return model


async def asr(owner: Owner) -> Any:
    """Return what is told of the recogniser, which fits its description."""
    told = await owner.ask("GET", "bundles")
    assert checked(BUNDLES, told) == told
    return told["kinds"][0]


async def turns_until(one: Home, owner: Owner, holds: Callable[[Any], bool]) -> list[str]:
    """Speak until something holds of the recogniser; return the model of each turn."""
    models_heard: list[str] = []
    for number in range(MOST_TURNS):
        told = await asr(owner)
        if holds(told):
            return models_heard
        models_heard.append(await says(one, number))
        await is_shadowed(owner, told["candidate"])
    raise AssertionError(f"{MOST_TURNS} turns lead nowhere: {await asr(owner)}")


async def is_shadowed(owner: Owner, before: Any) -> None:
    """Wait, 3 s at most, until a candidate that is unheard has decoded what was said: it does while nobody speaks."""
    for _ in range(20):
        now = (await asr(owner))["candidate"]
        if not before or not now or now["stage"] != "shadow" or now["turns"] != before["turns"]:
            return
        await asyncio.sleep(0.15)


async def bundle_event(events: Events, event: str) -> dict[str, Any]:
    """Return the next message of a kind of step."""
    while (message := await events.until("bundle"))["event"] != event:
        assert checked(MESSAGES["bundle"], message) == message
    return message


@pytest.fixture
def repository(tmp_path: Path) -> TestRepository:
    found = a_repository(tmp_path / "repository")
    found.publish(made.good(tmp_path / "made"))
    return found


async def test_a_good_bundle_comes_to_serve_and_a_bad_one_goes_back(tmp_path: Path, repository: TestRepository) -> None:
    with served(repository.public) as url:
        await shell(tmp_path, "trust", url, "--root", str(repository.root_file))
        await shell(tmp_path, "install")
        with hearing(tmp_path) as one:
            async with owning(one) as (owner, events):
                await comes(one, owner, events, tmp_path, repository)
        with hearing(tmp_path, shadow_turns=MOST_TURNS) as one:
            async with owning(one) as (owner, events):
                await goes(one, owner, events, tmp_path, repository)
                await is_refused(one, owner, events, tmp_path, repository)
                await is_left_by_its_owner(one, owner, tmp_path)
        with hearing(tmp_path) as again:
            assert await says(again) == FIRST


async def comes(one: Home, owner: Owner, events: Events, folder: Path, repository: TestRepository) -> None:
    """A good bundle is shadowed, answers a share of the turns, is watched, and settles."""
    assert await says(one) == FIRST
    repository.publish(made.good(folder / "made", version="1.1.0"), notes="Hears whispers.")
    await owner.ask("POST", "bundles/check", {})
    for step in ("offered", "installing", "shadow"):
        assert (await bundle_event(events, step))["label"] == GOOD
    heard = await turns_until(one, owner, lambda told: told["candidate"] is None and told["work"] is None)
    assert {*heard} == {FIRST, GOOD}
    for step in ("serving", "watch", "settled"):
        assert (await bundle_event(events, step))["label"] == GOOD
    told = await asr(owner)
    assert (told["active"]["label"], told["previous"]) == (GOOD, FIRST)
    assert await says(one) == GOOD


async def goes(one: Home, owner: Owner, events: Events, folder: Path, repository: TestRepository) -> None:
    """One that passes its self-test and hears worse goes by itself, with its evidence, and is not tried again."""
    repository.publish(made.subtly_bad(folder / "made", version="1.2.0"))
    await owner.ask("POST", "bundles/check", {})
    await bundle_event(events, "shadow")
    assert {*await turns_until(one, owner, lambda told: bool(told["last_rollback"]))} == {GOOD}
    message = await bundle_event(events, "rolled_back")
    assert (message["label"], message["code"]) == (BAD, "worse")
    (escalated,) = [row for row in message["evidence"] if row["metric"] == "escalated"]
    assert escalated["candidate"] > escalated["baseline"]
    assert escalated["e_value"] > 1.0
    told = await asr(owner)
    assert (told["active"]["label"], told["candidate"], told["last_rollback"]["to"]) == (GOOD, None, GOOD)
    warnings = (await owner.ask("GET", "status"))["warnings"]
    assert ("bundle-rolled-back", BAD) in [(each["code"], each["subject"]) for each in warnings]
    incidents = (await owner.ask("GET", "incidents"))["incidents"]
    assert ("bundle", BAD, message["message"]) in [
        (each["kind"], each["subject"], each["message"]) for each in incidents
    ]
    assert await says(one) == GOOD
    await owner.ask("POST", "bundles/check", {})
    assert (await asr(owner))["work"] is None
    refused = await owner.ask("POST", "bundles/install", {"kind": "asr", "label": BAD}, status=409)
    assert refused["code"] == "bundle-denied"
    explained = await shell(folder, "explain", BAD)
    assert [each["code"] for each in explained["offers"][0]["reasons"] if not each["holds"]] == ["denied"]
    listed = await asyncio.to_thread(models, folder, "list")
    assert f"{BAD} is not tried again (worse)" in listed.stdout


async def is_refused(one: Home, owner: Owner, events: Events, folder: Path, repository: TestRepository) -> None:
    """One that crashes its process costs that process, and not a turn."""
    repository.publish(made.crashing(folder / "made", version="1.3.0"))
    await owner.ask("POST", "bundles/check", {})
    message = await bundle_event(events, "refused")
    assert (message["label"], message["code"]) == (CRASHES, "self-test-crashed")
    told = await asr(owner)
    assert (told["active"]["label"], told["last_refusal"]["code"]) == (GOOD, "self-test-crashed")
    assert await says(one) == GOOD


async def is_left_by_its_owner(one: Home, owner: Owner, folder: Path) -> None:
    """The shell verifies and goes back, while the server runs."""
    whole = (await shell(folder, "verify"))["models"]
    assert {each["label"]: each["code"] for each in whole if each["signed"]} == {FIRST: None, GOOD: None}
    told = await shell(folder, "rollback")
    assert (told["active"]["label"], told["last_rollback"]["code"]) == (FIRST, "owner")
    assert await says(one) == FIRST
    assert "bundle-denied" in await shell(folder, "install", GOOD, status=1)
    warnings = (await owner.ask("GET", "status"))["warnings"]
    assert "bundle-rolled-back" not in [each["code"] for each in warnings]
    await owner.policy(release_channel="beta", automatic_updates=False)
    await owner.ask("PUT", "vocabulary", {"country": "DE"})
    status = await owner.ask("GET", "status")
    assert (status["bundles"]["repository"]["channel"], status["bundles"]["region"]) == ("beta", "DE")
    assert status["policy"]["automatic_updates"] is False
    told = await owner.ask("DELETE", "bundles/repository")
    assert (told["repository"], told["kinds"][0]["active"]["label"]) == (None, FIRST)
