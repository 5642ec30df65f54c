"""The shell in which proofs type what the documentation says."""

import os
from pathlib import Path

from .newcomer import environment
from .typed import typed


def test_what_runs_until_ctrl_c_gets_it(tmp_path: Path) -> None:
    heard: list[str] = []
    waits = "sh -c \"trap 'echo ended; exit 0' INT; echo 'Ctrl-C ends it'; while :; do sleep 0.05; done\"\necho after"
    assert typed(waits, tmp_path, os.environ, heard.append) == 0
    assert heard == ["Ctrl-C ends it\n", "ended\n", "after\n"]


def test_the_first_command_that_fails_ends_it(tmp_path: Path) -> None:
    assert typed("exit 3\necho never", tmp_path, os.environ) == 3


def test_a_newcomer_has_nothing_of_what_was_fetched_before(tmp_path: Path) -> None:
    fresh = environment(tmp_path, warm=False)
    assert all(fresh[name].startswith(str(tmp_path)) for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME"))
    assert not any((Path(folder) / "uv").exists() for folder in fresh["PATH"].split(os.pathsep))
    assert environment(tmp_path, warm=True) == dict(os.environ)
