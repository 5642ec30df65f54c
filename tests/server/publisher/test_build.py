"""A bundle's folder, put together."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.server.bundles import made
from wyoming_server.bundles.bundle import Bundle, Golden, Kind
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.errors import BundleManifestError, CalibrationError, DiskError
from wyoming_server.pipeline.scorecard import Scorecard, read_scorecard
from wyoming_server.publisher.build import (
    CARD_FILE,
    LARGEST_CARD_BYTES,
    Take,
    check_fields,
    copy_card,
    copy_goldens,
    copy_model,
    copy_papers,
    drafted,
    pack_scorecard,
    pack_takes,
    write_card,
)
from wyoming_server.publisher.calibrate import FLOORS, Calibrator, Edits

PLAIN = Bundle(name="home", version="1.0.0")


def test_a_draft_takes_its_place_in_one_step(tmp_path: Path) -> None:
    with drafted(tmp_path / "out" / "home@1.0.0") as draft:
        (draft / "model.bin").write_bytes(b"weights")
        assert not (tmp_path / "out" / "home@1.0.0").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["home@1.0.0"]


def test_of_a_build_that_failed_nothing_is_left(tmp_path: Path) -> None:
    def failing() -> None:
        with drafted(tmp_path / "home@1.0.0") as draft:
            (draft / "model.bin").write_bytes(b"weights")
            raise CalibrationError

    with pytest.raises(CalibrationError):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_build_left_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / ".home@1.0.0.draft").mkdir()
    (tmp_path / ".home@1.0.0.draft" / "model.bin").write_bytes(b"half")
    with drafted(tmp_path / "home@1.0.0") as draft:
        assert list(draft.iterdir()) == []


def test_a_version_is_never_built_twice(tmp_path: Path) -> None:
    (tmp_path / "home@1.0.0").mkdir()
    with pytest.raises(BundleManifestError, match="a new version"), drafted(tmp_path / "home@1.0.0"):
        pass


def test_a_place_that_takes_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be made"), drafted(tmp_path / "file" / "home@1.0.0"):
        pass


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"version": "newest"}, "newest"), ({"name": "../x"}, "name"), ({"min_server": "new"}, "min_server")],
)
def test_what_a_publisher_says_is_checked_before_any_work(fields: dict[str, Any], named: str) -> None:
    check_fields(PLAIN)
    with pytest.raises(BundleManifestError, match=named):
        check_fields(replace(PLAIN, **fields))


def test_of_a_source_only_the_model_and_its_papers_are_taken(tmp_path: Path) -> None:
    source, draft = tmp_path / "source", tmp_path / "draft"
    source.mkdir()
    draft.mkdir()
    for name in ("bundle.json", "config.json", "LICENSE", "README.md", "tokenizer.json", "vocabulary.txt", ".secret"):
        (source / name).write_text(name)
    (source / "model.bin").symlink_to(made.STARTER / "config.json")  # as a cache of models holds it
    copy_model(source, draft, Kind.ASR)
    copy_papers(source, draft)
    assert {path.name for path in draft.iterdir()} == {
        *("config.json", "LICENSE", CARD_FILE, "model.bin", "tokenizer.json", "vocabulary.txt")
    }
    assert (draft / CARD_FILE).read_text() == "README.md"
    assert not (draft / "model.bin").is_symlink()


def test_a_source_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    with pytest.raises(BundleManifestError, match=r"no wake model: none of \*\.onnx, \*\.tflite"):
        copy_model(tmp_path, tmp_path, Kind.WAKE)


def test_a_scorecard_is_packed_under_the_bundles_name(tmp_path: Path) -> None:
    pack_scorecard(Scorecard(model="starter", base=-1.5), tmp_path, PLAIN, fitted_for=frozenset({"starter"}))
    card = read_scorecard((tmp_path / "scorecard.json").read_bytes())
    assert (card.model, card.base) == ("home", -1.5)


def test_a_scorecard_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="fitted for the model 'large', not for 'home'"):
        pack_scorecard(Scorecard(model="large"), tmp_path, PLAIN, fitted_for=frozenset({"starter"}))
    assert list(tmp_path.iterdir()) == []


def test_golden_recordings_are_named_in_a_folder_of_their_own(tmp_path: Path) -> None:
    takes = (Take(name="a.wav", wav=b"RIFF", text="Hello.", language="en"), Take(name="b.wav", wav=b"RIFF", text=""))
    assert pack_takes(takes, tmp_path) == (
        Golden(file="golden/a.wav", text="Hello.", language="en"),
        Golden(file="golden/b.wav", text=""),
    )
    assert (tmp_path / "golden" / "b.wav").read_bytes() == b"RIFF"


def test_two_golden_recordings_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleManifestError, match="the same file name"):
        pack_takes((Take(name="a.wav", wav=b"", text="x"), Take(name="A.wav", wav=b"", text="y")), tmp_path)


def test_the_sources_own_golden_recordings_come_along(tmp_path: Path) -> None:
    starter = read_bundle(made.STARTER)
    copy_goldens(made.STARTER, tmp_path, starter)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.wav")} == {
        one.file for one in starter.golden
    }
    with pytest.raises(BundleManifestError, match="is not there"):
        copy_goldens(tmp_path / "nowhere", tmp_path, starter)


def test_a_model_card_is_written_where_there_is_none_and_left_where_there_is(tmp_path: Path) -> None:
    calibrator = Calibrator()
    calibrator.add(dict.fromkeys(FLOORS, Edits(edits=1, words=4)), 0)
    write_card(tmp_path, replace(PLAIN, languages=("en",), licence="MIT"), calibrator.result())
    card = (tmp_path / CARD_FILE).read_text()
    assert card.startswith("# home 1.0.0\n")
    assert "| 30 s | 25.0% | 100.0% |" in card
    write_card(tmp_path, replace(PLAIN, name="other"), None)
    assert (tmp_path / CARD_FILE).read_text() == card


def test_a_model_card_of_megabytes_is_none(tmp_path: Path) -> None:
    (tmp_path / "card.md").write_bytes(b"x" * (LARGEST_CARD_BYTES + 1))
    with pytest.raises(BundleManifestError, match="no model card"):
        copy_card(tmp_path / "card.md", tmp_path)
    with pytest.raises(DiskError, match="cannot be read"):
        copy_card(tmp_path / "nowhere.md", tmp_path)
