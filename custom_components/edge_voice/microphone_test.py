"""The microphone test: one turn of a satellite, in figures and to hear back."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components.assist_satellite import DOMAIN as SATELLITE_DOMAIN
from homeassistant.components.assist_satellite.const import PREANNOUNCE_URL, AssistSatelliteEntityFeature
from homeassistant.const import ATTR_ENTITY_ID, ATTR_SUPPORTED_FEATURES, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .errors import Translated
from .own_entities import own_entity, pipeline_of
from .recordings import KEEP_SECONDS, async_keep_recording, signed_path
from .types import EdgeVoiceConfigEntry

DEFAULT_SECONDS: Final = 5
MOST_SECONDS: Final = 30
"""Nobody speaks longer to a satellite, and a recording stays below a megabyte."""
_START_SECONDS: Final = 30.0
"""To walk to the satellite, wake it and begin to speak."""
_ANSWER_SECONDS: Final = 20.0
"""Beyond the speech: the pipeline's own longest silence, and a cloud lane."""
_BYTES_PER_SECOND: Final = 32_000
_TESTS: HassKey[MicrophoneTests] = HassKey(f"{DOMAIN}_microphone_tests")


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A turn's text, and the transcript's fields."""

    text: str = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnFailed:
    """Why a turn has no text, in a few words."""

    reason: str


class Recorder:
    """Keeps a turn's audio, and what was made of it, while a test waits for both."""

    def __init__(self, seconds: float) -> None:
        """Keep at most so many seconds."""
        self._most_bytes = int(seconds * _BYTES_PER_SECOND)
        self._audio = bytearray()
        self._started = asyncio.Event()
        self._outcome: asyncio.Future[Heard | TurnFailed] = asyncio.get_running_loop().create_future()

    @property
    def audio(self) -> bytes:
        """What was heard: 16 kHz, 16 bits, mono."""
        return bytes(self._audio)

    @callback
    def hear(self, pcm: bytes) -> None:
        """Take a turn's next audio; beyond the longest, it is let go."""
        self._started.set()
        self._audio += pcm[: self._most_bytes - len(self._audio)]

    @callback
    def finish(self, text: str, fields: Mapping[str, Any]) -> None:
        """Take the turn's text and the transcript's fields."""
        self._end(Heard(text=text, fields=fields))

    @callback
    def fail(self, reason: str) -> None:
        """Take the reason, in a few words, for which there is no text."""
        self._end(TurnFailed(reason=reason))

    @callback
    def _end(self, outcome: Heard | TurnFailed) -> None:
        self._started.set()  # a turn may fail before any audio of it has come
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    async def outcome(self, seconds: float) -> Heard | TurnFailed:
        """Wait for the speech, then for its text. Raises TimeoutError."""
        async with asyncio.timeout(_START_SECONDS):
            await self._started.wait()
        async with asyncio.timeout(seconds + _ANSWER_SECONDS):
            return await asyncio.shield(self._outcome)


class BusyError(Exception):
    """The satellite is being tested already."""


class MicrophoneTests:
    """Which satellites are being tested."""

    def __init__(self) -> None:
        """Begin with none."""
        self._recorders: dict[str, Recorder] = {}

    @callback
    def armed(self, satellite: str | None) -> Recorder | None:
        """Return the recorder that waits for a satellite's next turn; that turn takes it, later ones do not."""
        return None if satellite is None else self._recorders.pop(satellite, None)

    @callback
    def arm(self, satellite: str, seconds: float) -> Recorder:
        """Wait for a satellite's next turn. Raises BusyError while another test does."""
        if satellite in self._recorders:
            raise BusyError
        self._recorders[satellite] = recorder = Recorder(seconds)
        return recorder

    @callback
    def disarm(self, satellite: str, recorder: Recorder) -> None:
        """Stop waiting for it."""
        if self._recorders.get(satellite) is recorder:
            del self._recorders[satellite]


