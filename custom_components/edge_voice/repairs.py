"""Mends what can be mended from here, once the owner has agreed."""

from typing import override

from homeassistant.components.assist_pipeline.pipeline import async_get_pipelines, async_update_pipeline
from homeassistant.components.conversation import HOME_ASSISTANT_AGENT
from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.components.repairs.const import FlowType
from homeassistant.config_entries import SOURCE_RECONFIGURE
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant

from .client import EdgeVoiceClient
from .const import SUBENTRY_LANE
from .entity_past import OF_TURNS
from .entry_options import CONF_CONVERSATION_AGENT
from .issues import (
    KIND,
    KIND_DRIFT,
    KIND_LANE,
    KIND_PIPELINE,
    KIND_RECORDS_KEY,
    KIND_REQUEST,
    KIND_SETTING,
    Data,
)
from .own_entities import own_entity
from .repair_bases import HubRepair, NotMendedError, Repair
from .repairs_queue import RequestRepair


class PipelineRepair(Repair):
    """Lets a pipeline ask the hub's agent first, which asks back before what matters and hands on all else."""

    @override
    async def async_mend(self) -> RepairsFlowResult:
        pipelines = (one for one in async_get_pipelines(self.hass) if one.id == self.about["pipeline"])
        pipeline, agent = next(pipelines, None), own_entity(self.hass, self.entry, Platform.CONVERSATION)
        if pipeline is None or agent is None:
            raise NotMendedError("gone")
        before = pipeline.conversation_engine
        await async_update_pipeline(self.hass, pipeline, conversation_engine=agent, prefer_local_intents=False)
        self._hand_on_to(before, agent)
        return self.async_create_entry(data={})

    def _hand_on_to(self, before: str, agent: str) -> None:
        """Keep answering with the agent that the pipeline had, unless the owner has chosen one."""
        if before not in {agent, HOME_ASSISTANT_AGENT} and not self.entry.options.get(CONF_CONVERSATION_AGENT):
            options = {**self.entry.options, CONF_CONVERSATION_AGENT: before}
            self.hass.config_entries.async_update_entry(self.entry, options=options)


class SettingRepair(HubRepair):
    """Gives a satellite the setting that the hub suggests."""

    @override
    async def async_ask_hub(self, client: EdgeVoiceClient) -> object:
        satellite, setting = str(self.about["satellite"]), str(self.about["setting"])
        return await client.change_satellite(satellite, **{setting: self.about["value"]})


class DriftRepair(HubRepair):
    """Takes what a language's figures are now as the measure of later turns."""

    @override
    async def async_ask_hub(self, client: EdgeVoiceClient) -> object:
        return await client.past.accept_drift(str(self.about["language"]) or None)


class RecordsKeyRepair(HubRepair):
    """Erases what can no longer be read, so that what is kept from now on has a key of its own."""

    @override
    async def async_ask_hub(self, client: EdgeVoiceClient) -> object:
        return await client.purge(OF_TURNS)


class LaneRepair(Repair):
    """Asks for a new key, in the lane's own form."""

    @override
    async def async_mend(self) -> RepairsFlowResult:
        subentry_id = str(self.about["subentry_id"])
        if subentry_id not in self.entry.subentries:
            raise NotMendedError("gone")
        flow = await self.hass.config_entries.subentries.async_init(
            (self.entry.entry_id, SUBENTRY_LANE),
            context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry_id},
        )
        return self.async_create_entry(data={}, next_flow=(FlowType.CONFIG_SUBENTRIES_FLOW, flow["flow_id"]))


_REPAIRS: dict[str, type[Repair]] = {
    KIND_DRIFT: DriftRepair,
    KIND_LANE: LaneRepair,
    KIND_PIPELINE: PipelineRepair,
    KIND_RECORDS_KEY: RecordsKeyRepair,
    KIND_REQUEST: RequestRepair,
    KIND_SETTING: SettingRepair,
}


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: Data | None,
) -> RepairsFlow:
    """Return the flow that mends an issue."""
    entry = hass.config_entries.async_get_entry(str(data["entry_id"])) if data else None
    if data is None or entry is None:
        return ConfirmRepairFlow()  # its entry was removed meanwhile
    return _REPAIRS[str(data[KIND])](entry, data)
