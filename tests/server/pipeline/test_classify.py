"""What is asked for, and what would cost: real sentences through the real grammar."""

import asyncio
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.engines.class_vocabulary import class_words, shipped_languages
from wyoming_server.engines.grammar_hassil import HassilGrammar
from wyoming_server.pipeline.classify import (
    DICTATION_SECONDS,
    INTENT_GROUPS,
    NO_WORDS,
    Phrases,
    classify,
    expected_kind,
)
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.policy import WaitKind, Workload, WorkloadClass
from wyoming_server.pipeline.types import Continuation, GrammarMatch
from wyoming_server.pipeline.wording import bare

COMMAND, LIST, QUESTION, DICTATION = WorkloadClass
UNMATCHED = GrammarMatch(continuation=Continuation.EXPECTED)
UNKNOWN_HOME = Vocabulary()
HOME = Vocabulary(
    names=["Front door", "Garage", "Gate lamp", "Main entrance", "Alarm", "Wohnungstür", "drzwi", "Kitchen light"],
    areas=["Kitchen", "Garage"],
)


@pytest.fixture(scope="module")
def grammar() -> Iterator[HassilGrammar]:
    engine = HassilGrammar()
    yield engine
    asyncio.run(engine.aclose())


async def workload(
    grammar: HassilGrammar, text: str, language: str = "en", home: Vocabulary = UNKNOWN_HOME, seconds: float = 2.0
) -> Workload:
    match = await grammar.match(text, language, home)
    return classify(text, match, language=language, speech_seconds=seconds, words=class_words(language))


def sentences() -> list[dict[str, str]]:
    with Path(__file__).with_name("classes.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_each_language_s_sentences_have_their_class_and_criticality(grammar: HassilGrammar) -> None:
    wrong = []
    for row in sentences():
        got = await workload(grammar, row["text"], row["language"])
        if (got.kind.value, got.critical) != (row["kind"], row["critical"] == "yes"):
            wrong.append(f"{row['language']}: {row['text']} → {got}")
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "language", "critical"),
    [
        ("Unlock the main entrance.", "en", True),
        ("Lock the main entrance.", "en", False),
        ("Open the garage.", "en", True),
        ("Close the garage.", "en", False),
        ("Turn on the garage.", "en", True),
        ("Turn off the garage light.", "en", False),
        ("Turn off the gate lamp.", "en", False),
        ("Turn off the alarm.", "en", True),
        ("Turn on the alarm.", "en", False),
        ("Turn on the kitchen light.", "en", False),
        ("Is the front door open?", "en", False),
        ("Unlock the front door in five minutes.", "en", True),
        ("Lock the front door in five minutes.", "en", False),
        ("Wohnungstür aufschließen", "de", True),
        ("Wohnungstür abschließen", "de", False),
    ],
)
async def test_the_home_s_own_names_are_judged(
    grammar: HassilGrammar, text: str, language: str, critical: bool
) -> None:
    assert (await workload(grammar, text, language, HOME)).critical is critical


@pytest.mark.parametrize("language", ["nb", "da", "cs"])
async def test_unlocking_is_critical_in_languages_without_words_of_ours(grammar: HassilGrammar, language: str) -> None:
    text, other = {
        "nb": ("lås opp drzwi", "lås drzwi"),
        "da": ("lås drzwi op", "lås drzwi"),
        "cs": ("odemkni drzwi", "zamkni drzwi"),
    }[language]
    assert language not in shipped_languages()
    assert (await workload(grammar, text, language, HOME)).critical
    assert not (await workload(grammar, other, language, HOME)).critical


@pytest.mark.parametrize(
    ("text", "can_wait"),
    [
        ("Add milk to the shopping list.", True),
        ("remind me to call the plumber", True),
        ("Set a timer for ten minutes.", False),
        ("Set an alarm for 7.", False),
        ("Announce dinner is ready.", False),
        ("Turn on the lights.", False),
        ("who wrote the odyssey", False),
    ],
)
async def test_only_what_is_as_good_an_hour_later_can_wait(grammar: HassilGrammar, text: str, can_wait: bool) -> None:
    assert (await workload(grammar, text)).can_wait is can_wait


