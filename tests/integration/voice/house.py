"""A house of real entities that are not ours: satellites that stream, and speech-to-text that answers or fails."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any

from homeassistant.components import stt
from homeassistant.components.assist_pipeline import PipelineEvent, PipelineStage
from homeassistant.components.assist_satellite import AssistSatelliteConfiguration, AssistSatelliteEntity
from homeassistant.config_entries import ConfigEntry, ConfigFlow
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    MockPlatform,
    mock_integration,
    mock_platform,
)

DOMAIN = "house"
type Hears = Callable[[stt.SpeechMetadata, AsyncIterable[bytes]], Awaitable[stt.SpeechResult]]


class HouseFlow(ConfigFlow, domain=DOMAIN):
    """Home Assistant sets up no entry of an integration without one."""


class Satellite(AssistSatelliteEntity):
    """A satellite that streams what it is given and keeps the events."""

    _attr_has_entity_name = True

    def __init__(self, name: str) -> None:
        self._attr_name = name
        self._attr_unique_id = name
        self.events: list[PipelineEvent] = []

    def async_get_configuration(self) -> AssistSatelliteConfiguration:
        """Return that it has no wake words of its own."""
        return AssistSatelliteConfiguration(available_wake_words=[], active_wake_words=[], max_active_wake_words=0)

    async def async_set_configuration(self, config: AssistSatelliteConfiguration) -> None:
        """Take nothing."""

    def on_pipeline_event(self, event: PipelineEvent) -> None:
        """Keep an event."""
        self.events.append(event)

    async def hear(self, audio: AsyncIterator[bytes], *, end_stage: PipelineStage = PipelineStage.STT) -> None:
        """Run the pipeline until there is a text."""
        self.events.clear()
        await self.async_accept_pipeline_from_satellite(audio, end_stage=end_stage)

    async def converse(self, audio: AsyncIterator[bytes]) -> None:
        """Run the pipeline until the conversation has answered."""
        await self.hear(audio, end_stage=PipelineStage.INTENT)

    def data(self, kind: str) -> dict[str, Any]:
        """Return what the first event of a type carries."""
        found = [(one.data or {}) for one in self.events if one.type == kind]
        assert found, [(one.type, one.data) for one in self.events]
        return found[0]

    @property
    def kinds(self) -> list[str]:
        """The events' types in their order."""
        return [str(one.type) for one in self.events]

    @property
    def goes_on(self) -> bool:
        """Whether the conversation wants to hear more."""
        return any(
            (one.data or {})["intent_output"]["continue_conversation"]
            for one in self.events
            if one.type == "intent-end"
        )

    @property
    def spoken(self) -> str:
        """What the conversation answered."""
        speech: str = self.data("intent-end")["intent_output"]["response"]["speech"]["plain"]["speech"]
        return speech


class Recogniser(stt.SpeechToTextEntity):
    """A speech-to-text entity of another integration: it does what a test wants."""

    _attr_has_entity_name = True

    def __init__(self, name: str) -> None:
        self._attr_name = name
        self._attr_unique_id = name
        self.heard = bytearray()
        self.asked: list[stt.SpeechMetadata] = []
        self.hears: Hears = self.says("Turn on the kitchen light")
        self.languages = ["en-GB", "de-DE"]

    supported_formats = (stt.AudioFormats.WAV,)
    supported_codecs = (stt.AudioCodecs.PCM,)
    supported_bit_rates = (stt.AudioBitRates.BITRATE_16,)
    supported_sample_rates = (stt.AudioSampleRates.SAMPLERATE_16000,)
    supported_channels = (stt.AudioChannels.CHANNEL_MONO,)

    @property
    def supported_languages(self) -> list[str]:
        """As many services say them: with their region."""
        return self.languages

    async def async_process_audio_stream(
        self, metadata: stt.SpeechMetadata, stream: AsyncIterable[bytes]
    ) -> stt.SpeechResult:
        """Hear as a test wants it."""
        self.asked.append(metadata)
        return await self.hears(metadata, stream)

    def says(self, text: str | None, state: stt.SpeechResultState = stt.SpeechResultState.SUCCESS) -> Hears:
        """Return a way of hearing: take all, then answer."""

        async def hears(_: stt.SpeechMetadata, stream: AsyncIterable[bytes]) -> stt.SpeechResult:
            async for chunk in stream:
                self.heard += chunk
            return stt.SpeechResult(text, state)

        return hears


async def raises(_: stt.SpeechMetadata, stream: AsyncIterable[bytes]) -> stt.SpeechResult:
    """Fail as integrations do."""
    raise TimeoutError("the service did not answer")


async def never_returns(_: stt.SpeechMetadata, stream: AsyncIterable[bytes]) -> stt.SpeechResult:
    """Wait for ever."""
    await asyncio.Event().wait()
    raise AssertionError


async def does_not_stop(_: stt.SpeechMetadata, stream: AsyncIterable[bytes]) -> stt.SpeechResult:
    """Go on when told to stop, for longer than anybody waits."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(0.5)
    return stt.SpeechResult("too late", stt.SpeechResultState.SUCCESS)


class House:
    """What is in it."""

    def __init__(self) -> None:
        self.kitchen, self.bedroom = Satellite("Kitchen"), Satellite("Bedroom")
        self.service = Recogniser("Service")


async def house_of(hass: HomeAssistant) -> House:
    """Set the house up as an integration."""
    house = House()
    entities: dict[Platform, list[Any]] = {
        Platform.ASSIST_SATELLITE: [house.kitchen, house.bedroom],
        Platform.STT: [house.service],
    }

    async def set_up(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        await hass.config_entries.async_forward_entry_setups(entry, list(entities))
        return True

    async def unload(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        return await hass.config_entries.async_unload_platforms(entry, list(entities))

    mock_integration(hass, MockModule(DOMAIN, async_setup_entry=set_up, async_unload_entry=unload))
    mock_platform(hass, f"{DOMAIN}.config_flow")
    for platform, ours in entities.items():
        mock_platform(hass, f"{DOMAIN}.{platform}", MockPlatform(async_setup_entry=_adding(ours)))
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return house


def _adding(entities: list[Any]) -> Callable[..., Awaitable[None]]:
    async def add(hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
        async_add_entities(entities)

    return add
