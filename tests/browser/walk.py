"""An owner's way through a real Home Assistant in a real browser: `python -m tests.browser.walk [--pictures]`.

Adds the integration by its forms, has satellites speak, looks at the dashboard of the docs and at the device page, in
light and dark, on a computer and a phone, takes the hub away and brings it back. With --pictures, those of the docs are
taken anew. Runs in Home Assistant's environment, the server in its own (EDGE_VOICE_PYTHON).
"""

import asyncio
import datetime as dt
import json
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.browser.chromium import Page, chromium
from tests.browser.home import ROOT, call, home, owner, say
from tests.browser.pictures import compress
from tests.home_assistant.assist import Assist
from tests.home_assistant.hass_process import HomeAssistant
from tests.home_assistant.server_process import ServerProcess, edge_voice
from tests.integration.repository import published

PICTURES = ROOT / "docs/pictures"
DASHBOARD = ROOT / "docs/dashboard.md"
LARGEST_PICTURE = 150_000
SHARP = 1.5
"""Pixels of a picture for each of the page's."""
CARD = "shown('edge-voice-card')[0].shadowRoot"
SPOKEN = (
    ("Kitchen", "kitchen.wav"),
    ("Living room", "blinds.wav"),
    ("Bedroom", "bedroom.wav"),
    ("Living room", "fan-noisy.wav"),
    ("Kitchen", "time.wav"),
)
OPEN = {"EDGE_VOICE_BUNDLES_AUTOMATIC": "false", "HF_ENDPOINT": "http://127.0.0.1:9"}
"""A hub that takes models from whom its owner trusts, at the owner's word, and has no network for any other."""
UPDATE = "update.edge_voice_speech_model"
NOTES = "Hears the **kitchen light** from across the room."
_NOT_OURS = ("/api/brands/integration/", "favicon")
"""Addresses whose absence is Home Assistant's own: it is offline."""
_SECONDS = 40.0


@dataclass(slots=True, kw_only=True)
class Walk:
    """Who walks where, and what was seen."""

    hass: HomeAssistant
    hub: ServerProcess
    page: Page
    assist: Assist
    pictures: Path
    """Where they go."""
    figures: dict[str, Any] = field(default_factory=dict)

    async def picture(self, name: str, element: str | None = None) -> None:
        """Take a picture for the docs."""
        await self.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 400)))")
        file = self.pictures / f"{name}.png"
        await self.page.picture(file, element, margin=12)
        await asyncio.to_thread(compress, file)
        size = file.stat().st_size
        assert size < LARGEST_PICTURE, (name, size)
        self.figures.setdefault("pictures", {})[name] = f"{size / 1000:.0f} kB"

    async def dialog(self, text: str) -> None:
        """Wait until the dialog says this."""
        await self.page.until(f"shown('dialog').some(one => words(one).includes({json.dumps(text)}))", _SECONDS)
        said = await self.page.evaluate("shown('dialog').map(words).join(' ')")
        assert "MISSING_VALUE" not in said, said
        assert "component.edge_voice" not in said, said

    async def press(self, text: str) -> None:
        """Press the button of that name."""
        await self.page.click(f"shown('ha-button').find(one => words(one) === {json.dumps(text)})")

    async def choose(self, text: str) -> None:
        """Choose a line of a menu."""
        await self.page.click(
            f"shown('ha-list-item, ha-md-list-item').find(one => words(one).includes({json.dumps(text)}))"
        )

    async def fill(self, field_: str, text: str) -> None:
        """Write into the field that an expression names."""
        await self.page.until(field_)
        await self.page.evaluate(f"(() => {{ const found = {field_}; found.focus(); found.select(); }})()")
        await self.page.write(text)

    async def rows(self) -> list[str]:
        """Return the card's turns."""
        found = await self.page.evaluate(f"[...{CARD}.querySelectorAll('button.row')].map(one => one.innerText)")
        return [re.sub(r"\s+", " ", one) for one in found]


