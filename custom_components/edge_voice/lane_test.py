"""Trying a lane out with a packaged recording, so that nothing of the home is sent."""

import asyncio
import re
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from homeassistant.components import stt
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import language as language_util

from .client import EdgeVoiceClient
from .errors import CannotConnectError, EdgeVoiceError, RefusedError, SlowServerError

RECORDING: Final = Path(__file__).parent / "lane_test.wav"
SPOKEN: Final = "turn on the kitchen light"
"""What the packaged recording says."""
_LANGUAGE: Final = "en"
_MOST_SECONDS: Final = 15.0
"""Long enough for a service that has to wake up; a turn waits far less."""
_CHUNK_BYTES: Final = 3200


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
    """Let an STT entity transcribe the recording. Raises EdgeVoiceError: gone, too slow, or in its own words."""
    entity = stt.async_get_speech_to_text_entity(hass, entity_id)
    if entity is None:
        raise CannotConnectError(host=entity_id, port="")
    pcm = await hass.async_add_executor_job(_recording)
    started = hass.loop.time()
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            result = await entity.internal_async_process_audio_stream(_metadata(hass, entity), _chunks(pcm))
    except TimeoutError as error:
        raise SlowServerError(host=entity_id, port="") from error
    except HomeAssistantError as error:
        raise RefusedError("lane-failed", str(error)) from error
    except EdgeVoiceError:
        raise
    except Exception as error:  # anybody's entity: whatever it raises, the form must say so and stay
        raise RefusedError("lane-failed", type(error).__name__) from error
    if result.result is not stt.SpeechResultState.SUCCESS or not result.text:
        raise RefusedError("lane-empty", "")
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
