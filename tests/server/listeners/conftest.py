"""Holds every test here to a clean log."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def loaded() -> None:
    """Count what is loaded by now as no garbage: each test's look for it would take 0.1 s."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail when anything was logged as an error or with a traceback, also by asyncio about a forgotten task."""
    yield
    gc.collect()
    loud = [one.getMessage() for one in caplog.get_records("call") if one.exc_info or one.levelname == "ERROR"]
    assert not loud
