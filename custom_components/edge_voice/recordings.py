"""Recordings of microphone tests: in memory, behind a signed path, and gone after five minutes."""

import io
import secrets
import wave
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import web
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

KEEP_SECONDS: Final = 300
"""To hear it twice, and to show somebody."""
_RATE: Final = 16_000
_RECORDINGS: HassKey[dict[str, bytes]] = HassKey(f"{DOMAIN}_recordings")


class RecordingView(HomeAssistantView):
    """Gives a recording to whoever was handed its signed path."""

    url = f"/api/{DOMAIN}/recording/{{recording}}"
    name = f"api:{DOMAIN}:recording"

    async def get(self, request: web.Request, recording: str) -> web.Response:
        """Return it as a WAV file; 404 once it is erased."""
        wav = request.app[KEY_HASS].data[_RECORDINGS].get(recording)
        if wav is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return web.Response(body=wav, content_type="audio/wav", headers={"Cache-Control": "no-store"})


@callback
def async_register_recordings(hass: HomeAssistant) -> None:
    """Make recordings reachable by their signed paths."""
    hass.data[_RECORDINGS] = {}
    hass.http.register_view(RecordingView)


@callback
def async_keep_recording(hass: HomeAssistant, pcm: bytes) -> str:
    """Keep a turn's audio for five minutes; return its name, which nobody can guess."""
    name = secrets.token_urlsafe(16)
    hass.data[_RECORDINGS][name] = _wav(pcm)

    @callback
    def erase(_: object) -> None:
        async_erase_recording(hass, name)

    async_call_later(hass, KEEP_SECONDS, HassJob(erase, cancel_on_shutdown=True))
    return name


@callback
def async_erase_recording(hass: HomeAssistant, name: str) -> None:
    """Erase a recording; nothing happens when it is gone."""
    hass.data[_RECORDINGS].pop(name, None)


@callback
def signed_path(hass: HomeAssistant, name: str) -> str:
    """Return a path that opens a recording without a login for as long as it is kept."""
    return async_sign_path(
        hass, RecordingView.url.format(recording=name), timedelta(seconds=KEEP_SECONDS), use_content_user=True
    )


def _wav(pcm: bytes) -> bytes:
    sink = io.BytesIO()
    with wave.open(sink, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(pcm)
    return sink.getvalue()
