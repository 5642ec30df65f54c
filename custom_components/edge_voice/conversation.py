"""The conversation: hands what was said on to the agent that the owner chose, and asks back where the hub is unsure."""

from dataclasses import dataclass, replace
from typing import Final, Literal, override

from homeassistant.components import conversation
from homeassistant.components.conversation.agent_manager import async_get_agent
from homeassistant.const import MATCH_ALL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import chat_session, intent
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .agents import agent_behind, is_there
from .answers import Answer, Reading, phrases, read
from .answers import question as ask_back
from .complaints import Complaints
from .corrections import async_corrected, async_is_known
from .entity import EdgeVoiceEntity
from .exchanges import Heard, Place, Question, Wish
from .outcomes import Result
from .satellite import listens_on
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 0
CONVERSATION: Final = EntityDescription(key="conversation", translation_key="conversation")
MOST_TRIES: Final = 2
"""Who has not been understood twice is not asked again."""
MOST_QUESTIONS: Final = 3
"""In a row, whoever corrects what is said back."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the conversation."""
    async_add_entities([EdgeVoiceConversation(entry)])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Turn:
    """One text that came in, with what is known of it."""

    given: conversation.ConversationInput
    log: conversation.ChatLog
    heard: Heard | None
    """None for what was typed."""

    follows: Question | None
    """Ours, which is open in this conversation."""

    @property
    def text(self) -> str:
        """What was understood."""
        return self.heard.text if self.heard and self.heard.text else self.given.text

    @property
    def turn_id(self) -> str | None:
        """The hub's id of it."""
        return self.heard.turn_id if self.heard else None

    @property
    def wish(self) -> Wish:
        """What the hub wants of it."""
        return self.heard.wish if self.heard else Wish.NOTHING

    @property
    def place(self) -> Place:
        """Where it came from."""
        return Place(satellite_id=self.given.satellite_id, device_id=self.given.device_id)


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
        turn = _Turn(
            given=user_input,
            log=chat_log,
            heard=self._voice.exchanges.take(chat_log.conversation_id, user_input.text),
            follows=self._voice.exchanges.question(chat_log.conversation_id),
        )
        if turn.follows is None:
            return await self._new(turn)
        return await self._answer(turn, turn.follows, read(turn.text, user_input.language))

    async def _new(self, turn: _Turn) -> conversation.ConversationResult:
        """Answer a text that answers no question."""
        said = phrases(turn.given.language)
        match turn.wish:
            case Wish.ASK_BACK:
                return self._ask(Question(turn_id=turn.turn_id, text=turn.text, place=turn.place), turn)
            case Wish.REFUSE:
                return self._say(said.refused, turn)
            case Wish.ASK_TEXT:
                return self._say(said.ask_text, turn)
            case Wish.KEPT:
                return self._say(said.kept, turn)
        return await self._do(turn.given.text, turn)

    async def _answer(self, turn: _Turn, question: Question, reading: Reading) -> conversation.ConversationResult:
        """Answer what was said while a question is open. A yes only counts in time, and from where it was asked."""
        exchanges, said = self._voice.exchanges, phrases(turn.given.language)
        is_here = turn.place == question.place
        if is_here:
            exchanges.close(turn.log.conversation_id)
        if is_here and not exchanges.is_late(question, turn.heard.began_s if turn.heard else None):
            return await self._take(turn, question, reading)
        if reading.answer is None or reading.correction:
            return await self._new(turn)
        return self._say(said.expired if is_here else said.elsewhere, turn)

    async def _take(self, turn: _Turn, question: Question, reading: Reading) -> conversation.ConversationResult:
        """Do as an answer says that came in time; one that the hub is not sure of is asked for again."""
        if turn.wish not in {Wish.NOTHING, Wish.ASK_BACK}:
            return await self._new(turn)
        if reading.correction:
            return await self._correct(turn, question, reading.correction)
        match reading.answer:
            case Answer.NO:
                return self._decline(turn, question)
            case Answer.YES if turn.wish is Wish.NOTHING:
                self._voice.outcomes.expect(turn.log.conversation_id, question.turn_id)
                return await self._do(question.text, turn)
            case None if await self._is_command(turn):
                return await self._new(turn)
        return self._ask_again(turn, question)

    async def _correct(self, turn: _Turn, question: Question, rest: str) -> conversation.ConversationResult:
        """Do what was meant instead, if that is sure enough: what is pieced together is said back once more."""
        meant = await async_corrected(self.hass, turn.given, question.text, rest)
        if meant is None and self._agent() == conversation.HOME_ASSISTANT_AGENT:
            return self._decline(turn, question)
        self._voice.outcomes.tell(question.turn_id, Result.NO_INTENT)
        if meant in {None, rest} and turn.wish is Wish.NOTHING:
            return await self._do(rest, turn)
        if question.tries >= MOST_QUESTIONS:
            return self._say(phrases(turn.given.language).given_up, turn)
        return self._ask(
            Question(turn_id=turn.turn_id, text=meant or rest, place=turn.place, tries=question.tries + 1), turn
        )

    def _decline(self, turn: _Turn, question: Question) -> conversation.ConversationResult:
        self._voice.outcomes.tell(question.turn_id, Result.NO_INTENT)
        return self._say(phrases(turn.given.language).declined, turn)

    def _ask_again(self, turn: _Turn, question: Question) -> conversation.ConversationResult:
        """Ask for what was not understood as an answer, not for ever."""
        said = phrases(turn.given.language)
        if question.tries >= MOST_TRIES:
            return self._say(said.given_up, turn)
        return self._ask(replace(question, tries=question.tries + 1), turn, before=f"{said.unclear} ")

    async def _is_command(self, turn: _Turn) -> bool:
        """Tell whether a text is for the agent rather than a yes that was misheard; other agents take any."""
        if self._agent() != conversation.HOME_ASSISTANT_AGENT:
            return True
        return await async_is_known(self.hass, turn.given, turn.text)

    def _ask(self, question: Question, turn: _Turn, *, before: str = "") -> conversation.ConversationResult:
        """Say a text back, and take the answer: at once, or on the next wake where the satellite needs that."""
        self._voice.outcomes.postpone(turn.log.conversation_id)
        said = phrases(turn.given.language)
        if (session := chat_session.current_session.get()) is None:
            return self._say(said.refused, turn)
        self._voice.exchanges.ask(session, question)
        asked = before + ask_back(question.text, turn.given.language)
        if not listens_on(self.hass, turn.place.satellite_id):
            asked = f"{asked} {said.wake_again}"
        return self._say(asked, turn, goes_on=True)

    def _say(self, text: str, turn: _Turn, *, goes_on: bool = False) -> conversation.ConversationResult:
        """Return an answer of our own; `goes_on` has the satellite listen again.

        None of it goes into the chat log: an agent that saw our question there could take a later yes for its answer.
        """
        response = intent.IntentResponse(language=turn.given.language)
        response.async_set_speech(text)
        return conversation.ConversationResult(
            response=response, conversation_id=turn.log.conversation_id, continue_conversation=goes_on
        )

    async def _do(self, text: str, turn: _Turn) -> conversation.ConversationResult:
        """Have a text done as if it had just been said."""
        given = replace(turn.given, text=text)
        if text != turn.given.text:
            turn.log.content[-1] = conversation.UserContent(content=text)
        if turn.follows is not None and self._agent() != conversation.HOME_ASSISTANT_AGENT:
            # The pipeline tries sentence triggers first, but not with what follows a question of ours.
            done = await conversation.async_handle_sentence_triggers(self.hass, given, turn.log)
            if done is not None:
                return self._say(done, turn)
        return await self._hand_on(given, turn.log)

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
        chosen = agent_behind(self.hass, self._entry)
        if is_there(self.hass, chosen):
            return chosen
        self._complaints.about(
            "agent", "The conversation agent %s is not there; Home Assistant's own answers instead", chosen
        )
        return conversation.HOME_ASSISTANT_AGENT
