"""What somebody means who answers our question with a no and other words: "no, the back door"."""

import difflib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from homeassistant.components import conversation
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.core import HomeAssistant

MOST_WORDS: Final = 12
"""Of a command whose parts are tried; longer ones are said anew."""
MOST_READINGS: Final = 48
"""Each costs Home Assistant a few milliseconds."""


async def async_is_known(hass: HomeAssistant, given: conversation.ConversationInput, text: str) -> bool:
    """Tell whether Home Assistant's own agent knows a text as a command of this home. Nothing is done."""
    agent = get_agent_manager(hass).default_agent
    if agent is None:
        return False
    asked = replace(given, text=text)
    if await agent.async_recognize_sentence_trigger(asked) is not None:
        return True
    return await agent.async_recognize_intent(asked, strict_intents_only=True) is not None


async def async_corrected(
    hass: HomeAssistant, given: conversation.ConversationInput, asked: str, rest: str
) -> str | None:
    """Return the command that `rest` is, or that it makes of what was asked; None when it is neither."""
    if await async_is_known(hass, given, rest):
        return rest
    for text in _with_a_part_replaced(asked, rest):
        if await async_is_known(hass, given, text):
            return text
    return None


def _with_a_part_replaced(asked: str, by: str) -> list[str]:
    """Return a command with each of its parts replaced in turn, the part that is most like the new one first."""
    old, new, between = _parts(asked), _parts(by), " " if " " in asked.strip() else ""
    if not 1 < len(old) <= MOST_WORDS or not new:
        return []
    spans = sorted(_spans(len(old)), key=lambda span: -_likeness(old[span[0] : span[1]], new))
    texts = (between.join([*old[:start], *new, *old[end:]]) for start, end in spans)
    return [one for one in dict.fromkeys(texts) if one != between.join(old)][:MOST_READINGS]


def _parts(text: str) -> list[str]:
    """Return a text's words, or its characters where nothing divides it into words."""
    bare = text.strip(" .,!?…。，！？")
    return bare.split() if " " in bare else list(bare) if not bare.isascii() and len(bare) <= MOST_WORDS else [bare]


def _spans(length: int) -> Iterator[tuple[int, int]]:
    """Yield all parts but the whole."""
    for start in range(length):
        for end in range(start + 1, length + 1):
            if end - start < length:
                yield start, end


def _likeness(part: list[str], new: list[str]) -> float:
    match = difflib.SequenceMatcher(a=[one.lower() for one in part], b=[one.lower() for one in new], autojunk=False)
    return match.ratio()
