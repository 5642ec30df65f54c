"""The synthesised recordings: splits that share nothing, audio as a satellite streams it, figures that add up."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from wyoming_server.learning.fit import LabelledTurn

from . import recordings
from .figures import Scores, figures
from .heard import Ear, Heard, dump, read
from .recordings import HARD, ORDINARY, SIZES, SMALL, homes, make, recorded, takes
from .sentences import SPLITS, areas_in, commands, names_in, questions
from .sound import NOISES, RATE_HZ, ROOMS, programs_missing, rms

SPEAKING = pytest.mark.skipif(
    bool(programs_missing()), reason=f"{' and '.join(programs_missing())} not installed: nobody speaks the sentences"
)


def test_the_splits_share_no_voice_sentence_or_noise() -> None:
    planned = {split: takes(split, SIZES[split]) for split in SPLITS}
    for name in ("text", "voice"):
        fit, held = ({getattr(take, name) for take in planned[split]} for split in SPLITS)
        assert fit.isdisjoint(held), name
    assert set(NOISES["fit"]).isdisjoint(NOISES["held"])
    assert all(ROOMS[split] in NOISES[split] for split in SPLITS)
    behind = {split: {voice for take in planned[split] for _, voice in take.behind} for split in SPLITS}
    assert behind["fit"].isdisjoint(behind["held"])


def test_the_held_split_is_as_large_as_the_goals_ask_and_no_sentence_comes_twice() -> None:
    planned = takes("held", SIZES["held"])
    made = [condition for take in planned for condition in take.conditions]
    assert len(made) >= 3000
    assert sum(made.count(name) for name in ORDINARY) >= 1500
    assert sum(made.count(name) for name in HARD) >= 1200
    assert len({take.text for take in planned}) == len(planned)


def test_a_home_knows_the_names_that_its_commands_speak_of_and_some_more() -> None:
    text = "Turn on the dining room ceiling light and Max's desk lamp."
    assert names_in(text) == {"dining room ceiling light", "max's desk lamp"}
    assert areas_in(text) == {"dining room"}
    planned = takes("held", SIZES["held"])
    known = homes(planned)
    for take in planned:
        assert names_in(take.text) <= set(known[f"held-{take.home}"]["names"])
    assert all(20 <= len(home["names"]) <= 70 for home in known.values())


def test_the_same_seed_draws_the_same_sentences() -> None:
    assert commands("fit", 50, seed=3) == commands("fit", 50, seed=3) != commands("fit", 50, seed=4)
    with pytest.raises(ValueError, match="there are only"):
        questions("fit", 5000, seed=1)


@SPEAKING
def test_a_recording_is_the_same_again_and_starts_with_the_room() -> None:
    take = dataclasses.replace(takes("fit", SMALL)[0], conditions=(*ORDINARY, *HARD[:3]))
    first, again = list(recorded(take)), list(recorded(take))
    for (row, signal), (row_again, signal_again) in zip(first, again, strict=True):
        assert row == row_again
        assert np.array_equal(signal, signal_again)
        room, speech = signal[: int(0.8 * RATE_HZ)], signal[int(1.5 * RATE_HZ) : int(2.0 * RATE_HZ)]
        assert rms(room) > 0
        if row["condition"] in ("clean", "cut-start"):
            assert rms(speech) > 10 * rms(room)
    seconds = {row["condition"]: len(signal) / RATE_HZ for row, signal in first}
    assert seconds["clean"] > 1.6


@SPEAKING
async def test_a_recording_goes_through_the_parts_of_a_live_turn() -> None:
    take = next(one for one in takes("held", SMALL) if one.voice.endswith("f3"))
    ear = Ear(homes(takes("held", SMALL)))
    try:
        (row, signal), *_ = recorded(dataclasses.replace(take, conditions=("clean",)))
        heard = await ear.hear(row, (signal * 32767).astype(np.int16))
        nothing = await ear.hear(row, np.zeros(RATE_HZ, np.int16))
    finally:
        await ear.aclose()
    assert heard.turn.features["snr_db"] > 20
    assert heard.turn.wrong == (heard.text != take.text)
    assert heard.turn.opening == take.text.split()[0].lower()
    assert (nothing.text, nothing.turn.ruled, nothing.turn.wrong) == ("", True, True)


@SPEAKING
def test_recordings_are_written_listed_and_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = recordings.Size(ordinary=1, hard=1, questions=1)
    monkeypatch.setattr(recordings, "SMALL", tiny)
    manifest = make(tmp_path, splits=["held"], small=True)
    assert len(manifest.read_text().splitlines()) == 1 + 3 + 3 + 1
    heard = list(read(dump(tmp_path, "held", workers=1)))
    assert [one.row["condition"] for one in heard] == [*ORDINARY, *HARD]
    assert all((tmp_path / one.row["file"]).exists() for one in heard)


def one(condition: str, *, wrong: bool, doubt: float, number: int = 0) -> Heard:
    row = {"condition": condition}
    turn = LabelledTurn(
        features={},
        wrong=wrong,
        language="en",
        mean_log_probability=-doubt,
        mean_entropy=0.0,
        voice="v",
        sentence=str(number),
    )
    return Heard(row=row, text="x", turn=turn, unnamed=turn)


def test_the_figures_are_those_of_the_scores() -> None:
    heard = [one("clean", wrong=number % 4 == 0, doubt=number / 100, number=number) for number in range(40)]
    heard += [one("clipped", wrong=number % 2 == 0, doubt=number / 100, number=number) for number in range(20)]
    knows = [float(each.turn.wrong) for each in heard]
    found = figures(heard, knows, rounds=50)
    assert found["recordings"] == 60
    assert found["ordinary: AUROC (goal 0.985)"]["risk"] == 1.0
    assert found["ordinary: of what the oracle catches (goal 0.93)"]["risk"] == 1.0
    assert found["mixed: excess area, of avg_logprob's (goal 0.6)"] == 0.0
    assert found["ordinary: gain over avg_logprob"]["auroc"]["low"] > 0
    assert found["wrong by condition"] == {"clean": 0.25, "clipped": 0.5}


def test_where_nothing_was_heard_the_baseline_knows_it_too() -> None:
    nothing = dataclasses.replace(one("clean", wrong=True, doubt=0.0), text="")
    assert Scores.of([nothing], [1.0]).log_probability[0] == math.inf
