"""The server's id: made once, kept, and never a reason not to start."""

import stat
from pathlib import Path

import pytest

from wyoming_server.records.identity import FILE_NAME, identity_in


def test_the_id_is_made_on_the_first_start_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    made = identity_in(folder)
    assert len(made) == 32
    assert set(made) <= set("0123456789abcdef")
    assert identity_in(folder) == made
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600
    assert [one.name for one in folder.iterdir()] == [FILE_NAME]


def test_two_servers_have_two_ids(tmp_path: Path) -> None:
    assert identity_in(tmp_path / "one") != identity_in(tmp_path / "two")


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\xff" * 32, b"0123456789ABCDEF0123456789ABCDEF", b"0" * 31])
def test_a_damaged_id_is_made_anew_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    (tmp_path / FILE_NAME).chmod(0o600)
    made = identity_in(tmp_path)
    assert "damaged" in caplog.text
    assert made not in caplog.text
    assert identity_in(tmp_path) == made
    assert len(caplog.records) == 1


def test_an_id_that_cannot_be_kept_serves_for_this_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "data").write_text("a file where the folder should be", encoding="utf-8")
    assert len(identity_in(tmp_path / "data")) == 32
    assert [one.levelname for one in caplog.records] == ["ERROR"]


def test_an_id_that_cannot_be_read_is_not_overwritten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE_NAME).mkdir()
    assert len(identity_in(tmp_path)) == 32
    assert (tmp_path / FILE_NAME).is_dir()
    assert len(caplog.records) == 1


def test_what_a_killed_process_left_is_no_obstacle_and_stays_private(tmp_path: Path) -> None:
    part = tmp_path / f".{FILE_NAME}.part"
    part.write_bytes(b"half an i")
    part.chmod(0o644)
    assert identity_in(tmp_path) == identity_in(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert not part.exists()


def test_an_id_that_others_could_read_is_closed_to_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = identity_in(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o644)
    assert identity_in(tmp_path) == made
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert "could be read by others" in caplog.text
