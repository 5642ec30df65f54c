"""Typed text, done as if it had been said at a satellite."""

from typing import Any

from homeassistant.components import conversation
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN
from .own_entities import own_entity, pipeline_of


async def async_run_text(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    text: str,
    *,
    language: str | None = None,
    satellite_id: str | None = None,
    device_id: str | None = None,
    context: Context | None = None,
) -> conversation.ConversationResult:
    """Have our conversation do a text, in a conversation of its own: it never answers a question that is open.

    The satellite's device and language are used where none are given. What an agent does wrong is in the result.
    Raises HomeAssistantError when our conversation is not there.
    """
    agent = own_entity(hass, entry, "conversation")
    if agent is None or hass.states.get(agent) is None:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="no_conversation")
    known = er.async_get(hass).async_get(satellite_id) if satellite_id else None
    return await conversation.async_converse(
        hass,
        text,
        None,
        context or Context(),
        language=language or spoken_language(hass, satellite_id),
        agent_id=agent,
        device_id=device_id or (known.device_id if known else None),
        satellite_id=satellite_id,
    )


def spoken_language(hass: HomeAssistant, satellite_id: str | None) -> str:
    """Return the language that a satellite's conversation has; the home's where that cannot be told."""
    pipeline = pipeline_of(hass, satellite_id) if satellite_id else None
    spoken = pipeline.conversation_language if pipeline else None
    return spoken if spoken and spoken != "*" else hass.config.language


def speech_of(result: conversation.ConversationResult) -> str:
    """Return what is answered; empty when that is nothing."""
    plain = result.response.speech.get("plain") or {}
    return str(plain.get("speech") or "")