async def add_integration(walk: Walk) -> None:
    """Add the integration as its owner does: address, code from the log, pipeline."""
    await walk.page.open(f"{walk.hass.url}/config/integrations/dashboard/add?domain=edge_voice")
    await walk.dialog("Do you want to set up Edge Voice?")
    await walk.press("OK")
    await walk.dialog("Control port")
    await walk.picture("add-integration")
    await walk.fill("shown('input').find(one => one.type === 'number')", str(walk.hub.control_port))
    await walk.press("Submit")
    await walk.dialog("With a code")
    await walk.choose("With a code")
    await walk.dialog("It is valid for ten minutes")
    code = re.findall(r"Pairing code (\d{3} \d{3})", walk.hub.said())[-1]
    await walk.fill("shown('input').find(one => one.name === 'code')", code)
    await walk.press("Submit")
    await walk.dialog("Create my Assist pipeline")
    await walk.choose("Create my Assist pipeline")
    await walk.dialog("Who answers")
    await walk.picture("create-pipeline")
    await walk.press("Submit")
    await walk.dialog("was made")
    await walk.press("Close")


async def add_lane(walk: Walk, port: int) -> None:
    """Let another server be asked, through Home Assistant's own Wyoming integration, as a cloud service."""
    stt = await walk.hass.add_wyoming(port)
    (entry,) = await walk.assist.call("config_entries/get", domain="edge_voice")
    flows = "/api/config/config_entries/subentries/flow"
    async with walk.hass.http() as http:

        async def step(path: str = "", **said: Any) -> dict[str, Any]:
            async with http.post(f"{flows}{path}", json=said) as reply:
                answer: dict[str, Any] = await reply.json()
                return answer

        flow = f"/{(await step(handler=[entry['entry_id'], 'cloud_lane']))['flow_id']}"
        await step(flow, next_step_id="entity")
        await step(flow, entity_id=stt, stays_home=False, name="Other service")
        answer = await step(flow, agreed=True)
        while answer["type"] != "create_entry":
            answer = await finish_lane(http, flows + flow, answer)
    for _ in range(int(_SECONDS / 0.1)):  # the hub is set up anew with it
        overview = await walk.assist.call("edge_voice/overview")
        if overview["connected"] and overview["lanes"]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(overview)


