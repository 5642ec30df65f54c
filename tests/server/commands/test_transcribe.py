import argparse
import json
from pathlib import Path

import pytest
from wyoming.event import Event

from tests.server.commands.small_server import at_stop, small_server, transcript
from wyoming_server.commands import transcribe
from wyoming_server.commands.recording import PACKAGED
from wyoming_server.errors import UsageError
from wyoming_server.settings import Settings

DOOR = str(PACKAGED / "door.wav")


def parsed(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    transcribe.add_arguments(parser)
    return parser.parse_args(given)


async def test_one_file_prints_its_text_alone(capsys: pytest.CaptureFixture[str]) -> None:
    async with small_server(at_stop(transcript("Lock the front door."))) as server:
        assert await transcribe.run(parsed("--server", server.uri, DOOR), Settings()) == 0
        assert server.heard[0].data["context"] == {"edge_voice": {"mode": "file", "can_confirm": True}}
    assert capsys.readouterr().out == "Lock the front door.\n"


async def test_files_that_fail_are_one_coded_line_each_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise.mp3").write_bytes(b"ID3 no wav")
    async with small_server(at_stop(transcript("Lock the front door."))) as server:
        files = (str(tmp_path / "noise.mp3"), DOOR, str(tmp_path / "nowhere.wav"))
        assert await transcribe.run(parsed("--server", server.uri, *files), Settings()) == 1
    out, err = capsys.readouterr()
    assert out == f"{DOOR}: Lock the front door.\n"
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["unreadable-recording"] * 2


async def test_a_refusal_of_the_server_is_that_files_coded_line(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = Event("error", {"text": "the model failed", "code": "decode-failed"})
    async with small_server(at_stop(refusal)) as server:
        assert await transcribe.run(parsed("--server", server.uri, DOOR), Settings()) == 1
    assert capsys.readouterr().err == "edge-voice: decode-failed: the model failed\n"


async def test_what_is_wrong_for_every_file_is_bad_usage_at_once() -> None:
    refusal = Event("error", {"text": "en only", "code": "unsupported-language"})
    async with small_server(at_stop(refusal)) as server:
        with pytest.raises(UsageError, match="en only"):
            await transcribe.run(parsed("--server", server.uri, "--language", "xx", DOOR, DOOR), Settings())
        assert [event.data["language"] for event in server.heard if event.type == "transcribe"] == ["xx"]
    with pytest.raises(UsageError):
        await transcribe.run(parsed("--server", "nonsense", DOOR), Settings())


async def test_json_has_every_key_whoever_answers(capsys: pytest.CaptureFixture[str]) -> None:
    async with small_server(at_stop(transcript("Hello.", action="accept", points={"x": 1.0}, model="starter"))) as ours:
        await transcribe.run(parsed("--server", ours.uri, "--json", DOOR), Settings())
    async with small_server(at_stop(Event("transcript", {"text": "Hello."}))) as foreign:
        await transcribe.run(parsed("--server", foreign.uri, "--json", DOOR), Settings())
    ours_said, foreign_said = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    keys = ["file", "text", "action", "route", "reason", "risk", "threshold", "points", "quality", "latency_ms"]
    more = ["why", "class", "critical", "lane", "lanes"]
    assert list(ours_said) == list(foreign_said) == [*keys, "model", "language", *more]
    assert (ours_said["action"], ours_said["points"], ours_said["model"]) == ("accept", {"x": 1.0}, "starter")
    assert (foreign_said["action"], foreign_said["points"], foreign_said["model"]) == (None, {}, None)


def test_a_server_and_a_model_together_are_bad_usage() -> None:
    with pytest.raises(SystemExit) as refused:
        parsed("--server", "tcp://a:1", "--model", "starter", DOOR)
    assert refused.value.code == 2


async def test_without_a_server_one_is_started_with_the_model_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert await transcribe.run(parsed("--model", "starter", "--json", DOOR), Settings()) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["text"] == "Lock the front door."
    assert said["action"] == "accept"
    assert set(said["latency_ms"]) >= {"capture", "inference", "hold", "post", "transport"}
