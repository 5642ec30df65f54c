"""ElevenLabs' Scribe: POST /v1/speech-to-text with raw PCM, which it documents as faster than a container."""

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import LaneBusyError, LaneError
from ..pipeline.lanes import LaneRequest, LaneSettings
from .cloud_http import HttpService, multipart
from .cloud_lane import CloudLane, Heard, mean_probability, pcm_of
from .cloud_languages import code_of
from .cloud_trust import header_key

_MOST_TERMS, _LONGEST_TERM, _MOST_WORDS = 100, 50, 5
_NOT_ALLOWED = frozenset("<>{}[]\\")
_PATH = "/v1/speech-to-text"
_SPENT = b"quota_exceeded"
"""Comes with the same status as a wrong key."""


class ElevenLabsProvider:
    """Satisfies `Provider`."""

    def __init__(self, settings: LaneSettings, service: HttpService, key: str) -> None:
        """Ask a Scribe model."""
        self._service, self._model = service, settings.model
        self._headers = {"xi-api-key": key}

    async def hear(self, request: LaneRequest) -> Heard:
        """Return what it hears. Raises LaneError."""
        pcm = pcm_of(request.samples)
        kind, body = multipart(self._fields(request), file=("file", "speech.pcm", "application/octet-stream", pcm))
        headers = {**self._headers, "Content-Type": kind}
        reply = await self._service.post(_PATH, body, headers=headers, names=request.prompt, tolerated={401})
        if reply.status == 401:
            raise self._spent() if _SPENT in reply.body else self._service.refusals.of_status(reply)
        answer = self._service.object_of(reply)
        return Heard(
            text=self._service.text_of(answer.get("text")),
            language=answer.get("language_code"),
            confidence=_confidence(answer),
            bytes_sent=len(body),
        )

    def _fields(self, request: LaneRequest) -> Iterator[tuple[str, str]]:
        yield "model_id", self._model
        yield "file_format", "pcm_s16le_16"
        yield "tag_audio_events", "false"
        yield "timestamps_granularity", "word"
        if code := code_of(request.language):
            yield "language_code", code
        fitting = (one for one in request.prompt if _fits(one))
        yield from (("keyterms", name) for name, _ in zip(fitting, range(_MOST_TERMS), strict=False))

    def _spent(self) -> LaneError:
        return LaneBusyError(
            f"Lane '{self._service.lane}': the account's credits are spent; add some, or wait for the next month",
            lane=self._service.lane,
        )

    async def warm(self) -> None:
        """Have a connection ready."""
        await self._service.warm()

    async def aclose(self) -> None:
        """Drop its connections."""
        await self._service.aclose()


def _fits(name: str) -> bool:
    return len(name) <= _LONGEST_TERM and len(name.split()) <= _MOST_WORDS and not _NOT_ALLOWED & set(name)


def _confidence(answer: dict[str, Any]) -> float | None:
    words = answer.get("words")
    if not isinstance(words, list):
        return None
    return mean_probability(one.get("logprob") for one in words if isinstance(one, dict) and one.get("type") == "word")


def make(settings: LaneSettings, wall_clock: Callable[[], float]) -> CloudLane:
    """Return a lane. Raises InvalidSettingsError."""
    key = header_key(settings)
    service = HttpService(settings, settings.url, secret=key, wall_clock=wall_clock)
    return CloudLane(settings, ElevenLabsProvider(settings, service, key) if key else None)
