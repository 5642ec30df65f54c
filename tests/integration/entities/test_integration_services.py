"""Actions: what they answer through a real hub, and which sentence tells what is wrong with a request."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from homeassistant.components.media_source import MediaSource, MediaSourceItem, PlayMedia
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    MockUser,
    mock_integration,
    mock_platform,
)

from custom_components.edge_voice.const import DOMAIN
from tests.home_assistant.recordings import FOLDER
from tests.home_assistant.server_process import ServerProcess
from tests.integration.entities.sight import TURN_EVENT, until_attribute
from tests.integration.entities.speaking import spoken
from tests.integration.peer import SATELLITE, TURN, Peer


async def asked(hass: HomeAssistant, action: str, **data: object) -> dict[str, Any]:
    """Return what an action answers."""
    answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
    assert isinstance(answer, dict)
    return answer


async def refused(hass: HomeAssistant, action: str, **data: object) -> str | None:
    """Return the key of the sentence with which an action refuses."""
    with pytest.raises(ServiceValidationError) as raised:
        await asked(hass, action, **data)
    return raised.value.translation_key


@pytest.fixture
async def media(core: HomeAssistant, tmp_path: Path) -> Path:
    """A media folder with a recording in it."""
    folder = tmp_path / "media"
    folder.mkdir()
    shutil.copy(FOLDER / "kitchen.wav", folder)
    core.config.media_dirs = {"local": str(folder)}
    core.config.allowlist_external_dirs = {str(folder)}
    assert await async_setup_component(core, "media_source", {})
    return folder


async def test_a_recording_of_the_media_folder_is_heard(
    hass: HomeAssistant, media: Path, real_entry: MockConfigEntry
) -> None:
    by_id = await asked(hass, "transcribe", file="media-source://media_source/local/kitchen.wav", language="en")
    assert by_id["text"] == "Turn on the kitchen light."
    assert by_id["route"] == "edge"
    chosen = {"media_content_id": "media-source://media_source/local/kitchen.wav", "media_content_type": "audio/wav"}
    assert (await asked(hass, "transcribe", file=chosen))["text"] == by_id["text"]
    by_path = await asked(hass, "transcribe", file=str(media / "kitchen.wav"), lane="edge")
    assert by_path["text"] == by_id["text"]


async def test_turns_are_listed_corrected_and_erased(
    hass: HomeAssistant, real_entry: MockConfigEntry, real_hub: ServerProcess
) -> None:
    first, second = [await spoken(real_hub.port, file) for file in ("kitchen.wav", "blinds.wav")]
    await until_attribute(hass, TURN_EVENT, "turn_id", second)
    listed = (await asked(hass, "list_turns", limit=2))["turns"]
    assert [one["turn_id"] for one in listed] == [second, first]
    assert "text" not in listed[0]
    assert listed[0]["latency_ms"]["inference"] > 0

    right = await asked(hass, "report_correction", turn_id=first, text="turn on the kitchen light")
    assert right["was_right"] is True
    wrong = await asked(hass, "report_correction", text="turn off the kitchen fan")
    assert wrong == {"counted": True, "was_right": False}

    erased = await asked(hass, "purge", what=["turns"])
    assert erased["erased"]["turns"] == 2
    assert await asked(hass, "list_turns") == {"turns": []}
    assert await refused(hass, "report_correction", text="turn on the light") == "no_turn_yet"


async def test_a_turn_that_the_hub_does_not_know_cannot_be_corrected(
    hass: HomeAssistant, real_entry: MockConfigEntry
) -> None:
    assert await refused(hass, "report_correction", turn_id="nobody's", text="hello") == "refused_unknown_turn"


async def test_what_is_no_recording_is_refused_by_name(
    hass: HomeAssistant, media: Path, real_entry: MockConfigEntry
) -> None:
    (media / "text.wav").write_text("this is no sound")
    with pytest.raises(ServiceValidationError, match="malformed-audio"):
        await asked(hass, "transcribe", file=str(media / "text.wav"))


async def test_only_files_that_the_owner_lets_home_assistant_read_are_read(
    hass: HomeAssistant, media: Path, entry: MockConfigEntry
) -> None:
    secret = media.parent / "secret.wav"
    shutil.copy(FOLDER / "kitchen.wav", secret)
    (media / "way_out.wav").symlink_to(secret)
    for file in (str(secret), str(media / "../secret.wav"), str(media / "way_out.wav")):
        assert await refused(hass, "transcribe", file=file) == "file_not_allowed"
    with (media / "endless.wav").open("wb") as large:
        large.truncate(33 * 1024 * 1024)
    assert await refused(hass, "transcribe", file=str(media / "endless.wav")) == "file_too_large"
    assert await refused(hass, "transcribe", file=str(media / "nothing.wav")) == "file_not_found"
    for file in ("media-source://media_source/local/nothing.wav", "media-source://nobody/at.wav"):
        assert await refused(hass, "transcribe", file=file) == "file_not_found"


class Radio(MediaSource):
    """Media that plays from elsewhere."""

    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Return an address on the internet."""
        return PlayMedia("https://radio.example/live", "audio/wav")


async def test_media_that_is_no_file_of_this_machine_is_not_fetched(
    core: HomeAssistant, entry: MockConfigEntry
) -> None:
    async def radio(_: HomeAssistant) -> MediaSource:
        return Radio("radio")

    mock_integration(core, MockModule("radio"))
    mock_platform(core, "radio.media_source", SimpleNamespace(async_get_media_source=radio))
    assert await async_setup_component(core, "radio", {})
    assert await async_setup_component(core, "media_source", {})
    assert await refused(core, "transcribe", file="media-source://radio/live") == "file_not_local"


async def test_a_satellites_own_last_turn_is_meant_where_one_is_named(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    async def turns(_: web.Request) -> web.Response:
        hall = TURN | {"turn_id": "t2", "satellite": "assist_satellite.hall", "text": "kept"}
        return web.json_response({"turns": [hall, TURN]})

    peer.answers["/api/v1/turns"] = turns
    await asked(hass, "report_correction", satellite=SATELLITE, text="hello")
    assert ("POST", "/api/v1/turns/t1/correction", {"text": "hello"}) in peer.asked
    assert [one["turn_id"] for one in (await asked(hass, "list_turns", satellite=SATELLITE))["turns"]] == ["t1"]
    assert [one.get("text") for one in (await asked(hass, "list_turns"))["turns"]] == ["kept", None]
    assert await refused(hass, "report_correction", satellite="assist_satellite.attic", text="a") == "no_turn_yet"


async def test_only_administrators_erase(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, hass_read_only_user: MockUser
) -> None:
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN, "purge", {"what": ["everything"]}, blocking=True, context=Context(user_id=hass_read_only_user.id)
        )
    assert [one for one in peer.asked if one[1] == "/api/v1/purge"] == []


async def test_a_microphone_that_does_not_speak_to_the_hub_is_not_tested(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    assert await refused(hass, "test_microphone", satellite="assist_satellite.attic") == "unknown_satellite"


async def test_actions_say_so_while_no_hub_is_set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """They stay registered, so that an automation that names them is not broken by a hub that is away."""
    await hass.config_entries.async_unload(entry.entry_id)
    assert await refused(hass, "list_turns") == "service_config_entry_not_loaded"
    assert await refused(hass, "list_turns", config_entry_id="another") == "service_config_entry_not_found"
