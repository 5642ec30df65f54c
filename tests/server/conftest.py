"""What the server's tests share."""

import gc
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .home import Home, ServerProcess, home, settings_for_tests


@pytest.fixture(autouse=True)
def _log_as_loud_as_ever() -> Iterator[None]:
    """Have each test begin with the log's own levels: commands that show a table keep theirs down for good."""
    root, ours = logging.getLogger(), logging.getLogger("wyoming_server")
    ours.setLevel(logging.NOTSET)
    level = root.level
    yield
    root.setLevel(level)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One real server for the whole run: starter model, real VAD, real wake words, a free port of 127.0.0.1."""
    folder = tmp_path_factory.mktemp("server")
    with home(settings_for_tests(folder, listen={"idle_seconds": 2.0})) as one:
        gc.collect()
        gc.freeze()  # tests collect garbage to find forgotten tasks; the loaded models are none
        yield one


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Start servers in processes of their own; they are gone after the test."""
    started: list[ServerProcess] = []

    def start(*flags: str, **options: Any) -> ServerProcess:
        started.append(ServerProcess(tmp_path, *flags, **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()
