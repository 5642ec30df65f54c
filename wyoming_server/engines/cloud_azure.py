"""Azure's speech-to-text REST API for short audio (at most 60 s)."""

from collections.abc import Callable
from typing import Any

from ..errors import InvalidSettingsError, LaneError, LaneFailedError
from ..pipeline.lanes import LaneRequest, LaneSettings
from .cloud_http import HttpService
from .cloud_lane import CloudLane, Heard, probability, wav_of
from .cloud_languages import locale_of
from .cloud_trust import header_key

_PATH = "/speech/recognition/conversation/cognitiveservices/v1"
_SILENT = frozenset({"NoMatch", "InitialSilenceTimeout", "BabbleTimeout", "EndOfDictation"})
_FAILED = frozenset(
    {"Error", "Timeout", "Canceled", "TooManyRequests", "BadRequest", "Forbidden", "ServiceUnavailable"}
)


class AzureProvider:
    """Satisfies `Provider`."""

    def __init__(self, settings: LaneSettings, service: HttpService, key: str) -> None:
        """Ask in the resource's region."""
        self._service = service
        # It must be told a language and cannot find it out.
        self._language = (*settings.languages, "en-US")[0]
        self._headers = {
            "Ocp-Apim-Subscription-Key": key,
            "Content-Type": "audio/wav; codecs=audio/pcm; samplerate=16000",
        }

    async def hear(self, request: LaneRequest) -> Heard:
        """Return what it hears. Raises LaneError."""
        wav = wav_of(request.samples)
        language = locale_of(request.language or self._language)
        query = [("language", language), ("format", "detailed"), ("profanity", "raw")]
        reply = await self._service.post(_PATH, wav, headers=self._headers, query=query)
        answer = self._service.object_of(reply)
        status = self._service.text_of(answer.get("RecognitionStatus"))
        if status in _SILENT:
            return Heard(text="", bytes_sent=len(wav))
        if status != "Success":
            raise self._failure(status)
        best = self._best(answer)
        return Heard(
            text=self._service.text_of(best.get("Display", answer.get("DisplayText"))),
            confidence=probability(best.get("Confidence")),
            bytes_sent=len(wav),
        )

    def _best(self, answer: dict[str, Any]) -> dict[str, Any]:
        several = answer.get("NBest")
        return several[0] if isinstance(several, list) and several and isinstance(several[0], dict) else answer

    def _failure(self, status: str) -> LaneError:
        if status not in _FAILED:
            return self._service.refusals.malformed("has a RecognitionStatus that is not documented")
        return LaneFailedError(
            f"Lane '{self._service.lane}' did not recognise the speech ({status}); it is asked again later",
            lane=self._service.lane,
        )

    async def warm(self) -> None:
        """Have a connection ready."""
        await self._service.warm()

    async def aclose(self) -> None:
        """Drop its connections."""
        await self._service.aclose()


def make(settings: LaneSettings, wall_clock: Callable[[], float]) -> CloudLane:
    """Return a lane. Raises InvalidSettingsError."""
    if not settings.url:
        raise InvalidSettingsError(
            f"Lane '{settings.name}' needs the region of its Speech resource, such as westeurope"
        )
    key = header_key(settings)
    service = HttpService(settings, settings.url, secret=key, wall_clock=wall_clock)
    return CloudLane(settings, AzureProvider(settings, service, key) if key else None)
