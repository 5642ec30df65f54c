"""Any speech-to-text entity of a Home Assistant, over its REST API: POST /api/stt/{entity}."""

import re
from collections.abc import Callable

from ..errors import InvalidSettingsError, LaneFailedError, LaneLanguageError
from ..pipeline.lanes import LaneRequest, LaneSettings
from .cloud_http import HttpService
from .cloud_lane import CloudLane, Heard, pcm_of
from .cloud_languages import closest
from .cloud_trust import header_key

_ENTITY = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")
"""An entity id, or the name of a provider of the older kind."""


class HomeAssistantProvider:
    """Satisfies `Provider`."""

    def __init__(self, settings: LaneSettings, service: HttpService, key: str) -> None:
        """Ask one entity with a long-lived access token."""
        self._service = service
        self._path = f"/api/stt/{settings.entity}"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._fallback = (*settings.languages, "en-US")[0]
        self._languages: list[str] = []

    async def hear(self, request: LaneRequest) -> Heard:
        """Return what it hears. Raises LaneError."""
        # Home Assistant's own pipelines say "wav" and send bare samples; entities are written for that.
        pcm = pcm_of(request.samples)
        language = await self._language(request.language or self._fallback)
        said = f"format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language={language}"
        headers = {**self._headers, "X-Speech-Content": said, "Content-Type": "application/octet-stream"}
        answer = self._service.object_of(await self._service.post(self._path, pcm, headers=headers))
        if answer.get("result") == "error":
            # Home Assistant says the same for "heard nothing" and "failed".
            raise LaneFailedError(
                f"Lane '{self._service.lane}': Home Assistant's entity recognised nothing; its log says why",
                lane=self._service.lane,
            )
        if answer.get("result") != "success":
            raise self._service.refusals.malformed("has no result")
        return Heard(text=self._service.text_of(answer.get("text")), bytes_sent=len(pcm))

    async def _language(self, wanted: str) -> str:
        """Return the entity's own name of a language; what it knows is asked for once. Raises LaneLanguageError."""
        if not self._languages:
            answer = self._service.object_of(await self._service.get(self._path, headers=self._headers))
            known = answer.get("languages")
            if not isinstance(known, list) or not all(isinstance(one, str) and one.isprintable() for one in known):
                raise self._service.refusals.malformed("lists no languages")
            self._languages = known
        language = closest(wanted, self._languages)
        if language is None:
            self._languages = []
            raise LaneLanguageError(
                f"Lane '{self._service.lane}': the entity does not know '{wanted}'; set the lane's languages",
                lane=self._service.lane,
            )
        return language

    async def warm(self) -> None:
        """Have a connection ready; without the token, and at a page that needs none: no failed login is counted."""
        await self._service.warm("/manifest.json", method="GET")

    async def aclose(self) -> None:
        """Drop its connections."""
        await self._service.aclose()


def make(settings: LaneSettings, wall_clock: Callable[[], float]) -> CloudLane:
    """Return a lane. Raises InvalidSettingsError."""
    if not _ENTITY.fullmatch(settings.entity):
        raise InvalidSettingsError(f"Lane '{settings.name}' needs an entity such as stt.home_assistant_cloud")
    key = header_key(settings)
    service = HttpService(settings, settings.url, secret=key, wall_clock=wall_clock)
    return CloudLane(settings, HomeAssistantProvider(settings, service, key) if key else None)
