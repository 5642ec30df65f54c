"""The past of a real hub: what it keeps of real turns, tells of them, and forgets; and a key that is lost."""

import asyncio
from typing import Any

import pytest
from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.client import EdgeVoiceClient
from custom_components.edge_voice.const import DOMAIN
from tests.home_assistant.server_process import ServerProcess
from tests.integration.conftest import until
from tests.integration.entities.sight import act, attributes_of, until_state, value_of
from tests.integration.entities.speaking import spoken
from tests.integration.peer import SATELLITE
from tests.integration.test_integration_repairs import issues, mend

RECORDS = "sensor.edge_voice_size_of_the_records"
UNREADABLE = "binary_sensor.edge_voice_records_cannot_be_read"
BASELINE = "sensor.edge_voice_cloud_baseline"
LANE = {"name": "far away", "provider": "openai", "key": "sk-nobody", "consent": "2026-11-22", "price_per_minute": 0.01}


async def asked(hass: HomeAssistant, action: str, **data: object) -> dict[str, Any]:
    """Return what an action answers."""
    answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
    assert isinstance(answer, dict)
    return answer


async def test_real_turns_are_kept_told_of_and_erased(
    hass: HomeAssistant, real_entry: MockConfigEntry, real_client: EdgeVoiceClient, real_hub: ServerProcess
) -> None:
    for switch in ("keep_transcripts", "keep_recordings"):
        await act(hass, "switch.turn_on", f"switch.edge_voice_{switch}")
        await until_state(hass, f"switch.edge_voice_{switch}", "on")
    before = (await asked(hass, "get_kept"))["now"]
    for file in ("kitchen.wav", "blinds.wav"):
        await spoken(real_hub.port, file)
    now = (await asked(hass, "get_kept"))["now"]
    for kind in ("turns", "transcripts", "recordings"):
        assert now[kind] == before[kind] + 2, kind
    await real_entry.runtime_data.coordinator.async_refresh()
    assert attributes_of(hass, RECORDS)["recordings"] == now["recordings"]
    assert float(value_of(hass, RECORDS)) > 0
    assert attributes_of(hass, RECORDS)["key"] == "good"

    everything, *cells = (await asked(hass, "get_figures"))["cells"]
    assert everything["turns"] >= 2
    assert everything["last_word_to_text_ms"]["p50"] > 0
    assert any(one["language"] == "en" for one in cells)
    assert sum(point["turns"] for point in (await asked(hass, "get_history"))["points"]) >= 2

    await act(hass, "button.press", "button.edge_voice_erase_recordings")
    erased = await asked(hass, "purge", what=["turns", "transcripts"], satellite=SATELLITE)
    assert erased["erased"]["turns"] >= 2
    assert erased["left"] == {"turns": 0, "transcripts": 0}
    await real_entry.runtime_data.coordinator.async_refresh()
    kept = attributes_of(hass, RECORDS)
    assert (kept["recordings"], kept["transcripts"]) == (0, 0)


async def test_a_real_hub_answers_each_action(hass: HomeAssistant, real_entry: MockConfigEntry) -> None:
    assert (await asked(hass, "get_drift"))["state"] in {"learning", "steady"}
    assert (await asked(hass, "accept_drift"))["alarms"] == []
    assert {one["name"] for one in (await asked(hass, "get_lineage"))["classes"]} >= {"turns", "ledger", "recordings"}
    assert set(await asked(hass, "get_ledger")) == {"rows", "today", "this_month"}
    assert "incidents" in await asked(hass, "get_incidents")
    month = dt_util.now().strftime("%Y-%m")
    running = await asked(hass, "get_scorecard", month=month)
    assert running["headline"]["month"] == month
    assert running["complete"] is False
    with pytest.raises(ServiceValidationError) as raised:
        await asked(hass, "get_scorecard", month="1999-01")
    assert raised.value.translation_key == "refused_unknown_month"


async def test_a_real_hub_says_how_long_its_log_is(hass: HomeAssistant, real_entry: MockConfigEntry) -> None:
    log = "select.edge_voice_log_of_the_server"
    await act(hass, "select.select_option", log, option="warning")
    await until_state(hass, log, "warning")
    await act(hass, "select.select_option", log, option="info")
    await until_state(hass, log, "info")


async def test_a_real_baseline_needs_a_lane_and_ends_by_its_button(
    hass: HomeAssistant, real_entry: MockConfigEntry, real_client: EdgeVoiceClient
) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await asked(hass, "start_baseline", consent=True)
    assert raised.value.translation_key == "refused_not_consented"
    await real_client.change_lanes([LANE])
    running = (await asked(hass, "start_baseline", consent=True, days=1, seconds=60, money=0.1))["running"]
    assert running["money_cap"] == 0.1
    await until_state(hass, BASELINE, "recording")
    assert attributes_of(hass, BASELINE)["consent"] == dt_util.now().date().isoformat()
    with pytest.raises(ServiceValidationError) as raised:
        await asked(hass, "start_baseline", consent=True)
    assert raised.value.translation_key == "refused_baseline_running"
    await act(hass, "button.press", "button.edge_voice_stop_the_cloud_baseline")
    await until_state(hass, BASELINE, "off")
    await real_client.purge(["lanes"])


async def test_a_lost_key_is_a_repair_and_heals_when_what_it_had_sealed_is_erased(
    hass: HomeAssistant, real_entry: MockConfigEntry, real_hub: ServerProcess
) -> None:
    assert await async_setup_component(hass, REPAIRS, {})
    await act(hass, "switch.turn_on", "switch.edge_voice_keep_transcripts")
    await until_state(hass, "switch.edge_voice_keep_transcripts", "on")
    await spoken(real_hub.port, "kitchen.wav")
    assert (await asked(hass, "get_kept"))["now"]["transcripts"] > 0
    await asyncio.to_thread((real_hub.data / "records-key").unlink)
    assert (await asked(hass, "get_kept"))["now"]["key"] == "missing"
    await until(lambda: "records_key" in issues(hass))
    assert value_of(hass, UNREADABLE) == "on"
    done = await mend(hass, issues(hass)["records_key"])
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await until_state(hass, UNREADABLE, "off")
    await until(lambda: "records_key" not in issues(hass))
