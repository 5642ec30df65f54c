"""Every blueprint in a real Home Assistant with a real hub: what starts it really happens, what it does is looked for.

python -m tests.home_assistant.prove_blueprints [NAME …]

A real `hass` process with the app's own component and a phone that is registered with it, a real server that has lived
a month, a stand-in speech service, and a repository of signed models. Exits with 1 unless each does what it says.
"""

import argparse
import asyncio
import itertools
import random
import sys
import tempfile
import time
import wave
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp

from tests.home_assistant.blueprint_home import Scene, clipped, noisy, scene, until
from tests.home_assistant.fault_matrix.speech import MILK
from tests.home_assistant.phone import actions_of
from tests.home_assistant.recordings import RATE_HZ, packaged, recording
from tests.integration.repository import published

ALWAYS_LOUD = {"quiet_from": "00:00:00", "quiet_to": "00:00:00"}
MOST_TURNS = 300
BROKEN = (AssertionError, TimeoutError, aiohttp.ClientError, LookupError, RuntimeError, ValueError, OSError)
type Step = Callable[[Scene], Awaitable[str]]
"""Uses a blueprint, has happen what it waits for, and looks at what it did: returns that in words."""


def check(holds: object, what: str) -> None:
    """Raise an AssertionError that says what does not hold."""
    if not holds:
        raise AssertionError(what)


async def install(home: Scene) -> str:
    """The action, twice: an owner's own change stays."""
    first = await home.call("edge_voice", "install_blueprints")
    check(len(first["installed"]) == 9, f"installed {first}")
    changed = Path(str(home.hass.log)).parent / "blueprints/automation/edge_voice/drift_alert.yaml"
    text = changed.read_text("utf-8")
    changed.write_text(text + "# my own\n", "utf-8")
    second = await home.call("edge_voice", "install_blueprints")
    check(second["kept"] == ["automation/edge_voice/drift_alert.yaml"], f"kept {second}")
    changed.write_text(text, "utf-8")
    return "9 installed; a changed one was kept"


async def privacy_guard(home: Scene) -> str:
    """A guest comes and goes."""
    places = [home.devices["hub"], home.devices["bedroom"]]
    await home.use("privacy_guard", places=places, guests=["input_boolean.guests"], at_night=False)

    async def modes() -> tuple[str, str | None]:
        rooms = {one["id"]: one["routing_mode"] for one in (await home.ask("GET", "satellites"))["satellites"]}
        return (await home.ask("GET", "policy"))["routing_mode"], rooms["assist_satellite.bedroom"]

    await home.call("input_boolean", "turn_on", "input_boolean.guests")
    await until(lambda: _are(modes, ("edge", "edge")))
    await home.call("input_boolean", "turn_off", "input_boolean.guests")
    await until(lambda: _are(modes, ("auto", None)))
    return "the hub's own routing: edge while a guest is there, auto again afterwards; the bedroom's likewise"


async def _are[T](told: Callable[[], Awaitable[T]], wanted: T) -> bool:
    return await told() == wanted


async def confirm_critical_setup(home: Scene) -> str:
    """The switch was off."""
    await home.ask("PUT", "policy", {"confirm_critical": False})
    switch = "switch.edge_voice_confirm_what_matters"
    await until(lambda: home.is_state(switch, "off"))
    chosen = {"confirm": switch, "what_matters": ["lock.front_door"], "phones": [home.devices["phone"]]}
    script = await home.use("confirm_critical_setup", "script", **chosen)
    answer = await home.call("script", script.partition(".")[2])
    check(answer["asks_back"] is True, f"answered {answer}")
    check((await home.ask("GET", "policy"))["confirm_critical"], "the hub does not confirm")
    message = await home.phone.message(title="Asked before it is done")
    check("Front door" in message["message"], message["message"])
    return "the hub confirms again; the phone names the front door"


async def microphone_problem(home: Scene) -> str:
    """A microphone turned up far too high."""
    target = {"entity_id": "assist_satellite.kitchen"}
    await home.use("microphone_problem", phones=[home.devices["phone"]], satellites=target, **ALWAYS_LOUD)
    sounds = itertools.cycle([clipped(one) for one in packaged("clean")])
    title = "Kitchen: the microphone cannot be used"
    for _ in range(30):
        await home.turns("kitchen", next(sounds))
        if any(one.get("title") == title for one in home.phone.pushed):
            break
    message = await home.phone.message(title=title)
    check("gain" in message["message"], message["message"])
    return str(message["message"])


async def typed_text_fallback(home: Scene) -> str:
    """The same microphone, spoken to through the pipeline; the answer is typed."""
    await home.use("typed_text_fallback", phones=[home.devices["phone"]], **ALWAYS_LOUD)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clipped.wav"
        with wave.open(str(file), "wb") as wav:
            wav.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            wav.writeframes(clipped(recording("fan-noisy.wav")))
        await home.say(file, "kitchen")
    question = await home.phone.message(title="Kitchen did not understand you")
    (field,) = question["data"]["actions"]
    check(field["behavior"] == "textInput", str(field))
    await home.phone.tap(field["action"], "turn on the kitchen light")
    answer = await home.phone.message(title="Kitchen")
    await until(lambda: home.is_state("light.kitchen_light", "on"))
    return f"typed “turn on the kitchen light”: the light is on, and the phone shows “{answer['message']}”"


