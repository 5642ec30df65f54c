"""What speech-to-text tells the conversation entity of a turn, and what that has asked back: in memory, briefly."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from homeassistant.core import callback
from homeassistant.helpers.chat_session import ChatSession

MOST_CONVERSATIONS: Final = 64
"""Home Assistant ends a conversation after 5 minutes; a home does not hold more at once."""
ANSWER_SECONDS: Final = 30.0
"""An answer that begins later is none: who asked may have left the room."""


class Wish(StrEnum):
    """What the hub wants of the conversation, besides passing a text on."""

    NOTHING = "nothing"
    ASK_BACK = "ask_back"
    """Say the text back, and pass it on when the answer is yes."""
    REFUSE = "refuse"
    """Say that it will not be done, and how to go on."""
    ASK_TEXT = "ask_text"
    """Say that the microphone cannot be used, and that it is to be typed."""
    KEPT = "kept"
    """Say that it is done later: the hub keeps it until a speech service is back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where somebody speaks or types; both None where Home Assistant is not told."""

    satellite_id: str | None = None
    device_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A turn, as speech-to-text leaves it to the conversation."""

    turn_id: str | None
    wish: Wish
    text: str = field(default="", repr=False)
    """What was understood."""
    shown: str = field(default="", repr=False)
    """What speech-to-text returned; it differs where the text must not be acted upon before it is confirmed."""
    began_s: float | None = None
    """Monotonic time when it began to be said; None: now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A text that was said back."""

    turn_id: str | None
    text: str = field(repr=False)
    place: Place = field(default_factory=Place)
    """Only from there comes an answer."""
    tries: int = 1
    """How often it was asked, in whatever words."""
    asked_s: float = 0.0
    """Monotonic time; `ask` sets it."""


@dataclass(slots=True, kw_only=True)
class _Conversation:
    heard: Heard | None = None
    question: Question | None = None


class Exchanges:
    """Per conversation: the last turn that the agent has not seen yet, and the question that is open."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none; the clock counts seconds and never goes back."""
        self._conversations: OrderedDict[str, _Conversation] = OrderedDict()
        self._clock = clock

    @callback
    def tell(self, session: ChatSession, heard: Heard) -> None:
        """Leave a turn to the agent; one that it never saw is forgotten."""
        self._of(session).heard = heard

    @callback
    def take(self, conversation_id: str, shown: str) -> Heard | None:
        """Return the turn that said this text, once; None when it was typed, or spoken to somebody else."""
        conversation = self._conversations.get(conversation_id)
        if conversation is None or conversation.heard is None:
            return None
        heard, conversation.heard = conversation.heard, None
        return heard if heard.shown == shown else None

    @callback
    def ask(self, session: ChatSession, question: Question) -> None:
        """Keep a question until its answer comes."""
        self._of(session).question = replace(question, asked_s=self._clock())

    def is_asked(self, conversation_id: str | None, place: Place) -> bool:
        """Tell whether the next text of a conversation answers a question, if it begins now, there."""
        question = self.question(conversation_id)
        return question is not None and question.place == place and not self.is_late(question, None)

    def question(self, conversation_id: str | None) -> Question | None:
        """Return a conversation's open question, answered in time or not."""
        conversation = self._conversations.get(conversation_id) if conversation_id else None
        return conversation.question if conversation else None

    def is_late(self, question: Question, began_s: float | None) -> bool:
        """Tell whether an answer comes too late that began then; None: now."""
        return (self._clock() if began_s is None else began_s) - question.asked_s > ANSWER_SECONDS

    @callback
    def close(self, conversation_id: str) -> None:
        """Forget a conversation's question: it was answered, or something else was said."""
        if (conversation := self._conversations.get(conversation_id)) is not None:
            conversation.question = None

    def now(self) -> float:
        """Return the clock's time, for a turn that begins."""
        return self._clock()

    def _of(self, session: ChatSession) -> _Conversation:
        if session.conversation_id not in self._conversations:
            self._conversations[session.conversation_id] = _Conversation()
            session.async_on_cleanup(self._forgetting(session.conversation_id))
        self._conversations.move_to_end(session.conversation_id)
        while len(self._conversations) > MOST_CONVERSATIONS:
            self._conversations.popitem(last=False)
        return self._conversations[session.conversation_id]

    def _forgetting(self, conversation_id: str) -> Callable[[], None]:
        @callback
        def forget() -> None:
            self._conversations.pop(conversation_id, None)

        return forget
