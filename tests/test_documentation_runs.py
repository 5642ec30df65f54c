"""Blocks of the documentation that are marked `sh run` are run, in a folder that looks like a clone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .documentation import LONG, QUICK, ROOT, Block, blocks

BLOCKS = list(blocks())
RUN = {block.place: block for block in BLOCKS if block.marked == QUICK}
_SECONDS = 60.0
_HIDDEN = ("script", "data", ".git")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that holds what a clone does; its `script/run` has this environment's packages."""
    for entry in ROOT.iterdir():
        if entry.name not in _HIDDEN and not entry.name.startswith(".venv"):
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "script").mkdir()
    for name in ("script/run", "script/edge-voice"):
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m wyoming_server "$@"\n', "utf-8")
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("place", RUN)
def test_every_block_that_is_marked_so_can_be_copied_and_run(place: str, clone: Path) -> None:
    own = {"PYTHONPATH": str(clone), "PATH": f"{clone / 'script'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-eu", "-c", RUN[place].text], cwd=clone, env={**os.environ, **own}, capture_output=True, text=True,
        timeout=_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


def test_blocks_are_marked_with_words_that_somebody_heeds() -> None:
    assert {block.marked for block in BLOCKS} <= {"", QUICK, LONG}
    assert RUN


def test_a_newcomer_types_one_command() -> None:
    first = next(block for block in BLOCKS if block.marked)
    assert first.place.startswith("README.md")
    assert len(first.commands) == 1


def test_a_comment_behind_a_command_is_none_of_it() -> None:
    block = Block(place="", marked="", text="# before\nscript/run demo   # speaks\ncurl http://127.0.0.1/#here\n")
    assert block.commands == ["script/run demo", "curl http://127.0.0.1/#here"]
