"""What every lane does, whatever its provider: hold the key ready, refuse what is no answer, name the cure."""

import asyncio
import contextlib
import io
import itertools
import math
import unicodedata
import wave
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import LaneCredentialsError, LaneEmptyError, LaneError, LaneLanguageError, LaneMalformedError
from ..pipeline.lanes import LaneRequest, LaneSettings, LaneText
from ..pipeline.types import SAMPLE_RATE_HZ, Samples
from .cloud_languages import code_of, same_language

_JOINERS = "\u200c\u200d"
"""Invisible, and part of the spelling of Persian and of India's languages."""
MOST_CHARACTERS_PER_SECOND, LEAST_TEXT = 50, 200
"""Fast speech has some 25 characters a second; repetition without end has many more."""
_LEAST_LOG = -1000.0
WARM_SECONDS = 5.0
"""A connection that is not there by then will not serve this turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a provider made of the speech, before anything is checked."""

    text: str
    language: object = None
    """However the provider names it."""
    confidence: float | None = None
    bytes_sent: int = 0


class Provider(Protocol):
    """How one provider is asked. Every failure is a LaneError."""

    async def hear(self, request: LaneRequest) -> Heard:
        """Return what it hears, checked for its form only."""

    async def warm(self) -> None:
        """Have a connection ready."""

    async def aclose(self) -> None:
        """Drop its connections."""


class CloudLane:
    """One lane; satisfies `Lane`."""

    def __init__(self, settings: LaneSettings, provider: Provider | None) -> None:
        """Ask a provider; None for one whose key is missing: nothing is sent then."""
        self._settings, self._provider = settings, provider

    @property
    def settings(self) -> LaneSettings:
        """How its owner set it up, the provider's defaults filled in."""
        return self._settings

    async def warm(self) -> None:
        """Have a connection ready; never raises."""
        if self._provider is None:
            return
        with contextlib.suppress(LaneError, TimeoutError):
            async with asyncio.timeout(WARM_SECONDS):
                await self._provider.warm()

    async def transcribe(self, request: LaneRequest) -> LaneText:
        """Return what it hears. Raises LaneError."""
        lane = self._settings.name
        if self._provider is None:
            raise LaneCredentialsError(f"Lane '{lane}' has no key; set its key or its key_file", lane=lane)
        names = tuple(filter(None, map(one_line, request.prompt)))
        heard = await self._provider.hear(replace(request, prompt=names))
        if len(heard.text) > LEAST_TEXT + MOST_CHARACTERS_PER_SECOND * request.seconds:
            raise LaneMalformedError(
                f"Lane '{lane}' answered with more text than anyone says in {request.seconds:.1f} s; check its model",
                lane=lane,
            )
        text = one_line(heard.text)
        if not any(character.isalnum() for character in text):
            raise LaneEmptyError(f"Lane '{lane}' heard no words; if it happens often, try another model", lane=lane)
        return LaneText(
            text=text,
            language=self._language(request, heard),
            confidence=heard.confidence,
            bytes_sent=heard.bytes_sent,
        )

    def _language(self, request: LaneRequest, heard: Heard) -> str | None:
        answered, asked = code_of(heard.language), code_of(request.language)
        if answered and asked and not same_language(answered, asked):
            raise LaneLanguageError(
                f"Lane '{self._settings.name}' answered in '{answered}' when asked for '{asked}'; "
                "set its languages to those that it knows, or another model",
                lane=self._settings.name,
            )
        return answered

    async def aclose(self) -> None:
        """Drop its connections."""
        if self._provider is not None:
            await self._provider.aclose()


def one_line(text: str) -> str:
    """Return a text without line breaks, control characters and halves of characters, which no socket can carry."""
    return " ".join("".join(_carried(one) for one in text).split())


def _carried(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return " " if character.isspace() or unicodedata.category(character) == "Cc" else ""


def fitting(names: Iterable[str], *, most: int, characters: int) -> list[str]:
    """Return the first names, most important first, that together keep within a service's caps."""
    kept, left = [], characters
    for name in itertools.islice(names, most):
        left -= len(name)
        if left < 0:
            break
        kept.append(name)
    return kept


def pcm_of(samples: Samples) -> bytes:
    """Return 16 kHz mono PCM, little-endian."""
    return samples.astype("<i2").tobytes()


def wav_of(samples: Samples) -> bytes:
    """Return a WAV of 16 kHz mono PCM: a header of 44 bytes without metadata, then the samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(SAMPLE_RATE_HZ)
        recording.writeframes(pcm_of(samples))
    return file.getvalue()


def probability(value: object) -> float | None:
    """Return a value that is a probability; None for any other."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        return None
    return float(value)


def mean_probability(log_probabilities: Iterable[object]) -> float | None:
    """Return the geometric mean of probabilities that are given as logarithms; None without any."""
    # Compared before they are converted: JSON may hold numbers that no float can.
    values = [
        float(one)
        for one in log_probabilities
        if isinstance(one, int | float) and not isinstance(one, bool) and _LEAST_LOG <= one <= 0.0
    ]
    return math.exp(sum(values) / len(values)) if values else None
