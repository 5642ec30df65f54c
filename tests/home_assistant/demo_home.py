"""What a home to try things in has beside its devices: a login, a pipeline, a dashboard with something to press."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.home_assistant.assist import Assist
from tests.home_assistant.hass_process import HomeAssistant
from tests.home_assistant.recordings import FOLDER

USER = "demo"
DASHBOARD = "try-edge-voice"
UNLOCK = FOLDER.parents[1] / "tests/audio/commands/critical/unlock.wav"
SPOKEN = (
    ("Kitchen", FOLDER / "kitchen.wav", "Turn on the kitchen light."),
    ("Living room", FOLDER / "blinds.wav", "Open the living room blinds."),
    ("Bedroom", FOLDER / "bedroom.wav", "Set the bedroom lamp to 40 %."),
    ("Kitchen", FOLDER / "door.wav", "Lock the front door."),
    ("Kitchen", UNLOCK, "Unlock the front door."),
    ("Living room", FOLDER / "fan-noisy.wav", "Turn off the office fan. (noisy)"),
    ("Bedroom", FOLDER / "hum.wav", "(nobody speaks, a machine hums)"),
)
"""Room, recording, and what its button says."""
ASKED_BACK = "Kitchen"
"""Where an answer is wanted."""
DEVICES = ("light.kitchen_light", "light.bedroom_lamp", "fan.office_fan", "lock.front_door", "cover.living_room_blinds")
_WELCOME = """\
**Press a sentence:** that room's satellite says a recording of it, in real time. Watch the home and the card.
*Unlock the front door* matters, so you are asked back: answer *Yes* or *No*.

The hub hears with its small *starter model* here, which knows a few hundred English words. To speak yourself, press \
the microphone in *Assist*, top right.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who may come in."""

    user: str
    password: str


async def add_login(assist: Assist) -> Login:
    """Make somebody who may see and change everything; the password is new each time."""
    user = await assist.call("config/auth/create", name="Demo", group_ids=["system-admin"])
    login = Login(user=USER, password="-".join(secrets.token_hex(2) for _ in range(3)))
    await assist.call(
        "config/auth_provider/homeassistant/create",
        user_id=user["user"]["id"],
        username=login.user,
        password=login.password,
    )
    return login


async def comes_in(hass: HomeAssistant, login: Login) -> bool:
    """Return whether Home Assistant's own form lets them in."""
    client = f"{hass.url}/"
    about = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
    said = {"client_id": client, "username": login.user, "password": login.password}
    async with aiohttp.ClientSession(hass.url, raise_for_status=True) as http:
        async with http.post("/auth/login_flow", json=about) as reply:
            flow = (await reply.json())["flow_id"]
        async with http.post(f"/auth/login_flow/{flow}", json=said) as reply:
            return bool((await reply.json())["type"] == "create_entry")


async def make_pipeline(assist: Assist, stt: str) -> None:
    """Let every satellite be heard by our speech-to-text and answered by our agent."""
    made = await assist.create_pipeline(stt, name="Edge Voice", agent=await assist.our_agent())
    await assist.call("assist_pipeline/pipeline/set_preferred", pipeline_id=made)


async def show_dashboards(assist: Assist) -> None:
    """Make the dashboard that opens first, and the one that our integration makes by itself."""
    made = {"mode": "storage", "show_in_sidebar": True, "require_admin": False}
    await assist.call("lovelace/dashboards/create", url_path=DASHBOARD, title="Try it", icon="mdi:hand-wave", **made)
    await assist.call("lovelace/config/save", url_path=DASHBOARD, config=dashboard())
    await assist.call(
        "lovelace/dashboards/create", url_path="edge-voice", title="Voice", icon="mdi:account-voice", **made
    )
    await assist.call("lovelace/config/save", url_path="edge-voice", config={"strategy": {"type": "custom:edge-voice"}})
    await assist.call("frontend/set_system_data", key="core", value={"default_panel": DASHBOARD})


def dashboard() -> dict[str, Any]:
    """Return the dashboard to press things on."""
    pressing: list[dict[str, Any]] = [{"type": "markdown", "content": _WELCOME, "text_only": True}]
    pressing.append({"type": "heading", "heading": "The home", "icon": "mdi:home"})
    pressing += [{"type": "tile", "entity": entity} for entity in DEVICES]
    for room in dict.fromkeys(room for room, _, _ in SPOKEN):
        pressing.append(_heading(room))
        pressing += [_sentence(room, file, says) for where, file, says in SPOKEN if where == room]
        if room == ASKED_BACK:
            pressing += [_answer(room, says) for says in ("Yes.", "No.")]
    card = {"type": "custom:edge-voice-card", "grid_options": {"columns": "full"}}
    sections = [{"type": "grid", "cards": pressing}, {"type": "grid", "cards": [card]}]
    return {
        "title": "Try it",
        "views": [{"title": "Try it", "type": "sections", "max_columns": 2, "sections": sections}],
    }


def satellite_of(room: str) -> str:
    """Return the entity of a room's satellite."""
    return "assist_satellite." + room.lower().replace(" ", "_")


def _heading(room: str) -> dict[str, Any]:
    """Return a room's name, with what its satellite does and was answered."""
    said = {"type": "entity", "entity": satellite_of(room), "state_content": ["state", "answer"]}
    return {"type": "heading", "heading": room, "icon": "mdi:microphone-message", "badges": [said]}


def _sentence(room: str, file: Path, says: str) -> dict[str, Any]:
    """Return what has a room say a recording when it is pressed."""
    return _tile(room, says, "rooms.say", {"file": str(file)}) | {"grid_options": {"columns": 12}}


def _answer(room: str, says: str) -> dict[str, Any]:
    """Return what answers a question; the starter model knows no such word, so it is given as text."""
    return _tile(room, says, "rooms.answer", {"text": says}) | {"icon": "mdi:reply"}


def _tile(room: str, name: str, deed: str, data: dict[str, Any]) -> dict[str, Any]:
    action = {
        "action": "perform-action",
        "perform_action": deed,
        "target": {"entity_id": satellite_of(room)},
        "data": data,
    }
    return {
        "type": "tile",
        "entity": satellite_of(room),
        "name": name,
        "hide_state": True,
        "tap_action": action,
        "icon_tap_action": action,
    }
