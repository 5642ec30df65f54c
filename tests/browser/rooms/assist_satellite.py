"""Satellites that say a recording, in real time, when `rooms.say` asks them to."""

import asyncio
import wave
from collections.abc import AsyncIterator

import probatio as vol
from homeassistant.components.assist_pipeline import PipelineEvent, PipelineStage
from homeassistant.components.assist_satellite import AssistSatelliteConfiguration, AssistSatelliteEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
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
    async_get_current_platform().async_register_entity_service("say", {vol.Required("file"): str}, "say")


class Satellite(AssistSatelliteEntity):
    """One room's."""

    _attr_has_entity_name = True
    _attr_name = None

    def __init__(self, room: str) -> None:
        self._attr_unique_id = room
        self._attr_device_info = DeviceInfo(identifiers={("rooms", room)}, name=room)

    def async_get_configuration(self) -> AssistSatelliteConfiguration:
        """Return that it has no wake words of its own."""
        return AssistSatelliteConfiguration(available_wake_words=[], active_wake_words=[], max_active_wake_words=0)

    async def async_set_configuration(self, config: AssistSatelliteConfiguration) -> None:
        """Take nothing."""

    def on_pipeline_event(self, event: PipelineEvent) -> None:
        """Show nothing: nobody looks at it."""

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
