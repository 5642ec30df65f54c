"""What repairs have in common: they ask, mend, and say why that did not succeed."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import override

import probatio as vol
from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.helpers import issue_registry as ir

from .client import EdgeVoiceClient
from .const import DOMAIN
from .errors import EdgeVoiceError, raised
from .issues import Data


class NotMendedError(Exception):
    """Why a repair did not succeed: the key of the form's error, and what stands in it."""

    def __init__(self, key: str, said: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.said = said


class Repair(RepairsFlow, ABC):
    """Asks once, then mends."""

    def __init__(self, entry: ConfigEntry, about: Data) -> None:
        self.entry = entry
        self.about = about

    async def async_step_init(self, _: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask, mend, or say why that did not succeed."""
        return await self.async_ask("confirm", vol.Schema({}), self.async_mend() if user_input is not None else None)

    async def async_ask(
        self, step: str, form: vol.Schema, mending: Awaitable[RepairsFlowResult] | None
    ) -> RepairsFlowResult:
        """Show a form, or, once it was sent, what mending has come to."""
        errors: dict[str, str] = {}
        placeholders = dict(self.placeholders) | {"error": ""}
        if mending is not None:
            try:
                return await mending
            except NotMendedError as error:
                errors["base"] = error.key
                placeholders["error"] = error.said
        return self.async_show_form(
            step_id=step, data_schema=form, errors=errors, description_placeholders=placeholders
        )

    @abstractmethod
    async def async_mend(self) -> RepairsFlowResult:
        """Mend. Raises NotMendedError."""

    @property
    def placeholders(self) -> dict[str, str]:
        """Return what stands in the texts."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        return (issue and issue.translation_placeholders) or {}


class HubRepair(Repair):
    """Has the hub mend it."""

    @override
    async def async_mend(self) -> RepairsFlowResult:
        if self.entry.state is not ConfigEntryState.LOADED:
            raise NotMendedError("away")
        try:
            await self.async_ask_hub(self.entry.runtime_data.client)
        except EdgeVoiceError as error:
            raise NotMendedError("refused", f"\n\n{raised(error)}") from error
        return self.async_create_entry(data={})

    @abstractmethod
    async def async_ask_hub(self, client: EdgeVoiceClient) -> object:
        """Ask the hub. Raises EdgeVoiceError."""
