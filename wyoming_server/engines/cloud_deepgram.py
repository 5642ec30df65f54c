"""Deepgram's pre-recorded API: POST /v1/listen with the WAV as its body."""

from collections.abc import Callable, Iterator
from typing import Any

from ..pipeline.lanes import LaneRequest, LaneSettings
from .cloud_http import HttpService
from .cloud_lane import CloudLane, Heard, fitting, probability, wav_of
from .cloud_trust import header_key

_MOST_KEYTERMS, _MOST_CHARACTERS = 100, 1500
"""It takes 500 tokens of them; they stand in the address, which has its own bounds."""


class DeepgramProvider:
    """Satisfies `Provider`."""

    def __init__(self, settings: LaneSettings, service: HttpService, key: str) -> None:
        """Ask a model; nova-3 is the only one that takes names."""
        self._service, self._model = service, settings.model
        self._headers = {"Authorization": f"Token {key}", "Content-Type": "audio/wav"}

    async def hear(self, request: LaneRequest) -> Heard:
        """Return what it hears. Raises LaneError."""
        wav = wav_of(request.samples)
        query = list(self._query(request))
        reply = await self._service.post("/v1/listen", wav, headers=self._headers, query=query, names=request.prompt)
        channel = self._channel(self._service.object_of(reply))
        best = self._first(channel.get("alternatives"))
        return Heard(
            text=self._service.text_of(best.get("transcript")),
            language=channel.get("detected_language"),
            confidence=probability(best.get("confidence")),
            bytes_sent=len(wav),
        )

    def _query(self, request: LaneRequest) -> Iterator[tuple[str, str]]:
        yield "model", self._model
        yield "smart_format", "true"
        # Without it, what is sent may be kept to train on.
        yield "mip_opt_out", "true"
        yield ("language", request.language) if request.language else ("detect_language", "true")
        if self._model.startswith("nova-3"):
            names = fitting(request.prompt, most=_MOST_KEYTERMS, characters=_MOST_CHARACTERS)
            yield from (("keyterm", name) for name in names)

    def _channel(self, answer: dict[str, Any]) -> dict[str, Any]:
        results = answer.get("results")
        return self._first(results.get("channels") if isinstance(results, dict) else None)

    def _first(self, several: object) -> dict[str, Any]:
        if isinstance(several, list) and several and isinstance(several[0], dict):
            return several[0]
        raise self._service.refusals.malformed("holds no transcript")

    async def warm(self) -> None:
        """Have a connection ready."""
        await self._service.warm()

    async def aclose(self) -> None:
        """Drop its connections."""
        await self._service.aclose()


def make(settings: LaneSettings, wall_clock: Callable[[], float]) -> CloudLane:
    """Return a lane. Raises InvalidSettingsError."""
    key = header_key(settings)
    service = HttpService(settings, settings.url, secret=key, wall_clock=wall_clock)
    return CloudLane(settings, DeepgramProvider(settings, service, key) if key else None)
