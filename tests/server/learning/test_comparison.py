"""Two recognisers' texts: what counts as the same, and how far the rest is apart."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.learning.comparison import canonical, compare
from wyoming_server.pipeline.types import Continuation, GrammarMatch

TEXTS = st.text(st.sampled_from("ab c1205.,%°-'éß今天บ้าน"), max_size=30)
LANGUAGES = st.sampled_from(["en", "de", "es", "fr", "nl", "zh", "th", "xx", "", "pt-BR"])


def match(intent: str | None, **slots: str | float) -> GrammarMatch:
    return GrammarMatch(continuation=Continuation.NONE, intent=intent, slots=slots)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "Set a timer for 21 minutes.", "set a timer for twenty-one minutes"),
        ("en", "Dim it to 50%", "dim it to fifty percent"),
        ("en-GB", "It’s 7:30.", "it's seven thirty"),
        ("en", "1,200 watts", "one thousand two hundred watts"),
        ("en", "1,200.50", "one thousand two hundred point five zero"),
        ("en", "on 22.11.2026", "on twenty-two eleven two thousand twenty-six"),
        ("en", "21.5°", "twenty one point five degrees"),
        ("en", "1.234", "one point two three four"),
        ("en", "OK, the TV", "okay the television"),
        ("en", "code 0042", "code zero zero four two"),
        ("de", "Stelle es auf 21,5 °C", "stelle es auf einundzwanzig Komma fünf Grad"),
        ("de", "1.200 Watt", "eintausendzweihundert Watt"),
        ("de", "eine Lampe", "1 Lampe"),
        ("de", "100", "hundert"),
        ("es", "21 luces", "veintiuna luces"),
        ("es", "al 50 %", "al cincuenta por ciento"),
        ("fr", "à 80 %", "à quatre-vingts pour cent"),
        ("nl", "1 lamp", "één lamp"),
        ("zh", "21度", "二十一度"),
        ("th", "๒๑", "21"),
    ],
)
def test_what_is_said_alike_is_the_same(language: str, one: str, other: str) -> None:
    assert canonical(one, language) == canonical(other, language)
    assert compare(one, other, language).exact


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "fifteen", "50"),
        ("en", "turn it on", "turn it off"),
        ("hi", "की", "क"),  # a vowel sign is all that tells them apart
        ("th", "ปี", "ป"),
        ("fr", "peche", "pêche"),
    ],
)
def test_what_is_said_differently_stays_so(language: str, one: str, other: str) -> None:
    assert not compare(one, other, language).exact


def test_edits_are_counted_in_tokens_and_characters_of_the_lanes_text() -> None:
    found = compare("turn on a kitten light", "turn on the kitchen light", "en")
    assert (found.token_edits, found.tokens) == (2, 5)
    assert (found.character_edits, found.characters) == (5, 21)
    assert not found.exact


@pytest.mark.parametrize("language", ["zh", "ja", "th", "lo", "my", "km", "zh-TW"])
def test_languages_without_spaces_are_counted_in_characters(language: str) -> None:
    found = compare("打开 客厅的灯", "打开餐厅的灯", language)
    assert (found.token_edits, found.tokens) == (found.character_edits, found.characters) == (1, 6)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (match("HassTurnOn", name="Kitchen light"), match("HassTurnOn", name="kitchen light."), True),
        (match("HassLightSet", brightness=50), match("HassLightSet", brightness="50"), True),
        (match("HassTurnOn", name="lamp"), match("HassTurnOff", name="lamp"), False),
        (match("HassTurnOn", name="lamp"), match("HassTurnOn", name="fan"), False),
        (match("HassTurnOn", name="lamp"), match("HassTurnOn", name="lamp", area="hall"), False),
        (match(None), match(None), False),
        (match("HassTurnOn"), match(None), False),
        (None, None, False),
    ],
)
def test_the_same_intent_with_the_same_slots_agrees_whatever_the_words(
    one: GrammarMatch | None, other: GrammarMatch | None, same: bool
) -> None:
    assert compare("light on", "please turn on the light", "en", one, other).same_intent is same


@settings(deadline=None, max_examples=80)
@given(TEXTS, TEXTS, LANGUAGES)
def test_the_labels_are_nested(one: str, other: str, language: str) -> None:
    found = compare(one, other, language)
    assert found.exact <= found.same_intent
    assert found.exact == (found.token_edits == 0) or found.character_edits == 0
    assert found.exact <= (found.character_edits == 0)
    assert found.token_edits <= max(found.tokens, len(canonical(one, language)))


@settings(deadline=None, max_examples=80)
@given(TEXTS, LANGUAGES)
def test_a_text_agrees_with_itself_and_is_normalised_once(text: str, language: str) -> None:
    assert compare(text, text, language).exact
    assert canonical(canonical(text, language), language) == canonical(text, language)


def test_a_very_long_text_is_compared_by_its_beginning() -> None:
    found = compare("9" * 100_000, "word " * 100_000, "en")
    assert found.tokens == 400
