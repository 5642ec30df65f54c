"""Going through the integration's forms as a person does."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowManager, FlowResultType

from custom_components.edge_voice.const import DOMAIN, SUBENTRY_LANE
from tests.integration.flows import wording

type Json = dict[str, Any]


class Walk:
    """One flow, from its first form to its end."""

    def __init__(self, hass: HomeAssistant, manager: FlowManager, result: Json) -> None:
        self._hass = hass
        self._manager = manager
        self.result = result
        self._check()

    def _check(self) -> None:
        """See that all that is shown has its words."""
        flows = self._hass.config_entries
        texts: Json = wording.TEXTS["config"]
        if self._manager is flows.options:
            texts = wording.TEXTS["options"]
        elif self._manager is flows.subentries:
            texts = wording.TEXTS["config_subentries"][SUBENTRY_LANE]
        if "type" in self.result:
            wording.check(texts, self.result)

    async def submit(self, given: Json | None = None) -> Json:
        """Fill in the form; return what comes next, after a progress bar too."""
        self.result = dict(await self._manager.async_configure(self.result["flow_id"], given))
        self._check()
        return await self.settled()

    async def choose(self, option: str) -> Json:
        """Choose from the menu."""
        assert option in self.result["menu_options"]
        return await self.submit({"next_step_id": option})

    async def settled(self) -> Json:
        """Wait for the end of a progress bar."""
        while self.result["type"] is FlowResultType.SHOW_PROGRESS:
            await self._hass.async_block_till_done()
            self.result = dict(await self._manager.async_configure(self.result["flow_id"]))
            self._check()
        return self.result

    @property
    def error(self) -> str | None:
        """The form's error."""
        errors = self.result.get("errors") or {}
        return next(iter(errors.values()), None)

    @property
    def step(self) -> str:
        """Which form, or which menu, is shown."""
        assert self.result["type"] in {FlowResultType.FORM, FlowResultType.MENU}, self.result
        return str(self.result["step_id"])

    @property
    def reason(self) -> str:
        """Why it has ended without an entry."""
        assert self.result["type"] is FlowResultType.ABORT, self.result
        return str(self.result["reason"])

    @property
    def placeholders(self) -> Json:
        """What is filled into the form's texts."""
        return dict(self.result["description_placeholders"] or {})


async def config_flow(hass: HomeAssistant, source: str = SOURCE_USER, data: Any = None) -> Walk:
    """Begin to add the integration."""
    flow = hass.config_entries.flow
    return Walk(hass, flow, dict(await flow.async_init(DOMAIN, context={"source": source}, data=data)))


async def options_flow(hass: HomeAssistant, entry_id: str) -> Walk:
    """Open the options."""
    return Walk(hass, hass.config_entries.options, dict(await hass.config_entries.options.async_init(entry_id)))


async def lane_flow(hass: HomeAssistant, entry_id: str, subentry_id: str | None = None) -> Walk:
    """Add a cloud lane, or change one."""
    context: Json = {"source": SOURCE_USER}
    if subentry_id is not None:
        context = {"source": "reconfigure", "subentry_id": subentry_id}
    flow = hass.config_entries.subentries
    return Walk(hass, flow, dict(await flow.async_init((entry_id, SUBENTRY_LANE), context=context)))


def suggested(result: Json) -> Json:
    """Return what a form is filled in with."""
    found: Json = {}
    for marker in result["data_schema"].schema:
        if marker.description and "suggested_value" in marker.description:
            found[str(marker)] = marker.description["suggested_value"]
    return found
