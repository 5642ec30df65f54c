"""Sessions: what is said again, put right, taken back or given up, and what that says about the turn before."""

import json
import wave
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.errors import SnapshotError
from wyoming_server.learning.audio_print import AudioPrint, audio_print, similarity
from wyoming_server.learning.corrections import is_correction, languages
from wyoming_server.learning.follow_up import SIMILAR_AUDIO
from wyoming_server.learning.session_counts import MAX_LANGUAGES, WINDOW, SessionCounts
from wyoming_server.learning.sessions import (
    MAX_CLOSED,
    MAX_OPEN,
    ClosedTurn,
    FinishedTurn,
    Sessions,
    SessionSettings,
    Signal,
)
from wyoming_server.pipeline.policy import FIRST_TRY, Caller
from wyoming_server.pipeline.types import Continuation, GrammarMatch, Samples

ROOT = Path(__file__).parents[3]
FOLDERS = (
    ROOT / "wyoming_server" / "recordings",
    ROOT / "tests" / "audio" / "commands",
    ROOT / "tests" / "audio" / "commands" / "pauses",
)
KITCHEN = Caller(trusted=True, session="s1", satellite="kitchen")
HALL = Caller(trusted=True, session="s2", satellite="hall")
TIMER = "Set a timer for ten minutes."


def match(intent: str | None, **slots: str | float) -> GrammarMatch:
    return GrammarMatch(continuation=Continuation.NONE, intent=intent, slots=slots)


def turn(
    text: str,
    ended_s: float,
    *,
    turn_id: str = "first",
    caller: Caller = KITCHEN,
    language: str = "en",
    found: GrammarMatch | None = None,
    audio: AudioPrint | None = None,
    failed: bool = False,
    no_intent: bool = False,
    lasted: float = 2.0,
) -> FinishedTurn:
    return FinishedTurn(
        turn_id=turn_id,
        caller=caller,
        language=language,
        began_s=ended_s - lasted,
        ended_s=ended_s,
        text=text,
        match=found,
        audio=audio,
        failed=failed,
        no_intent=no_intent,
    )


def after(*turns: FinishedTurn) -> Sessions:
    sessions = Sessions()
    for one in turns:
        sessions.ended(one)
    return sessions


def verdict(*turns: FinishedTurn) -> ClosedTurn:
    """Return what became of the first of some turns."""
    sessions = after(*turns)
    return next(one for one in sessions.closed(1e9) if one.turn_id == "first")


@pytest.mark.parametrize(("began_s", "retries"), [(100.0, 1), (114.9, 1), (115.0, 1), (115.1, 0), (99.0, 1), (97.0, 0)])
def test_similar_text_within_15_seconds_of_a_turns_end_is_a_retry(began_s: float, retries: int) -> None:
    """Whoever repeats while the answer is being written repeats, too; a turn before the last is no retry of it."""
    sessions = after(turn(TIMER, 100.0))
    assert sessions.history(KITCHEN, "set a timer for 10 minutes", None, began_s).retries == retries


@pytest.mark.parametrize(
    ("text", "retries"),
    [(TIMER, 1), ("Set the timer to ten minutes", 1), ("what's the weather tomorrow", 0), ("ten", 0)],
)
def test_a_retry_has_similar_text(text: str, retries: int) -> None:
    assert after(turn(TIMER, 100.0)).history(KITCHEN, text, None, 105.0).retries == retries


def test_asking_changes_nothing() -> None:
    sessions = after(turn(TIMER, 100.0))
    first = [sessions.history(KITCHEN, TIMER, None, 105.0) for _ in range(3)]
    assert first[0] == first[2]
    assert sessions.closed(105.0) == []


def test_retries_add_up_and_start_again_with_another_sentence() -> None:
    sessions = Sessions()
    told = []
    for index, text in enumerate([TIMER, TIMER, TIMER, "what time is it", TIMER]):
        told.append(sessions.history(KITCHEN, text, None, 10.0 * index).retries)
        sessions.ended(turn(text, 10.0 * index + 2.0, turn_id=str(index)))
    assert told == [0, 1, 2, 0, 0]
    assert [one.retries for one in sessions.closed(1e9)] == [0, 1, 2, 0, 0]


def test_another_satellite_or_session_does_not_retry() -> None:
    sessions = after(turn(TIMER, 100.0))
    same_session_elsewhere = Caller(trusted=True, session="s1", satellite="hall")
    nameless = Caller(trusted=True, session="s1")
    for caller in (HALL, same_session_elsewhere, nameless, Caller()):
        assert sessions.history(caller, TIMER, None, 105.0) == FIRST_TRY


