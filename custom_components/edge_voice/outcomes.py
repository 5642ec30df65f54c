"""What the conversation made of a text, whoever the agent is: heard from the chat log, told to the hub.

Nothing of what was said is kept: only which turn a conversation's next answer is about.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from homeassistant.components.conversation import HOME_ASSISTANT_AGENT
from homeassistant.components.conversation.chat_log import async_subscribe_chat_logs
from homeassistant.components.conversation.const import ChatLogEventType
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .client import EdgeVoiceClient
from .errands import Errands

MOST_TURNS: Final = 64
_TRIGGER: Final = "trigger_sentence"
"""The name under which a sentence trigger stands in the chat log."""
_TRIGGER_AGENT: Final = "sentence_trigger"
_QUESTION_MARKS: Final = ("?", ";", "？")
"""As Home Assistant itself tells that an agent has asked back: the Greek and the Chinese one, too."""


class Result(StrEnum):
    """What became of a text, in the hub's words."""

    INTENT = "intent"
    SENTENCE_TRIGGER = "sentence_trigger"
    NO_INTENT = "no_intent"
    ERROR = "error"
    FOLLOW_UP = "follow_up"


@dataclass(slots=True, kw_only=True)
class _Awaited:
    """A turn whose text the conversation has."""

    turn_id: str
    intent: str | None = None
    """The last thing that was done for it."""
    failed: bool = False
    triggered: bool = False


class Outcomes:
    """Per conversation, the turn whose outcome is awaited."""

    def __init__(self, hass: HomeAssistant, client: EdgeVoiceClient, errands: Errands) -> None:
        """Listen from `async_start` on."""
        self._hass, self._client, self._errands = hass, client, errands
        self._awaited: OrderedDict[str, _Awaited] = OrderedDict()

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Listen to all chat logs; return what ends it."""
        return async_subscribe_chat_logs(self._hass, self._handle)

    @callback
    def expect(self, conversation_id: str | None, turn_id: str | None) -> None:
        """Await what a conversation makes of a turn's text; the one before it had no outcome."""
        if conversation_id is None or turn_id is None:
            return
        self._awaited[conversation_id] = _Awaited(turn_id=turn_id)
        self._awaited.move_to_end(conversation_id)
        while len(self._awaited) > MOST_TURNS:
            self._awaited.popitem(last=False)

    @callback
    def postpone(self, conversation_id: str) -> None:
        """Await nothing yet: the text was said back, and only the answer shows what it was worth."""
        self._awaited.pop(conversation_id, None)

    @callback
    def tell(self, turn_id: str | None, result: Result, intent: str | None = None) -> None:
        """Tell the hub; it may miss it."""
        if turn_id is not None:
            self._errands.tell(self._client.tell_outcome(turn_id, result, intent), "outcome")

    @callback
    def _handle(self, conversation_id: str, event: ChatLogEventType, data: Mapping[str, Any]) -> None:
        awaited = self._awaited.get(conversation_id)
        if awaited is None:
            return
        if event is ChatLogEventType.DELETED:
            del self._awaited[conversation_id]
        elif event is ChatLogEventType.CONTENT_ADDED:
            content = data["content"]
            match content["role"]:
                case "tool_result":
                    awaited.failed = _has_failed(content.get("result"))
                case "assistant" if content.get("tool_calls"):
                    _note_call(awaited, content["tool_calls"][-1].tool_name)
                case "assistant":
                    del self._awaited[conversation_id]
                    if (result := _result(awaited, content)) is not None:
                        self.tell(awaited.turn_id, result, awaited.intent if result is Result.INTENT else None)


def _note_call(awaited: _Awaited, name: str) -> None:
    awaited.triggered = awaited.triggered or name == _TRIGGER
    awaited.intent, awaited.failed = name, False


def _has_failed(result: Any) -> bool:
    """Tell whether a tool failed: by its own word, or by the response type of an intent."""
    if not isinstance(result, Mapping):
        return False
    data = result.get("data")
    return bool(result.get("error")) or (isinstance(data, Mapping) and data.get("response_type") == "error")


def _result(awaited: _Awaited, content: Mapping[str, Any]) -> Result | None:
    """Return what an agent's last word says of the text; None where it says nothing: it merely talked."""
    agent, said = content.get("agent_id"), str(content.get("content") or "").strip()
    if awaited.triggered or agent == _TRIGGER_AGENT:
        return Result.SENTENCE_TRIGGER
    if awaited.intent is not None:
        return Result.ERROR if awaited.failed else Result.INTENT
    if said.endswith(_QUESTION_MARKS):
        return Result.FOLLOW_UP
    return Result.NO_INTENT if agent == HOME_ASSISTANT_AGENT else None
