"""Lanes that are speech-to-text entities of this Home Assistant: which there are, and how one is made to hear."""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from homeassistant.components import stt
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_ENTITY_ID, CONF_NAME, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.util import language as language_util

from .const import DOMAIN, LOGGER
from .errands import Errands
from .lanes import (
    CONF_CONSENT,
    CONF_KIND,
    CONF_SATELLITES,
    CONF_TRUST,
    KIND_ENTITY,
    TRUST_CLOUD,
    TRUST_HOME,
    ordered_lanes,
)

LISTENING_SECONDS: Final = 15.0
"""The longest command; Home Assistant's own limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityLane:
    """A speech-to-text entity that the owner consented to."""

    name: str
    entity_id: str
    satellites: frozenset[str] = frozenset()
    """Whom the consent is for; empty: all."""

    trust: str = TRUST_CLOUD

    @property
    def is_capped(self) -> bool:
        """Tell whether the owner's caps hold for it: what stays at home costs nothing."""
        return self.trust != TRUST_HOME

    def serves(self, satellite_id: str | None) -> bool:
        """Tell whether the consent is for a satellite."""
        return not self.satellites or satellite_id in self.satellites


class Ending(StrEnum):
    """How asking a lane ended, in the ledger's words."""

    ANSWERED = "answered"
    EMPTY = "lane-empty"
    FAILED = "lane-failed"
    TIMEOUT = "lane-timeout"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneAnswer:
    """What a lane said."""

    ending: Ending
    took_ms: float = 0.0
    text: str = field(default="", repr=False)


@callback
def entity_lanes(hass: HomeAssistant, entry: ConfigEntry[Any]) -> tuple[EntityLane, ...]:
    """Return the entities that the owner consented to, in their order; never our own: they would ask themselves."""
    registry = er.async_get(hass)
    found = []
    for lane in ordered_lanes(entry):
        if lane.data.get(CONF_KIND) != KIND_ENTITY or not lane.data.get(CONF_CONSENT):
            continue
        known = registry.async_get(lane.data[CONF_ENTITY_ID])
        if known is not None and known.platform == DOMAIN:
            continue
        found.append(
            EntityLane(
                name=lane.data[CONF_NAME],
                entity_id=lane.data[CONF_ENTITY_ID],
                satellites=frozenset(lane.data.get(CONF_SATELLITES) or ()),
                trust=lane.data.get(CONF_TRUST, TRUST_CLOUD),
            )
        )
    return tuple(found)


@callback
def can_hear(hass: HomeAssistant, lane: EntityLane, language: str) -> bool:
    """Tell whether a lane's entity is there and takes what we have, in a language."""
    entity = stt.async_get_speech_to_text_entity(hass, lane.entity_id)
    return entity is not None and _metadata(hass, entity, language) is not None


async def hear(
    hass: HomeAssistant,
    lane: EntityLane,
    language: str,
    audio: AsyncIterable[bytes],
    *,
    seconds: float,
    ended: asyncio.Event | None = None,
    errands: Errands,
) -> LaneAnswer:
    """Let a lane's entity hear audio; it has so many seconds, once `ended` is set if that is given. Raises nothing.

    An entity that raises, never returns, or does not stop when it is told to, is an ending like others.
    """
    began = time.monotonic()
    entity = stt.async_get_speech_to_text_entity(hass, lane.entity_id)
    metadata = _metadata(hass, entity, language) if entity else None
    if entity is None or metadata is None:
        return LaneAnswer(ending=Ending.FAILED)
    # A task of its own: what an entity does with a cancellation, or with a context, must not reach the pipeline.
    asking = errands.start(
        entity.internal_async_process_audio_stream(metadata, audio), f"{DOMAIN} asks {lane.entity_id}"
    )
    try:
        if ended is not None:
            await _until_ended(asking, ended)
        if not asking.done():
            await asyncio.wait({asking}, timeout=seconds)
        return _answer(asking, lane, began)
    finally:
        asking.cancel()


async def _until_ended(asking: asyncio.Task[stt.SpeechResult], ended: asyncio.Event) -> None:
    """Wait for the audio's end, or the answer, but no longer than anybody speaks."""
    waiting = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait({asking, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=LISTENING_SECONDS)
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


def _answer(asking: asyncio.Task[stt.SpeechResult], lane: EntityLane, began: float) -> LaneAnswer:
    took_ms = 1000.0 * (time.monotonic() - began)
    if not asking.done():
        return LaneAnswer(ending=Ending.TIMEOUT, took_ms=took_ms)
    failure = asyncio.CancelledError() if asking.cancelled() else asking.exception()
    if failure is not None:
        LOGGER.debug("%s failed: %s", lane.entity_id, type(failure).__name__)
        return LaneAnswer(
            ending=Ending.TIMEOUT if isinstance(failure, TimeoutError) else Ending.FAILED, took_ms=took_ms
        )
    result = asking.result()
    if result.result is not stt.SpeechResultState.SUCCESS:
        return LaneAnswer(ending=Ending.FAILED, took_ms=took_ms)
    text = (result.text or "").strip()
    return LaneAnswer(ending=Ending.ANSWERED if text else Ending.EMPTY, took_ms=took_ms, text=text)


def _metadata(hass: HomeAssistant, entity: stt.SpeechToTextEntity, language: str) -> stt.SpeechMetadata | None:
    """Return what is said of the audio, in the entity's own name for the language; None where it cannot take it."""
    state = hass.states.get(entity.entity_id)
    if state is None or state.state == STATE_UNAVAILABLE:
        return None
    names = language_util.matches(language, entity.supported_languages, country=hass.config.country)
    if not names:
        return None
    metadata = stt.SpeechMetadata(
        language=names[0],
        format=stt.AudioFormats.WAV,
        codec=stt.AudioCodecs.PCM,
        bit_rate=stt.AudioBitRates.BITRATE_16,
        sample_rate=stt.AudioSampleRates.SAMPLERATE_16000,
        channel=stt.AudioChannels.CHANNEL_MONO,
    )
    return metadata if entity.check_metadata(metadata) else None


async def replay(pcm: bytes, chunk_bytes: int = 4096) -> AsyncIterator[bytes]:
    """Yield audio that is there already, in chunks as Home Assistant's own API makes them."""
    for start in range(0, len(pcm), chunk_bytes):
        yield pcm[start : start + chunk_bytes]
