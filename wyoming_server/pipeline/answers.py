"""What is said to a yes-or-no question: yes, no, and words that change neither."""

import re
from dataclasses import dataclass, field

from .wording import bare

MOST_WORDS = 3
"""In a language without words of its own: a yes or no has no more."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One language's, in any order."""

    said: tuple[str, ...] = ()
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile them, once; where nothing divides words, they may follow each other at once."""
        one_of = "|".join(sorted((re.escape(bare(one)) for one in self.said), key=len, reverse=True)) or "(?!)"
        object.__setattr__(self, "_pattern", re.compile(rf"(?:(?:{one_of})(?: |$|(?<=[^\x00-\u024f])))+"))

    def are_all_of(self, words: str) -> bool:
        """Tell whether bare text is an answer and nothing else."""
        if not self.said:
            return 0 < len(words.split()) <= MOST_WORDS
        return self._pattern.fullmatch(words) is not None

    def taken_off(self, words: str) -> str:
        """Return bare text without the answer that it begins with: of "no the back door", "the back door"."""
        found = self._pattern.match(words)
        return words[found.end() :] if found else words


NO_ANSWERS = Answers()