def test_what_can_wait_is_a_list_or_note_and_an_item_that_opens_a_door_does_not() -> None:
    for group in INTENT_GROUPS:
        assert group.waits is None or group.kind is LIST
    add = GrammarMatch(continuation=Continuation.NONE, intent="HassListAddItem", slots={"item": "unlock the door"})
    assert classify("add unlock the door", add, language="en", speech_seconds=2.0, words=class_words("en")) == Workload(
        kind=LIST,
        is_known=True,
        reason="it is written down; it does not wait: it may open a door, gate, window or lock",
    )


@pytest.mark.parametrize(
    ("text", "language", "critical"),
    [
        ("Add milk to the shopping list and unlock the front door.", "en", True),
        ("take a note. Disarm the alarm!", "en", True),
        ("Setze Milch auf die Liste und öffne die Haustür", "de", True),
        ("dodaj mleko do listy i otwórz drzwi", "pl", True),
        ("把牛奶加到购物清单然后打开前门", "zh", True),
        ("Remind me to unlock the door on Sunday.", "en", False),
        ("Add a new lock for the garden gate to the shopping list.", "en", False),
    ],
)
async def test_what_opens_something_besides_matters_and_is_not_kept_for_an_agent(
    grammar: HassilGrammar, text: str, language: str, critical: bool
) -> None:
    got = await workload(grammar, text, language)
    assert (got.kind, got.critical) == (LIST, critical)
    assert got.can_wait is ("unlock" not in text and not critical)


@pytest.mark.parametrize(
    ("text", "language", "waits"),
    [
        ("Add milk to the shopping list.", "en", WaitKind.LIST),
        ("please remind me to call the plumber", "en", WaitKind.REMINDER),
        ("take a note the boiler leaks", "en", WaitKind.NOTE),
        ("Erinnere mich an den Klempner", "de", WaitKind.REMINDER),
        ("Notiere die Heizung tropft", "de", WaitKind.NOTE),
        ("rappelle-moi de sortir les poubelles", "fr", WaitKind.REMINDER),
        ("turn on the kitchen light", "en", None),
    ],
)
async def test_lists_notes_and_reminders_are_told_apart(
    grammar: HassilGrammar, text: str, language: str, waits: WaitKind | None
) -> None:
    assert (await workload(grammar, text, language)).waits is waits


@pytest.mark.parametrize(
    ("intent", "kind", "can_wait"),
    [
        ("HassListMoveItem", LIST, True),
        ("HassShoppingListClear", LIST, True),
        ("HassRenameTimer", LIST, False),
        ("HassTodoPostpone", LIST, True),
        ("HassGetAirQuality", COMMAND, False),
        ("HassBlowBubbles", COMMAND, False),
        ("MyOwnSentence", COMMAND, False),
    ],
)
def test_intents_that_are_not_there_yet_are_told_by_their_names(
    intent: str, kind: WorkloadClass, can_wait: bool
) -> None:
    match = GrammarMatch(continuation=Continuation.NONE, intent=intent)
    got = classify("anything", match, language="en", speech_seconds=1.0)
    assert (got.kind, got.can_wait) == (kind, can_wait)


@pytest.mark.parametrize(
    ("intent", "slots", "critical"),
    [
        ("HassTurnOff", {"domain": "lock"}, True),
        ("HassTurnOn", {"domain": "lock"}, False),
        ("HassTurnOff", {"domain": "alarm_control_panel", "name": "x"}, True),
        ("HassTurnOn", {"domain": "cover", "device_class": "garage"}, True),
        ("HassTurnOff", {"domain": "cover", "device_class": "garage"}, False),
        ("HassSetPosition", {"domain": "cover", "device_class": "gate", "position": 40.0}, True),
        ("HassSetPosition", {"domain": "cover", "device_class": "gate", "position": 0.0}, False),
        ("HassTurnOn", {"domain": "cover", "device_class": "blind"}, False),
        ("HassTurnOff", {"domain": "light", "floor": "upstairs"}, True),
        ("HassTurnOff", {"domain": "light", "area": "kitchen"}, False),
        ("HassTurnOff", {"domain": "cover", "floor": "upstairs"}, False),
        ("HassGetState", {"domain": "lock"}, False),
    ],
)
def test_slots_alone_decide_where_there_are_no_words(
    intent: str, slots: dict[str, str | float], critical: bool
) -> None:
    match = GrammarMatch(continuation=Continuation.NONE, intent=intent, slots=slots)
    got = classify("…", match, language="xx", speech_seconds=1.0, words=NO_WORDS)
    assert got.critical is critical
    assert got.reason


