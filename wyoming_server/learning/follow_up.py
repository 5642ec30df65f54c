"""How a turn relates to the one before it: said again, put right, taken back, or simply the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rapidfuzz.distance import Levenshtein

from ..pipeline.types import GrammarMatch
from ..pipeline.wording import normalise
from .audio_print import AudioPrint, similarity
from .comparison import same_meaning
from .corrections import is_correction

SIMILAR_TEXT = 0.5
"""Normalised Levenshtein similarity from which on a text is the one before, said again."""
SIMILAR_AUDIO = 0.7
"""So much alike are 99 % of synthesised commands said again, and 2 % of other sentences."""
SAME_AUDIO = 0.85
"""So much alike are 73 % of them, 6 % of sentences that differ in one word, and 0.2 % of others: enough to go against
what the texts say."""
LONGEST = 300
"""Characters that are compared and kept; nobody repeats more within seconds."""

REPEATABLE = frozenset(
    {
        "HassDecreaseTimer",
        "HassIncreaseTimer",
        "HassMediaNext",
        "HassMediaPrevious",
        "HassSetVolumeRelative",
    }
)
"""Intents that are meant again when they are said again: louder, louder."""
OPPOSITES: Mapping[str, str] = {
    "HassTurnOn": "HassTurnOff",
    "HassTurnOff": "HassTurnOn",
    "HassMediaPause": "HassMediaUnpause",
    "HassMediaUnpause": "HassMediaPause",
    "HassMediaPlayerMute": "HassMediaPlayerUnmute",
    "HassMediaPlayerUnmute": "HassMediaPlayerMute",
    "HassMediaNext": "HassMediaPrevious",
    "HassMediaPrevious": "HassMediaNext",
    "HassPauseTimer": "HassUnpauseTimer",
    "HassUnpauseTimer": "HassPauseTimer",
    "HassListAddItem": "HassListRemoveItem",
    "HassVacuumStart": "HassVacuumReturnToBase",
    "HassLawnMowerStartMowing": "HassLawnMowerDock",
}
"""Intent → the one that takes it back, of the very same things."""
CANCELS = frozenset({"HassCancelTimer", "HassCancelAllTimers"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is known of one turn's words."""

    text: str = field(default="", repr=False)
    """Empty when there is none (yet, or any more)."""
    language: str = ""
    match: GrammarMatch | None = field(default=None, repr=False)
    audio: AudioPrint | None = None
    failed: bool = False
    """It came to nothing, though somebody spoke."""

    @property
    def words(self) -> str:
        """The text as bare words, no longer than what is compared."""
        return normalise(self.text)[:LONGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What a turn says about the one before."""

    retry: bool = False
    """The same is tried again."""
    correction: bool = False
    """It begins as a correction does."""
    undo: bool = False
    """It takes back what the one before did."""


def relation(before: Said, now: Said) -> Relation:
    """Return how a turn relates to the one before it, which ended a few seconds ago at the same satellite.

    Rephrasing within seconds is what dissatisfied users do (Ponnusamy et al. 2019; Park et al. 2020), but not every
    similar sentence is one: two whole commands of the home with another meaning each are two commands, unless they
    sound alike enough to be one sentence that was misheard once.
    """
    correction = bool(now.text) and is_correction(now.text, now.language)
    undo = not before.failed and _takes_back(before.match, now.match)
    return Relation(retry=not undo and _is_retry(before, now), correction=correction, undo=undo)


def _is_retry(before: Said, now: Said) -> bool:
    alike = similarity(before.audio, now.audio) if before.audio and now.audio and _needs_audio(before, now) else None
    if not (before.words and now.words):
        return before.failed if alike is None else alike >= SIMILAR_AUDIO
    if not before.failed and _means_more(before.match, now.match):
        return False
    if alike is not None and alike >= SAME_AUDIO:
        return True
    similar = Levenshtein.normalized_similarity(before.words, now.words) >= SIMILAR_TEXT
    return similar and (before.failed or not _are_two_commands(before.match, now.match))


def _needs_audio(before: Said, now: Said) -> bool:
    """Tell whether the texts alone leave it open: aligning two recordings takes the longest of all this."""
    if not (before.words and now.words):
        return True
    similar = Levenshtein.normalized_similarity(before.words, now.words) >= SIMILAR_TEXT
    return not similar or _are_two_commands(before.match, now.match)


def _are_two_commands(one: GrammarMatch | None, other: GrammarMatch | None) -> bool:
    """Tell whether both are whole sentences of the home, and mean different things."""
    both = one is not None and other is not None and one.intent is not None and other.intent is not None
    return both and not same_meaning(one, other)


def _means_more(one: GrammarMatch | None, other: GrammarMatch | None) -> bool:
    """Tell whether it is a relative command that is simply given again."""
    return one is not None and one.intent in REPEATABLE and same_meaning(one, other)


def _takes_back(one: GrammarMatch | None, other: GrammarMatch | None) -> bool:
    if one is None or other is None or one.intent is None or other.intent is None:
        return False
    if one.intent == "HassStartTimer":
        return other.intent in CANCELS
    return OPPOSITES.get(one.intent) == other.intent and dict(one.slots) == dict(other.slots)
