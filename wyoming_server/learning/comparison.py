"""How far two recognisers' texts are apart: three nested labels, from the same intent to the same words."""

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from rapidfuzz.distance import Levenshtein
from unicode_rbnf import FormatPurpose, RbnfEngine
from unicode_rbnf.engine import RbnfError

from ..pipeline.checked import Checked, ranged
from ..pipeline.types import GrammarMatch
from ..pipeline.wording import plain

UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "km"})
"""Languages written without spaces: there are no tokens to count, only characters."""
SIGNS: Mapping[str, Mapping[str, str]] = {
    "en": {"%": "percent", "°": "degrees"},
    "de": {"%": "prozent", "°": "grad"},
    "es": {"%": "por ciento", "°": "grados"},
    "fr": {"%": "pour cent", "°": "degrés"},
    "nl": {"%": "procent", "°": "graden"},
}
"""Signs that are said."""
SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "en": {"ok": "okay", "tv": "television", "centre": "center", "colour": "color", "grey": "gray"},
    "de": {"ok": "okay", "tv": "fernseher", "hundert": "einhundert", "tausend": "eintausend"},
    "es": {"ok": "okay", "vale": "okay", "tele": "televisión", "tv": "televisión"},
    "fr": {"ok": "okay", "télé": "télévision", "tv": "télévision"},
    "nl": {"ok": "okay", "oké": "okay", "tv": "televisie", "één": "een"},
}
"""What two recognisers write differently and nobody says differently."""
SPOKEN = (1, 21, 31, *range(200, 1000, 100))
"""Numbers whose words agree with what they count: of "ein" and "eine", or "doscientos" and "doscientas", one stays."""
MAX_DIGITS = 12
"""Longer ones are read out digit by digit: telephone numbers, not amounts."""
LONGEST = 2000
"""Characters that are compared; distance grows with the product of the two lengths."""

POINT_DECIMALS = frozenset({"en", "he", "hi", "ja", "ko", "ms", "th", "zh"})
"""Languages whose decimal sign is a point; elsewhere a point before three digits sets thousands apart."""

_UNSEEN = re.compile("[\u00ad\u200b-\u200d\ufeff]")
"""Soft hyphens and joiners of no width, which one recogniser writes and the next does not."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_GROUPED = re.compile(r"(\d{1,3}(?:[.,]\d{3})+)([.,]\d{1,2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Checked):
    """Two texts of one utterance, the hub's held against the lane's. Exact ⇒ no error ⇒ the same intent."""

    same_intent: bool
    """Intent and slots are the same, or, where neither is a sentence of the home, the words are."""
    exact: bool
    """The same words after normalisation."""
    token_edits: int = ranged(at_least=0)
    """Insertions, deletions and substitutions; characters in languages without spaces."""
    tokens: int = ranged(at_least=0)
    """Of the lane's text."""
    character_edits: int = ranged(at_least=0)
    characters: int = ranged(at_least=0)
    """Of the lane's text, spaces left out."""


def compare(
    edge: str,
    other: str,
    language: str,
    edge_match: GrammarMatch | None = None,
    other_match: GrammarMatch | None = None,
) -> Comparison:
    """Return how far the hub's text is from a lane's: token and character edits by Levenshtein's distance."""
    ours, theirs = canonical(edge, language), canonical(other, language)
    exact = ours == theirs
    letters, their_letters = ours.replace(" ", ""), theirs.replace(" ", "")
    unspaced = base(language) in UNSPACED
    tokens, their_tokens = (letters, their_letters) if unspaced else (ours.split(), theirs.split())
    return Comparison(
        same_intent=exact or same_meaning(edge_match, other_match),
        exact=exact,
        token_edits=Levenshtein.distance(tokens, their_tokens),
        tokens=len(their_tokens),
        character_edits=Levenshtein.distance(letters, their_letters),
        characters=len(their_letters),
    )


