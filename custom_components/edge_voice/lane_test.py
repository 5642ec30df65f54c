"""Trying a lane out with a packaged recording, so that nothing of the home is sent."""

import asyncio
import re
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, override

from homeassistant.components import stt
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import language as language_util

from .client import EdgeVoiceClient
from .errors import EdgeVoiceError

RECORDING: Final = Path(__file__).parent / "lane_test.wav"
SPOKEN: Final = "turn on the kitchen light"
"""What the packaged recording says."""
_LANGUAGE: Final = "en"
_MOST_SECONDS: Final = 15.0
"""Long enough for a service that has to wake up; a turn waits far less."""
_CHUNK_BYTES: Final = 3200


class EntityLaneError(EdgeVoiceError):
    """Why an entity has no text; its key is that of the form's error."""

    key = "lane_raised"

    def __init__(self, key: str, **placeholders: str) -> None:
        super().__init__(key, **placeholders)
        self._key = key

    @property
    @override
    def translation_key(self) -> str:
        """Return the form's error."""
        return self._key


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What a lane made of the recording."""

    text: str
    took_ms: float
    matches: bool
    """A service for another language hears something else, and is none the worse for it."""


async def async_test_provider(client: EdgeVoiceClient, settings: dict[str, Any]) -> Heard:
    """Let the server ask a provider. Raises EdgeVoiceError."""
    answer = await client.test_lane(settings)
    return Heard(text=answer["text"], took_ms=answer["took_ms"], matches=answer["matches"])


async def async_test_entity(hass: HomeAssistant, entity_id: str) -> Heard:
    """Let an STT entity transcribe the recording. Raises EntityLaneError."""
    entity = stt.async_get_speech_to_text_entity(hass, entity_id)
    if entity is None:
        raise EntityLaneError("lane_gone", entity=entity_id)
    pcm = await hass.async_add_executor_job(_recording)
    started = hass.loop.time()
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            result = await entity.internal_async_process_audio_stream(_metadata(hass, entity), _chunks(pcm))
    except TimeoutError as error:
        raise EntityLaneError("lane_slow", entity=entity_id) from error
    except Exception as error:  # anybody's entity: whatever it raises, the form says so and stays
        said = str(error) if isinstance(error, HomeAssistantError) else type(error).__name__
        raise EntityLaneError("lane_raised", entity=entity_id, message=said) from error
    if result.result is not stt.SpeechResultState.SUCCESS or not result.text:
        raise EntityLaneError("lane_heard_nothing", entity=entity_id)
    took_ms = (hass.loop.time() - started) * 1000.0
    return Heard(text=result.text, took_ms=took_ms, matches=_words(result.text) == _words(SPOKEN))


def _metadata(hass: HomeAssistant, entity: stt.SpeechToTextEntity) -> stt.SpeechMetadata:
    """Return the recording's form, in English where the entity knows it, else in the home's language or its first."""
    known = entity.supported_languages
    wanted = (
        language_util.matches(_LANGUAGE, known, country=hass.config.country)
        or language_util.matches(hass.config.language, known, country=hass.config.country)
        or known
        or [_LANGUAGE]
    )
    return stt.SpeechMetadata(
        language=wanted[0],
        format=stt.AudioFormats.WAV,
        codec=stt.AudioCodecs.PCM,
        bit_rate=stt.AudioBitRates.BITRATE_16,
        sample_rate=stt.AudioSampleRates.SAMPLERATE_16000,
        channel=stt.AudioChannels.CHANNEL_MONO,
    )


def _recording() -> bytes:
    with wave.open(str(RECORDING), "rb") as file:
        return file.readframes(file.getnframes())


async def _chunks(pcm: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(pcm), _CHUNK_BYTES):
        yield pcm[start : start + _CHUNK_BYTES]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
