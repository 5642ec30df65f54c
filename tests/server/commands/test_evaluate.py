import argparse
import asyncio
import contextlib
import csv
import dataclasses
import io
import itertools
import json
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from wyoming_server.commands import evaluate
from wyoming_server.commands.recording import PACKAGED, Recording, listed_recordings
from wyoming_server.errors import (
    DiskError,
    EdgeVoiceError,
    InvalidSettingsError,
    ManifestError,
    ModelCorruptError,
    ModelMissingError,
    OverlapError,
    RecordingError,
    TooFewRecordingsError,
    UnknownModelError,
    UnsupportedAudioError,
    UnsupportedLanguageError,
)
from wyoming_server.pipeline.scorecard import read_scorecard
from wyoming_server.settings import Settings, read_settings

RECORDINGS = tuple(one for one in listed_recordings(PACKAGED) if one.kind in {"clean", "noisy"})
COLUMNS = ("file", "text", "language", "microphone_class", "voice", "noise", "condition")
VOICES = 9


def manifest(folder: Path, rows: Sequence[Sequence[object]], columns: Sequence[str] = COLUMNS) -> Path:
    file = folder / "manifest.csv"
    with file.open("w", newline="", encoding="utf-8") as target:
        csv.writer(target).writerows([columns, *rows])
    return file


def packaged(folder: Path, count: int = len(RECORDINGS)) -> Path:
    """A manifest of committed recordings, by their absolute paths."""
    return manifest(folder, [(one.path, one.text, "en", "phone", "", "", one.kind) for one in RECORDINGS[:count]])


