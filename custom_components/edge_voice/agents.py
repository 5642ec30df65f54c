"""The agent behind ours: whoever the owner chose to answer."""

from typing import Final

from homeassistant.components import conversation
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN
from .entry_options import CONF_CONVERSATION_AGENT

_COMING: Final = frozenset({ConfigEntryState.SETUP_IN_PROGRESS, ConfigEntryState.SETUP_RETRY})


@callback
def agent_behind(hass: HomeAssistant, entry: ConfigEntry) -> str:
    """Return the agent that the owner chose, Home Assistant's own where that is one of ours. It may be gone."""
    chosen = entry.options.get(CONF_CONVERSATION_AGENT)
    if not chosen or chosen == conversation.HOME_ASSISTANT_AGENT:
        return conversation.HOME_ASSISTANT_AGENT
    known = er.async_get(hass).async_get(chosen)
    return conversation.HOME_ASSISTANT_AGENT if known is not None and known.platform == DOMAIN else str(chosen)


@callback
def is_there(hass: HomeAssistant, agent_id: str) -> bool:
    """Whether an agent can be asked."""
    try:
        return conversation.async_get_agent_info(hass, agent_id) is not None
    except ValueError:
        return False


@callback
def is_coming(hass: HomeAssistant, agent_id: str) -> bool:
    """Whether an agent that is not there is being set up, again and again where its own service is away."""
    known = er.async_get(hass).async_get(agent_id)
    if known is not None and known.disabled:
        return False
    entry = hass.config_entries.async_get_entry((known.config_entry_id or "") if known else agent_id)
    return entry is not None and entry.state in _COMING