def test_a_satellite_retries_across_sessions_and_a_nameless_caller_by_its_session() -> None:
    sessions = after(turn(TIMER, 100.0), turn(TIMER, 100.0, caller=Caller(session="10.0.0.7"), turn_id="peer"))
    assert sessions.history(Caller(session="new", satellite="kitchen"), TIMER, None, 105.0).retries == 1
    assert sessions.history(Caller(session="10.0.0.7"), TIMER, None, 105.0).retries == 1


def test_a_retry_says_that_the_turn_before_was_wrong_and_closes_it_at_once() -> None:
    sessions = after(turn(TIMER, 100.0), turn(TIMER, 108.0, turn_id="second"))
    assert sessions.closed(108.0) == [
        ClosedTurn(turn_id="first", language="en", wrong=True, signals=(Signal.RETRIED,), retries=0)
    ]
    assert sessions.closed(108.0) == []
    assert [one.wrong for one in sessions.closed(128.0)] == [False]


@pytest.mark.parametrize(("at_s", "closes"), [(115.0, False), (119.0, False), (119.1, True)])
def test_a_turn_is_fine_once_nobody_can_be_saying_it_again_any_more(at_s: float, closes: bool) -> None:
    sessions = after(turn(TIMER, 100.0))
    assert sessions.next_closing_s() == 119.0
    assert [one.wrong for one in sessions.closed(at_s)] == ([False] if closes else [])


@pytest.mark.parametrize(
    ("turns", "wrong", "signals"),
    [
        ([turn(TIMER, 100.0, no_intent=True)], True, (Signal.NO_INTENT, Signal.ABANDONED)),
        ([turn("", 100.0, failed=True)], True, (Signal.ABANDONED,)),
        ([turn("", 100.0, failed=True), turn("good night", 110.0, turn_id="x", found=None)], True, (Signal.RETRIED,)),
        ([turn("", 100.0, failed=True), turn("good night", 300.0, turn_id="x")], True, (Signal.ABANDONED,)),
        ([turn(TIMER, 100.0), turn("no, five minutes", 110.0, turn_id="x")], True, (Signal.CORRECTED,)),
        ([turn(TIMER, 100.0), turn("good night", 110.0, turn_id="x")], False, ()),
        ([turn(TIMER, 100.0, caller=Caller())], None, ()),
    ],
)
def test_what_follows_says_whether_a_turn_was_wrong(
    turns: list[FinishedTurn], wrong: bool | None, signals: tuple[Signal, ...]
) -> None:
    found = verdict(*turns)
    assert (found.wrong, found.signals) == (wrong, signals)


def test_a_session_that_goes_on_elsewhere_is_not_given_up() -> None:
    failed = turn("", 100.0, failed=True)
    elsewhere = Caller(trusted=True, session="s1", satellite="hall")
    assert verdict(failed, turn(TIMER, 110.0, caller=elsewhere, turn_id="x")).signals == ()
    assert verdict(failed, turn(TIMER, 110.0, caller=HALL, turn_id="x")).signals == (Signal.ABANDONED,)


def test_a_failed_turn_is_remembered_for_the_next() -> None:
    sessions = after(turn("", 100.0, failed=True))
    assert sessions.history(KITCHEN, None, None, 105.0).failed
    assert sessions.history(KITCHEN, None, None, 105.0).retries == 1
    assert sessions.history(KITCHEN, None, None, 116.0) == FIRST_TRY


LIGHT_ON = match("HassTurnOn", name="kitchen light")


@pytest.mark.parametrize(
    ("one", "other", "retries"),
    [
        (LIGHT_ON, LIGHT_ON, 1),
        (LIGHT_ON, match("HassTurnOn", name="bedroom light"), 0),
        (LIGHT_ON, match(None), 1),
        (match(None), match("HassTurnOn", name="bedroom light"), 1),
        (LIGHT_ON, match("HassTurnOff", name="kitchen light"), 0),
        (match("HassSetVolumeRelative", volume_step="up"), match("HassSetVolumeRelative", volume_step="up"), 0),
    ],
)
def test_two_commands_that_look_alike_are_not_one_said_twice(
    one: GrammarMatch, other: GrammarMatch, retries: int
) -> None:
    sessions = after(turn("turn on the kitchen light", 100.0, found=one))
    assert sessions.history(KITCHEN, "turn on the kitchen lights", None, 105.0, match=other).retries == retries


