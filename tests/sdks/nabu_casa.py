"""Home Assistant Cloud's client, which speaks to Azure's REST API for short audio: Azure's own has native wheels only.

It is part of Home Assistant's environment, not of the clients' one.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import aiohttp
from hass_nabucasa.voice import Voice, VoiceReturnError

from .given import Case, Given

PATH = "/speech/recognition/conversation/cognitiveservices/v1"
CONTENT = "audio/wav; codecs=audio/pcm; samplerate=16000"


def cases(given: Given) -> list[Case]:
    """Return what it does."""

    async def recognise(token: str) -> str:
        async def details() -> dict[str, str | float]:
            here = f"{given.urls['azure']}{PATH}"
            return {"authorized_key": token, "endpoint_stt": here, "endpoint_tts": "", "valid": time.time() + 60}

        async def stream() -> AsyncIterator[bytes]:
            for at in range(0, len(given.audio), 4096):
                yield given.audio[at : at + 4096]

        async with aiohttp.ClientSession() as session:
            cloud = SimpleNamespace(
                websession=session,
                valid_subscription=True,
                voice_api=SimpleNamespace(connection_details=details),
                client=SimpleNamespace(client_name="stand-in"),
            )
            heard = await Voice(cloud).process_stt(stream=stream(), content_type=CONTENT, language="en-US")
        return str(heard.text) if heard.success else "no success"

    def ask(token: str) -> str:
        return asyncio.run(recognise(token))

    token = given.keys["azure_token"]
    return [
        Case(sdk="hass-nabucasa", provider="azure", name="streamed with a token", run=lambda: ask(token)),
        Case(
            sdk="hass-nabucasa", provider="azure", name="wrong token", run=lambda: ask("wrong"), error=VoiceReturnError
        ),
        Case(
            sdk="hass-nabucasa",
            provider="azure",
            name="failing",
            run=lambda: ask(token),
            fault="http-503",
            error=VoiceReturnError,
        ),
    ]
