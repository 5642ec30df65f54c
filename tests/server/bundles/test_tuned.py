"""The model of an owner who named none."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.bundles.local_hub import LocalHub
from tests.server.bundles.test_hub_model import FILES
from wyoming_server.bundles.choice import Choice
from wyoming_server.bundles.progress import FetchState, Progress
from wyoming_server.bundles.store import ModelStore
from wyoming_server.bundles.tuned import TunedModel, read_choice, write_choice

CHOICE = Choice(model="base", threads=2, context_floor_frames=300, reason="it fits")


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub(repositories={"Systran/faster-whisper-base": dict(FILES)}) as hub:
        yield hub


class Machine:
    """A machine that base suits; counts how often it is measured."""

    def __init__(self) -> None:
        self.measured = 0

    def decide(self, report: Callable[[float], None], cancelled: threading.Event) -> Choice:
        self.measured += 1
        report(0.5)
        return CHOICE


def tuned(root: Path, hub: LocalHub, machine: Machine) -> TunedModel:
    store = ModelStore(root / "models")
    return TunedModel(store=store, choice_file=root / "choice.json", decide=machine.decide, endpoint=hub.endpoint)


def test_a_machine_is_measured_once_and_its_choice_is_fetched(hub: LocalHub, tmp_path: Path) -> None:
    machine, report = Machine(), list[Progress]()
    source = tuned(tmp_path, hub, machine)
    assert (source.name, source.find()) == ("", None)
    fetched = source.fetch(report.append, threading.Event())
    assert (source.name, source.find(), source.choice) == ("base", fetched, CHOICE)
    assert [report[0].state, report[-1].state] == [FetchState.MEASURING, FetchState.DONE]
    again = tuned(tmp_path, hub, machine)
    assert again.fetch(report.append, threading.Event()) == fetched
    assert machine.measured == 1


def test_a_choice_made_by_hand_is_kept(hub: LocalHub, tmp_path: Path) -> None:
    machine = Machine()
    write_choice(tmp_path / "choice.json", CHOICE)
    tuned(tmp_path, hub, machine).fetch(list[Progress]().append, threading.Event())
    assert machine.measured == 0


def test_a_choice_that_was_called_off_is_not_kept(hub: LocalHub, tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Exception, match="base"):
        tuned(tmp_path, hub, Machine()).fetch(list[Progress]().append, cancelled)
    assert read_choice(tmp_path / "choice.json") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": "base"}', '{"model": "base", "threads": 0}'])
def test_a_choice_that_cannot_be_read_is_made_again(hub: LocalHub, tmp_path: Path, content: str) -> None:
    (tmp_path / "choice.json").write_text(content)
    machine = Machine()
    tuned(tmp_path, hub, machine).fetch(list[Progress]().append, threading.Event())
    assert machine.measured == 1
    assert read_choice(tmp_path / "choice.json") == CHOICE
