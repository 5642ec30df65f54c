"""Changing values in a settings file that belongs to somebody else."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.commands.settings_file import amend, amended
from wyoming_server.errors import InvalidSettingsError

OWNERS = """\
# My hub.
server:
  uris: [tcp://0.0.0.0:10300]   # the kitchen

asr:
    # as small as can be
    model: tiny  # was base
    language: en

home:
  names:
    - floor lamp
"""


def test_values_change_and_everything_else_stays_as_it_was() -> None:
    after = amended(OWNERS, "asr", {"model": "base.en", "threads": 2})
    assert after == OWNERS.replace("asr:\n", "asr:\n    threads: 2\n").replace("tiny  #", "base.en  #")


def test_the_same_values_again_change_nothing() -> None:
    once = amended(OWNERS, "asr", {"model": "base", "threads": 2})
    assert amended(once, "asr", {"model": "base", "threads": 2}) == once


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "server:\n  data_dir: x", "asr:\n", "asr: {}\n", "asr: # mine\n"]
)
def test_missing_sections_and_files_are_made(text: str) -> None:
    before = yaml.safe_load(text) or {}
    after = amended(text, "asr", {"model": "base", "threads": 2})
    assert yaml.safe_load(after) == before | {"asr": {"model": "base", "threads": 2}}
    assert all(line in after for line in text.splitlines() if line.startswith("#"))


def test_a_section_on_one_line_is_opened() -> None:
    after = amended("asr: {model: tiny, languages: [en, de]}\nhome: {}\n", "asr", {"model": "base"})
    assert yaml.safe_load(after) == {"asr": {"model": "base", "languages": ["en", "de"]}, "home": {}}


@pytest.mark.parametrize(
    "text", ["asr:\n  model: |\n    tiny\n", "{}\n", "x: &a {model: tiny}\nasr:\n  <<: *a\n  model:\n    tiny\n"]
)
def test_what_cannot_be_changed_line_by_line_is_refused_with_the_values(text: str) -> None:
    with pytest.raises(InvalidSettingsError, match=r"asr\.model: base"):
        amended(text, "asr", {"model": "base"})


@pytest.mark.parametrize("text", ["asr: [", "- a\n- b\n", "asr: 3\n"])
def test_a_file_that_is_no_settings_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettingsError):
        amended(text, "asr", {"model": "base"})


_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
_KEYS = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
_VALUES = st.one_of(st.integers(), st.booleans(), _WORDS, st.lists(_WORDS, max_size=3))


@given(st.dictionaries(_KEYS, st.dictionaries(_KEYS, _VALUES, max_size=4), max_size=4), _WORDS)
def test_any_settings_keep_their_meaning(settings: dict[str, dict[str, object]], model: str) -> None:
    """Block style, as owners write it."""
    text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=1000) if settings else ""
    after = amended(text, "asr", {"model": model, "threads": 3})
    expected = settings | {"asr": settings.get("asr", {}) | {"model": model, "threads": 3}}
    assert yaml.safe_load(after) == expected


def test_a_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text(OWNERS)
    (tmp_path / "real.yaml").chmod(0o600)
    link = tmp_path / "link.yaml"
    link.symlink_to(tmp_path / "real.yaml")
    amend(link, "asr", {"model": "base"})
    assert link.is_symlink()
    assert (tmp_path / "real.yaml").stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(link.read_text())["asr"]["model"] == "base"
    assert {path.name for path in tmp_path.iterdir()} == {"real.yaml", "link.yaml"}
