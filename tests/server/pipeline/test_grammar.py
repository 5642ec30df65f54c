import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.pipeline.grammar import Onward, Reading, Vocabulary, continuation
from wyoming_server.pipeline.types import Continuation
from wyoming_server.pipeline.wording import normalise, plain

NONE, POSSIBLE = Continuation.NONE, Continuation.POSSIBLE


@pytest.mark.parametrize(
    ("heard", "bare"),
    [
        ("Turn on the kitchen light.", "turn on the kitchen light"),
        (" Set it to 50%! ", "set it to 50 percent"),
        ("What’s the time?", "what's the time"),
        ("'quoted' words'", "quoted words"),
        ("Rock-n-roll, please", "rock n roll please"),
        ("21.5 degrees", "21.5 degrees"),
        ("At 7:30.", "at 7 30"),
        ("Straße", "strasse"),
        ("ﬁve", "five"),
        ("।नमस्ते।", "नमस्ते"),
        ("เปิดไฟที่ครัว", "เปิดไฟที่ครัว"),
        ("打開燈。", "打開燈"),
        ("?!…", ""),
        ("", ""),
    ],
)
def test_a_transcript_becomes_bare_words(heard: str, bare: str) -> None:
    assert normalise(heard) == bare


@given(st.text())
def test_bare_words_are_single_spaced_and_stay_as_they_are(text: str) -> None:
    bare = plain(text)
    assert bare == " ".join(bare.split())
    assert plain(bare) == bare


@given(st.text(alphabet="abc äéñ'.,!?-%[]{}()|<>:;\n\t"))
def test_no_template_syntax_survives(text: str) -> None:
    assert not set(normalise(text)) & set("[]{}()|<>:;!?-%\n\t")


def test_a_vocabulary_of_lists_is_hashable_and_equal_by_value() -> None:
    assert hash(Vocabulary(names=["lamp"])) == hash(Vocabulary(names=("lamp",)))
    assert Vocabulary(areas=["den"]) == Vocabulary(areas=("den",))


LIGHT_IN_KITCHEN = Reading(intent="HassTurnOn", slots={"area": "kitchen", "domain": "light"})
LAMP = Reading(intent="HassTurnOn", slots={"name": "floor lamp"})
ONLY_LAMP = Reading(intent="HassTurnOn", slots={"name": "floor lamp"}, is_specific=True)
IN_AREA = Onward(intent="HassTurnOn", slots=frozenset({"name", "area"}))


def test_a_sentence_that_leads_nowhere_is_closed() -> None:
    assert continuation(LAMP, []) is NONE


@pytest.mark.parametrize("flag", ["lacks_area", "is_bare", "is_open", "ends_in_number"])
def test_a_sentence_that_is_unsure_by_itself_may_go_on(flag: str) -> None:
    assert continuation(Reading(intent="HassTurnOn", **{flag: True}), []) is POSSIBLE


def test_an_area_is_waited_for_unless_the_place_is_known() -> None:
    assert continuation(LAMP, [IN_AREA]) is POSSIBLE
    assert continuation(ONLY_LAMP, [IN_AREA]) is NONE
    assert continuation(LIGHT_IN_KITCHEN, [IN_AREA]) is NONE


def test_words_that_change_nothing_are_not_waited_for() -> None:
    assert continuation(LAMP, [Onward(intent="HassTurnOn", slots=frozenset({"name"}))]) is NONE


def test_a_longer_name_is_waited_for() -> None:
    assert (
        continuation(ONLY_LAMP, [Onward(intent="HassTurnOn", slots=frozenset({"name"}), grows_value=True)]) is POSSIBLE
    )


def test_another_intent_is_waited_for_when_it_adds_a_value() -> None:
    position = Onward(intent="HassSetPosition", slots=frozenset({"name", "position"}))
    assert continuation(ONLY_LAMP, [position]) is POSSIBLE


def test_another_intent_behind_free_text_is_not_waited_for() -> None:
    play = Onward(intent="HassMediaSearchAndPlay", slots=frozenset({"search_query"}), has_free_text=True)
    assert continuation(ONLY_LAMP, [play]) is NONE


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({"minutes": 10}, NONE),
        ({"minutes": 1}, POSSIBLE),
        ({"hours": 1}, POSSIBLE),
        ({"seconds": 30}, NONE),
        ({"hours": 1, "minutes": 30}, NONE),
    ],
)
def test_a_small_duration_may_get_a_smaller_unit(slots: dict[str, float], expected: Continuation) -> None:
    longer = Onward(intent="HassStartTimer", slots=frozenset({"hours", "minutes", "seconds", "name"}))
    assert continuation(Reading(intent="HassStartTimer", slots=slots), [longer]) is expected
