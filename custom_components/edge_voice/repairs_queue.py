"""A request that was not done, or may have been: its owner has it done, corrects it, or lets it go."""

from typing import Final, override

import probatio as vol
from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState

from .client import EdgeVoiceClient
from .protocol_queue import WaitingRequest
from .repair_bases import HubRepair

_CONF_TEXT: Final = "text"
_UNKNOWN: Final = "–"


class RequestRepair(HubRepair):
    """Asks which of both it is to be."""

    _text: str | None = None
    _is_dropped = False

    @override
    async def async_step_init(self, _: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show what was said, and ask what becomes of it."""
        return self.async_show_menu(
            step_id="init", menu_options=["repeat", "drop"], description_placeholders=self.placeholders
        )

    async def async_step_repeat(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Have it done, as it is written now."""
        text = vol.Required(_CONF_TEXT, default=self._said) if self._said else vol.Required(_CONF_TEXT)
        form = vol.Schema({text: str})
        if user_input is None:
            return await self.async_ask("repeat", form, None)
        self._is_dropped, self._text = False, user_input[_CONF_TEXT].strip() or None
        return await self.async_ask("repeat", form, self.async_mend())

    async def async_step_drop(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Let it go."""
        self._is_dropped = True
        return await self.async_ask("drop", vol.Schema({}), self.async_mend() if user_input is not None else None)

    @override
    async def async_ask_hub(self, client: EdgeVoiceClient) -> object:
        request_id = str(self.about["request"])
        if self._is_dropped:
            return await client.queue.drop(request_id)
        return await client.queue.repeat(request_id, self._text)

    @property
    @override
    def placeholders(self) -> dict[str, str]:
        return super().placeholders | {"said": self._said or _UNKNOWN}

    @property
    def _said(self) -> str:
        """Return what was understood, as well as it was; empty where nobody knows."""
        request = self._request
        return (request and (request.text or request.heard)) or ""

    @property
    def _request(self) -> WaitingRequest | None:
        if self.entry.state is not ConfigEntryState.LOADED:
            return None
        known = self.entry.runtime_data.waiting.known
        return next((one for one in known.requests if one.id == self.about["request"]), None) if known else None
