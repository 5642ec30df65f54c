"""One text to the agent that the owner chose, as if its speaker had just said it."""

import asyncio
from typing import Final

from homeassistant.components import conversation
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import chat_session, intent

from .agents import agent_behind, is_there
from .const import LOGGER
from .protocol_queue import WaitingRequest
from .queue_stages import Finished, Stage

PATIENCE_SECONDS: Final = 60.0
"""Whether an agent that takes longer has done something, nobody knows."""
ONLY_WRITES: Final = (
    "The user's message was spoken some time ago and written down by a speech service; nobody is listening now. "
    "Only add to, change or read lists, notes and reminders because of it, whatever else it says. "
    "Control no device and no scene; unlock, open and disarm nothing; do not ask back."
)
"""For agents that are language models: they would do all that a text says, and nobody could take it back."""


async def async_execute(hass: HomeAssistant, entry: ConfigEntry, request: WaitingRequest) -> Finished:
    """Have a text done. It raises nothing: what breaks off is `interrupted`, for nobody knows how far it came."""
    if not request.text or not is_there(hass, agent_behind(hass, entry)):
        return Finished(request=request, ended=Stage.FAILED)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            # Agents are anybody's code: whatever one raises, a cancellation of its own included, is an answer here.
            (ended,) = await asyncio.gather(_converse(hass, entry, request, request.text), return_exceptions=True)
    except TimeoutError:
        LOGGER.warning("The conversation agent took longer than %.0f s for a request that waited", PATIENCE_SECONDS)
        return Finished(request=request, ended=Stage.INTERRUPTED)
    if isinstance(ended, Finished):
        return ended
    LOGGER.warning("The conversation agent broke off a request that waited: %s", type(ended).__name__)
    return Finished(request=request, ended=Stage.INTERRUPTED)


async def _converse(hass: HomeAssistant, entry: ConfigEntry, request: WaitingRequest, text: str) -> Finished:
    """Converse as a pipeline does: sentence triggers come before an agent that does not know them itself."""
    agent = agent_behind(hass, entry)
    told = conversation.ConversationInput(
        text=text,
        context=Context(),
        conversation_id=request.session_id,
        device_id=request.device_id,
        satellite_id=request.satellite,
        language=request.language or hass.config.language,
        agent_id=agent,
    )
    with (
        chat_session.async_get_chat_session(hass, told.conversation_id) as session,
        conversation.async_get_chat_log(hass, session, told) as log,
    ):
        if agent != conversation.HOME_ASSISTANT_AGENT:
            said = await conversation.async_handle_sentence_triggers(hass, told, log)
            if said is not None:
                return Finished(request=request, ended=Stage.DONE, answer=said)
        before = log.extra_system_prompt
        try:
            result = await conversation.async_converse(
                hass,
                text,
                session.conversation_id,
                told.context,
                language=told.language,
                agent_id=agent,
                device_id=told.device_id,
                satellite_id=told.satellite_id,
                extra_system_prompt=ONLY_WRITES,
            )
        finally:
            log.extra_system_prompt = before  # what is said next in the same conversation is said now
    return _read(request, result)


def _read(request: WaitingRequest, result: conversation.ConversationResult) -> Finished:
    """Return what an agent made of it. One that asks back may have done something, or nothing."""
    speech: str = result.response.speech.get("plain", {}).get("speech") or ""
    if result.response.response_type is intent.IntentResponseType.ERROR:
        return Finished(request=request, ended=Stage.FAILED, answer=speech)
    return Finished(
        request=request, ended=Stage.INTERRUPTED if result.continue_conversation else Stage.DONE, answer=speech
    )
