import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from home_assistant_intents import get_languages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wyoming_server.engines.grammar_hassil import HassilGrammar
from wyoming_server.engines.grammar_templates import read_templates
from wyoming_server.engines.grammar_vocabulary import packaged_vocabulary
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.types import Continuation

NONE, POSSIBLE, EXPECTED = Continuation.NONE, Continuation.POSSIBLE, Continuation.EXPECTED
UNKNOWN_HOME = Vocabulary()
HOME = Vocabulary(
    names=["Kitchen light", "Kitchen light strip", "Floor lamp", "Lamp", "lamp", "Front door", "Zorgon", "Movie night"],
    areas=["Kitchen", "Living room", "Den"],
    floors=["Upstairs"],
)


@pytest.fixture(scope="module")
def grammar() -> Iterator[HassilGrammar]:
    engine = HassilGrammar()
    yield engine
    asyncio.run(engine.aclose())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Turn on the kitchen light.", NONE),
        ("Turn on the lights.", POSSIBLE),
        ("turn on the floor lamp", POSSIBLE),
        ("Turn on the", EXPECTED),
        ("Turn on the kitchen", EXPECTED),
        ("Set the kitchen light to fifty", POSSIBLE),
        ("Set the kitchen light to 50%.", NONE),
        ("Set the kitchen light to fifty percent.", NONE),
        ("Set a timer for ten", EXPECTED),
        ("Set a timer for ten minutes.", NONE),
        ("Set a timer for 10 minutes.", NONE),
        ("Set a timer for one minute.", POSSIBLE),
        ("Set a timer for an hour and", EXPECTED),
        ("What time is it?", NONE),
        ("Add milk", EXPECTED),
        ("Add milk to the", EXPECTED),
        ("Add milk to the shopping list.", NONE),
        ("Is the front door", EXPECTED),
        ("Is the front door locked?", NONE),
        ("Turn off the kitchen light in five minutes.", NONE),
        ("Turn off the in five minutes.", EXPECTED),
        ("Stop.", NONE),
        ("Never mind!", NONE),
        ("Cancel", POSSIBLE),
        ("Toggle the bathroom fan", NONE),
        ("Who wrote the Odyssey?", EXPECTED),
        ("", EXPECTED),
        (" ?! ", EXPECTED),
        ("turn on " * 200, EXPECTED),
    ],
)
async def test_a_hub_that_knows_no_names_knows_common_sentences(
    grammar: HassilGrammar, text: str, expected: Continuation
) -> None:
    assert (await grammar.match(text, "en", UNKNOWN_HOME)).continuation is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Turn on the floor lamp.", NONE),  # the only one
        ("Turn on the lamp.", POSSIBLE),  # two of them
        ("Turn on the lamp in the den.", NONE),
        ("Turn on the kitchen light.", POSSIBLE),  # a strip has a longer name
        ("Turn on the kitchen light strip.", NONE),
        ("Turn on the zorgon.", NONE),  # a name that tells no domain
        ("Unlock the zorgon.", NONE),
        ("Turn on the heater.", EXPECTED),  # none here
    ],
)
async def test_a_home_that_gave_names_has_those_and_no_others(
    grammar: HassilGrammar, text: str, expected: Continuation
) -> None:
    assert (await grammar.match(text, "en", HOME)).continuation is expected


async def test_intent_and_slots_are_told(grammar: HassilGrammar) -> None:
    match = await grammar.match("Set the floor lamp to 30%.", "en", HOME)
    assert match.intent == "HassLightSet"
    assert match.slots == {"name": "floor lamp", "brightness": 30}


async def test_an_assumed_area_is_no_slot(grammar: HassilGrammar) -> None:
    match = await grammar.match("Turn on the lights.", "en", HOME)
    assert match.intent == "HassTurnOn"
    assert match.slots == {"domain": "light"}


async def test_a_closed_phrase_that_is_no_command_has_no_intent(grammar: HassilGrammar) -> None:
    match = await grammar.match("Thank you.", "en", HOME)
    assert (match.continuation, match.intent) == (NONE, None)


@pytest.mark.parametrize(
    ("language", "text", "areas"),
    [
        ("de", "Schalte das Licht in der Küche ein.", ()),
        ("de_AT", "Schalte das Licht in der Küche ein.", ()),
        ("es", "Enciende la luz de la cocina.", ()),
        ("fr", "Allume la lumière de la cuisine.", ()),
        ("nl", "Doe het licht in de keuken aan.", ()),
        ("it", "Accendi la luce in cucina", ("cucina",)),
        ("en-GB", "Turn on the kitchen light.", ()),
    ],
)
async def test_other_languages_are_known(
    grammar: HassilGrammar, language: str, text: str, areas: tuple[str, ...]
) -> None:
    match = await grammar.match(text, language, Vocabulary(areas=areas))
    assert match.intent == "HassTurnOn"
    assert match.continuation is not EXPECTED


