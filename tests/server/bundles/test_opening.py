"""What the end of a run says about the models that were loaded in it."""

import datetime as dt
from pathlib import Path

import pytest

from wyoming_server.bundles.folder import BundleFolder
from wyoming_server.bundles.opening import opened
from wyoming_server.bundles.running import crashed_run
from wyoming_server.errors import PortBusyError

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


def test_a_run_that_ends_with_a_refusal_is_no_crash(tmp_path: Path) -> None:
    folder = BundleFolder(tmp_path / "bundles")

    def run() -> None:
        with opened(folder, lambda: NOW):
            assert crashed_run(folder) is not None
            raise PortBusyError("The port is busy")

    with pytest.raises(PortBusyError):
        run()
    assert crashed_run(folder) is None
