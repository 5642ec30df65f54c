"""One sentence, three forms: as written, as spoken, and as compared. English; another language needs its own."""

import re

ONES = (  # noqa: SIM905  # words without twenty pairs of quotes
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905  # likewise
LETTERS = "abcdefghijklmnopqrstuvwxyz '"
"""The characters of `letters`, in the order of the auxiliary loss's classes."""


def number_words(number: int) -> str:
    """Return a number from 0 to 999 in words."""
    if number < len(ONES):
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens] + (f" {ONES[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{ONES[hundreds]} hundred" + (f" {number_words(rest)}" if rest else "")


def spoken(written: str) -> str:
    """Return what a voice is asked to say: numbers in words, "TV" letter by letter, "%" as "percent"."""
    text = written.replace("%", " percent")
    text = re.sub(r"\d+", lambda digits: number_words(int(digits.group())), text)
    return re.sub(r"\b[A-Z]{2,}\b", lambda initials: " ".join(initials.group()), text)


def letters(written: str) -> str:
    """Return the spoken form in `LETTERS` only, as the auxiliary loss spells it."""
    return " ".join(re.sub(r"[^a-z' ]", " ", spoken(written).lower()).split())


def compared(written: str) -> list[str]:
    """Return the words that a word error rate counts: no case, no punctuation, "%" as "percent"."""
    return re.sub(r"[^a-z0-9' ]", " ", written.lower().replace("%", " percent")).split()
