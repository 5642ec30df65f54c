import argparse
import dataclasses
import json
from pathlib import Path

import pytest

from wyoming_server.commands import demo
from wyoming_server.commands.client import Answer
from wyoming_server.commands.demo import BUDGET_MS, Row, budgeted, closing, line, summary
from wyoming_server.commands.recording import Recording
from wyoming_server.commands.report import Style
from wyoming_server.settings import Settings

SPANS = {"capture": 50, "inference": 40, "hold": 60, "post": 5, "transport": 1, "last_word_to_text": 156}


def recording(text: str, kind: str = "clean") -> Recording:
    return Recording(path=Path("a.wav"), pcm=b"", rate_hz=16000, width_bytes=2, channels=1, text=text, kind=kind)


def answer(text: str, **spans: float) -> Answer:
    detail = {"action": "accept", "risk": 0.1, "latency_ms": spans, "ended_by": "hold"}
    return Answer(
        text=text, language="en", detail=detail, chunks=(), stop_to_text_s=None,
        last_word_to_text_s=0.1, started_s=0.0, answered_s=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spoken", "heard", "right"),
    [
        ("Lock the front door.", "lock the front door", True),
        ("Lock the front door.", "Unlock the front door.", False),
        ("Lock the front door.", "", False),
        ("", "", True),
        ("", "Thank you.", False),
    ],
)
def test_a_turn_is_right_when_its_words_are_those_spoken(spoken: str, heard: str, right: bool) -> None:
    assert Row.of_turn(recording(spoken), answer(heard, **SPANS)).right is right


@pytest.mark.parametrize(("name", "right"), [("hey_jarvis", True), ("hey_jarvis_v0.1", True), ("alexa", False)])
def test_a_wake_word_is_right_when_it_is_the_one_spoken(name: str, right: bool) -> None:
    assert Row.of_wake(recording("hey jarvis", "wake"), name).right is right


def test_a_wake_word_that_was_missed_is_not_right() -> None:
    assert not Row.of_wake(recording("hey jarvis", "wake"), None).right


def test_the_hold_counts_as_post_and_every_budget_has_its_span() -> None:
    assert budgeted(SPANS) == {"capture": 50, "inference": 40, "post": 65, "transport": 1}
    assert sum(BUDGET_MS.values()) == 300


def test_a_row_that_is_not_right_says_what_was_expected() -> None:
    row = Row.of_turn(recording("Lock the front door."), answer("Open the gate.", **SPANS))
    assert "expected: Lock the front door." in line(row, Style())
    assert "expected" not in line(dataclasses.replace(row, right=True), Style())


def test_rows_without_speech_have_no_spans_and_do_not_count_in_the_figures() -> None:
    spoken = Row.of_turn(recording("Hello."), answer("Hello.", **SPANS))
    silent = Row.of_turn(recording("", "silence"), answer("", capture=9000.0))
    assert not silent.spans_ms
    told = summary([spoken, silent])
    assert told["rows"] == told["right"] == 2
    assert told["latency"]["capture"]["p95_ms"] == 50
    assert "2 of 2 as they should be" in closing([spoken, silent], Style())


async def test_the_demonstration_is_right_from_the_wake_word_to_the_silence(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    status = await demo.run(parser.parse_args(["--json"]), Settings())
    *rows, last = (json.loads(said) for said in capsys.readouterr().out.splitlines())
    assert [row["file"] for row in rows if not row["right"]] == []
    assert status == 0
    assert len(rows) == last["rows"] == 10
    assert all(set(row["spans_ms"]) == set(BUDGET_MS) for row in rows if row["heard"] and row["kind"] != "wake")
