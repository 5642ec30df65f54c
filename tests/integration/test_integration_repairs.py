"""What is shown as to be mended, when it goes, and what mending does."""

import json
from typing import Any

import pytest
from homeassistant.components.assist_pipeline.pipeline import (
    async_get_pipeline,
    async_get_pipelines,
    async_update_pipeline,
)
from homeassistant.components.repairs import ConfirmRepairFlow
from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import IssueEntry
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.const import DOMAIN, SUBENTRY_LANE
from custom_components.edge_voice.own_entities import own_entity
from custom_components.edge_voice.repairs import async_create_fix_flow
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import ALARM, EVIDENCE, OFFERED, SATELLITE, Peer, refusal, says

SUGGESTION = {"setting": "wake_threshold", "value": 0.6, "why": "It woke twice for the television."}


@pytest.fixture
async def repairing(core: HomeAssistant, peer_entry: MockConfigEntry) -> MockConfigEntry:
    assert await async_setup_component(core, REPAIRS, {})
    await until(lambda: peer_entry.runtime_data.coordinator.connected)
    return peer_entry


def issues(core: HomeAssistant) -> dict[str, IssueEntry]:
    """Return what is shown, by the key of its texts."""
    shown = (one for (domain, _), one in ir.async_get(core).issues.items() if domain == DOMAIN and one.active)
    return {one.translation_key or "": one for one in shown}


async def mend(core: HomeAssistant, issue: IssueEntry) -> Any:
    """Open an issue's repair and agree to it."""
    manager = core.data[REPAIRS]["flow_manager"]
    opened = await manager.async_init(DOMAIN, context={"issue_id": issue.issue_id})
    assert opened["type"] is FlowResultType.FORM
    assert opened["step_id"] == "confirm"
    return await manager.async_configure(opened["flow_id"], {})


@pytest.mark.parametrize(
    ("code", "subject", "key", "fixable"),
    [
        ("starter-model", "", "starter_model", False),
        ("model-missing", "", "model_missing", False),
        ("records-unwritable", "", "records_unwritable", False),
        ("microphone-clipping", SATELLITE, "microphone_clipping", False),
        ("microphone-noisy", SATELLITE, "microphone_noisy", False),
        ("lane-credentials", "of the file", "lane_credentials_file", False),
        ("bundle-rolled-back", "home-en@1.2.0", "bundle_rolled_back_broken", False),
        ("bundle-refused", "home-en@1.2.0", "bundle_refused", False),
        ("bundle-refused", "", "repository_refused", False),
        ("drift", "en", "drift", True),
        ("hub-saturated", "", "hub_saturated", False),
        ("records-key", "", "hub_warning", False),
        ("moon-too-bright", "", "hub_warning", False),
    ],
)
async def test_each_warning_of_the_hub_is_shown_and_goes_with_it(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry, code: str, subject: str, key: str, *, fixable: bool
) -> None:
    await peer.push_status(warnings=[{"code": code, "message": "Do this.", "subject": subject}])
    await until(lambda: key in issues(core))
    issue = issues(core)[key]
    assert issue.is_fixable is fixable
    assert (issue.translation_placeholders or {})["message"] == "Do this."
    await peer.push_status(warnings=[])
    await until(lambda: not issues(core))


