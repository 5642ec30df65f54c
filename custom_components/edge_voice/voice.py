"""What the voice entities of an entry share: what is left to the conversation, what the hub is told, what goes on."""

from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .client import EdgeVoiceClient
from .coordinator import EdgeVoiceCoordinator
from .direct import DirectLanes, store_of
from .entry_options import CONF_SEND_VOCABULARY, chosen
from .errands import Errands
from .exchanges import Exchanges
from .outcomes import Outcomes
from .text_phone import TextPhone
from .vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """One hub's, as long as its entry is set up."""

    exchanges: Exchanges
    outcomes: Outcomes
    direct: DirectLanes
    errands: Errands
    phone: TextPhone

    async def async_close(self) -> None:
        """Wait for what still goes on."""
        await self.errands.async_close()


async def async_setup_voice(
    hass: HomeAssistant, entry: ConfigEntry[Any], client: EdgeVoiceClient, coordinator: EdgeVoiceCoordinator
) -> Voice:
    """Start to listen to the home and its conversations; the hub hears of them when it is connected."""
    errands = Errands(hass)
    outcomes = Outcomes(hass, client, errands)
    direct = DirectLanes(hass, entry, coordinator, errands)
    await direct.async_load()
    phone = TextPhone(hass, entry, errands)
    entry.async_on_unload(outcomes.async_start())
    entry.async_on_unload(phone.async_start())
    entry.async_on_unload(coordinator.async_add_listener(direct.note_status))
    entry.async_on_unload(coordinator.async_connected_listener(direct.async_hand_in))
    if chosen(entry.options, CONF_SEND_VOCABULARY):
        for end in Vocabulary(hass, coordinator).async_start():
            entry.async_on_unload(end)
    return Voice(exchanges=Exchanges(), outcomes=outcomes, direct=direct, errands=errands, phone=phone)


async def async_forget_voice(hass: HomeAssistant, entry_id: str) -> None:
    """Erase what is kept of an entry that is removed."""
    await store_of(hass, entry_id).async_remove()
