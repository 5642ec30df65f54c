import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.server.updates import faulty
from tests.server.updates.faulty import Act, Exchange, FaultyHost, faulty_host
from tests.server.updates.scene import LIMITS
from wyoming_server.errors import EdgeVoiceError, EndlessDataError, UnreachableRepositoryError
from wyoming_server.updates.jobs import Limits
from wyoming_server.updates.web import InMemory, NotThereError, OnDisk, Web, _next

CONTENT = random.Random(1).randbytes(300_000)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FaultyHost]:
    public = tmp_path / "public"
    public.mkdir()
    (public / "a.tar").write_bytes(CONTENT)
    with faulty_host(public) as one:
        yield one


def filled(host: FaultyHost, *, limits: Limits = LIMITS, sink: InMemory | None = None) -> bytes:
    """Fetch the archive."""
    sink = sink or InMemory()
    Web(limits).fill(f"{host.url}/a.tar", sink, len(CONTENT))
    return bytes(sink.content)


def starts(host: FaultyHost) -> list[int]:
    return [first for _, first in host.asked]


def test_an_archive_comes_whole(host: FaultyHost) -> None:
    assert filled(host) == CONTENT


def test_what_is_there_already_is_not_asked_for(host: FaultyHost) -> None:
    sink = InMemory()
    sink.add(CONTENT)
    assert filled(host, sink=sink) == CONTENT
    assert not host.asked


def test_a_cut_download_goes_on_where_it_stopped(host: FaultyHost) -> None:
    host.break_("", faulty.cut(100_000), times=2)
    assert filled(host) == CONTENT
    assert starts(host)[0] == 0
    assert sorted(starts(host)) == starts(host)
    assert len(set(starts(host))) == 3


def test_a_download_that_is_cut_again_and_again_comes_whole_as_long_as_each_brings_something(host: FaultyHost) -> None:
    host.break_("", faulty.cut(20_000))
    assert filled(host) == CONTENT


def test_a_part_outlives_its_process(host: FaultyHost, tmp_path: Path) -> None:
    part = tmp_path / "a.part"
    part.write_bytes(CONTENT[:123_456])
    heard: list[int] = []
    sink = OnDisk(part, heard.append)
    Web(LIMITS).fill(f"{host.url}/a.tar", sink, len(CONTENT))
    sink.sync()
    sink.close()
    assert part.read_bytes() == CONTENT
    assert starts(host) == [123_456]
    assert heard[-1] == len(CONTENT)


@pytest.mark.parametrize(("act", "asked"), [(faulty.deaf_to_ranges, [1000]), (faulty.misplaced(7), [1000, 0])])
def test_a_host_that_begins_elsewhere_is_taken_from_the_beginning(host: FaultyHost, act: Act, asked: list[int]) -> None:
    sink = InMemory()
    sink.add(CONTENT[:1000])
    host.break_("", act, times=1)
    assert filled(host, sink=sink) == CONTENT
    assert starts(host) == asked


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_host_that_asks_for_patience_gets_it(host: FaultyHost, code: int) -> None:
    host.break_("", faulty.status(code), times=1)
    assert filled(host) == CONTENT


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_host_that_refuses_is_not_asked_again(host: FaultyHost, code: int) -> None:
    host.break_("", faulty.status(code))
    with pytest.raises(NotThereError) as refused:
        filled(host)
    assert refused.value.status == code
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (faulty.status(503), "repository-unreachable"),
        (faulty.silent, "repository-unreachable"),
        (faulty.cut(0), "truncated"),
        (faulty.shortened(1), "truncated"),
        (faulty.stall(0), "endless-data"),
        (faulty.drip(0.02), "endless-data"),
        (faulty.endless, "endless-data"),
        (faulty.announce(1), "oversized"),
    ],
)
def test_each_way_to_fail_has_its_code(host: FaultyHost, act: Act, code: str) -> None:
    host.break_("", act)
    with pytest.raises(EdgeVoiceError) as refused:
        filled(host)
    assert refused.value.code == code


def test_a_host_that_cuts_after_every_byte_drips_too(host: FaultyHost) -> None:
    host.break_("", faulty.cut(1))
    with pytest.raises(EndlessDataError, match="would never end"):
        filled(host, limits=replace(LIMITS, patience_s=0.1))


def test_a_host_that_begins_anew_each_time_is_not_listened_to_for_ever(host: FaultyHost) -> None:
    cuts = iter(range(1000, len(CONTENT)))

    def deaf(exchange: Exchange) -> None:  # a byte more each time, so that each brings something
        exchange.start = 0
        exchange.head(200, len(CONTENT))
        exchange.send(CONTENT[: 280_000 + next(cuts)])
        exchange.hang_up()

    host.break_("", deaf)
    with pytest.raises(EndlessDataError, match="over and over"):
        filled(host)
    assert len(host.asked) < 12


@pytest.mark.parametrize("elsewhere", ["http://localhost:1/reboot?", "file:///etc/passwd?", "http://[", "ftp://x"])
def test_a_host_cannot_have_this_hub_ask_another_in_the_clear(host: FaultyHost, elsewhere: str) -> None:
    host.break_("", faulty.moved(elsewhere))
    with pytest.raises(UnreachableRepositoryError, match="sends this hub on"):
        filled(host)
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ("https://a.example/x", "https://b.example/x", True),
        ("http://a.example/x", "https://b.example/x", True),
        ("http://a.example/x", "http://a.example:8080/x", True),
        ("https://a.example/x", "http://a.example/x", False),
        ("http://a.example/x", "http://192.168.1.1/x", False),
    ],
)
def test_where_a_host_may_send_this_hub(before: str, after: str, *, may: bool) -> None:
    assert (_next(before, after) == after) is may


def test_a_slow_line_that_ends_is_waited_for(host: FaultyHost) -> None:
    host.break_("", faulty.drip(0.02, 30_000))
    assert filled(host) == CONTENT


def test_nothing_more_is_read_than_announced_too_much(host: FaultyHost) -> None:
    host.break_("", faulty.announce(1 << 40))
    with pytest.raises(EdgeVoiceError, match="it is not read"):
        filled(host)


def test_waiting_grows_while_nothing_comes(host: FaultyHost) -> None:
    host.break_("", faulty.status(503))
    waited: list[float] = []
    web = Web(replace(LIMITS, tries=5, retry_delay_s=1.0), sleep=waited.append)
    with pytest.raises(UnreachableRepositoryError):
        web.content(f"{host.url}/a.tar", 1000)
    assert waited == [1.0, 2.0, 4.0, 8.0]


def test_a_small_file_may_be_shorter_than_allowed_and_not_longer(host: FaultyHost) -> None:
    web = Web(LIMITS)
    assert web.content(f"{host.url}/a.tar", len(CONTENT) + 1) == CONTENT
    with pytest.raises(EdgeVoiceError) as refused:
        web.content(f"{host.url}/a.tar", len(CONTENT) - 1)
    assert refused.value.code == "oversized"


def test_a_small_file_is_never_made_of_two_answers(host: FaultyHost) -> None:
    host.break_("", faulty.cut(1000), times=1)
    assert Web(LIMITS).content(f"{host.url}/a.tar", len(CONTENT)) == CONTENT
    assert starts(host) == [0, 0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_an_address_where_nobody_is_says_so(url: str) -> None:
    with pytest.raises(UnreachableRepositoryError, match="does not answer"):
        Web(LIMITS).content(f"{url}/a.tar", 10)
