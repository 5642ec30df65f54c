"""Satellites that say a recording, in real time, when `rooms.say` asks them to, and answer what they are asked back.

`rooms.answer` gives the agent a text as if it had been heard there: the starter model knows no yes and no no.
"""

import asyncio
import wave
from collections.abc import AsyncIterator
from typing import Any

import probatio as vol
from homeassistant.components import conversation
from homeassistant.components.assist_pipeline import PipelineEvent, PipelineEventType, PipelineStage
from homeassistant.components.assist_satellite import AssistSatelliteConfiguration, AssistSatelliteEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback, async_get_current_platform

ROOMS = ("Kitchen", "Living room", "Bedroom")
_CHUNK_SAMPLES = 160
_CHUNK_SECONDS = 0.01
_ROOM_SECONDS = 4
"""What a satellite sends until it is told that the speech is over."""


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add one for each room."""
    async_add_entities(Satellite(room) for room in ROOMS)
    platform = async_get_current_platform()
    platform.async_register_entity_service("say", {vol.Required("file"): str}, "say")
    platform.async_register_entity_service("answer", {vol.Required("text"): str}, "answer")


class Satellite(AssistSatelliteEntity):
    """One room's."""

    _attr_has_entity_name = True
    _attr_name = None

    def __init__(self, room: str) -> None:
        self._attr_unique_id = room
        self._attr_device_info = DeviceInfo(identifiers={("rooms", room)}, name=room)
        self._attr_extra_state_attributes = {"answer": ""}
        self._asked: tuple[str | None, str | None] = (None, None)
        """The conversation that goes on, and its agent."""

    def async_get_configuration(self) -> AssistSatelliteConfiguration:
        """Return that it has no wake words of its own."""
        return AssistSatelliteConfiguration(available_wake_words=[], active_wake_words=[], max_active_wake_words=0)

    async def async_set_configuration(self, config: AssistSatelliteConfiguration) -> None:
        """Take nothing."""

    def on_pipeline_event(self, event: PipelineEvent) -> None:
        """Show what is answered."""
        said = event.data or {}
        if event.type is PipelineEventType.INTENT_START:
            self._asked = (said.get("conversation_id"), said.get("engine"))
        elif event.type is PipelineEventType.INTENT_END:
            self._show(said["intent_output"]["response"])

    async def answer(self, text: str) -> None:
        """Say a text that is heard without a doubt; returns when the home has answered."""
        conversation_id, agent = self._asked
        device = self.registry_entry and self.registry_entry.device_id
        result = await conversation.async_converse(
            self.hass, text, conversation_id, Context(), "en", agent, device_id=device, satellite_id=self.entity_id
        )
        self._show(result.response.as_dict())

    def _show(self, response: dict[str, Any]) -> None:
        speech = response["speech"].get("plain", {}).get("speech", "")
        self._attr_extra_state_attributes = {"answer": speech}
        self.async_write_ha_state()

    async def say(self, file: str) -> None:
        """Say a recording; returns when the home has answered."""
        pcm = await asyncio.to_thread(_read, file)
        await self.async_accept_pipeline_from_satellite(_paced(pcm), end_stage=PipelineStage.INTENT)


def _read(file: str) -> bytes:
    """Return a recording and some of its own room behind it."""
    with wave.open(file) as wav:
        pcm = wav.readframes(wav.getnframes())
        room = pcm[: 2 * wav.getframerate() // 4]
        return pcm + room * (_ROOM_SECONDS * 4)


async def _paced(pcm: bytes) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    for number, offset in enumerate(range(0, len(pcm), 2 * _CHUNK_SAMPLES), start=1):
        await asyncio.sleep(start_s + number * _CHUNK_SECONDS - loop.time())
        yield pcm[offset : offset + 2 * _CHUNK_SAMPLES]
