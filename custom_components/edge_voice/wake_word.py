"""Wake words: a satellite's audio goes to the hub until one of its words is said."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final, override

from homeassistant.components import wake_word
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from wyoming.audio import AudioChunk, AudioStart
from wyoming.wake import Detect, Detection

from .complaints import Complaints
from .entity import EdgeVoiceEntity
from .errors import EdgeVoiceError
from .protocol import WakeWord
from .satellite import who_is_speaking
from .types import EdgeVoiceConfigEntry
from .wyoming_client import CHANNELS, CONTEXT_KEY, RATE, WIDTH, Wire, WyomingTarget, connected

PARALLEL_UPDATES = 0
WAKE_WORD: Final = EntityDescription(key="wake_word", translation_key="wake_word")
_WINDOW_BYTES: Final = 2560
"""80 ms: the hub's models look once in so much, so what does not complete it can wait."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the hub's wake words, where they can be reached."""
    if entry.runtime_data.wyoming is not None:
        async_add_entities([EdgeVoiceWakeWord(entry, entry.runtime_data.wyoming)])


class EdgeVoiceWakeWord(EdgeVoiceEntity, wake_word.WakeWordDetectionEntity):
    """The hub's wake words. How sure it has to be is the hub's to know."""

    _attr_name = None  # what the hub is for bears its name

    def __init__(self, entry: EdgeVoiceConfigEntry, hub: WyomingTarget) -> None:
        """Listen for one hub."""
        super().__init__(entry.runtime_data.coordinator, WAKE_WORD)
        self._hub = hub
        self._complaints = Complaints()
        self._words: tuple[WakeWord, ...] = ()
        """The last that were known: a hub that is away for a moment keeps its words."""

    @override
    async def get_supported_wake_words(self) -> list[wake_word.WakeWord]:
        """Return the words that the hub's models know."""
        return [wake_word.WakeWord(id=one.id, name=_title(one.phrase), phrase=one.phrase) for one in self._known()]

    @override
    async def _async_process_audio_stream(
        self, stream: AsyncIterable[tuple[bytes, int]], wake_word_id: str | None
    ) -> wake_word.DetectionResult | None:
        """Return the word that was said, with audio that came while it was recognised; None when the stream ends."""
        try:
            async with connected(self._hub) as wire:
                satellite = who_is_speaking(self.hass, self.status, None).satellite_id
                context = {CONTEXT_KEY: {"satellite_id": satellite}} if satellite else None
                await wire.write(Detect(names=[wake_word_id] if wake_word_id else None, context=context))
                await wire.write(AudioStart(rate=RATE, width=WIDTH, channels=CHANNELS))
                return await self._listen(wire, aiter(stream), wake_word_id)
        except EdgeVoiceError as error:
            self._complaints.about(type(error).__name__, "Nobody listens for the wake word: %s", error)
            return None

    async def _listen(
        self, wire: Wire, stream: AsyncIterator[tuple[bytes, int]], wake_word_id: str | None
    ) -> wake_word.DetectionResult | None:
        """Send and wait side by side.

        The read of the stream that is under way is always awaited: what it brings begins the command, and cancelling
        it would end the stream that speech-to-text goes on with.
        """
        window = _Window()
        heard = asyncio.create_task(_next_detection(wire, wake_word_id))
        audio = asyncio.create_task(_next_chunk(stream))
        try:
            while True:
                await asyncio.wait({heard, audio}, return_when=asyncio.FIRST_COMPLETED)
                if heard.done():
                    detection, chunk = heard.result(), await audio
                    return self._result(detection, chunk)
                if (chunk := audio.result()) is None:
                    return None
                audio = asyncio.create_task(_next_chunk(stream))
                if (event := window.add(*chunk)) is not None:
                    await wire.write(event)
        finally:
            heard.cancel()
            await asyncio.gather(heard, audio, return_exceptions=True)

    def _result(self, detection: Detection, chunk: tuple[bytes, int] | None) -> wake_word.DetectionResult:
        word = detection.name or ""
        phrase = next((one.phrase for one in self._known() if one.id == word), word)
        return wake_word.DetectionResult(
            wake_word_id=word,
            wake_word_phrase=phrase,
            timestamp=detection.timestamp,
            queued_audio=None if chunk is None else [chunk],
        )

    def _known(self) -> tuple[WakeWord, ...]:
        self._words = self.status.wake_words or self._words
        return self._words


class _Window:
    """Audio that waits until the hub can do something with it."""

    def __init__(self) -> None:
        self._audio = bytearray()
        self._begins_ms = 0

    def add(self, chunk: bytes, at_ms: int) -> AudioChunk | None:
        """Return all that waits, once it is enough."""
        if not self._audio:
            self._begins_ms = at_ms
        self._audio += chunk
        if len(self._audio) < _WINDOW_BYTES:
            return None
        event = AudioChunk(
            rate=RATE, width=WIDTH, channels=CHANNELS, audio=bytes(self._audio), timestamp=self._begins_ms
        )
        self._audio.clear()
        return event


async def _next_chunk(stream: AsyncIterator[tuple[bytes, int]]) -> tuple[bytes, int] | None:
    return await anext(stream, None)


async def _next_detection(wire: Wire, wake_word_id: str | None) -> Detection:
    """Return the next detection of the word that is wanted. Raises EdgeVoiceError when none can come any more."""
    while True:
        event = await wire.read()
        if Detection.is_type(event.type):
            detection = Detection.from_event(event)
            if wake_word_id is None or detection.name == wake_word_id:
                return detection


def _title(phrase: str) -> str:
    return phrase[:1].upper() + phrase[1:]