async def test_a_model_that_had_to_go_is_shown_with_the_figures_that_told(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry
) -> None:
    gone = {"label": OFFERED["label"], "to": "home-en@1.1.0", "code": "worse", "at": "2026-11-22T10:00:00+00:00"}
    unmeasured = EVIDENCE | {"metric": "slow", "baseline": None, "e_value": None}
    newer = EVIDENCE | {"metric": "bored"}
    await peer.push_kind("asr", last_rollback=gone | {"message": "", "evidence": [EVIDENCE, unmeasured, newer]})
    said = "It failed more often."
    await peer.push_status(warnings=[{"code": "bundle-rolled-back", "message": said, "subject": OFFERED["label"]}])
    await until(lambda: issues(core))
    assert set(issues(core)) == {"bundle_rolled_back"}
    told = issues(core)["bundle_rolled_back"].translation_placeholders or {}
    assert (told["subject"], told["message"]) == ("home-en@1.2.0", said)
    row = tuple(told[f"failed_{part}"] for part in ("before", "after", "weight"))
    assert row == ("5.0 % (500)", "12.5 % (80)", "112")
    assert tuple(told[f"slow_{part}"] for part in ("before", "after", "weight")) == ("–", "12.5 % (80)", "–")
    assert told["escalated_after"] == "–"
    texts = await async_get_translations(core, "en", "issues", {DOMAIN})
    description = texts[f"component.{DOMAIN}.issues.bundle_rolled_back.description"].format(**told)
    assert "| failed or were said again | 5.0 % (500) | 12.5 % (80) | 112 |" in description
    await peer.push_status(warnings=[])
    await until(lambda: not issues(core))


@pytest.mark.parametrize(
    "gone", [{"label": "home-en@0.9", "code": "worse"}, {"label": OFFERED["label"], "code": "memory"}]
)
async def test_figures_of_an_older_model_or_of_one_that_broke_are_not_why_it_went(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry, gone: dict[str, str]
) -> None:
    await peer.push_kind("asr", last_rollback=gone | {"evidence": [EVIDENCE]})
    await peer.push_status(warnings=[{"code": "bundle-rolled-back", "message": "", "subject": OFFERED["label"]}])
    await until(lambda: set(issues(core)) == {"bundle_rolled_back_broken"})
    del peer.status["bundles"]
    await peer.push_status()
    await until(lambda: repairing.runtime_data.coordinator.data.bundles is None)
    assert set(issues(core)) == {"bundle_rolled_back_broken"}


async def test_what_has_become_worse_is_shown_with_its_figures_and_taken_as_usual_when_the_owner_agrees(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry
) -> None:
    elsewhere = ALARM | {"metric": "latency", "language": "de"}
    newer = ALARM | {"metric": "boredom"}
    slower = ALARM | {"metric": "latency", "before": None, "now": 0.2, "turns": 90}
    warning = {"code": "drift", "message": ALARM["message"], "subject": "en"}
    alarms = [ALARM, elsewhere, newer, slower]
    await peer.push_status(drift={"state": "drifted", "turns_to_go": 0, "alarms": alarms}, warnings=[warning])
    await until(lambda: set(issues(core)) == {"drift"})
    issue = issues(core)["drift"]
    texts = await async_get_translations(core, "en", "issues", {DOMAIN})
    confirm = f"component.{DOMAIN}.issues.drift.fix_flow.step.confirm.description"
    said = texts[confirm].format(**issue.translation_placeholders or {}, error="")
    assert said.startswith(ALARM["message"])
    for row in ("asked the cloud | 25.0 % | 40.0 % | 180", "slower than usual | – | 20.0 % | 90", "cloud | – | – | –"):
        assert f"{row} |" in said
    done = await mend(core, issue)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert ("POST", "/api/v1/drift/accept", {"language": "en"}) in peer.asked
    await peer.push_status(warnings=[])
    await until(lambda: not issues(core))


async def test_what_nobody_can_read_any_more_is_erased_when_the_owner_agrees(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry
) -> None:
    warning = {"code": "records-key", "message": "The key file is gone.", "subject": ""}
    await peer.push_status(records=peer.status["records"] | {"key": "missing"}, warnings=[warning])
    await until(lambda: set(issues(core)) == {"records_key"})
    done = await mend(core, issues(core)["records_key"])
    assert done["type"] is FlowResultType.CREATE_ENTRY
    erased = {"what": ["turns", "transcripts", "recordings", "corrections"]}
    assert ("POST", "/api/v1/purge", erased) in peer.asked


async def test_being_over_budget_passes_by_itself_and_is_no_issue(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry
) -> None:
    over = {"code": "over-budget", "message": "", "subject": ""}
    await peer.push_status(warnings=[over, {"code": "starter-model", "message": "", "subject": ""}])
    await until(lambda: issues(core))
    assert set(issues(core)) == {"starter_model"}