def test_a_failed_command_is_said_again_even_as_another_one() -> None:
    sessions = after(turn("turn on the chicken light", 100.0, found=LIGHT_ON, failed=True))
    other = match("HassTurnOn", name="bedroom light")
    assert sessions.history(KITCHEN, "turn on the bedroom light", None, 105.0, match=other).retries == 1


@pytest.mark.parametrize(
    ("one", "other", "undone"),
    [
        (LIGHT_ON, match("HassTurnOff", name="kitchen light"), True),
        (LIGHT_ON, match("HassTurnOff", name="bedroom light"), False),
        (match("HassStartTimer", minutes=10), match("HassCancelTimer"), True),
        (match("HassGetState", name="lamp"), match("HassGetState", name="lamp"), False),
    ],
)
def test_the_opposite_command_takes_a_turn_back(one: GrammarMatch, other: GrammarMatch, undone: bool) -> None:
    found = verdict(turn("one thing", 100.0, found=one), turn("another matter", 110.0, found=other, turn_id="x"))
    assert (Signal.UNDONE in found.signals) is undone
    assert found.wrong is undone


CORRECTIONS = {
    "en": ("No, the bedroom light.", "I said ten minutes", "no"),
    "de": ("Nein, im Schlafzimmer!", "Ich sagte zehn Minuten.", "nein"),
    "es": ("No, no, la cocina", "He dicho diez minutos", "no"),
    "fr": ("Non, dans la chambre", "J’ai dit dix minutes", "non"),
    "nl": ("Nee, de slaapkamer", "Ik zei tien minuten", "nee"),
}
NO_CORRECTIONS = {
    "en": ("No thanks", "Turn on the north light", "nothing else", "notify everyone", ""),
    "de": ("Nein danke", "Schalte das Licht ein", "neun Minuten"),
    "es": ("No enciendas la luz", "Enciende la luz", "nota"),
    "fr": ("Non merci", "Allume la lumière", "nombre"),
    "nl": ("Nee, dank je", "Doe het licht aan", "neem op"),
}


@pytest.mark.parametrize("language", languages())
def test_corrections_are_told_by_how_they_begin(language: str) -> None:
    assert [text for text in CORRECTIONS[language] if not is_correction(text, language)] == []
    assert [text for text in NO_CORRECTIONS[language] if is_correction(text, language)] == []


def test_every_shipped_language_has_its_words_and_others_have_none() -> None:
    assert set(languages()) == {"en", "de", "es", "fr", "nl"}
    assert is_correction("no, the other one", "en-GB")
    assert not is_correction("no", "pt")


def test_a_correction_needs_a_turn_to_correct_and_an_answer_is_none() -> None:
    sessions = after(turn(TIMER, 100.0))
    assert sessions.history(KITCHEN, "No, five minutes", None, 105.0, language="en").correction
    assert sessions.history(KITCHEN, "No, five minutes", None, 105.0).correction
    assert not sessions.history(HALL, "No, five minutes", None, 105.0).correction
    answering = Caller(trusted=True, session="s1", satellite="kitchen", expect_confirmation=True)
    assert sessions.history(answering, "No", None, 105.0) == FIRST_TRY
    sessions.ended(turn("no", 106.0, caller=answering, turn_id="answer"))
    assert [one.wrong for one in sessions.closed(1e9)] == [False]


def test_the_owner_or_the_client_may_say_what_became_of_a_turn() -> None:
    sessions = after(turn(TIMER, 100.0))
    assert sessions.told("first", Signal.UNDONE)
    assert sessions.told("first", Signal.UNDONE)
    assert not sessions.told("another", Signal.UNDONE)
    assert sessions.closed(120.0)[0].signals == (Signal.UNDONE,)
    assert not sessions.told("first", Signal.UNDONE)


def recordings() -> dict[str, Samples]:
    found = {}
    for path in (path for folder in FOLDERS for path in sorted(folder.glob("*.wav"))):
        with wave.open(str(path)) as file:
            found[path.name] = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return found


def said_again(samples: Samples, random: np.random.Generator, *, rate: float, snr_db: float, gain: float) -> Samples:
    """Return a recording as it might be said and picked up again: other pace, room noise, level and lead."""
    at = np.linspace(0, len(samples) - 1, round(len(samples) / rate))
    sound = np.interp(at, np.arange(len(samples)), samples.astype(np.float64)) * gain
    noise = random.normal(0, np.sqrt(np.mean(sound**2)) * 10 ** (-snr_db / 20), len(sound))
    lead = np.zeros(random.integers(500, 4000))
    return np.concatenate((lead, sound + noise)).clip(-32768, 32767).astype(np.int16)


