"""The log by itself: what it shows of ours, of libraries', of exceptions and of secrets, in both forms."""

import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wyoming_server import logs
from wyoming_server.logs import LogFormat, LogLevel, conceal, form_now, set_level, set_up

OURS = logging.getLogger("wyoming_server.somewhere")
THEIRS = logging.getLogger("hassil.recognize")
SAID = "open the garage for Ida"

type Lines = Callable[[], list[str]]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """Set the log up as text, and return what it has written since the last look; afterwards all is as before."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    set_up(LogLevel.DEBUG, LogFormat.TEXT)

    def lines() -> list[str]:
        return capsys.readouterr().err.splitlines()

    yield lines
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    logs._SECRETS.clear()


def as_json(lines: list[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines]


def test_a_sentence_of_ours_is_one_line(written: Lines) -> None:
    OURS.info("listening on %s", "tcp://127.0.0.1:10300")
    (line,) = written()
    assert line.endswith("INFO wyoming_server.somewhere: listening on tcp://127.0.0.1:10300")


def test_an_event_has_its_fields(written: Lines) -> None:
    OURS.warning(
        "turn", extra={"fields": {"action": "error", "lane": "At home", "risk": None, "spoke": True, "ms": 1.5}}
    )
    (line,) = written()
    assert line.endswith('turn action=error lane="At home" risk=- spoke=yes ms=1.5')


def test_a_value_passes_for_no_other_field(written: Lines) -> None:
    OURS.info("turn", extra={"fields": {"lane": "a\trisk=0", "model": "b\u00a0c", "word": "d=e", "id": 'f"g'}})
    (line,) = written()
    assert line.endswith(r'turn lane="a\trisk=0" model="b c" word="d=e" id="f\"g"')


def test_no_word_ends_a_line_of_json_or_steers_a_terminal(written: Lines) -> None:
    set_up(LogLevel.DEBUG, LogFormat.JSON)
    name = "Küche \x85\u2028\u2029 \x9b31m \u202e \U000e0001 end"
    OURS.info("lane %s", name, extra={"fields": {"lane": name}})
    (line,) = written()
    assert line.isprintable()
    told = json.loads(line)
    assert (told["event"], told["fields"]) == (f"lane {name}", {"lane": name})


def test_json_is_one_object_a_line(written: Lines) -> None:
    set_up(LogLevel.DEBUG, LogFormat.JSON)
    OURS.info("two\nlines", extra={"fields": {"took": float("nan"), "share": 0.5, "model": 'a "b"'}})
    (told,) = as_json(written())
    assert list(told) == ["at", "level", "logger", "event", "fields"]
    assert (told["level"], told["logger"], told["event"]) == ("info", "wyoming_server.somewhere", "two\nlines")
    assert told["fields"] == {"took": None, "share": 0.5, "model": 'a "b"'}


def test_no_words_of_others_steer_a_terminal_or_begin_a_line(written: Lines) -> None:
    OURS.warning("a publisher says: %s", "\x1b[2Jfine\n2026-11-22 12:00:00,000 INFO all is well")
    (line,) = written()
    assert "\x1b" not in line
    assert line.endswith("[2Jfine 2026-11-22 12:00:00,000 INFO all is well")


def test_an_exception_is_told_by_type_and_place_and_never_by_its_words(written: Lines) -> None:
    def recognise(text: str) -> None:
        try:
            {}[text]
        except KeyError as error:
            raise ValueError(f"cannot read {text}") from error

    for form in LogFormat:
        set_up(LogLevel.DEBUG, form)
        try:
            recognise(SAID)
        except ValueError:
            OURS.exception("a turn failed")
        (line,) = written()
        assert SAID not in line
        assert "ValueError" in line
        assert "KeyError" in line
        assert "test_logs.py:" in line


def test_an_exception_that_goes_in_circles_ends(written: Lines) -> None:
    error = ValueError("a")
    error.__cause__ = error
    OURS.error("odd", exc_info=error)
    assert len(written()) == 1


def test_what_is_concealed_never_appears(written: Lines) -> None:
    conceal("sk-made-up-4711", "short", '{"private_key": "-----BEGIN\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\\n-----END"}')
    for form in LogFormat:
        set_up(LogLevel.DEBUG, form)
        OURS.warning("asked with %s", "sk-made-up-4711", extra={"fields": {"url": "https://a/?k=sk-made-up-4711"}})
        THEIRS.warning("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC is %d too short", 3)
        lines = written()
        assert "sk-made-up-4711" not in "".join(lines)
        assert "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" not in "".join(lines)
        assert "***" in lines[0]
    OURS.info("a short story")  # masking what is no secret would say what it is
    assert "a short story" in written()[0]


def test_the_newest_secrets_are_known_however_many_there_were(written: Lines) -> None:
    conceal(*(f"token-number-{number}" for number in range(3000)))
    OURS.info("token-number-2999")
    assert written()[0].endswith("***")
    assert len(logs._SECRETS) == 1000


def test_libraries_speak_from_warnings_on_and_then_in_patterns_and_numbers(written: Lines) -> None:
    THEIRS.debug("recognised %s", SAID)
    THEIRS.info("recognised %s", SAID)
    assert written() == []
    THEIRS.warning("no match for %r after %d tries in %.1f s", SAID, 3, 0.25)
    THEIRS.warning("template %(template)s", {"template": SAID})
    THEIRS.warning(f"no match for {SAID}")
    THEIRS.warning("the grammar is empty")
    lines = written()
    assert SAID not in "".join(lines)
    assert lines[0].endswith("no match for '…' after 3 tries in 0.2 s")
    assert lines[1].endswith("template …")
    assert "a message of test_logs.py:" in lines[2]
    assert lines[3].endswith("the grammar is empty")


async def test_a_task_whose_failure_nobody_saw_is_told_without_its_words(written: Lines) -> None:
    import asyncio
    import gc

    async def hear() -> None:
        raise ValueError(SAID)

    task = asyncio.create_task(hear(), name=f"turn of {SAID}")
    await asyncio.wait({task})
    del task
    gc.collect()
    (line,) = written()
    assert SAID not in line
    assert "Task exception was never retrieved: ValueError (" in line


def test_python_s_own_warnings_are_told_by_kind_and_place(written: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        set_up(LogLevel.INFO, LogFormat.TEXT)
        warnings.warn(f"unclosed socket of {SAID}", ResourceWarning, stacklevel=1)
    (line,) = written()
    assert SAID not in line
    assert "ResourceWarning of test_logs.py:" in line


def test_the_level_changes_while_it_runs(written: Lines) -> None:
    set_level(LogLevel.ERROR)
    OURS.warning("no")
    set_level(LogLevel.DEBUG)
    OURS.debug("yes")
    (line,) = written()
    assert line.endswith("yes")


def test_a_line_that_cannot_be_made_shows_nothing_of_what_it_was_to_hold(written: Lines) -> None:
    ours = [one for one in logging.getLogger().handlers if isinstance(one, logs._ToStandardError)]
    logging.getLogger().handlers[:] = ours  # pytest's own would raise
    OURS.warning("%d turns", SAID)
    (line,) = written()
    assert line.startswith("a log line of test_logs.py:")
    assert SAID not in line


def test_a_closed_standard_error_stops_nobody(written: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "closed").open("w", encoding="utf-8") as closed:
        pass
    monkeypatch.setattr(sys, "stderr", closed)
    OURS.error("into the void")


def test_setting_it_up_again_takes_the_place_of_the_first(written: Lines) -> None:
    set_up(LogLevel.INFO, LogFormat.JSON)
    OURS.info("once")
    assert len(written()) == 1
    assert form_now() is LogFormat.JSON


def test_a_fault_that_ends_the_process_is_told_without_its_words() -> None:
    source = f"""
from wyoming_server import logs
logs.set_up(logs.LogLevel.INFO, logs.LogFormat.TEXT)
logs.tell_crashes()
raise ValueError({SAID!r})
"""
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert SAID not in ended.stderr
    assert "CRITICAL wyoming_server: the server has ended by a fault: ValueError (<string>:5)" in ended.stderr