def same_meaning(one: GrammarMatch | None, other: GrammarMatch | None) -> bool:
    """Tell whether two matches are the same intent with the same slots, whatever the words."""
    if one is None or other is None or one.intent is None or one.intent != other.intent:
        return False
    return _slots(one) == _slots(other)


def canonical(text: str, language: str) -> str:
    """Return a text as the words that are said, for comparing.

    NFKC, casefolded, without punctuation, numbers spelled out (CLDR's rules, by unicode-rbnf), spelling variants
    united. Combining marks stay: without them an Indic or Thai word is another one, and the error looks smaller than
    it is (Manohar et al. 2024, "What is lost in Normalization?").
    """
    code = base(language)
    text = unicodedata.normalize("NFKC", text[:LONGEST]).replace("°C", "°")
    for sign, said in SIGNS.get(code, {}).items():
        text = text.replace(sign, f" {said} ")
    text = _NUMBER.sub(lambda found: f" {_spoken(found[0], code)} ", text)
    bare = plain(_UNSEEN.sub("", text)).casefold()
    same = SYNONYMS.get(code, {})
    united = " ".join(same.get(word, word) for word in bare.split())
    words = (_forms(code).get(word, word) for word in united.split())
    return ("" if code in UNSPACED else " ").join(words)


def base(language: str) -> str:
    """Return a language's code without its region."""
    return language.replace("_", "-").partition("-")[0].casefold()


def _slots(match: GrammarMatch) -> dict[str, str | float]:
    return {key: _value(value) for key, value in match.slots.items()}


def _value(value: str | float) -> str | float:
    """Return a slot's value so that "20", 20 and 20.0 are one."""
    if not isinstance(value, str):
        return float(value)
    try:
        return float(value)
    except ValueError:
        return plain(value).casefold()


def _spoken(number: str, language: str) -> str:
    """Return a number's words: whole ones, decimals with either sign, and thousands that are set apart."""
    engine = _engine(language)
    grouped = _GROUPED.fullmatch(number)
    if grouped and not (language in POINT_DECIMALS and "." in grouped[1]):
        number = re.sub(r"[.,]", "", grouped[1]) + (grouped[2] or "")
    parts = re.split(r"[.,]", number)
    if engine is None:
        return " ".join(parts)
    if len(parts) > 2:  # a date or a version
        return " ".join(_whole_words(engine, part) for part in parts)
    return _words(engine, ".".join(parts)) if len(parts) == 2 else _whole_words(engine, number)


def _whole_words(engine: RbnfEngine, number: str) -> str:
    """Return a whole number's words; telephone numbers and codes go digit by digit."""
    if len(number) > MAX_DIGITS or (len(number) > 1 and number.startswith("0")):
        return " ".join(_words(engine, digit) for digit in number)
    return _words(engine, number)


def _words(engine: RbnfEngine, number: str) -> str:
    try:
        return engine.format_number(number, purpose=FormatPurpose.CARDINAL).text.replace("-", " ")
    except RbnfError, ValueError, ArithmeticError:  # a language whose rules do not reach that far: the digits stay
        return number


@functools.lru_cache(maxsize=16)
def _engine(language: str) -> RbnfEngine | None:
    """Return the rules by which a language spells numbers (2 ms to read); None when it has none."""
    try:
        return RbnfEngine.for_language(language)
    except ValueError, KeyError, OSError:
        return None


@functools.lru_cache(maxsize=16)
def _forms(language: str) -> Mapping[str, str]:
    """Return the forms of numbers that agree with their noun, each with the one that stands for all."""
    engine = _engine(language)
    return dict(chain.from_iterable(_agreeing(engine, number) for number in SPOKEN)) if engine else {}


def _agreeing(engine: RbnfEngine, number: int) -> Sequence[tuple[str, str]]:
    try:
        found = engine.format_number(number, purpose=FormatPurpose.CARDINAL)
    except RbnfError, ValueError:
        return ()
    last = found.text.replace("-", " ").split()[-1].casefold()
    forms = {one.replace("-", " ").split()[-1].casefold() for one in found.text_by_ruleset.values()}
    return [(form, last) for form in forms - {last}]