@callback
def microphone_tests(hass: HomeAssistant) -> MicrophoneTests:
    """Return this Home Assistant's microphone tests."""
    return hass.data.setdefault(_TESTS, MicrophoneTests())


async def async_test_microphone(
    hass: HomeAssistant, entry: EdgeVoiceConfigEntry, satellite: str, *, seconds: float = DEFAULT_SECONDS
) -> dict[str, Any]:
    """Record a satellite's next turn; return its text, figures and a path to hear it, which ends by itself.

    Raises ServiceValidationError for a satellite that cannot be tested, HomeAssistantError when nothing is heard.
    """
    if key := _refusal(hass, entry, satellite):
        raise ServiceValidationError(**_said(hass, satellite, key))
    try:
        recorder = microphone_tests(hass).arm(satellite, min(seconds, MOST_SECONDS))
    except BusyError as error:
        raise HomeAssistantError(**_said(hass, satellite, "microphone_test_busy")) from error
    asking = hass.async_create_task(_async_ask(hass, satellite), f"{DOMAIN} microphone test")
    try:
        outcome = await recorder.outcome(seconds)
    except TimeoutError as error:
        key = "microphone_test_unanswered" if recorder.audio else "microphone_test_silent"
        raise HomeAssistantError(**_said(hass, satellite, key)) from error
    finally:
        microphone_tests(hass).disarm(satellite, recorder)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    if isinstance(outcome, TurnFailed):
        raise HomeAssistantError(**_said(hass, satellite, "microphone_test_failed", reason=outcome.reason))
    recording = async_keep_recording(hass, recorder.audio)
    return {
        **_figures(outcome),
        "seconds": round(len(recorder.audio) / _BYTES_PER_SECOND, 1),
        "recording": recording,
        "listen": signed_path(hass, recording),
        "kept_seconds": KEEP_SECONDS,
    }


def _refusal(hass: HomeAssistant, entry: EdgeVoiceConfigEntry, satellite: str) -> str | None:
    """Return the key of what keeps a satellite from being tested, or None."""
    if not satellite.startswith(f"{SATELLITE_DOMAIN}.") or hass.states.get(satellite) is None:
        return "unknown_satellite"
    pipeline = pipeline_of(hass, satellite)
    if pipeline is None or pipeline.stt_engine != own_entity(hass, entry, Platform.STT):
        return "microphone_test_other_pipeline"
    return None


def _said(hass: HomeAssistant, satellite: str, key: str, **more: str) -> Translated:
    state = hass.states.get(satellite)
    name = state.name if state else satellite
    return Translated(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders={"satellite": name, **more}
    )


async def _async_ask(hass: HomeAssistant, satellite: str) -> None:
    """Let a satellite chime and listen, where it can; elsewhere its owner wakes it."""
    state = hass.states.get(satellite)
    features = state.attributes.get(ATTR_SUPPORTED_FEATURES, 0) if state else 0
    if not features & AssistSatelliteEntityFeature.START_CONVERSATION:
        return
    # A chime needs no voice of the pipeline, and asking ends the run at the text: nothing is switched by a test.
    with contextlib.suppress(HomeAssistantError):  # busy, or gone: what counts is whether it is heard
        await hass.services.async_call(
            SATELLITE_DOMAIN,
            "ask_question",
            {ATTR_ENTITY_ID: satellite, "question_media_id": PREANNOUNCE_URL, "preannounce": False},
            blocking=True,
            return_response=True,
        )


def _figures(heard: Heard) -> dict[str, Any]:
    """Return what a test shows of a turn."""
    fields = heard.fields
    quality: Mapping[str, Any] = fields.get("quality") or {}
    return {
        "text": heard.text,
        **{key: quality.get(key) for key in ("snr_db", "clipping", "level_dbfs")},
        **{key: fields.get(key) for key in ("turn_id", "route", "lane", "action", "reason", "risk", "threshold")},
        "latency_ms": dict(fields.get("latency_ms") or {}),
    }
