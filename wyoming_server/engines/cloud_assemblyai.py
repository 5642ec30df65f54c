"""AssemblyAI's Sync API: one request, one answer, and a /warm made for the wake word."""

import json
from collections.abc import Callable
from typing import Any

from ..pipeline.lanes import LaneRequest, LaneSettings
from .cloud_http import HttpService, multipart
from .cloud_lane import CloudLane, Heard, fitting, probability, wav_of
from .cloud_languages import code_of
from .cloud_trust import header_key

_MOST_TERMS, _MOST_CHARACTERS = 100, 8000
_LANGUAGES = frozenset("en es de fr it pt tr nl sv no da fi hi vi ar he ja ur zh".split())  # noqa: SIM905  # in one line
"""What it can be told; any other language is left to it to find out."""


class AssemblyAiProvider:
    """Satisfies `Provider`."""

    def __init__(self, settings: LaneSettings, service: HttpService, key: str) -> None:
        """Ask a model; the region, if any, is in the address."""
        self._service = service
        self._model = {"X-AAI-Model": settings.model}
        self._headers = {**self._model, "Authorization": key}

    async def hear(self, request: LaneRequest) -> Heard:
        """Return what it hears. Raises LaneError."""
        config = ("config", json.dumps(_config(request)))
        file = ("audio", "speech.wav", "audio/wav", wav_of(request.samples))
        kind, body = multipart((), file=file, document=config)
        headers = {**self._headers, "Content-Type": kind}
        reply = await self._service.post("/v1/transcribe", body, headers=headers, names=request.prompt)
        answer = self._service.object_of(reply)
        return Heard(
            text=self._service.text_of(answer.get("text")),
            confidence=probability(answer.get("confidence")),
            bytes_sent=len(body),
        )

    async def warm(self) -> None:
        """Have a connection ready."""
        await self._service.warm("/v1/warm", self._model, method="GET")

    async def aclose(self) -> None:
        """Drop its connections."""
        await self._service.aclose()


def _config(request: LaneRequest) -> dict[str, Any]:
    """Return the request's options: the language it was spoken in, and the names to expect, within its caps."""
    settled: dict[str, Any] = {}
    if (code := code_of(request.language)) in _LANGUAGES:
        settled["language_codes"] = [code]
    terms = fitting(request.prompt, most=_MOST_TERMS, characters=_MOST_CHARACTERS)
    return {**settled, "keyterms_prompt": terms} if terms else settled


def make(settings: LaneSettings, wall_clock: Callable[[], float]) -> CloudLane:
    """Return a lane. Raises InvalidSettingsError."""
    key = header_key(settings)
    service = HttpService(settings, settings.url, secret=key, wall_clock=wall_clock)
    return CloudLane(settings, AssemblyAiProvider(settings, service, key) if key else None)
