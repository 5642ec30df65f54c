"""Models that come signed: what is shown of them, how one is taken, and how one is left again."""

import copy
from typing import Any

import pytest
from aiohttp import web
from homeassistant.components.homeassistant.const import DOMAIN as HOME_ASSISTANT
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.edge_voice.const import DOMAIN
from tests.integration.conftest import entry_for, until
from tests.integration.entities.conftest import connect
from tests.integration.entities.sight import (
    act,
    attributes_of,
    entities_of,
    until_attribute,
    until_state,
    value_of,
)
from tests.integration.peer import ACTIVE, CANDIDATE, EVIDENCE, NOTHING, OFFERED, Peer, refusal

SPEECH = "update.edge_voice_speech_model"
BACK = "button.edge_voice_return_to_the_speech_model_before"
CHANGE = "event.edge_voice_model_change"
CHANNEL = "select.edge_voice_release_channel"
AUTOMATIC = "switch.edge_voice_automatic_model_updates"
REPORTS = "switch.edge_voice_report_on_new_models"
PLACE = "/api/v1/bundles"
ELSEWHERE = {"code": "region", "holds": False, "message": "It is for FR, and your home is in DE."}


def asked_of(peer: Peer) -> list[tuple[str, str, Any]]:
    """Return what the hub was asked about bundles."""
    return [one for one in peer.asked if one[1].startswith(PLACE)]


def versions(hass: HomeAssistant, entity_id: str = SPEECH) -> tuple[str, Any, Any, Any]:
    """Return an update's state, what is installed, what is the latest, and its title."""
    told = attributes_of(hass, entity_id)
    return value_of(hass, entity_id), told["installed_version"], told["latest_version"], told["title"]


def refusing(peer: Peer, path: str, status: int, code: str, message: str) -> None:
    """Have the hub refuse something."""

    async def refuse(_: web.Request) -> web.Response:
        return refusal(status, code, message)

    peer.answers[f"{PLACE}/{path}"] = refuse


async def test_what_is_offered_to_this_hub_is_an_update_and_what_is_not_is_none(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    assert versions(hass) == ("on", "1.1.0", "1.2.0", "home-en")
    reasons = [*OFFERED["reasons"], ELSEWHERE]
    await peer.push_kind("asr", offered=OFFERED | {"eligible": False, "reasons": reasons})
    await until_state(hass, SPEECH, "off")
    assert versions(hass) == ("off", "1.1.0", "1.1.0", "home-en")
    assert attributes_of(hass, SPEECH)["waits_for"] == [ELSEWHERE["message"]]
    await peer.push_kind("asr", offered=None)
    await until_attribute(hass, SPEECH, "waits_for", [])
    assert versions(hass) == ("off", "1.1.0", "1.1.0", "home-en")


async def test_a_model_of_another_name_is_shown_by_its_name(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    starter = {"label": "starter", "name": "starter", "version": None, "signed": False, "since": None}
    await peer.push_kind("asr", active=starter, previous=None)
    await until_attribute(hass, SPEECH, "signed", value=False)
    assert versions(hass) == ("on", "starter", "home-en@1.2.0", "home-en")
    await peer.push_kind("asr", offered=None)
    await until_state(hass, SPEECH, "off")
    assert versions(hass) == ("off", "starter", "starter", "starter")
    await peer.push_kind("asr", active=None)
    await until_state(hass, SPEECH, STATE_UNKNOWN)
    assert versions(hass) == (STATE_UNKNOWN, None, None, None)
    await act(hass, "update.install", SPEECH, version="home-de@1.0")
    assert asked_of(peer)[-1][2] == {"kind": "asr", "label": "home-de@1.0"}


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ({}, "home-en@1.2.0"),
        ({"version": "1.2.0"}, "home-en@1.2.0"),
        ({"version": "1.0.0"}, "home-en@1.0.0"),
        ({"version": "home-de@2.0"}, "home-de@2.0"),
    ],
)
async def test_a_version_is_installed_by_its_full_name(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, given: dict[str, str], label: str
) -> None:
    await act(hass, "update.install", SPEECH, **given)
    assert asked_of(peer) == [("POST", f"{PLACE}/install", {"kind": "asr", "label": label})]


async def test_the_way_of_a_bundle_is_seen_from_its_download_until_it_is_trusted(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    def seen() -> tuple[Any, ...]:
        told = attributes_of(hass, SPEECH)
        return told["in_progress"], told["update_percentage"], told["stage"], told["installed_version"]

    work = {"action": "install", "label": "home-en@1.2.0", "state": "downloading", "progress": 0.4}
    active = ACTIVE | {"label": "home-en@1.2.0", "version": "1.2.0"}
    way: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        ({"work": work}, (True, 40, "downloading", "1.1.0")),
        ({"work": work | {"state": "testing", "progress": None}}, (True, None, "testing", "1.1.0")),
        ({"work": None, "candidate": CANDIDATE}, (True, 24, "shadow", "1.1.0")),
        ({"candidate": CANDIDATE | {"turns": 50, "turns_to_go": 0}}, (True, None, "shadow", "1.1.0")),
        (
            {"candidate": CANDIDATE | {"stage": "serving", "turns": 25, "turns_to_go": 75}},
            (True, 25, "serving", "1.1.0"),
        ),
        ({"active": active, "candidate": CANDIDATE | {"stage": "watch"}}, (False, None, "watch", "1.2.0")),
        ({"candidate": None, "previous": "home-en@1.1.0"}, (False, None, None, "1.2.0")),
    ]
    for changes, shown in way:
        await peer.push_kind("asr", **changes)
        await until(lambda expected=shown: seen() == expected)
    assert attributes_of(hass, SPEECH)["previous"] == "home-en@1.1.0"
    assert value_of(hass, SPEECH) == "off"


