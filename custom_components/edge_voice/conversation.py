"""The conversation: hands what was said on to the agent that the owner chose, and asks back where the hub is unsure."""

from dataclasses import replace
from typing import Final, Literal, override

from homeassistant.components import conversation
from homeassistant.components.conversation.agent_manager import async_get_agent
from homeassistant.const import MATCH_ALL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import chat_session, intent
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .answers import Answer, Phrases, phrases, read
from .complaints import Complaints
from .const import DOMAIN
from .entity import EdgeVoiceEntity
from .entry_options import CONF_CONVERSATION_AGENT
from .exchanges import Heard, Question, Wish
from .outcomes import Result
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 0
CONVERSATION: Final = EntityDescription(key="conversation", translation_key="conversation")
MOST_TRIES: Final = 2
"""Who has not been understood twice is not asked again."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the conversation."""
    async_add_entities([EdgeVoiceConversation(entry)])


class EdgeVoiceConversation(EdgeVoiceEntity, conversation.ConversationEntity):
    """An agent in front of the agent: it answers nothing itself but for its own questions."""

    _attr_name = None  # what the hub is for bears its name

    def __init__(self, entry: EdgeVoiceConfigEntry) -> None:
        """Converse for one hub."""
        super().__init__(entry.runtime_data.coordinator, CONVERSATION)
        self._entry = entry
        self._voice = entry.runtime_data.voice
        self._complaints = Complaints()

    @property
    @override
    def available(self) -> bool:
        """Tell that typed text finds its agent whether or not the hub is there."""
        return True

    @property
    @override
    def supported_languages(self) -> list[str] | Literal["*"]:
        return MATCH_ALL

    @property
    @override
    def supports_streaming(self) -> bool:
        """Tell whether the agent behind this one speaks while it thinks: both share the chat log."""
        agent = async_get_agent(self.hass, self._agent())
        return isinstance(agent, conversation.ConversationEntity) and agent.supports_streaming

    @override
    async def async_prepare(self, language: str | None = None) -> None:
        """Have the agent behind this one prepare itself."""
        if (agent := async_get_agent(self.hass, self._agent())) is not None:
            await agent.async_prepare(language)

    @override
    async def _async_handle_message(
        self, user_input: conversation.ConversationInput, chat_log: conversation.ChatLog
    ) -> conversation.ConversationResult:
        """Answer, ask back, or hand on."""
        heard = self._voice.exchanges.take(chat_log.conversation_id, user_input.text)
        question = self._voice.exchanges.answered(chat_log.conversation_id)
        answer = read(user_input.text, user_input.language) if question is not None else None
        if question is not None and answer is not None:
            return await self._answered(question, answer, heard, user_input, chat_log)
        said = phrases(user_input.language)
        match heard.wish if heard else Wish.NOTHING:
            case Wish.ASK_BACK if heard is not None:
                return self._ask(Question(turn_id=heard.turn_id, text=heard.text), said, user_input, chat_log)
            case Wish.REFUSE:
                return self._say(said.refused, user_input, chat_log)
            case Wish.ASK_TEXT:
                return self._say(said.ask_text, user_input, chat_log)
        return await self._hand_on(user_input, chat_log)

    async def _answered(
        self,
        question: Question,
        answer: Answer,
        heard: Heard | None,
        user_input: conversation.ConversationInput,
        chat_log: conversation.ChatLog,
    ) -> conversation.ConversationResult:
        """Do what was asked for, or leave it; a yes that the hub is not sure of is asked for again."""
        said = phrases(user_input.language)
        if answer is Answer.NO:
            self._voice.outcomes.tell(question.turn_id, Result.NO_INTENT)
            return self._say(said.declined, user_input, chat_log)
        if heard is not None and heard.wish is not Wish.NOTHING:
            if question.tries >= MOST_TRIES:
                return self._say(said.given_up, user_input, chat_log)
            return self._ask(replace(question, tries=question.tries + 1), said, user_input, chat_log)
        self._voice.outcomes.expect(chat_log.conversation_id, question.turn_id)
        confirmed = replace(user_input, text=question.text)
        if self._agent() != conversation.HOME_ASSISTANT_AGENT:
            # The pipeline would have tried them first, and was given the answer only.
            done = await conversation.async_handle_sentence_triggers(self.hass, confirmed, chat_log)
            if done is not None:
                return self._say(done, user_input, chat_log)
        return await self._hand_on(confirmed, chat_log)

    def _ask(
        self,
        question: Question,
        said: Phrases,
        user_input: conversation.ConversationInput,
        chat_log: conversation.ChatLog,
    ) -> conversation.ConversationResult:
        """Say a text back, and listen for the answer."""
        self._voice.outcomes.postpone(chat_log.conversation_id)
        if (session := chat_session.current_session.get()) is None:
            return self._say(said.refused, user_input, chat_log)
        self._voice.exchanges.ask(session, question)
        asked = said.ask.format(text=question.text.rstrip(" .!?"))
        spoken = asked if question.tries == 1 else f"{said.unclear} {asked}"
        return self._say(spoken, user_input, chat_log, goes_on=True)

    def _say(
        self,
        text: str,
        user_input: conversation.ConversationInput,
        chat_log: conversation.ChatLog,
        *,
        goes_on: bool = False,
    ) -> conversation.ConversationResult:
        """Return an answer of our own; `goes_on` has the satellite listen again."""
        chat_log.async_add_assistant_content_without_tools(
            conversation.AssistantContent(agent_id=self.entity_id, content=text)
        )
        response = intent.IntentResponse(language=user_input.language)
        response.async_set_speech(text)
        return conversation.ConversationResult(
            response=response, conversation_id=chat_log.conversation_id, continue_conversation=goes_on
        )

    async def _hand_on(
        self, user_input: conversation.ConversationInput, chat_log: conversation.ChatLog
    ) -> conversation.ConversationResult:
        """Return what the owner's agent makes of a text, in the same conversation."""
        return await conversation.async_converse(
            self.hass,
            user_input.text,
            chat_log.conversation_id,
            user_input.context,
            language=user_input.language,
            agent_id=self._agent(),
            device_id=user_input.device_id,
            satellite_id=user_input.satellite_id,
            extra_system_prompt=user_input.extra_system_prompt,
        )

    @callback
    def _agent(self) -> str:
        """Return the agent that the owner chose; Home Assistant's own where that is gone, or is one of ours."""
        chosen = self._entry.options.get(CONF_CONVERSATION_AGENT)
        if not chosen or chosen == conversation.HOME_ASSISTANT_AGENT:
            return conversation.HOME_ASSISTANT_AGENT
        known = er.async_get(self.hass).async_get(chosen)
        if known is not None and known.platform == DOMAIN:
            return conversation.HOME_ASSISTANT_AGENT
        if _is_there(self.hass, chosen):
            return str(chosen)
        self._complaints.about(
            "agent", "The conversation agent %s is not there; Home Assistant's own answers instead", chosen
        )
        return conversation.HOME_ASSISTANT_AGENT


def _is_there(hass: HomeAssistant, agent_id: str) -> bool:
    try:
        return conversation.async_get_agent_info(hass, agent_id) is not None
    except ValueError:
        return False
