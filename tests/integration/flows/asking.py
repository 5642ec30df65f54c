"""Satellites that listen when they are asked to."""

from homeassistant.components.assist_satellite import AssistSatelliteAnnouncement, AssistSatelliteEntityFeature

from tests.integration.voice.ear import SECOND, said
from tests.integration.voice.house import Satellite


class AskingSatellite(Satellite):
    """A satellite that can be asked to listen: it then hears what a test has ready, as ESPHome's do."""

    _attr_supported_features = AssistSatelliteEntityFeature.ANNOUNCE | AssistSatelliteEntityFeature.START_CONVERSATION

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ready: bytes | None = SECOND
        """None: nobody speaks."""
        self.played: list[str] = []

    async def async_announce(self, announcement: AssistSatelliteAnnouncement) -> None:
        """Play something."""
        self.played.append(announcement.media_id)

    async def async_start_conversation(self, start_announcement: AssistSatelliteAnnouncement) -> None:
        """Play something, then listen."""
        await self.async_announce(start_announcement)
        if self.ready is not None:
            self.hass.async_create_background_task(self.hear(said(self.ready)), "the satellite listens")
