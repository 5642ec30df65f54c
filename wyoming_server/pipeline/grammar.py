"""Text → what the home's grammar makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .types import GrammarMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The names that a home has, as its people say them."""

    names: Sequence[str] = ()
    """Devices and their aliases."""
    areas: Sequence[str] = ()
    floors: Sequence[str] = ()
    terms: Sequence[str] = ()
    """Other words worth knowing."""


class Grammar(Protocol):
    """Recognises whole sentences of the home."""

    async def match(self, text: str, language: str, vocabulary: Vocabulary) -> GrammarMatch:
        """Return the match of a transcript, punctuation and case as a recogniser writes them."""