async def test_what_stood_before_the_hub_went_still_stands_and_stays_dismissed_over_a_reload(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry
) -> None:
    await peer.push_status(warnings=[{"code": "starter-model", "message": "", "subject": ""}])
    await until(lambda: issues(core))
    ir.async_ignore_issue(core, DOMAIN, issues(core)["starter_model"].issue_id, ignore=True)
    await peer.drop()
    await until(lambda: repairing.runtime_data.coordinator.connected)
    await core.config_entries.async_reload(repairing.entry_id)
    await until(lambda: repairing.runtime_data.coordinator.connected)
    assert issues(core)["starter_model"].dismissed_version
    await core.config_entries.async_remove(repairing.entry_id)
    assert not issues(core)


async def test_a_version_that_no_longer_fits_is_shown_until_it_does(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry
) -> None:
    peer.hello["min_version"] = peer.hello["version"] = 9
    await peer.drop()
    await until(lambda: set(issues(core)) == {"server_too_new"})
    peer.hello["min_version"] = 1
    await until(lambda: not issues(core))


async def test_a_suggested_setting_is_made_when_the_owner_agrees(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry
) -> None:
    (satellite,) = peer.status["satellites"]
    await peer.push_status(satellites=[satellite | {"suggestion": SUGGESTION}])
    await until(lambda: "suggestion_wake_threshold" in issues(core))
    done = await mend(core, issues(core)["suggestion_wake_threshold"])
    assert done["type"] is FlowResultType.CREATE_ENTRY
    # What follows a connect may still be on its way: names, and the satellite told of without a setting.
    place = f"/api/v1/satellites/{SATELLITE}"
    assert [one for one in peer.asked if one[1] == place and one[2]] == [("PUT", place, {"wake_threshold": 0.6})]


async def test_a_setting_that_the_hub_does_not_take_can_be_tried_again(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry
) -> None:
    (satellite,) = peer.status["satellites"]
    await peer.push_status(satellites=[satellite | {"suggestion": SUGGESTION | {"setting": "colour"}}])
    await until(lambda: "suggestion" in issues(core))

    async def full(_: object) -> Any:
        return refusal(500, "disk-full", "make room")

    peer.answers[f"/api/v1/satellites/{SATELLITE}"] = full
    form = await mend(core, issues(core)["suggestion"])
    assert form["errors"] == {"base": "refused"}
    assert "Make room" in form["description_placeholders"]["error"]
    await core.config_entries.async_unload(repairing.entry_id)
    manager = core.data[REPAIRS]["flow_manager"]
    again = await manager.async_configure(form["flow_id"], {})
    assert again["errors"] == {"base": "away"}


async def test_a_refused_key_leads_to_its_lane_s_form(core: HomeAssistant, peer: Peer) -> None:
    assert await async_setup_component(core, REPAIRS, {})
    lane = {
        "kind": "provider",
        "name": "Groq",
        "service": "groq",
        "provider": "groq",
        "key_ends": "x4Qz",
        "consent": "2026-11-22",
        "trust": "cloud",
    }
    plain = entry_for(peer.port)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Edge Voice",
        unique_id=plain.unique_id,
        data=dict(plain.data),
        subentries_data=[ConfigSubentryData(data=lane, subentry_type=SUBENTRY_LANE, title="Groq", unique_id=None)],
    )
    provider = {"provider": "groq", "title": "Groq", "needs": ["key"], "optional": [], "url": "", "models": []}
    provider |= {"price_per_minute": None, "as_of": "2026-11-22", "trust": "cloud"}
    known = json.dumps({"lanes": [], "providers": [provider]})
    peer.answers["/api/v1/lanes"] = says(known, content_type="application/json")
    peer.status["warnings"] = [{"code": "lane-credentials", "message": "", "subject": "Groq"}]
    await set_up(core, entry)
    await until(lambda: "lane_credentials" in issues(core))
    done = await mend(core, issues(core)["lane_credentials"])
    assert done["type"] is FlowResultType.CREATE_ENTRY
    kind, flow_id = done["next_flow"]
    assert kind == "config_subentries_flow"
    flow = core.config_entries.subentries.async_get(flow_id)
    assert flow["context"]["subentry_id"] in entry.subentries
    core.config_entries.subentries.async_abort(flow_id)

    await peer.push_status()  # the key is still refused
    await until(lambda: "lane_credentials" in issues(core))
    manager = core.data[REPAIRS]["flow_manager"]
    opened = await manager.async_init(DOMAIN, context={"issue_id": issues(core)["lane_credentials"].issue_id})
    core.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
    form = await manager.async_configure(opened["flow_id"], {})
    assert form["errors"] == {"base": "gone"}
    await core.async_block_till_done()


