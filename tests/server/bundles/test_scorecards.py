from pathlib import Path

import pytest

from wyoming_server.bundles.scorecards import find_scorecard, own_scorecard_file, scorecard_in
from wyoming_server.errors import ModelCorruptError
from wyoming_server.pipeline.scorecard import Curve, Scorecard, write_scorecard

CURVES = {"grammar": Curve(knots=(0.0, 1.0), log_odds=(0.0, 1.0))}


def written(file: Path, card: Scorecard) -> Scorecard:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(write_scorecard(card))
    return card


def test_without_any_file_there_is_no_scorecard(tmp_path: Path) -> None:
    assert find_scorecard(tmp_path / "model", data=tmp_path / "data", model="starter") is None


def test_the_homes_own_goes_before_the_models(tmp_path: Path) -> None:
    folder, data = tmp_path / "model", tmp_path / "data"
    packaged = written(folder / "scorecard.json", Scorecard(model="base", base=-2.0, curves=CURVES, turns=500))
    assert find_scorecard(folder, data=data, model="base") == packaged
    own = written(own_scorecard_file(data, "base"), Scorecard(model="base", base=-3.0, curves=CURVES, turns=120))
    assert find_scorecard(folder, data=data, model="base") == own
    assert find_scorecard(tmp_path / "another", data=data, model="small") is None


def test_another_models_scorecard_does_not_serve_and_a_generic_one_does(tmp_path: Path) -> None:
    file = own_scorecard_file(tmp_path, "base")
    written(file, Scorecard(model="tiny", turns=100))
    with pytest.raises(ModelCorruptError, match=r"base\.json' was fitted for the model 'tiny'.*delete it"):
        find_scorecard(tmp_path, data=tmp_path, model="base")
    generic = written(file, Scorecard(base=-1.0))
    assert find_scorecard(tmp_path, data=tmp_path, model="base") == generic


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 99}', b'{"base": NaN}', b"\xff\xfe"])
def test_a_damaged_one_is_named_with_the_cure(tmp_path: Path, content: bytes) -> None:
    file = own_scorecard_file(tmp_path, "base")
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(ModelCorruptError, match=r"base\.json'.*delete it, or write it anew"):
        find_scorecard(tmp_path, data=tmp_path, model="base")


def test_one_that_cannot_be_read_is_no_missing_one(tmp_path: Path) -> None:
    own_scorecard_file(tmp_path, "base").mkdir(parents=True)
    with pytest.raises(ModelCorruptError, match="cannot be read"):
        find_scorecard(tmp_path, data=tmp_path, model="base")


def test_what_is_larger_than_any_scorecard_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "scorecard.json").open("wb") as file:
        file.truncate(1 << 32)
    with pytest.raises(ModelCorruptError, match="larger than any scorecard"):
        scorecard_in(tmp_path / "scorecard.json", "home-en")