def test_long_speech_is_expected_to_be_dictation_and_short_speech_a_command() -> None:
    assert expected_kind(2.0) is COMMAND
    assert expected_kind(DICTATION_SECONDS) is DICTATION


def test_long_speech_outside_the_grammar_is_dictation_and_within_it_stays_what_it_is() -> None:
    known = GrammarMatch(continuation=Continuation.NONE, intent="HassTurnOn")
    assert classify("so I said", UNMATCHED, language="en", speech_seconds=9.0).kind is DICTATION
    assert classify("turn it on", known, language="en", speech_seconds=9.0).kind is COMMAND


def test_languages_without_spaces_are_counted_by_characters() -> None:
    text = "今天我们去海边玩了一整天孩子们都非常高兴晚上我们在一家小饭馆吃了鱼然后慢慢走回家路上看见了很多星星"
    assert classify(text, UNMATCHED, language="zh-CN", speech_seconds=5.0).kind is DICTATION
    assert classify(text[:8], UNMATCHED, language="zh-CN", speech_seconds=2.0).kind is COMMAND


def test_a_phrase_is_its_words_in_order_with_a_few_others_between() -> None:
    phrases = Phrases(("turn off", "*tür", "abr*"))
    assert phrases.within("turn the alarm in the hall off")
    assert phrases.within("die haustür")
    assert phrases.within("abrir la puerta")
    assert not phrases.within("off we turn")
    assert not phrases.within("turn one two three four five six off")
    assert not phrases.within("türen")
    assert not Phrases().within("")


@pytest.mark.parametrize("one", ["dor", "doors", "boor", "door"])
def test_a_word_one_edit_away_is_nearly_it(one: str) -> None:
    assert Phrases(("door",)).nearly(f"the {one}")
    assert not Phrases(("door",)).nearly("the dog floors")


@pytest.mark.parametrize("language", shipped_languages())
def test_every_shipped_file_is_all_phrases(language: str) -> None:
    words = class_words(language)
    entries, alarms = words.guarded
    assert words.requests.said or language == "zh"  # what is put before a command there is written with it
    assert words.answers.said
    lists = (words.questions, words.lists, words.timers, words.dictation, words.alone, words.everything)
    for phrases in (*lists, words.harmless, entries.things, entries.opening, entries.closing, alarms.opening):
        assert phrases.said
        assert all(
            isinstance(one, str) and bare(one.replace("*", "x")) for one in phrases.said
        )  # YAML reads no as false
    assert class_words(f"{language}-XX") is words


def test_a_language_without_a_file_has_no_words() -> None:
    assert class_words("xx") is NO_WORDS


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300), seconds=st.floats(0.0, 60.0), language=st.sampled_from(["en", "de", "zh", "xx"]))
def test_any_text_has_a_class_and_a_reason(text: str, seconds: float, language: str) -> None:
    got = classify(text, UNMATCHED, language=language, speech_seconds=seconds, words=class_words(language))
    assert got.reason
    assert not (got.critical and got.can_wait)


def test_classifying_is_quick_even_for_long_text() -> None:
    words = class_words("en")
    texts = [row["text"] for row in sentences() if row["language"] == "en"]
    took = []
    for text in texts * 5:
        start = time.perf_counter()
        classify(text, UNMATCHED, language="en", speech_seconds=2.0, words=words)
        took.append(time.perf_counter() - start)
    took.sort()
    start = time.perf_counter()
    classify("open the door and lock " * 5000, UNMATCHED, language="en", speech_seconds=2.0, words=words)
    long = time.perf_counter() - start
    median, high = took[len(took) // 2], took[int(0.99 * len(took))]
    print(f"classify: median {1e6 * median:.0f} µs, p99 {1e6 * high:.0f} µs; 115,000 characters {1e3 * long:.1f} ms")
    # Only the first 2,000 characters are read: time does not grow with the text beyond them.
    assert long < 2000 * median