def in_noise(recording: Recording, snr_db: float, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    speech = np.concatenate((np.zeros(int(0.5 * recording.rate_hz)), recording.mono()))
    power = float(np.mean(recording.mono() ** 2))
    mixed = speech + generator.normal(0, 1, len(speech)) * np.sqrt(power / 10 ** (snr_db / 10))
    return mixed / max(1.0, float(np.abs(mixed).max()) / 0.9)


def write_wav(file: Path, samples: np.ndarray, rate_hz: int = 16_000) -> None:
    with wave.open(str(file), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate_hz)
        target.writeframes((samples * 32767).astype("<i2").tobytes())


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What one run left behind."""

    told: dict[str, Any]
    folder: Path

    @property
    def settings(self) -> Settings:
        return settings_in(self.folder)

    @property
    def own_card(self) -> Path:
        return self.folder / "data" / "scorecards" / "starter.json"


def noisy(folder: Path, voices: int, levels_db: Sequence[float], *, mislabelled_at: float | None = None) -> Path:
    """A manifest of seven recordings per voice and level; every other one of a level says something else than it says.

    A wrong label is as good as a wrong text for what is tested with it, and twice as fast: the server looks twice at
    texts that noise has garbled.
    """
    rows = []
    for index, (voice, level, at) in enumerate(itertools.product(range(voices), levels_db, range(len(RECORDINGS)))):
        write_wav(folder / f"{index}.wav", in_noise(RECORDINGS[at], level, seed=index))
        text = RECORDINGS[(at + 1) % len(RECORDINGS) if level == mislabelled_at and index % 2 else at].text
        rows.append((f"{index}.wav", text, "en", "", f"voice {voice}", f"noise {index % 12}", f"{level} dB"))
    return manifest(folder, rows)


def settings_in(folder: Path) -> Settings:
    return read_settings(None, {"server": {"data_dir": str(folder / "data")}}, environ={})


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run over 42 recordings, plotted."""
    folder = tmp_path_factory.mktemp("measured")
    file = noisy(folder, 2, (40.0, 0.0, -5.0))
    return Ran(told=in_a_loop(folder, file, "--json", "--plot", folder / "figures.svg"), folder=folder)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One fit to 189 recordings, over a card that is damaged."""
    folder = tmp_path_factory.mktemp("fitted")
    ran = Ran(told={}, folder=folder)
    ran.own_card.parent.mkdir(parents=True)
    ran.own_card.write_text("{")
    file = noisy(folder, VOICES, (40.0, 20.0, 8.0), mislabelled_at=8.0)
    return dataclasses.replace(ran, told=in_a_loop(folder, file, "--fit", "--json"))


def in_a_loop(folder: Path, *given: object) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert asyncio.run(run(settings_in(folder), *given, "--model", "starter")) == 0
    return json.loads(out.getvalue())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


async def run(settings: Settings, *given: object) -> int:
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return await evaluate.run(parser.parse_args([str(one) for one in given]), settings)


def left(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


async def test_the_table_says_what_was_found_and_nothing_is_written(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(one.path, one.text if at else "No.", "en", "phone", "", "", one.kind) for at, one in enumerate(RECORDINGS)]
    assert await run(settings, manifest(tmp_path, rows), "--model", "starter") == 0
    said = capsys.readouterr().out
    for part in ("7 recordings, 1 of their texts wrong", "AUROC", "errors caught at 15 % escalated", "oracle", "phone"):
        assert part in said
    assert left(tmp_path) == ["manifest.csv"]


def test_json_has_the_promised_keys_and_its_figures_fit_together(measured: Ran) -> None:
    told = measured.told
    assert set(told) >= {"turns", "error_rate", "escalation_rate", "auroc", "aurc", "caught_at", "by"}
    assert set(told) >= {"threshold", "ece", "reliability", "bootstrap", "excess_aurc", "curve"}
    assert set(told["by"]) == {"language", "microphone_class", "snr", "length", "condition"}
    assert (told["turns"], told["model"]) == (42, "starter")
    by = told["by"]["condition"]
    assert by["40.0 dB"]["wrong"] < by["-5.0 dB"]["wrong"]
    assert sum(one["turns"] for one in told["by"]["snr"].values()) == 42
    assert told["auroc"]["risk"] > 0.8
    assert told["caught_at"]["0.15"]["random"] == pytest.approx(0.15)
    assert told["bootstrap"]["groups"] == 2 * len({one.text for one in RECORDINGS})


async def test_figures_are_the_same_twice(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        await run(settings, packaged(tmp_path), "--model", "starter", "--json")
    first, again = capsys.readouterr().out.splitlines()
    assert first == again


async def test_numbers_may_be_written_either_way_and_other_words_are_wrong(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bedroom = PACKAGED / "bedroom.wav"
    (tmp_path / "copy.wav").write_bytes(bedroom.read_bytes())
    file = manifest(
        tmp_path,
        [
            (bedroom, "set the bedroom lamp to forty percent", "en-GB", "", "", "", ""),
            ("copy.wav", "set the bedroom lamp to fourteen percent", "", "", "", "", ""),
        ],
    )
    await run(settings, file, "--model", "starter", "--language", "en", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["turns"], told["wrong"]) == (2, 1)
    assert told["by"]["language"]["en"]["turns"] == 2


async def test_when_nothing_is_wrong_auroc_is_null_and_that_is_said(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = packaged(tmp_path)
    assert await run(settings, file, "--model", "starter", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["wrong"], told["auroc"]) == (0, {"risk": None, "avg_logprob": None})
    assert "AUROC is undefined" in told["notes"][0]
    assert await run(settings, file, "--model", "starter", "--plot", tmp_path / "a.svg") == 0
    assert "AUROC is undefined" in capsys.readouterr().out
    ET.parse(tmp_path / "a.svg")


async def test_what_nobody_says_anything_in_is_a_wrong_text_that_needs_no_score(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wav(tmp_path / "silence.wav", np.zeros(16_000))
    rows = [(one.path, one.text, "en", "", "", "", "") for one in RECORDINGS]
    await run(settings, manifest(tmp_path, [*rows, ("silence.wav", "Lock the door.", "en", "", "", "", "")]), "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["wrong"], told["auroc"]) == (1, {"risk": 1.0, "avg_logprob": 1.0})
    assert told["by"]["snr"]["unknown"]["escalation_rate"] == 1.0


def test_the_plot_is_xml_that_holds_every_curve(measured: Ran) -> None:
    svg = "{http://www.w3.org/2000/svg}"
    root = ET.parse(measured.folder / "figures.svg").getroot()
    curves = {path[0].text: path.get("d", "") for path in root.iter(f"{svg}path") if len(path)}
    assert set(curves) >= {"risk", "average log-probability", "random", "oracle"}
    assert all(curves[name].count("L") == 200 for name in ("risk", "oracle"))
    words = {text.text for text in root.iter(f"{svg}text")}
    assert words >= {"risk as told", "turns accepted and wrong", "By signal-to-noise ratio"}
    assert "42 recordings of manifest.csv" in words
    assert [one for one in left(measured.folder) if not one.endswith(".wav")] == ["figures.svg", "manifest.csv"]


def test_a_fit_is_written_in_place_of_a_damaged_one_with_figures_of_what_it_did_not_see(fitted: Ran) -> None:
    assert set(fitted.told["fit"]["cross_validated"]) == {"voice", "sentence", "noise"}
    assert fitted.told["fit"]["file"] == str(fitted.own_card)
    assert fitted.told["fit"]["held_back_by"] in {"voice", "sentence", "noise"}
    assert fitted.told["bootstrap"]["risk_minus_avg_logprob"]["auroc"] is not None
    card = read_scorecard(fitted.own_card.read_bytes())
    assert (card.model, card.calibrated) == ("starter", True)
    assert card.openings == {"en": {"set": 2, "turn": 2}}, "how two sentences begin is how sentences begin"
    assert (fitted.told["fit"]["better"], fitted.told["fit"]["written"]) == (True, True)
    assert fitted.told["fit"]["saw"] == {"recordings": 189, "voices": VOICES, "sentences": 7, "noises": 12}


async def test_a_scorecard_is_not_measured_on_what_it_was_fitted_on(fitted: Ran, tmp_path: Path) -> None:
    with pytest.raises(OverlapError, match=r"12 noises \('noise 0', .*'0.wav', .*9 voices.*Hold voices, .* back"):
        await run(fitted.settings, fitted.folder / "manifest.csv", "--model", "starter")
    with pytest.raises(OverlapError, match="holds: 1 sentence "):  # other files, and a sentence that it saw
        await run(fitted.settings, packaged(tmp_path, count=1), "--model", "starter")


async def test_it_serves_from_then_on(fitted: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    apart = manifest(tmp_path, [(PACKAGED / "wake.wav", "something else", "en", "", "nobody", "", "")])
    assert await run(fitted.settings, apart, "--model", "starter", "--json") == 0
    card = read_scorecard(fitted.own_card.read_bytes())
    assert json.loads(capsys.readouterr().out)["scorecard"] == {
        "model": "starter",
        "calibrated": True,
        "turns": card.turns,
        "wrong": card.wrong,
    }


async def test_too_few_recordings_to_fit_on_leave_no_scorecard(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(TooFewRecordingsError, match="7 recordings are too few to fit on"):
        await run(settings, packaged(tmp_path), "--model", "starter", "--fit", "--plot", tmp_path / "a.svg")
    assert left(tmp_path) == ["manifest.csv"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", r"starter\.json.*evaluate --fit"),
        ('{"schema": 1, "model": "base", "base": 0, "turns": 3}', "fitted for the model 'base'"),
    ],
)
async def test_a_scorecard_that_cannot_serve_is_named(
    settings: Settings, tmp_path: Path, content: str, said: str
) -> None:
    file = Path(settings.server.data_dir) / "scorecards" / "starter.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    with pytest.raises(ModelCorruptError, match=said):
        await run(settings, packaged(tmp_path), "--model", "starter")


@pytest.mark.parametrize(
    ("content", "refusal", "said"),
    [
        (b"ID3 no wav", RecordingError, "not a PCM WAV file"),
        (b"", RecordingError, "not a PCM WAV file"),
        ((PACKAGED / "door.wav").read_bytes()[:44], RecordingError, "holds no audio"),
    ],
)
async def test_one_recording_that_cannot_be_read_is_named_before_any_work(
    settings: Settings, tmp_path: Path, content: bytes, refusal: type[EdgeVoiceError], said: str
) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    rows = [(one.path, one.text, "en", "", "", "", "") for one in RECORDINGS]
    with pytest.raises(refusal, match=rf"bad\.wav.*{said}"):
        await run(
            settings,
            manifest(tmp_path, [*rows, ("bad.wav", "Stop.", "en", "", "", "", "")]),
            "--plot",
            tmp_path / "a.svg",
        )
    assert left(tmp_path) == ["bad.wav", "manifest.csv"]


async def test_a_rate_that_nothing_converts_is_refused_by_name(settings: Settings, tmp_path: Path) -> None:
    write_wav(tmp_path / "slow.wav", np.zeros(4000), rate_hz=1000)
    with pytest.raises(UnsupportedAudioError, match=r"slow\.wav: .*1000 Hz"):
        await run(settings, manifest(tmp_path, [("slow.wav", "Stop.", "en", "", "", "", "")]))


async def test_recordings_of_any_form_are_heard(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    door = next(one for one in RECORDINGS if one.path.name == "door.wav")
    write_wav(tmp_path / "slow.wav", np.repeat(door.mono(), 3), rate_hz=48_000)
    await run(settings, manifest(tmp_path, [("slow.wav", door.text, "en", "", "", "", "")]), "--json")
    assert json.loads(capsys.readouterr().out)["wrong"] == 0


async def test_a_language_or_a_model_that_is_not_there_is_refused(settings: Settings, tmp_path: Path) -> None:
    rows = [(RECORDINGS[0].path, "Stop.", "xx", "", "", "", "")]
    with pytest.raises(UnsupportedLanguageError, match="xx"):
        await run(settings, manifest(tmp_path, rows), "--model", "starter")
    with pytest.raises(UnknownModelError):
        await run(settings, packaged(tmp_path), "--model", "huge")
    with pytest.raises(ModelMissingError, match="serve --model tiny"):
        await run(settings, packaged(tmp_path), "--model", "tiny")


async def test_files_that_cannot_or_must_not_be_written_are_known_before_any_work(
    settings: Settings, tmp_path: Path
) -> None:
    file = packaged(tmp_path)
    before = file.read_bytes()
    (tmp_path / "precious.json").write_text('{"not": "a scorecard", "schema": "x"}')
    with pytest.raises(InvalidSettingsError, match="the manifest itself"):
        await run(settings, file, "--plot", file)
    with pytest.raises(SystemExit):
        await run(settings, file, "--fit", file)
    unnamed = file.rename(tmp_path / "manifest")
    with pytest.raises(InvalidSettingsError, match="the manifest itself"):
        await run(settings, unnamed, "--fit", unnamed)
    unnamed.rename(file)
    for flag in ("--plot", "--fit"):
        with pytest.raises(DiskError, match="folder that exists"):
            await run(settings, file, flag, tmp_path / "nowhere" / "a")
        with pytest.raises(DiskError):
            await run(settings, file, flag, tmp_path)
    with pytest.raises(InvalidSettingsError, match="no scorecard, so it is left alone"):
        await run(settings, file, "--fit", tmp_path / "precious.json")
    with pytest.raises(ManifestError):
        await run(settings, tmp_path / "nowhere.csv")
    assert file.read_bytes() == before
    assert left(tmp_path) == ["manifest.csv", "precious.json"]


@pytest.mark.parametrize("target", ["0", "1", "nan", "-0.1", "few"])
def test_a_target_is_a_share(target: str) -> None:
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    with pytest.raises(SystemExit) as refused:
        parser.parse_args(["manifest.csv", "--target", target])
    assert refused.value.code == 2
