"""`edge-voice queue`, as an owner at a shell uses it, against a real server."""

import argparse
import json
from collections.abc import Iterator
from functools import partial

import pytest

from tests.server.home import Home, home, settings_for_tests
from tests.server.proofs.queue_hub import kept, text_of
from wyoming_server.commands import queue
from wyoming_server.errors import RequestTakenError, UsageError
from wyoming_server.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_for_tests(tmp_path_factory.mktemp("queue"), control={"address": "127.0.0.1:0"})


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Home]:
    with home(settings) as one:
        yield one


async def shown(capsys: pytest.CaptureFixture[str], settings: Settings, *argv: str) -> str:
    """Run a command, and return what it printed."""
    parser = argparse.ArgumentParser()
    queue.add_arguments(parser)
    capsys.readouterr()
    assert await queue.run(parser.parse_args(argv), settings) == 0
    return capsys.readouterr().out


async def test_what_waits_is_shown_hurried_and_dropped(
    capsys: pytest.CaptureFixture[str], settings: Settings, served: Home
) -> None:
    assert "Nothing waits." in await shown(capsys, settings, "list")
    server = served.server
    assert server is not None
    ids = [await served.within(partial(kept, server.control.queue, number)) for number in range(3)]
    table = await shown(capsys, settings, "list")
    for number, one in enumerate(ids):
        assert one[:8] in table
        assert text_of(number) in table
    told = json.loads(await shown(capsys, settings, "flush", "--json"))
    assert [one["state"] for one in told["requests"]] == ["waiting"] * 3
    assert await shown(capsys, settings, "drop", ids[0][:8]) == "1 dropped.\n"
    with pytest.raises(RequestTakenError):
        await shown(capsys, settings, "repeat", ids[1])
    with pytest.raises(UsageError, match="--all"):
        await shown(capsys, settings, "drop")
    with pytest.raises(UsageError, match="0 requests have an id"):
        await shown(capsys, settings, "drop", ids[0])
    assert json.loads(await shown(capsys, settings, "drop", "--all", "--json")) == {"dropped": 2}
