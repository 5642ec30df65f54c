"""Pairing: a code from the log becomes the token, once, soon and not by guessing."""

import itertools
import logging
import re
from pathlib import Path

import pytest

from wyoming_server.errors import PairingRefusedError, TooManyRequestsError
from wyoming_server.listeners.control_limits import MOST_PEERS, PerPeer, Rate
from wyoming_server.listeners.control_pairing import CODE_SECONDS, GUESSES, STARTS, TRIES, Pairing, with_colons

from .control_home import ID, Clock, control

PRINT = "ab" * 32


def pairing(*codes: int, clock: Clock | None = None, fingerprint: str | None = None) -> Pairing:
    """Return a pairing that draws these codes, again and again."""
    drawn = itertools.cycle(codes)
    return Pairing(fingerprint=fingerprint, clock=clock or Clock(), draw=lambda below: next(drawn) % below)


@pytest.mark.parametrize("shown", ["012345", "012 345", " 012345\n"])
def test_the_code_of_the_log_is_right_once(shown: str, caplog: pytest.LogCaptureFixture) -> None:
    one = pairing(12_345)
    assert one.start() == CODE_SECONDS
    assert "Pairing code 012 345, for ten minutes" in caplog.text
    one.redeem(shown)
    with pytest.raises(PairingRefusedError):
        one.redeem(shown)


def test_the_log_shows_the_certificate_as_people_compare_it(caplog: pytest.LogCaptureFixture) -> None:
    pairing(1, fingerprint=PRINT).start()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING  # seen at every level that owners choose
    assert record.getMessage().endswith("; certificate " + ":".join(["AB"] * 32))
    assert with_colons("0f") == "0F"


@pytest.mark.parametrize("shown", ["12345", "0012345", "", "abcdef", "０１２３４５", "\ud800"])
def test_what_is_nearly_right_is_wrong(shown: str) -> None:
    one = pairing(12_345)
    one.start()
    with pytest.raises(PairingRefusedError):
        one.redeem(shown)
    one.redeem("012345")


def test_nothing_is_right_before_a_start() -> None:
    one = pairing(0)
    for shown in ("000000", "", "None"):
        with pytest.raises(PairingRefusedError, match="start pairing"):
            one.redeem(shown)


def test_a_code_lives_ten_minutes() -> None:
    clock = Clock()
    one = pairing(12_345, clock=clock)
    one.start()
    clock.now_s += CODE_SECONDS - 0.001
    one.redeem("012345")
    one.start()
    clock.now_s += CODE_SECONDS
    with pytest.raises(PairingRefusedError, match="start pairing again"):
        one.redeem("012345")


def test_five_wrong_codes_end_the_right_one(caplog: pytest.LogCaptureFixture) -> None:
    one = pairing(12_345)
    one.start()
    for _ in range(TRIES - 1):
        with pytest.raises(PairingRefusedError, match="the code is wrong; look"):
            one.redeem("111111")
    with pytest.raises(PairingRefusedError, match="has ended"):
        one.redeem("111111")
    with pytest.raises(PairingRefusedError):
        one.redeem("012345")
    assert "5 wrong ones" in caplog.text
    one.start()
    one.redeem("012345")


def test_a_new_code_ends_the_one_before() -> None:
    one = pairing(1, 2)
    one.start()
    one.start()
    with pytest.raises(PairingRefusedError):
        one.redeem("000001")
    one.redeem("000002")


def test_starting_is_slowed_down() -> None:
    clock = Clock()
    one = pairing(1, clock=clock)
    for _ in range(STARTS.most):
        one.start()
    with pytest.raises(TooManyRequestsError) as refused:
        one.start()
    assert 0 < refused.value.retry_after_s <= STARTS.seconds_each
    one.redeem("000001")  # the last one still counts
    clock.now_s += refused.value.retry_after_s
    one.start()


def test_somebody_who_keeps_guessing_is_stopped_even_with_the_right_code() -> None:
    clock = Clock()
    one = pairing(7, clock=clock)
    for guess in range(GUESSES.most):
        if guess % TRIES == 0:
            one.start()
        with pytest.raises(PairingRefusedError):
            one.redeem("111111")
    with pytest.raises(TooManyRequestsError):
        one.start()
    clock.now_s += GUESSES.seconds_each
    one.start()
    with pytest.raises(PairingRefusedError):
        one.redeem("111111")
    with pytest.raises(TooManyRequestsError) as refused:
        one.redeem("000007")
    clock.now_s += refused.value.retry_after_s
    one.redeem("000007")


def test_a_day_of_guessing_finds_a_code_one_time_in_three_thousand() -> None:
    clock = Clock()
    one = pairing(7, clock=clock)
    guesses = 0
    while clock.now_s < 86_400:
        try:
            one.redeem("111111")
        except TooManyRequestsError:
            clock.now_s += 10
        except PairingRefusedError as refused:
            guesses += "wrong" in str(refused)
            if "start" in str(refused):
                try:
                    one.start()
                except TooManyRequestsError:
                    clock.now_s += 10
    assert guesses * 3000 <= 1_000_000


def test_a_flood_of_addresses_takes_no_more_memory() -> None:
    peers = PerPeer(Rate(most=1, seconds_each=10.0), Clock())
    assert peers.of("192.168.0.1").spend()
    for number in range(MOST_PEERS * 2):
        peers.of(f"10.0.{number // 256}.{number % 256}").spend()
    assert len(peers) == MOST_PEERS


def test_a_network_of_ipv6_counts_as_one_peer_and_ipv4_as_many() -> None:
    peers = PerPeer(Rate(most=1, seconds_each=10.0), Clock())
    assert peers.of("fd00::1").spend()
    assert not peers.of("fd00::ffff:2").spend()
    assert peers.of("fd00:0:0:1::1").spend()
    assert peers.of("192.168.0.1").spend()
    assert peers.of("192.168.0.2").spend()


async def test_pairing_over_http_gives_the_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with control(tmp_path) as caller:
        started = await caller.ask("POST", "/api/v1/pair/start", token="", json={})
        assert (started.status, started.body) == (202, {"expires_in_seconds": 600, "fingerprint": None})
        found = re.search(r"Pairing code (\d{3}) (\d{3})", caplog.text)
        assert found
        code = "".join(found.groups())
        wrong = await caller.ask("POST", "/api/v1/pair", token="", json={"code": f"{(int(code) + 1) % 10**6:06}"})
        assert (wrong.status, wrong.code) == (401, "pairing-refused")
        paired = await caller.ask("POST", "/api/v1/pair", token="", json={"code": code})
        assert (paired.status, paired.body) == (200, {"token": caller.door.token, "id": ID})
        assert (await caller.ask("GET", "/api/v1/status", token=paired.body["token"])).status == 200
        again = await caller.ask("POST", "/api/v1/pair", token="", json={"code": code})
        assert again.status == 401


async def test_too_many_starts_over_http_say_when_to_come_back(tmp_path: Path) -> None:
    async with control(tmp_path) as caller:
        answers = [await caller.ask("POST", "/api/v1/pair/start", token="") for _ in range(STARTS.most + 1)]
    assert [one.status for one in answers] == [202] * STARTS.most + [429]
    assert int(answers[-1].headers["Retry-After"]) == STARTS.seconds_each