SAME_WORDS = {
    frozenset(pair)
    for pair in (
        ("kitchen.wav", "000-incomplete-200ms.wav"),
        ("bedroom.wav", "008-incomplete-500ms.wav"),
        ("heater.wav", "016-incomplete-300ms.wav"),
        ("blinds.wav", "024-incomplete-600ms.wav"),
        ("door.wav", "040-incomplete-200ms.wav"),
    )
}
"""Recordings of one sentence by two voices."""


def test_the_same_words_sound_alike_and_others_do_not() -> None:
    random = np.random.default_rng(1)
    heard = {name: (samples, audio_print(samples)) for name, samples in recordings().items()}
    assert [name for name, (_, one) in heard.items() if one is None] == ["hum.wav", "silence.wav"]
    prints = {name: (samples, one) for name, (samples, one) in heard.items() if one is not None}
    again = [
        similarity(one, other)
        for samples, one in prints.values()
        for rate, snr_db, gain in ((0.9, 25.0, 0.5), (1.1, 12.0, 1.5), (1.0, 12.0, 0.5))
        if (other := audio_print(said_again(samples, random, rate=rate, snr_db=snr_db, gain=gain)))
    ]
    others = [
        similarity(prints[one][1], prints[other][1])
        for one, other in combinations(prints, 2)
        if frozenset((one, other)) not in SAME_WORDS
    ]
    recall = sum(one >= SIMILAR_AUDIO for one in again) / len(again)
    false = sum(one >= SIMILAR_AUDIO for one in others) / len(others)
    print(f"{len(again)} repetitions: {recall:.1%} found; {len(others)} other pairs: {false:.1%} taken for one")
    assert recall >= 0.93
    assert false <= 0.03


def test_without_texts_the_sound_tells_a_retry() -> None:
    sounds = recordings()
    kitchen, time = audio_print(sounds["kitchen.wav"]), audio_print(sounds["time.wav"])
    once_more = audio_print(
        said_again(sounds["kitchen.wav"], np.random.default_rng(2), rate=1.05, snr_db=20.0, gain=0.8)
    )
    for earlier in (
        turn("", 100.0, audio=kitchen, failed=True),
        turn("turn on the kitchen light", 100.0, audio=kitchen),
    ):
        sessions = after(earlier)
        assert sessions.history(KITCHEN, None, once_more, 105.0).retries == 1
        assert sessions.history(KITCHEN, None, time, 105.0).retries == 0


def test_the_sound_tells_where_a_misheard_slot_makes_another_command() -> None:
    sounds = recordings()
    kitchen, heater = audio_print(sounds["kitchen.wav"]), audio_print(sounds["heater.wav"])
    once_more = audio_print(
        said_again(sounds["kitchen.wav"], np.random.default_rng(2), rate=1.02, snr_db=25.0, gain=0.8)
    )
    chicken = match("HassTurnOn", name="chicken light")
    sessions = after(turn("turn on the chicken light", 100.0, found=chicken, audio=kitchen))
    text = "turn on the kitchen light"
    assert sessions.history(KITCHEN, text, once_more, 105.0, match=LIGHT_ON).retries == 1
    assert sessions.history(KITCHEN, text, heater, 105.0, match=LIGHT_ON).retries == 0


def test_an_opposite_that_sounds_the_same_is_no_retry() -> None:
    """Much of "turn it off" sounds like "turn it on"."""
    sound = audio_print(recordings()["kitchen.wav"])
    sessions = after(turn("turn on the kitchen light", 100.0, found=LIGHT_ON, audio=sound))
    off = match("HassTurnOff", name="kitchen light")
    assert sessions.history(KITCHEN, "turn off the kitchen light", sound, 105.0, match=off).retries == 0


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.int16), np.zeros(16_000, np.int16), np.full(9_000, 32_767, np.int16)]
)
def test_a_sound_without_speech_has_no_print(samples: Samples) -> None:
    assert audio_print(samples) is None


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60_000))
def test_any_sound_can_be_compared(seed: int, length: int) -> None:
    random = np.random.default_rng(seed)
    swells = np.abs(np.sin(np.arange(length) / random.uniform(300, 3000)))
    one = audio_print((random.normal(0, 6000, length) * swells).clip(-32768, 32767).astype(np.int16))
    if one is not None:
        assert similarity(one, one) == pytest.approx(1.0, abs=0.05)
        assert np.isfinite(one.bands).all()
        assert one.bands.shape[0] <= 128


