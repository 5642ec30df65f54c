"""A recogniser's text → bare words, for comparing."""

import re
import unicodedata

_SEPARATOR_IN_NUMBER = re.compile(r"(?<=\d)[.,](?=\d)")
_APOSTROPHE_IN_WORD = re.compile(r"(?<=\w)'(?=\w)")


def normalise(text: str) -> str:
    """Return a recogniser's text as bare casefolded words: for comparing two texts."""
    return plain(text.replace("%", " percent ")).casefold()


def plain(text: str, keep: str = "") -> str:
    """Return NFKC text without punctuation and symbols, single spaced.

    Apostrophes within words and separators within numbers stay, and so do combining marks: without its vowel signs
    an Indic or Thai word is another word. `keep` names further characters to leave alone.
    """
    text = unicodedata.normalize("NFKC", text.replace("’", "'"))
    stays = {
        match.start() for pattern in (_SEPARATOR_IN_NUMBER, _APOSTROPHE_IN_WORD) for match in pattern.finditer(text)
    }
    return " ".join(
        "".join(
            character if index in stays or character in keep or unicodedata.category(character)[0] not in "PSC" else " "
            for index, character in enumerate(text)
        ).split()
    )
