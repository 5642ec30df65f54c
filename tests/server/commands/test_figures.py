import argparse
import json
import os
from pathlib import Path

import pytest
from wyoming.event import Event
from wyoming.info import Info

from tests.server.commands.small_server import at_stop, small_server, transcript
from wyoming_server.commands import bench
from wyoming_server.commands.figures import Side, Timed, figures, last_finishers, shown
from wyoming_server.commands.recording import PACKAGED
from wyoming_server.commands.report import Figure, Style, bar, ratio, table
from wyoming_server.settings import Settings

OURS, PEER = Side(name="ours", uri="tcp://a"), Side(name="peer", uri="tcp://b", is_peer=True)


def turn(side: str, *, stop: float | None, word: float | None = None, batch: int = 0, **more: object) -> Timed:
    times = {"audio_stop_to_text_ms": stop, "last_word_to_text_ms": word}
    return Timed(side=side, file="a.wav", batch=batch, **times, **more)


def test_median_and_p95_are_of_the_turns_that_were_measured() -> None:
    figure = Figure.of([None, *(value / 1000 for value in range(1, 101))])
    assert figure == Figure(p50_ms=50.5, p95_ms=95.0, turns=100)
    assert Figure.of([None]) is None


def test_a_ratio_is_each_figure_over_the_peers() -> None:
    ours, peer = Figure(p50_ms=10, p95_ms=40, turns=8), Figure(p50_ms=200, p95_ms=400, turns=8)
    assert ratio(ours, peer) == (0.05, 0.1)
    assert ratio(ours, None) is None
    assert ratio(None, peer) is None


def test_the_last_finisher_of_a_batch_is_its_slowest_turn_and_a_failed_turn_spoils_its_batch() -> None:
    turns = [
        turn("ours", stop=100, batch=0),
        turn("ours", stop=300, batch=0),
        turn("ours", stop=10, batch=1),
        turn("ours", stop=None, batch=1, error="overloaded"),
        turn("ours", stop=20, batch=2),
    ]
    assert last_finishers(turns, "audio_stop_to_text_ms") == [300]


def test_every_side_is_counted_alone_and_compared_with_the_peer() -> None:
    turns = [
        turn("ours", stop=10, word=700, right=True),
        turn("ours", stop=None, word=300, right=False, batch=1),
        turn("ours", stop=None, error="turn-timeout", batch=2),
        turn("peer", stop=200, word=900, right=True),
        turn("peer", stop=200, word=900, batch=1),
    ]
    ours, peer = figures(turns, [OURS, PEER], {"ours": 150.0})
    assert (ours.turns, ours.right, ours.known, ours.failed, ours.answered_before_audio_stop) == (3, 1, 2, 1, 1)
    assert ours.ratios["audio_stop_to_text"] == (0.05, 0.05)
    assert ours.figures["last_word_to_text"] == Figure(p50_ms=500.0, p95_ms=680.0, turns=2)
    assert (peer.right, peer.known) == (1, 1)
    assert set(peer.ratios.values()) == {None}
    text = shown([ours, peer])
    assert "0.05 / 0.05" in text
    assert "last finisher" not in text  # nobody ran several at once
    assert "150" in text


def test_a_table_is_aligned_and_keeps_its_rows() -> None:
    lines = table([["a", "1"], ["long name", "1000"]]).splitlines()
    assert lines == ["a             1", "long name  1000"]


def test_a_bar_is_as_wide_as_the_budget_and_shows_what_goes_beyond() -> None:
    plain = Style()
    assert bar([50, 25], plain, ms_per_sign=25, width=6) == "██▓··· "
    assert bar([50, 200], plain, ms_per_sign=25, width=6) == "██▓▓▓▓→"


def test_only_a_terminal_is_coloured(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        assert not Style.of(file).coloured
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        assert Style.of(terminal).coloured == ("NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb")
    os.close(ours)
    assert Style(coloured=True).good("x") != "x"
    assert Style().good("x") == "x"


def parsed(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return parser.parse_args(given)


@pytest.mark.parametrize("given", [["--concurrency", "0"], ["--client-silence", "11"], ["--client-silence", "long"]])
def test_numbers_outside_what_makes_sense_are_bad_usage(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parsed(*given)
    assert refused.value.code == 2
    assert "wanted" in capsys.readouterr().err


async def test_both_sides_hear_every_file_and_come_back_with_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    said = transcript("Lock the front door!")
    async with small_server(at_stop(said)) as ours, small_server(at_stop(said)) as peer:
        peer_script = peer.script
        peer.script = lambda event, heard: (Info().event(),) if event.type == "describe" else peer_script(event, heard)
        file = str(PACKAGED / "door.wav")
        arguments = parsed("--server", ours.uri, "--peer", peer.uri, "--client-silence", "0.1", "--json", file)
        assert await bench.run(arguments, Settings()) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    turns, sides = results[:2], results[2:]
    assert [(one["side"], one["right"]) for one in turns] == [("ours", True), ("peer", True)]
    assert [one["side"] for one in sides] == ["ours", "peer"]
    assert sides[0]["ratios"]["audio_stop_to_text"] is not None
    assert ours.heard[-1].type == "audio-stop"


async def test_turns_at_once_have_a_last_finisher(capsys: pytest.CaptureFixture[str]) -> None:
    async with small_server(at_stop(transcript("What time is it?"))) as ours:
        files = [str(PACKAGED / "time.wav"), str(PACKAGED / "door.wav")]
        given = ("--server", ours.uri, "--concurrency", "2", "--client-silence", "0", "--json", *files)
        assert await bench.run(parsed(*given), Settings()) == 0
    *turns, side = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    slowest = max(turn["audio_stop_to_text_ms"] for turn in turns)
    assert [turn["right"] for turn in turns] == [True, False]
    assert side["figures"]["last_finisher_after_stop"]["p50_ms"] == pytest.approx(slowest, abs=0.1)


async def test_a_failed_turn_fails_the_run_and_the_others_are_still_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = iter([transcript("warm"), Event("error", {"text": "busy", "code": "overloaded"}), transcript("x")])
    async with small_server(lambda event, _: (next(answers),) if event.type == "audio-stop" else ()) as ours:
        file = str(PACKAGED / "time.wav")
        given = ("--server", ours.uri, "--repeat", "2", "--client-silence", "0", "--json", file)
        assert await bench.run(parsed(*given), Settings()) == 1
    out, err = capsys.readouterr()
    assert "edge-voice: overloaded: busy" in err
    assert [json.loads(line).get("error") for line in out.splitlines()[:2]] == ["overloaded", None]
