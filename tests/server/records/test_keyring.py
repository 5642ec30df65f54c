"""Lanes' keys at rest: only this hub opens them, each for its own lane, and a lost master key is said as such."""

import base64
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wyoming_server.errors import DiskError, KeyUnreadableError
from wyoming_server.records.keyring import FILE_NAME, Keyring

SECRET = "gsk_not-a-real-key-9f2c"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lane=st.text(), secret=st.text())
def test_what_was_sealed_opens_again_after_a_restart(tmp_path: Path, lane: str, secret: str) -> None:
    assert Keyring(tmp_path).open(lane, Keyring(tmp_path).seal(lane, secret)) == secret


def test_a_sealed_key_shows_nothing_of_itself_and_never_looks_the_same(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    sealed = [keyring.seal("Groq", SECRET) for _ in range(50)]
    assert len(set(sealed)) == 50
    assert len({base64.b64decode(one[2:])[:12] for one in sealed}) == 50
    assert not any(SECRET.encode() in base64.b64decode(one[2:]) for one in sealed)
    assert (tmp_path / FILE_NAME).read_bytes() != SECRET.encode()


def test_the_master_key_is_made_with_the_first_key_and_is_the_owner_s_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    keyring = Keyring(folder)
    with pytest.raises(KeyUnreadableError):
        keyring.open("Groq", "1:AAAA")
    assert not folder.exists()
    keyring.seal("Groq", SECRET)
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600
    assert len((folder / FILE_NAME).read_bytes()) == 32


def test_two_lanes_that_are_sealed_at_once_share_one_master_key(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda number: keyring.seal(f"{number}", SECRET), range(32)))
    assert {Keyring(tmp_path).open(f"{number}", one) for number, one in enumerate(sealed)} == {SECRET}


def test_a_key_does_not_open_for_another_lane(tmp_path: Path) -> None:
    sealed = Keyring(tmp_path).seal("Groq", SECRET)
    with pytest.raises(KeyUnreadableError) as caught:
        Keyring(tmp_path).open("Other", sealed)
    assert caught.value.lane == "Other"


@pytest.mark.parametrize("text", ["", "1:", "1:AAAA", "1:not base64!", "2:AAAA", "ünïcode", "\ud800", "1:" + "A" * 100])
def test_what_was_never_sealed_here_is_refused_with_the_cure(tmp_path: Path, text: str) -> None:
    keyring = Keyring(tmp_path)
    keyring.seal("Groq", SECRET)
    with pytest.raises(KeyUnreadableError, match="enter it again") as caught:
        keyring.open("Groq", text)
    assert caught.value.code == "key-unreadable"


@pytest.mark.parametrize("at", [2, 20, 40, -3])
def test_a_key_with_one_changed_character_does_not_open(tmp_path: Path, at: int) -> None:
    sealed = list(Keyring(tmp_path).seal("Groq", SECRET))
    sealed[at] = "A" if sealed[at] != "A" else "B"
    with pytest.raises(KeyUnreadableError):
        Keyring(tmp_path).open("Groq", "".join(sealed))


@pytest.mark.parametrize("master", [None, b"", b"short", b"x" * 33, b"x" * 32])
def test_a_lost_master_key_asks_for_the_key_again_and_the_new_one_holds(tmp_path: Path, master: bytes | None) -> None:
    keyring = Keyring(tmp_path)
    old = keyring.seal("Groq", SECRET)
    if master is None:
        keyring.destroy()
    else:
        (tmp_path / FILE_NAME).write_bytes(master)
    with pytest.raises(KeyUnreadableError):
        keyring.open("Groq", old)
    assert keyring.open("Groq", keyring.seal("Groq", SECRET)) == SECRET
    with pytest.raises(KeyUnreadableError):
        keyring.open("Groq", old)


def test_a_master_key_that_cannot_be_read_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    keyring = Keyring(tmp_path)
    with pytest.raises(DiskError, match="cannot be read"):
        keyring.seal("Groq", SECRET)
    with pytest.raises(KeyUnreadableError):
        keyring.open("Groq", "1:AAAA")
    with pytest.raises(DiskError, match="cannot be removed"):
        keyring.destroy()
    assert (tmp_path / FILE_NAME).is_dir()


def test_destroying_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    Keyring(tmp_path).destroy()
    assert list(tmp_path.iterdir()) == []


def test_a_hub_without_keys_never_loads_the_cipher() -> None:
    program = "import sys, wyoming_server.records.keyring as k, pathlib; k.Keyring(pathlib.Path('x')); "
    program += "print('cryptography' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_no_error_tells_the_key(tmp_path: Path) -> None:
    sealed = Keyring(tmp_path).seal("Groq", SECRET)
    with pytest.raises(KeyUnreadableError) as caught:
        Keyring(tmp_path).open("Other", sealed)
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert sealed not in str(caught.value)