def test_memory_stays_bounded_however_many_sessions_come() -> None:
    sessions = Sessions()
    for index in range(10_000):
        sessions.ended(
            turn(
                TIMER * 100,
                index / 1000.0,
                turn_id=str(index),
                caller=Caller(session=f"s{index}"),
                language=f"x{index}",
            )
        )
    assert len(sessions._open) == MAX_OPEN
    assert max(len(one.said.text) for one in sessions._open.values()) <= 300
    closed = sessions.closed(10.0)
    assert len(closed) == MAX_CLOSED
    assert {one.wrong for one in closed} == {None}  # pushed out before anybody could have said it again
    assert len(sessions.counts.languages()) <= MAX_LANGUAGES


def test_a_closed_turn_leaves_nothing_behind_but_counters() -> None:
    sessions = after(turn("unlock the secret door", 100.0, found=match("HassTurnOff", name="secret door")))
    assert "secret" not in repr(sessions._open)
    sessions.closed(200.0)
    assert sessions._open == {}
    assert json.dumps(sessions.counts.snapshot()).count("secret") == 0
    assert json.dumps(sessions.counts.snapshot()).count("kitchen") == 0


def test_rates_speak_of_recent_turns_and_totals_of_all() -> None:
    sessions = Sessions()
    for index in range(WINDOW):
        sessions.ended(turn("good night", 100.0 * index, turn_id=str(index)))
    for index in range(50):
        sessions.ended(turn(TIMER, 1e6 + 10.0 * index, turn_id=f"again {index}"))
    sessions.ended(turn("", 2e6, failed=True, language="de"))
    sessions.closed(1e9)
    rates = sessions.counts.rates("en")
    assert (rates.turns, rates.retried, rates.failed) == (WINDOW, 49 / WINDOW, 0.0)
    assert sessions.counts.totals("en").turns == WINDOW + 50
    assert sessions.counts.totals("en").retried == 49
    assert sessions.counts.rates("de").abandoned == sessions.counts.rates("de").failed == 1.0
    assert sessions.counts.rates().turns == WINDOW + 1
    assert sessions.counts.rates("fr").turns == sessions.counts.totals("fr").turns == 0


KINDS = st.sets(st.sampled_from([*Signal, "failed"]))


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.sampled_from(["en", "de", ""]), KINDS), max_size=40))
def test_counters_are_taken_up_exactly(turns: list[tuple[str, set[str]]]) -> None:
    counts = SessionCounts()
    for language, became in turns:
        counts.count(language, sorted(became))
    again = SessionCounts.restored(json.loads(json.dumps(counts.snapshot())))
    assert again.snapshot() == counts.snapshot()
    assert again.languages() == counts.languages()
    assert again.rates() == counts.rates()


def counted(**changes: object) -> dict[str, object]:
    counts = SessionCounts()
    counts.count("en", ["retried"])
    snapshot = counts.snapshot()
    snapshot["languages"]["en"] |= changes
    return snapshot


@pytest.mark.parametrize(
    "snapshot",
    [
        counted(turns=-1),
        counted(turns=1.5),
        counted(turns=True),
        counted(recent=[64]),
        counted(recent=[0] * (WINDOW + 1)),
        counted(recent=None),
        counted(more=1),
        {"version": 1, "languages": {"en": {}}},
        {"version": 1},
        {"version": 9, "languages": {}},
    ],
)
def test_damaged_counters_are_refused_by_name(snapshot: object) -> None:
    assert SessionCounts.restored(counted()).totals("en").turns == 1
    with pytest.raises(SnapshotError, match="snapshot of the sessions' counters"):
        SessionCounts.restored(snapshot)


def test_the_window_is_the_owners_to_set() -> None:
    sessions = Sessions(SessionSettings(retry_seconds=5.0, speaking_seconds=0.0))
    sessions.ended(turn(TIMER, 100.0))
    assert sessions.history(KITCHEN, TIMER, None, 106.0) == FIRST_TRY
    assert len(sessions.closed(105.1)) == 1
    with pytest.raises(ValueError, match="retry_seconds"):
        SessionSettings(retry_seconds=0.0)