async def listen_with(core: HomeAssistant, entry: MockConfigEntry, **settings: Any) -> str:
    """Let the preferred pipeline listen with the hub; return its id."""
    pipeline = async_get_pipeline(core)
    ears = own_entity(core, entry, "stt")
    assert ears is not None
    await async_update_pipeline(core, pipeline, stt_engine=ears, stt_language="en", **settings)
    return pipeline.id


async def test_a_pipeline_that_never_asks_back_is_set_right_and_keeps_its_agent(
    core: HomeAssistant, repairing: MockConfigEntry
) -> None:
    pipeline_id = await listen_with(core, repairing, conversation_engine="conversation.other")
    await until(lambda: "pipeline_other_agent" in issues(core))
    done = await mend(core, issues(core)["pipeline_other_agent"])
    assert done["type"] is FlowResultType.CREATE_ENTRY
    (mended,) = [one for one in async_get_pipelines(core) if one.id == pipeline_id]
    assert mended.conversation_engine == own_entity(core, repairing, "conversation")
    assert repairing.options["conversation_agent"] == "conversation.other"
    await core.async_block_till_done()
    await until(lambda: repairing.runtime_data.coordinator.connected)
    assert not issues(core)


async def test_a_pipeline_that_goes_first_is_set_right(core: HomeAssistant, repairing: MockConfigEntry) -> None:
    agent = own_entity(core, repairing, "conversation")
    assert agent is not None
    await listen_with(core, repairing, conversation_engine=agent, prefer_local_intents=True)
    await until(lambda: set(issues(core)) == {"pipeline_local_first"})
    await mend(core, issues(core)["pipeline_local_first"])
    assert async_get_pipeline(core).prefer_local_intents is False
    assert "conversation_agent" not in repairing.options
    assert not issues(core)


async def test_nothing_is_to_be_mended_where_the_owner_wants_no_questions(
    core: HomeAssistant, peer: Peer, repairing: MockConfigEntry
) -> None:
    await listen_with(core, repairing, conversation_engine="conversation.other")
    await until(lambda: issues(core))
    await peer.push_status(policy=peer.status["policy"] | {"confirm_critical": False})
    await until(lambda: not issues(core))


async def test_a_repair_of_what_is_gone_says_so(core: HomeAssistant, repairing: MockConfigEntry) -> None:
    await listen_with(core, repairing, conversation_engine="conversation.other")
    await until(lambda: issues(core))
    issue = issues(core)["pipeline_other_agent"]
    manager = core.data[REPAIRS]["flow_manager"]
    opened = await manager.async_init(DOMAIN, context={"issue_id": issue.issue_id})
    await core.config_entries.async_unload(repairing.entry_id)
    await core.config_entries.async_remove(repairing.entry_id)
    form = await manager.async_configure(opened["flow_id"], {})
    assert form["errors"] == {"base": "gone"}


async def test_the_repair_of_an_entry_that_is_gone_only_closes(core: HomeAssistant) -> None:
    flow = await async_create_fix_flow(core, "old", {"entry_id": "gone", "kind": "lane"})
    assert isinstance(flow, ConfirmRepairFlow)
