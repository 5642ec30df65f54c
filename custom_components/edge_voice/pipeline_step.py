"""An Assist pipeline that speaks to us, made from one that the home uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import probatio as vol
from homeassistant.components import conversation, stt
from homeassistant.components.assist_pipeline.pipeline import Pipeline, async_get_pipeline, async_get_pipelines
from homeassistant.components.assist_pipeline.runtime import KEY_ASSIST_PIPELINE
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_NAME, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util import language as language_util

from .own_entities import own_entity

CONF_FROM: Final = "copy_from"
CONF_AGENT: Final = "agent"
AGENT_OURS: Final = "edge_voice"
"""Asks back before what matters, and hands everything on to the agent of the copied pipeline."""
AGENT_KEPT: Final = "keep"
CONF_PREFERRED: Final = "preferred"


class PipelineError(Exception):
    """Why there can be no such pipeline; the text is the key of the form's error."""

    def __init__(self, key: str, **placeholders: str) -> None:
        super().__init__(key)
        self.key = key
        self.placeholders = placeholders


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A new pipeline."""

    name: str
    hand_on_to: str | None
    """The agent that ours hands on to; None when ours is not asked."""


@callback
def pipeline_form(hass: HomeAssistant) -> vol.Schema:
    """Return the step's form, filled in for the home's preferred pipeline."""
    preferred = async_get_pipeline(hass)
    options = [SelectOptionDict(value=one.id, label=one.name) for one in async_get_pipelines(hass)]
    agents = SelectSelectorConfig(options=[AGENT_OURS, AGENT_KEPT], translation_key="pipeline_agent")
    return vol.Schema(
        {
            vol.Required(CONF_FROM, default=preferred.id): SelectSelector(
                SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN)
            ),
            vol.Required(CONF_NAME, default=f"{preferred.name} (Edge Voice)"): TextSelector(),
            vol.Required(CONF_AGENT, default=AGENT_OURS): SelectSelector(agents),
            vol.Required(CONF_PREFERRED, default=True): BooleanSelector(),
        }
    )


async def async_make_pipeline(hass: HomeAssistant, entry: ConfigEntry, wanted: Mapping[str, Any]) -> Made:
    """Make a pipeline as a form asks for it. Raises PipelineError."""
    store = hass.data[KEY_ASSIST_PIPELINE].pipeline_store
    source = store.data.get(wanted[CONF_FROM])
    if source is None:
        raise PipelineError("pipeline_gone")
    name = wanted[CONF_NAME].strip()
    if any(one.name == name for one in store.data.values()):
        raise PipelineError("pipeline_exists", name=name)  # satellites choose by the name
    settings = _with_our_ears(hass, entry, source) | {"name": name}
    hand_on_to = None
    if wanted[CONF_AGENT] == AGENT_OURS:
        ours = own_entity(hass, entry, Platform.CONVERSATION)
        if ours is None:
            raise PipelineError("entities_missing")
        hand_on_to = source.conversation_engine
        # Preferring local intents would pass by our agent, and so by its questions.
        settings |= {"conversation_engine": ours, "prefer_local_intents": False}
    made = await store.async_create_item(settings)
    if wanted[CONF_PREFERRED]:
        store.async_set_preferred_item(made.id)
    return Made(name=made.name, hand_on_to=None if hand_on_to == conversation.HOME_ASSISTANT_AGENT else hand_on_to)


def _with_our_ears(hass: HomeAssistant, entry: ConfigEntry, source: Pipeline) -> dict[str, Any]:
    """Return a pipeline's settings with our recogniser; voice, language and wake word stay. Raises PipelineError."""
    ours = own_entity(hass, entry, Platform.STT)
    entity = stt.async_get_speech_to_text_entity(hass, ours) if ours else None
    if entity is None:
        raise PipelineError("entities_missing")
    spoken = source.stt_language or source.language
    languages = language_util.matches(spoken, entity.supported_languages, country=hass.config.country)
    if not languages:
        raise PipelineError("language_unknown", language=spoken, known=", ".join(entity.supported_languages))
    settings = source.to_json() | {"stt_engine": ours, "stt_language": languages[0]}
    if source.wake_word_entity is None:
        settings |= {"wake_word_entity": own_entity(hass, entry, Platform.WAKE_WORD), "wake_word_id": None}
    settings.pop("id")
    return settings
