"""What a home says of itself that matters: its names and sentences make a command critical, unless it closes."""

import asyncio
from collections.abc import Iterator

import pytest

from wyoming_server.engines.class_vocabulary import class_words, shipped_languages
from wyoming_server.engines.grammar_hassil import HassilGrammar
from wyoming_server.pipeline.classify import classify
from wyoming_server.pipeline.critical import critical_of
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.policy import Workload

SAID = (
    "Main entrance",
    "Let the postman in",
    "Movie night",
    "House alarm",
    "Kitchen light show",
    "open sesame",
    "it is * o'clock somewhere",
    "后院",
    "*",
    "a",
)
HOME = Vocabulary(names=["Main entrance", "Movie night", "Kitchen light", "Main entrance light"], critical=SAID)


@pytest.fixture(scope="module")
def grammar() -> Iterator[HassilGrammar]:
    engine = HassilGrammar()
    yield engine
    asyncio.run(engine.aclose())


async def workload(grammar: HassilGrammar, text: str, language: str = "en") -> Workload:
    match = await grammar.match(text, language, HOME)
    return classify(
        text,
        match,
        language=language,
        speech_seconds=2.0,
        words=class_words(language),
        critical=critical_of(tuple(HOME.critical)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "Turn on movie night.",
        "Activate movie night",
        "movie nigt please",
        "let the postman in",
        "Open the main entrance.",
        "Turn on main entrance",
        "toggle the main entrence",
        "Open sesame!",
        "please open sesame",
        "It is five o'clock somewhere.",
        "Turn off the house alarm.",
        "run kitchen light show",
    ],
)
async def test_a_command_for_such_a_name_matters(grammar: HassilGrammar, text: str) -> None:
    got = await workload(grammar, text)
    assert got.critical, got
    assert not got.can_wait


@pytest.mark.parametrize(
    "text",
    [
        "Lock the main entrance.",
        "Close the main entrance.",
        "Arm the house alarm.",
        "Turn on the kitchen light.",
        "Turn on the main entrance light.",
        "Is the main entrance open?",
        "What is on movie night?",
        "Add movie night to the shopping list.",
        "turn it on",
    ],
)
async def test_what_closes_asks_or_is_about_something_else_does_not(grammar: HassilGrammar, text: str) -> None:
    got = await workload(grammar, text)
    assert not got.critical, got


async def test_a_sentence_matters_whatever_kind_it_seems_to_be(grammar: HassilGrammar) -> None:
    for text in ("remember to let him in", "what a wonderful world", "set a timer for the gate"):
        match = await grammar.match(text, "en", Vocabulary())
        plain = classify(text, match, language="en", speech_seconds=2.0, words=class_words("en"))
        told = classify(
            text, match, language="en", speech_seconds=2.0, words=class_words("en"), critical=critical_of((text,))
        )
        assert (plain.critical, told.critical) == (False, True), text
        assert told.kind is plain.kind
        assert told.waits is None


async def test_such_a_sentence_matters_behind_a_no_as_well(grammar: HassilGrammar) -> None:
    text = "Light up the hall and the stairs and then let the postman in"
    told = critical_of((text,))
    for said, matters in ((f"No, {text}", True), (f"yes please. {text}", True), (f"they {text}", False)):
        match = await grammar.match(said, "en", Vocabulary())
        got = classify(said, match, language="en", speech_seconds=2.0, words=class_words("en"), critical=told)
        assert got.critical is matters, said


async def test_names_are_found_where_nothing_divides_words(grammar: HassilGrammar) -> None:
    assert (await workload(grammar, "打开后院", "zh")).critical
    assert not (await workload(grammar, "关上后院", "zh")).critical
    assert not (await workload(grammar, "打开厨房的灯", "zh")).critical


@pytest.mark.parametrize("language", shipped_languages())
async def test_yes_and_no_are_answers_and_commands_are_none(grammar: HassilGrammar, language: str) -> None:
    words = class_words(language)
    for said in words.answers.said:
        assert (await workload(grammar, f"{said}.", language)).is_answer, said
    joined = ("" if language == "zh" else ", ").join(words.answers.said[:2])
    assert words.answers.are_all_of(joined.replace(",", ""))
    assert not (await workload(grammar, "Movie night", language)).is_answer
    assert not words.answers.are_all_of("")


def test_a_language_without_words_takes_what_is_short_for_an_answer() -> None:
    nothing = class_words("xx").answers
    assert nothing.are_all_of("ja tak")
    assert not nothing.are_all_of("a b c d")
    assert not nothing.are_all_of("")


def test_what_says_nothing_by_itself_matters_to_nobody() -> None:
    assert critical_of(("*", "a", "", "…")).said == ()
    assert critical_of(("Front door", "front door!", "FRONT  DOOR")).said == ("front door",)


def test_two_thousand_names_are_looked_for_in_a_moment() -> None:
    many = critical_of(tuple(f"door number {number} of the long hall" for number in range(2000)))
    assert many.named_in("please open door number 1234 of the long hall") == "door number 1234 of the long hall"
    assert many.named_in("turn on the kitchen light") == ""