async def drift_alert(home: Scene) -> str:
    """A tap runs in the bedroom from now on."""
    await home.use("drift_alert", hub=home.devices["hub"], phones=[home.devices["phone"]], **ALWAYS_LOUD)
    chance = random.Random(7)
    sounds = itertools.cycle([noisy(one, chance) for one in packaged("clean")])
    title, turns = "Speech in en has become worse", 0
    while turns < MOST_TURNS and not any(one.get("title") == title for one in home.phone.pushed):
        await home.turns("bedroom", next(sounds))
        turns += 1
    message = await home.phone.message(title=title)
    await home.phone.tap(actions_of(message)["It is to stay so"])

    async def no_alarm() -> bool:
        return not (await home.ask("GET", "drift"))["alarms"]

    await until(no_alarm)
    return f"after {turns} turns: “{message['message']}” Accepted by the button: no alarm at the hub any more"


async def announce_queue_results(home: Scene) -> str:
    """The service is away while milk is asked for."""
    await home.use("announce_queue_results", hub=home.devices["hub"], phones=[home.devices["phone"]], **ALWAYS_LOUD)
    await home.service.fails("refuses-connection")

    async def waits() -> bool:
        return bool((await home.ask("GET", "queue"))["requests"])

    for _ in range(5):
        await home.say(MILK, "living_room")
        if await waits():
            break
    check(await waits(), "nothing waits")
    await home.service.fails(None)

    async def is_done() -> bool:
        await home.ask("POST", "queue/flush", {})
        return any(str(one.get("message")).startswith("Back online") for one in home.phone.pushed)

    await until(is_done)
    async with home.hass.session() as assist:
        items = [one["name"].lower() for one in await assist.call("shopping_list/items")]
    check(items == ["milk"], f"on the list: {items}")
    message = next(one for one in reversed(home.phone.pushed) if str(one.get("message")).startswith("Back online"))
    return f"“{message['message']}”, once; the list has {', '.join(items)}"


async def over_budget_alert(home: Scene) -> str:
    """More was used than is allowed."""
    await home.use("over_budget_alert", hub=home.devices["hub"], phones=[home.devices["phone"]], **ALWAYS_LOUD)
    await home.ask("PUT", "policy", {"cloud_seconds_per_day": 1})
    message = await home.phone.message(title="The cloud's limit is reached")
    await home.ask("PUT", "policy", {"cloud_seconds_per_day": 3600})
    return str(message["message"])


async def update_approval(home: Scene) -> str:
    """A publisher publishes."""
    await home.use("update_approval", hub=home.devices["hub"], phones=[home.devices["phone"]], **ALWAYS_LOUD)
    with published() as publisher:
        await home.ask("PUT", "bundles/repository", {"url": publisher.url, "root": publisher.root})
        label = await publisher.publish("good", "1.0.0")
        await home.ask("POST", "bundles/check", {})
        message = await home.phone.message(title="A new speech model for your home")
        await home.phone.tap(actions_of(message)["Install it"])
        answer = await home.phone.message(title=label)

        async def is_tried() -> bool:
            (kind,) = (one for one in (await home.ask("GET", "bundles"))["kinds"] if one["kind"] == "asr")
            at = kind["candidate"] or kind["active"] or {}
            return bool(at.get("label") == label)

        await until(is_tried)
    return f"{label} is on the hub after the tap: “{answer['message']}”"


async def monthly_scorecard(home: Scene) -> str:
    """It is morning in a few seconds."""
    async with home.hass.session() as assist:
        zone = ZoneInfo((await assist.call("get_config"))["time_zone"])
    at = (datetime.now(zone) + timedelta(seconds=5)).strftime("%H:%M:%S")
    await home.use("monthly_scorecard", hub=home.devices["hub"], phones=[home.devices["phone"]], at=at)
    month = (await home.ask("GET", "scorecard"))["headline"]["month"]
    message = await home.phone.message(title=f"Your voice in {month}")
    return str(message["message"])


STEPS: dict[str, tuple[str, Step]] = {
    "install_blueprints": ("the action, twice", install),
    "privacy_guard": ("a guest comes and goes", privacy_guard),
    "confirm_critical_setup": ("the script is run", confirm_critical_setup),
    "drift_alert": ("a tap that runs in the bedroom", drift_alert),
    "microphone_problem": ("a microphone that clips", microphone_problem),
    "typed_text_fallback": ("the same, spoken to through the pipeline", typed_text_fallback),
    "announce_queue_results": ("milk, while the service is away", announce_queue_results),
    "over_budget_alert": ("the day's limit", over_budget_alert),
    "update_approval": ("a signed model is published", update_approval),
    "monthly_scorecard": ("morning", monthly_scorecard),
}


async def prove(names: Sequence[str]) -> bool:
    """Run them in one home; print a row for each, and return whether all held."""
    held = True
    with tempfile.TemporaryDirectory() as folder:
        start_s = time.monotonic()
        async with scene(Path(folder)) as home:
            print(f"home with a month behind it: ready after {time.monotonic() - start_s:.0f} s", flush=True)
            for name in names:
                started, step = STEPS[name]
                start_s = time.monotonic()
                try:
                    told, verdict = await step(home), "held"
                except BROKEN as error:  # a row says what broke, and the next ones are run
                    told, verdict, held = f"{type(error).__name__}: {error}", "BROKEN", False
                print(f"{name:23} {verdict:6} {time.monotonic() - start_s:5.1f} s  {started} → {told}", flush=True)
            log = home.hass.log.read_text("utf-8", errors="replace").splitlines()
        errors = [one for one in log if "ERROR" in one and "edge_voice" in one]
        print(f"errors of ours in Home Assistant's log: {len(errors)}", *errors[:5], sep="\n  ")
    return held and not errors


def main() -> int:
    """Run what was asked for, install_blueprints first; return 1 unless all held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(STEPS))
    names = parser.parse_args().names or list(STEPS)
    return int(not asyncio.run(prove(["install_blueprints", *(one for one in names if one != "install_blueprints")])))


if __name__ == "__main__":
    sys.exit(main())
