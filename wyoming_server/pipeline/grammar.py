"""Text → what the home's grammar makes of it, and whether more words are to be expected."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .types import Continuation, GrammarMatch

PLACES = frozenset({"area", "floor"})
TARGETS = frozenset({"name", "domain", "device_class"}) | PLACES
"""Slots that say which thing is meant."""

SMALLER_UNIT = {"hours": "minutes", "minutes": "seconds"}
EXACT_FROM = {"hours": 24, "minutes": 5}
"""Durations from here on stand alone: people say "ten minutes", and "one minute thirty" or "two hours and a half"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The names that a home has, as its people say them. Any sequences go in; it is hashable."""

    names: Sequence[str] = ()
    """Devices and their aliases."""
    areas: Sequence[str] = ()
    floors: Sequence[str] = ()
    terms: Sequence[str] = ()
    """Other words worth knowing."""
    critical: Sequence[str] = ()
    """Names, and whole sentences, whose commands matter whatever their words say: locks, doors, what opens them."""

    def __post_init__(self) -> None:
        """Freeze the sequences."""
        for name in self.__slots__:
            object.__setattr__(self, name, tuple(getattr(self, name)))


class Grammar(Protocol):
    """Recognises whole sentences of the home."""

    async def match(self, text: str, language: str, vocabulary: Vocabulary) -> GrammarMatch:
        """Return the match of a transcript, punctuation and case as a recogniser writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to understand a whole text as a sentence."""

    intent: str
    slots: Mapping[str, str | float] = field(default_factory=dict)
    """Slots that were said or are implied by the words."""
    lacks_area: bool = False
    """It holds only where the satellite's own area is assumed."""
    is_specific: bool = False
    """What it names exists once in the home."""
    is_bare: bool = False
    """Nothing but a name: a verb may follow."""
    is_open: bool = False
    """It ends in free text."""
    ends_in_number: bool = False
    """Its last word is a number: "fifty" may become "fifty five" or "fifty percent"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """A template of which the text is only the beginning."""

    intent: str
    slots: frozenset[str]
    """Everything that the template can hold."""
    grows_value: bool = False
    """The last words begin a longer name: "kitchen light" of "kitchen light strip"."""
    has_free_text: bool = False


def continuation(reading: Reading, onwards: Iterable[Onward]) -> Continuation:
    """Return whether words that change the meaning often follow a complete sentence.

    Words that leave intent and slots as they are ("right now", "brightness") are not waited for: nothing is lost.
    """
    unsure = reading.lacks_area or reading.is_bare or reading.is_open or reading.ends_in_number
    if unsure or any(_matters(reading, onward) for onward in onwards):
        return Continuation.POSSIBLE
    return Continuation.NONE


def _matters(reading: Reading, onward: Onward) -> bool:
    """Tell whether going on there is likely and would change the meaning."""
    if onward.grows_value:
        return True
    added = onward.slots - reading.slots.keys()
    if onward.intent != reading.intent:
        if onward.has_free_text:
            return False  # free text takes in any words, so the template says nothing about these
        # Another intent about the very same things ("… on" → "… on and off") is not heard in practice; a new slot is.
        return bool(added - TARGETS) or not TARGETS & reading.slots.keys()
    if TARGETS & reading.slots.keys():
        added -= TARGETS - PLACES
    if reading.is_specific or PLACES & reading.slots.keys():
        added -= PLACES
    return bool(added - _unlikely_units(reading, added))


def _unlikely_units(reading: Reading, added: frozenset[str]) -> frozenset[str]:
    """Return the slots of a duration that do not follow the one said; a timer's own name is as rare at the end."""
    said = [unit for unit in ("hours", "minutes", "seconds") if unit in reading.slots]
    if not said:
        return frozenset()
    value = reading.slots[said[-1]]
    exact = said[-1] not in SMALLER_UNIT or (isinstance(value, int | float) and value >= EXACT_FROM[said[-1]])
    likely = frozenset() if exact else frozenset({SMALLER_UNIT[said[-1]]})
    return added - likely
