"""A recogniser's text → bare words, for comparing."""

import re
import unicodedata

_SEPARATOR_IN_NUMBER = re.compile(r"(?<=\d)[.,](?=\d)")
_APOSTROPHE_IN_WORD = re.compile(r"(?<=\w)'(?=\w)")


def normalise(text: str) -> str:
    """Return a recogniser's text as bare casefolded words: for comparing two texts."""
    return plain(text.replace("%", " percent ")).casefold()


def bare(text: str) -> str:
    """Return text as bare words, what an apostrophe joins told apart: "l'alarme" is "l alarme"."""
    return normalise(text).replace("'", " ")


def is_one_edit(left: str, right: str) -> bool:
    """Tell whether one letter more, less or other makes one text of the other, or none does."""
    if abs(len(left) - len(right)) > 1 or left == right:
        return left == right
    start = next((at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    rest_left, rest_right = left[start:], right[start:]
    return rest_left[1:] == rest_right[1:] or rest_left == rest_right[1:] or rest_left[1:] == rest_right


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