async def test_a_bundle_that_proves_itself_is_not_installed_twice(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    """It may have been offered before a newer one, or to be withdrawn meanwhile: it is the one that is on its way."""
    await peer.push_kind("asr", candidate=CANDIDATE, offered=OFFERED | {"eligible": False})
    await until_attribute(hass, SPEECH, "in_progress", value=True)
    assert versions(hass) == ("on", "1.1.0", "1.2.0", "home-en")
    with pytest.raises(HomeAssistantError):
        await act(hass, "update.install", SPEECH)
    assert asked_of(peer) == []


async def test_the_publishers_notes_are_read(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(hass)

    async def notes() -> Any:
        await client.send_json_auto_id({"type": "update/release_notes", "entity_id": SPEECH})
        return (await client.receive_json())["result"]

    assert await notes() == "Hears *timers* better."
    await peer.push_kind("asr", offered=None)
    await until_state(hass, SPEECH, "off")
    assert await notes() is None


async def test_whoever_asks_for_updates_has_the_hub_look_once(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    updates = [one.entity_id for one in entities_of(hass, entry) if one.domain == "update"]
    assert len(updates) == 3
    look = {"entity_id": updates}
    await hass.services.async_call(HOME_ASSISTANT, "update_entity", look, blocking=True)
    assert asked_of(peer) == [("POST", f"{PLACE}/check", {})]
    refusing(peer, "check", 502, "repository-frozen", "It has said nothing new for a month.")
    await hass.services.async_call(HOME_ASSISTANT, "update_entity", look, blocking=True)
    del peer.answers[f"{PLACE}/check"]
    await peer.push_status(bundles=peer.status["bundles"] | {"repository": None})
    await until(lambda: entry.runtime_data.coordinator.data.bundles.repository is None)
    await hass.services.async_call(HOME_ASSISTANT, "update_entity", look, blocking=True)
    assert len(asked_of(peer)) == 1


async def test_the_owner_goes_back_and_hears_when_there_is_nothing_to_go_back_to(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    await act(hass, "button.press", BACK)
    assert asked_of(peer) == [("POST", f"{PLACE}/rollback", {"kind": "asr"})]
    refusing(peer, "rollback", 409, "nothing-to-roll-back", "There is no bundle before.")
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "button.press", "button.edge_voice_return_to_the_wake_word_model_before")
    assert raised.value.translation_key == "refused_nothing_to_roll_back"


async def test_channel_updates_and_reports_are_the_owners_choice(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    await act(hass, "select.select_option", CHANNEL, option="beta")
    await act(hass, "switch.turn_on", AUTOMATIC)
    await act(hass, "switch.turn_on", REPORTS)
    told = [one[2] for one in peer.asked if one[1] == "/api/v1/policy"]
    assert told == [{"release_channel": "beta"}, {"automatic_updates": True}, {"cohort_reports": True}]
    assert (value_of(hass, CHANNEL), value_of(hass, AUTOMATIC), value_of(hass, REPORTS)) == ("stable", "off", "off")
    assert attributes_of(hass, SPEECH)["auto_update"] is False
    chosen = {"release_channel": "beta", "automatic_updates": True, "cohort_reports": True}
    await peer.push_status(policy=peer.status["policy"] | chosen)
    await until_state(hass, REPORTS, "on")
    assert (value_of(hass, CHANNEL), value_of(hass, AUTOMATIC)) == ("beta", "on")
    assert attributes_of(hass, SPEECH)["auto_update"] is True


async def test_each_move_of_a_bundle_is_an_event_with_its_evidence(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    moved = {"type": "bundle", "kind": "asr", "label": "home-en@1.2.0", "at": "2026-11-22T10:00:00+00:00"}
    fine = {"code": None, "message": "", "evidence": []}
    for event in ("offered", "installing", "shadow", "serving", "watch", "settled", "activated", "refused"):
        await peer.push(moved | fine | {"event": event})
        await until_attribute(hass, CHANGE, "event_type", event)
    worse = {"event": "rolled_back", "code": "worse", "message": "It failed more often.", "evidence": [EVIDENCE]}
    await peer.push(moved | fine | {"event": "sung"})  # by a newer hub
    await peer.push(moved | worse)
    await until_attribute(hass, CHANGE, "event_type", "rolled_back")
    told = attributes_of(hass, CHANGE)
    assert {key: told[key] for key in ("kind", "label", "at", "code", "message")} == {
        "kind": "asr",
        "label": "home-en@1.2.0",
        "at": "2026-11-22T10:00:00+00:00",
        "code": "worse",
        "message": "It failed more often.",
    }
    assert told["evidence"] == [EVIDENCE]


async def test_kinds_of_models_appear_when_the_hub_has_or_is_offered_a_bundle_of_them(
    core: HomeAssistant, peer: Peer
) -> None:
    plain = NOTHING | {"active": ACTIVE | {"signed": False}}
    kinds = [plain | {"kind": kind} for kind in ("asr", "wake", "vad", "smell")]
    peer.status["bundles"] = peer.status["bundles"] | {"kinds": kinds}
    entry = await connect(core, entry_for(peer.port))

    def shown() -> set[str]:
        return {one.translation_key or "" for one in entities_of(core, entry) if one.domain == "update"}

    assert shown() == {"bundle_asr"}
    await peer.push_kind("wake", offered=OFFERED)
    await peer.push_kind("smell", offered=OFFERED)
    await until(lambda: shown() == {"bundle_asr", "bundle_wake"})
    await peer.push_kind("vad", last_rollback={"label": "quiet@1.0", "to": "silero", "code": "owner"})
    await until(lambda: shown() == {"bundle_asr", "bundle_wake", "bundle_vad"})


async def test_a_hub_that_knows_no_bundles_has_none_of_this_until_it_is_updated(
    core: HomeAssistant, peer: Peer
) -> None:
    now = copy.deepcopy(peer.status)
    choices = ("release_channel", "automatic_updates", "cohort_reports")
    older = {key: value for key, value in now["policy"].items() if key not in choices}
    peer.status = {key: value for key, value in now.items() if key != "bundles"} | {"policy": older}
    entry = await connect(core, entry_for(peer.port))
    before = {one.entity_id for one in entities_of(core, entry)}
    assert before.isdisjoint({SPEECH, BACK, CHANGE, CHANNEL, AUTOMATIC, REPORTS})
    await peer.push_status(bundles=now["bundles"], policy=now["policy"])
    await until_state(core, REPORTS, "off")
    ours = {one.entity_id for one in entities_of(core, entry)} - before
    assert {SPEECH, BACK, CHANGE, CHANNEL, AUTOMATIC, REPORTS} < ours
    assert [one for one in ours if value_of(core, one) == STATE_UNAVAILABLE] == []
    del peer.status["bundles"]
    await peer.push_status(policy=older)
    await until(lambda: all(value_of(core, one) == STATE_UNAVAILABLE for one in ours))


async def test_actions_look_install_and_go_back_and_tell_what_there_is(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    async def asked(action: str, **data: object) -> dict[str, Any]:
        answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
        assert isinstance(answer, dict)
        return answer

    looked = await asked("check_bundles")
    assert [one["label"] for one in looked["offers"]] == ["home-en@1.2.0"]
    assert (await asked("install_bundle"))["kinds"]
    await asked("install_bundle", model="wake", label="hey-home@3.0")
    await asked("roll_back_bundle", model="vad")
    assert asked_of(peer) == [
        ("POST", f"{PLACE}/check", {}),
        ("POST", f"{PLACE}/install", {"kind": "asr"}),
        ("POST", f"{PLACE}/install", {"kind": "wake", "label": "hey-home@3.0"}),
        ("POST", f"{PLACE}/rollback", {"kind": "vad"}),
    ]


@pytest.mark.parametrize(
    ("status", "code", "key", "kind"),
    [
        (404, "unknown-bundle", "refused_unknown_bundle", ServiceValidationError),
        (409, "not-eligible", "refused_not_eligible", ServiceValidationError),
        (409, "bundle-denied", "refused_bundle_denied", ServiceValidationError),
        (409, "version-rollback", "refused_version_rollback", ServiceValidationError),
        (409, "update-running", "refused_update_running", ServiceValidationError),
        (400, "no-repository", "refused_no_repository", ServiceValidationError),
        (502, "metadata-expired", "refused", HomeAssistantError),
    ],
)
async def test_each_refusal_reaches_the_person_who_asked(
    hass: HomeAssistant,
    peer: Peer,
    entry: MockConfigEntry,
    status: int,
    code: str,
    key: str,
    kind: type[HomeAssistantError],
) -> None:
    refusing(peer, "install", status, code, "It is for FR.")
    with pytest.raises(kind) as raised:
        await act(hass, "update.install", SPEECH)
    assert raised.value.translation_key == key
    assert (raised.value.translation_placeholders or {})["message"] == "It is for FR."


@pytest.mark.parametrize("action", ["check_bundles", "install_bundle", "roll_back_bundle"])
async def test_only_administrators_change_which_model_hears(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, hass_read_only_user: MockUser, action: str
) -> None:
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN, action, {}, blocking=True, context=Context(user_id=hass_read_only_user.id)
        )
    assert asked_of(peer) == []