@pytest.mark.parametrize("language", ["xx", "", "tlh-Latn", "../en", "e" * 999])
async def test_an_unknown_language_expects_more(grammar: HassilGrammar, language: str) -> None:
    assert (await grammar.match("turn on the light", language, HOME)).continuation is EXPECTED
    await grammar.warm(language)


async def test_languages_of_other_scripts_and_without_number_rules_load_and_answer() -> None:
    engine = HassilGrammar()
    assert engine.languages == tuple(get_languages())
    for language in ("ar", "ja", "th", "zh-TW", "sr-Latn", "hi", "no"):
        assert (await engine.match("xyzzy 50%", language, HOME)).continuation is EXPECTED
    await engine.aclose()


@pytest.mark.parametrize(
    "name", ["[lamp", "{lamp}", "(lamp|", "<lamp>", "a|b", "lamp\\", "lamp:x", "{name}", "@x", "\x00"]
)
async def test_template_characters_in_names_are_literal(grammar: HassilGrammar, name: str) -> None:
    home = Vocabulary(names=[name], areas=[name], floors=[name])
    assert (await grammar.match("turn on the", "en", home)).continuation is EXPECTED
    assert (await grammar.match("turn on the hoover", "en", home)).continuation is EXPECTED


async def test_a_name_with_brackets_is_heard_without_them(grammar: HassilGrammar) -> None:
    home = Vocabulary(names=["[Desk] {lamp}"])
    assert (await grammar.match("Turn on the desk lamp.", "en", home)).slots["name"] == "desk lamp"


WORDS = st.sampled_from(
    ["turn", "on", "off", "the", "kitchen", "light", "set", "to", "50%", "fifty", "timer", "for", "in", "a", "minutes",
     "add", "list", "please", "[", "{", "|", "zorgon", "and", "5"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=12).map(" ".join))
NAMES = st.lists(st.one_of(st.text(max_size=12), WORDS), max_size=5)
SYNCHRONOUS = HassilGrammar(cached_texts=0)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(text=TEXTS, names=NAMES, areas=NAMES, language=st.sampled_from(["en", "de", "fr", "ja", "zh-CN", "xx"]))
async def test_no_text_and_no_vocabulary_makes_it_fail(
    text: str, names: list[str], areas: list[str], language: str
) -> None:
    home = Vocabulary(names=names, areas=areas, floors=areas)
    match = await SYNCHRONOUS.match(text, language, home)
    assert match.continuation is not POSSIBLE or match.intent is not None or language != "xx"


@FEW
@given(text=TEXTS)
async def test_case_and_final_punctuation_change_nothing(text: str) -> None:
    plain = await SYNCHRONOUS.match(text.lower(), "en", HOME)
    assert (await SYNCHRONOUS.match(f" {text.lower()}. ", "en", HOME)).continuation is plain.continuation


async def test_many_at_once_keep_their_order(grammar: HassilGrammar) -> None:
    texts = ["Turn on the lights.", "Turn on the", "Stop.", "What time is it?", "Set a timer for ten"] * 20
    done: list[int] = []

    async def one(index: int, text: str) -> Continuation:
        match = await grammar.match(text, "en", UNKNOWN_HOME)
        done.append(index)
        return match.continuation

    found = await asyncio.gather(*(one(index, text) for index, text in enumerate(texts)))
    assert done == list(range(len(texts)))
    assert found == [POSSIBLE, EXPECTED, NONE, NONE, EXPECTED] * 20


async def test_the_event_loop_runs_on_while_a_language_loads() -> None:
    read_templates.cache_clear()
    engine = HassilGrammar()
    ticks = 0
    loading = asyncio.ensure_future(engine.match("turn on the light", "en", Vocabulary(names=["light"])))
    while not loading.done():
        ticks += 1
        await asyncio.sleep(0)
    assert ticks > 1
    await engine.aclose()


async def test_a_closed_engine_refuses() -> None:
    engine = HassilGrammar()
    await engine.aclose()
    with pytest.raises(RuntimeError):
        await engine.match("stop", "en", HOME)


async def test_few_beginnings_are_taken_for_whole_sentences(grammar: HassilGrammar) -> None:
    with (Path(__file__).parent / "sentences.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file) if row["language"] == "en"]
    beginnings = [" ".join(text.split()[:count]) for text in texts for count in range(1, len(text.split()))]
    whole = [(await grammar.match(text, "en", UNKNOWN_HOME)).continuation for text in texts]
    begun = [(await grammar.match(text, "en", UNKNOWN_HOME)).continuation for text in beginnings]
    assert begun.count(NONE) / len(begun) <= 0.02
    assert (len(whole) - whole.count(EXPECTED)) / len(whole) >= 0.8


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "nl"])
def test_packaged_vocabularies_are_whole(language: str) -> None:
    packaged = packaged_vocabulary(language)
    assert packaged.areas
    assert packaged.floors
    assert packaged.closed
    assert packaged.singles <= packaged.devices.keys()
    assert not packaged.closed & packaged.complete
