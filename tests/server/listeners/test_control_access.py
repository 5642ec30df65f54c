"""The token's file: made once, private, and true at every moment."""

import asyncio
import logging
import stat
from pathlib import Path

import pytest

from wyoming_server.errors import DiskError
from wyoming_server.listeners.control_access import TOKEN_FILE, Access, rotated_token, token_of


class Heard:
    """Counts the tokens that ended."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_the_first_start_makes_a_token_for_its_owner_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "data" / "below"
    token = token_of(data_dir)
    assert len(token) >= 43  # 256 bits
    assert mode_of(data_dir / TOKEN_FILE) == 0o600
    assert [one.name for one in data_dir.iterdir()] == [TOKEN_FILE]
    assert token_of(data_dir) == token


def test_each_rotation_makes_another(tmp_path: Path) -> None:
    made = [token_of(tmp_path), rotated_token(tmp_path), rotated_token(tmp_path)]
    assert len(set(made)) == 3
    assert token_of(tmp_path) == made[-1]


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 40, b"two words that are long", b"x" * 5000])
def test_what_is_no_token_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    (tmp_path / TOKEN_FILE).write_bytes(content)
    assert len(token_of(tmp_path)) >= 43
    assert "clients have to pair again" in caplog.text


def test_an_owner_may_write_a_token_by_hand(tmp_path: Path) -> None:
    (tmp_path / TOKEN_FILE).write_text("correct-horse-battery\n")
    assert token_of(tmp_path) == "correct-horse-battery"


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    token = token_of(tmp_path)
    (tmp_path / TOKEN_FILE).chmod(0o644)
    assert token_of(tmp_path) == token
    assert mode_of(tmp_path / TOKEN_FILE) == 0o600
    assert "0600" in caplog.text


def test_a_folder_that_is_none_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError, match=TOKEN_FILE):
        token_of(tmp_path / "file")
    with pytest.raises(DiskError, match="cannot be written"):
        rotated_token(tmp_path / "file")


async def test_the_newest_token_counts_from_the_moment_it_is_written(tmp_path: Path) -> None:
    heard = Heard()
    access = await Access.opened(tmp_path, heard)
    old = access.token
    assert await access.admits(old)
    for rotation in range(1, 6):  # the file system hands the same inodes out again
        new = await asyncio.to_thread(rotated_token, tmp_path)
        assert not await access.admits(old)
        assert await access.admits(new)
        assert heard.times == rotation
        old = new


@pytest.mark.parametrize("content", [None, b"", b"short"])
async def test_without_a_whole_token_nobody_is_let_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    heard = Heard()
    access = await Access.opened(tmp_path, heard)
    old = access.token
    (tmp_path / TOKEN_FILE).unlink()
    if content is not None:
        (tmp_path / TOKEN_FILE).write_bytes(content)
    assert [await access.admits(one) for one in (old, "", "short")] == [False, False, False]
    assert heard.times == 1
    assert "edge-voice token" in caplog.text
    new = await asyncio.to_thread(token_of, tmp_path)
    assert await access.admits(new)


async def test_a_file_that_became_unreadable_lets_nobody_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    access = await Access.opened(tmp_path, Heard())
    token = access.token
    (tmp_path / TOKEN_FILE).unlink()
    (tmp_path / TOKEN_FILE).mkdir()
    assert not await access.admits(token)
    assert "cannot be read" in caplog.text


async def test_a_touched_file_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()
    access = await Access.opened(tmp_path, heard)
    (tmp_path / TOKEN_FILE).write_text(f"  {access.token}\n\n")
    assert await access.admits(access.token)
    assert heard.times == 0
    assert caplog.text == ""


async def test_checks_side_by_side_hear_of_one_rotation_once(tmp_path: Path) -> None:
    heard = Heard()
    access = await Access.opened(tmp_path, heard)
    old = access.token
    new = await asyncio.to_thread(rotated_token, tmp_path)
    assert await asyncio.gather(*(access.admits(one) for one in (old, new) * 10)) == [False, True] * 10
    assert heard.times == 1


@pytest.mark.parametrize("shown", ["", " ", "\ud800", "ü" * 43, "x" * 100_000])
async def test_odd_tokens_are_refused(tmp_path: Path, shown: str) -> None:
    assert not await (await Access.opened(tmp_path, Heard())).admits(shown)


async def test_no_log_holds_a_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    access = await Access.opened(tmp_path, Heard())
    tokens = [access.token, await asyncio.to_thread(rotated_token, tmp_path)]
    await access.refresh()
    assert "ended" in caplog.text
    assert [one for one in tokens if one in caplog.text] == []
