"""What of a home matters by its own name: locks and doors, what opens them, and whole sentences that do."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .wording import bare, is_one_edit

SHORTEST_NEARLY = 5
"""Characters; shorter names are one letter away from too many other words."""
_ANY = "*"
"""In a sentence, stands for any words."""


@dataclass(frozen=True, slots=True)
class Critical:
    """Names and sentences as bare text."""

    said: tuple[str, ...] = ()
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile them, once."""
        # The longest first: "front door lock" rather than "front door".
        one_of = "|".join(map(_pattern_of, sorted(self.said, key=len, reverse=True))) or "(?!)"
        object.__setattr__(self, "_pattern", re.compile(one_of))

    def is_sentence(self, words: str) -> bool:
        """Tell whether bare text is one of them, and nothing else."""
        return self._pattern.fullmatch(words) is not None

    def named_in(self, words: str, *, spaceless: bool = False) -> str:
        """Return what bare text says that is one of them, perhaps with one wrong letter; empty for none."""
        for found in self._pattern.finditer(words):
            if spaceless or (_ends_word(words, found.start() - 1) and _ends_word(words, found.end())):
                return found.group()
        return self._nearly_named_in(words.split())

    def _nearly_named_in(self, words: Sequence[str]) -> str:
        long = [one for one in self.said if len(one) >= SHORTEST_NEARLY and _ANY not in one]
        for length in sorted({one.count(" ") + 1 for one in long}, reverse=True):
            named = [one for one in long if one.count(" ") + 1 == length]
            for at in range(len(words) - length + 1):
                part = " ".join(words[at : at + length])
                if any(is_one_edit(part, one) for one in named):
                    return part
        return ""


@functools.lru_cache(maxsize=8)  # a home has one set, and says it anew now and then
def critical_of(said: tuple[str, ...]) -> Critical:
    """Return names and sentences as they are looked for; what has no word of its own is left out."""
    texts = (f" {_ANY} ".join(bare(part) for part in one.split(_ANY)) for one in said)
    parts = (" ".join(one.split()) for one in texts)
    return Critical(tuple(dict.fromkeys(one for one in parts if any(len(word) > 1 for word in one.split()))))


def _pattern_of(said: str) -> str:
    return r"\S+(?: \S+){0,9}?".join(re.escape(part) for part in said.split(_ANY))


def _ends_word(words: str, at: int) -> bool:
    return not 0 <= at < len(words) or words[at] == " "


NOTHING_CRITICAL = Critical()