async def finish_lane(http: Any, url: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Go on with the lane's test, and save."""
    if answer["type"] in {"progress", "progress_done"}:
        await asyncio.sleep(0.5)
        async with http.get(url) as reply:
            return dict(await reply.json())
    options = [one["name"] for one in answer.get("data_schema") or ()]
    assert options, answer
    said = {"next_step_id": "save"} if answer["type"] == "menu" else {"what_now": "save"}
    async with http.post(url, json=said) as reply:
        return dict(await reply.json())


async def speak(walk: Walk) -> None:
    """Have every room say something, then some of it to the service."""
    for room, file in SPOKEN:
        await say(walk.assist, room, file)
    await route(walk, "cloud")
    for room, file in SPOKEN[:2]:
        await say(walk.assist, room, file)
    await route(walk, "auto")
    await say(walk.assist, *SPOKEN[2])
    turns = (await walk.assist.call("edge_voice/turns"))["turns"]
    walk.figures["turns"] = len(turns)
    assert len(turns) == len(SPOKEN) + 3, turns
    assert not any("text" in turn for turn in turns)


async def route(walk: Walk, mode: str) -> None:
    """Choose a routing mode as a dashboard does."""
    await call(walk.assist, "select", "select_option", target={"entity_id": "select.edge_voice_routing"}, option=mode)


async def look_at_the_dashboard(walk: Walk) -> None:
    """Open the dashboard of the docs; look at it in light, dark and on a phone."""
    config = yaml.safe_load(re.findall(r"```yaml\n(title: .*?)```", DASHBOARD.read_text("utf-8"), re.DOTALL)[0])
    made = {"url_path": "voice-home", "title": "Voice", "icon": "mdi:account-voice"}
    await walk.assist.call("lovelace/dashboards/create", mode="storage", show_in_sidebar=True, **made)
    await walk.assist.call("lovelace/config/save", url_path="voice-home", config=config)
    await walk.page.size(1280, 1000, scale=SHARP)
    await walk.page.open(f"{walk.hass.url}/voice-home/0")
    await walk.page.until(f"{CARD}.querySelectorAll('button.row').length >= 8", _SECONDS)
    missing = await walk.page.evaluate("deep('hui-warning, hui-error-card').map(words)")
    assert missing == [], missing
    rows = await walk.rows()
    assert any("asked Other service" in row for row in rows), rows
    assert sum("on the hub" in row for row in rows) >= len(SPOKEN), rows
    await walk.picture("dashboard")
    card = "shown('edge-voice-card')[0]"
    await walk.picture("card-light", card)
    await walk.page.click(f"{CARD}.querySelectorAll('button.row')[1]")
    await walk.picture("card-why", card)
    await walk.page.press("Escape")
    await walk.page.evaluate(f"{CARD}.activeElement.blur()")
    await walk.page.prefer(dark=True)
    await walk.page.until("document.querySelector('home-assistant').hass.themes.darkMode")
    await walk.picture("card-dark", card)
    await walk.page.size(390, 844, scale=SHARP, phone=True)
    await walk.page.until("innerWidth === 390")
    await walk.page.prefer()
    await walk.picture("card-phone")
    wide = f"[...{CARD}.querySelectorAll('*')].some(one => one.getBoundingClientRect().right > innerWidth + 1)"
    assert not await walk.page.evaluate(f"{wide.replace(').some', ').filter(one => !one.closest(`svg`)).some')}")
    await walk.page.size(1280, 1000, scale=SHARP)


async def hear_live(walk: Walk) -> None:
    """A turn that ends while the card is looked at appears by itself."""
    await walk.page.until(f"{CARD}.querySelectorAll('button.row').length")
    before = await walk.page.evaluate(f"{CARD}.querySelector('li').dataset.turn")
    await say(walk.assist, "Bedroom", "door.wav")
    await walk.page.until(f"{CARD}.querySelector('li').dataset.turn !== {json.dumps(before)}")


async def look_at_the_curve(walk: Walk) -> None:
    """With long-term statistics of the sensor, the curve is drawn from them; these are made here."""
    hour = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    shares = [{"start": (hour - dt.timedelta(hours=ago)).isoformat(), "mean": ago % 24} for ago in range(150, 0, -1)]
    metadata = {
        "statistic_id": "sensor.edge_voice_escalation_rate",
        "source": "recorder",
        "name": None,
        "unit_of_measurement": "%",
        "unit_class": "unitless",
        "mean_type": 1,
        "has_sum": False,
    }
    await walk.assist.call("recorder/import_statistics", metadata=metadata, stats=shares)
    await walk.page.open(f"{walk.hass.url}/voice-home/0")
    await walk.page.until(
        f"{CARD}.querySelector('[data-part=escalation] .note').textContent.includes('7 days')", _SECONDS
    )
    label = await walk.page.evaluate(f"{CARD}.querySelector('svg.trend').getAttribute('aria-label')")
    assert "23% at most" in label, label


async def look_at_the_dashboard_that_makes_itself(walk: Walk) -> None:
    """Open the dashboard that is made of what the home has: the card, and every satellite by its name."""
    made = {"url_path": "voice-own", "title": "Voice"}
    await walk.assist.call("lovelace/dashboards/create", mode="storage", **made)
    strategy = {"strategy": {"type": "custom:edge-voice"}}
    await walk.assist.call("lovelace/config/save", url_path="voice-own", config=strategy)
    await walk.page.open(f"{walk.hass.url}/voice-own/voice")
    await walk.page.until(f"{CARD}.querySelectorAll('button.row').length", _SECONDS)
    headings = await walk.page.until("(all => all.length >= 5 && all)(shown('hui-heading-card').map(words))", _SECONDS)
    assert sorted(headings) == ["Bedroom", "Figures", "Kitchen", "Living room", "Steering"], headings
    assert await walk.page.evaluate("deep('hui-warning, hui-error-card').map(words)") == []
    await walk.picture("dashboard-own")


async def look_at_the_device(walk: Walk) -> None:
    """Open the hub's device page."""
    devices = await walk.assist.call("config/device_registry/list")
    hub = next(one["id"] for one in devices if one["name"] == "Edge Voice")
    await walk.page.size(1280, 1150, scale=SHARP)
    await walk.page.open(f"{walk.hass.url}/config/devices/device/{hub}")
    await walk.page.until("shown('ha-card').some(one => words(one).includes('Escalation rate'))", _SECONDS)
    await walk.picture("device")
    await walk.page.size(1280, 1000, scale=SHARP)


async def take_a_model(walk: Walk) -> None:
    """Trust a publisher by the form, see what it offers, install it, and see it answer."""
    with published() as publisher:
        await publisher.publish("good", "1.0.0", terms={"notes": NOTES})
        await walk.page.open(f"{walk.hass.url}/config/integrations/integration/edge_voice")
        await walk.page.click("shown('ha-icon-button').find(one => one.label === 'Configure')")
        await walk.dialog("Where models come from")
        await walk.choose("Where models come from")
        await walk.dialog("Address of the repository")
        await walk.fill("shown('input').find(one => one.type === 'url')", "https://models.example.org")
        await walk.picture("trust-models")
        await walk.fill("shown('input').find(one => one.type === 'url')", publisher.url)
        await walk.fill("shown('textarea')[0]", json.dumps(publisher.root))
        await walk.press("Submit")
        await walk.dialog(f"The hub trusts {publisher.url} now")
        await walk.press("Close")
        await walk.page.until("!shown('dialog').length")
        await more_of(walk, UPDATE)
        await walk.dialog("Hears the kitchen light")
        await walk.picture("model-update")
        await walk.press("Update")
        await state_of(walk, UPDATE, "off")


async def more_of(walk: Walk, entity: str) -> None:
    """Open what Home Assistant says of an entity, as a tap on it does."""
    tap = f"new CustomEvent('hass-more-info', {{detail: {{entityId: {json.dumps(entity)}}}}})"
    await walk.page.evaluate(f"document.querySelector('home-assistant').dispatchEvent({tap})")


async def state_of(walk: Walk, entity: str, state: str) -> None:
    """Wait until an entity has a state."""
    seen = f"document.querySelector('home-assistant').hass.states[{json.dumps(entity)}]?.state === {json.dumps(state)}"
    await walk.page.until(seen, _SECONDS)


async def lose_the_hub(walk: Walk, again: Callable[[], Awaitable[ServerProcess]]) -> None:
    """Take the hub away, and bring it back: the card says so, and goes on by itself."""
    await walk.page.open(f"{walk.hass.url}/voice-home/0")
    await walk.page.until(f"{CARD}.querySelectorAll('button.row').length", _SECONDS)
    await asyncio.to_thread(walk.hub.stop)
    said = f"{CARD}.querySelector('.said')"
    await walk.page.until(f"!{said}.hidden && {said}.textContent.includes('cannot be reached')", _SECONDS)
    assert len(await walk.rows()) >= 8
    walk.hub = await again()
    await walk.page.until(f"{CARD}.querySelector('.mode').textContent !== 'Away'", _SECONDS)
    await hear_live(walk)


def complaints(page: Page) -> list[str]:
    """Return the page's errors, but for what Home Assistant misses offline."""
    return [one for one in page.errors if not any(part in one for part in _NOT_OURS)]


async def main() -> None:
    """Walk the whole way and print what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        pictures = PICTURES if "--pictures" in sys.argv[1:] else Path(folder)
        with edge_voice(control_port=0, data=data, model="", settings=OPEN) as hub, edge_voice() as service:
            async with home(Path(folder) / "config") as hass, chromium() as browser, hass.session() as assist:
                page = await owner(browser, hass)
                await page.size(1100, 860, scale=SHARP)
                walk = Walk(hass=hass, hub=hub, page=page, assist=assist, pictures=pictures)
                await all_of_it(walk, service, data)
                print(json.dumps(walk.figures))


async def all_of_it(walk: Walk, service: ServerProcess, data: Path) -> None:
    """Every part, in an order that makes sense to an owner."""
    port, control_port = walk.hub.port, walk.hub.control_port
    steps: list[Callable[[], Awaitable[None]]] = [
        lambda: add_integration(walk),
        lambda: add_lane(walk, service.port),
        lambda: speak(walk),
        lambda: look_at_the_dashboard(walk),
        lambda: hear_live(walk),
        lambda: look_at_the_curve(walk),
        lambda: look_at_the_dashboard_that_makes_itself(walk),
        lambda: take_a_model(walk),
        lambda: look_at_the_device(walk),
    ]
    for step in steps:
        await step()
        print(step.__code__.co_names, file=sys.stderr, flush=True)
    returned = edge_voice(port=port, control_port=control_port, data=data, model="", settings=OPEN)
    try:
        await lose_the_hub(walk, lambda: asyncio.to_thread(returned.__enter__))
    finally:
        await asyncio.to_thread(returned.__exit__, None, None, None)
    walk.figures["complaints of the pages"] = len(complaints(walk.page))
    assert complaints(walk.page) == [], complaints(walk.page)


if __name__ == "__main__":
    asyncio.run(main())
