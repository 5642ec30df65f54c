"""The line before the recogniser."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from tests.server.engines.recordings import GOLDEN, golden
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.bundles.store import STARTER_DIRECTORY
from wyoming_server.engines.asr_whisper import WhisperEngine
from wyoming_server.engines.decode_queue import DecodeLine, DecodeQueue
from wyoming_server.errors import DecodeError, OverloadedError, UnsupportedLanguageError
from wyoming_server.pipeline.types import DecodeRequest, Hypothesis


class GatedEngine:
    """Decodes when the test says so, and writes down what it was given."""

    name = "gated"
    languages = ("en",)

    def __init__(self) -> None:
        self.hallucination_phrases = {"en": ("you",)}
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.decoded: list[str] = []
        self.leased = 0

    def decode(self, request: DecodeRequest) -> Hypothesis:
        self.decoded.append(request.prompt[0])
        self.entered.set()
        assert self.gate.wait(20)
        if request.language == "broken":
            raise DecodeError("as the test says")
        return Hypothesis(text=request.prompt[0], language="en", model=self.name)

    @contextmanager
    def lease(self) -> Iterator[GatedEngine]:
        self.leased += 1
        try:
            yield self
        finally:
            self.leased -= 1

    async def is_busy(self) -> None:
        await asyncio.to_thread(self.entered.wait, 20)


async def at_once() -> None:
    """Say that a model is there."""


@pytest.fixture
async def engine() -> AsyncIterator[GatedEngine]:
    engine = GatedEngine()
    yield engine
    engine.gate.set()


@pytest.fixture
async def queue(engine: GatedEngine) -> AsyncIterator[DecodeQueue]:
    queue = DecodeQueue(engine.lease, at_once, limit=4)
    yield queue
    engine.gate.set()
    queue.close()


def request(name: str, language: str = "en") -> DecodeRequest:
    return DecodeRequest(samples=np.zeros(1600, np.int16), language=language, prompt=(name,))


async def lined_up(queue: DecodeQueue, *names: str) -> list[asyncio.Task[Hypothesis]]:
    tasks = [asyncio.create_task(queue.decode(request(name))) for name in names]
    await asyncio.sleep(0)
    return tasks


async def test_decodes_run_one_by_one_in_the_order_they_came(queue: DecodeQueue, engine: GatedEngine) -> None:
    tasks = await lined_up(queue, "a", "b", "c")
    await engine.is_busy()
    assert (engine.decoded, queue.waiting) == (["a"], 3)
    engine.gate.set()
    assert [one.text for one in await asyncio.gather(*tasks)] == ["a", "b", "c"]
    assert engine.decoded == ["a", "b", "c"]
    assert (queue.waiting, engine.leased) == (0, 0)


async def test_the_threads_time_counts_while_they_decode_and_what_runs_counts_already(engine: GatedEngine) -> None:
    now_s = 100.0
    line = DecodeLine(limit=4, workers=2, clock=lambda: now_s)
    queue = DecodeQueue(engine.lease, at_once, line=line)
    assert (queue.limit, queue.workers, queue.busy_seconds) == (4, 2, 0.0)
    (task,) = await lined_up(queue, "a")
    await engine.is_busy()
    now_s += 3.0
    assert queue.busy_seconds == 3.0
    assert queue.beside(engine.lease).busy_seconds == 3.0  # two models in one line work with the same threads
    engine.gate.set()
    await task
    now_s += 5.0
    assert queue.busy_seconds == 3.0
    queue.close()


async def test_one_decode_too_many_is_refused_at_once_and_the_others_go_on(
    queue: DecodeQueue, engine: GatedEngine
) -> None:
    tasks = await lined_up(queue, "a", "b", "c", "d")
    with pytest.raises(OverloadedError):
        await queue.decode(request("e"))
    engine.gate.set()
    await asyncio.gather(*tasks)
    assert engine.decoded == ["a", "b", "c", "d"]
    assert (await queue.decode(request("e"))).text == "e"


async def test_no_more_wait_than_can_be_answered_in_time_by_what_decodes_usually_take(engine: GatedEngine) -> None:
    now_s = 100.0
    line = DecodeLine(limit=16, workers=2, clock=lambda: now_s, budget_seconds=3.0)
    with line.decoding(28.0):
        now_s += 20.0
    assert line.most_waiting == 16, "a file's chunk tells nothing of what is said to a satellite"
    for took_s, most in ((0.2, 16), (9.0, 2), (0.2, 16), (1.0, 7), (1.0, 4), (1.0, 4), (9.0, 4), (9.0, 4)):
        with line.decoding():
            now_s += took_s
        assert line.most_waiting == most
    queue = DecodeQueue(engine.lease, at_once, line=line)
    tasks = await lined_up(queue, "a", "b", "c", "d")
    with pytest.raises(OverloadedError, match="answered in time"):
        await queue.decode(request("e"))
    engine.gate.set()
    await asyncio.gather(*tasks)
    queue.close()


async def test_a_hub_that_is_slower_than_any_budget_decodes_as_many_as_it_has_threads(engine: GatedEngine) -> None:
    now_s = 100.0
    line = DecodeLine(limit=16, workers=2, clock=lambda: now_s, budget_seconds=3.0)
    with line.decoding():
        now_s += 60.0
    queue = DecodeQueue(engine.lease, at_once, line=line)
    tasks = await lined_up(queue, "a", "b")
    with pytest.raises(OverloadedError):
        await queue.decode(request("c"))
    engine.gate.set()
    await asyncio.gather(*tasks)
    queue.close()


async def test_a_thread_that_cannot_be_started_is_a_failed_decode(
    engine: GatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    queue = DecodeQueue(engine.lease, at_once, limit=4)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuses)
        with pytest.raises(DecodeError, match="memory"):
            await queue.decode(request("a"))
    assert queue.waiting == 0
    engine.gate.set()
    assert (await queue.decode(request("b"))).text == "b"
    queue.close()


class Told:
    """Hears how the model does."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def heard(self, model: str) -> None:
        self.said.append(f"{model} heard")

    def failed(self, model: str, error: DecodeError) -> None:
        self.said.append(f"{model} {error.code}")


async def test_who_watches_the_model_is_told_how_it_does_and_not_of_one_beside_it(engine: GatedEngine) -> None:
    engine.gate.set()
    told = Told()
    queue = DecodeQueue(engine.lease, at_once, limit=4, faults=told)
    await queue.decode(request("a"))
    with pytest.raises(DecodeError):
        await queue.decode(request("b", language="broken"))
    with pytest.raises(DecodeError):
        await queue.beside(engine.lease).decode(request("c", language="broken"))
    assert told.said == ["gated heard", "gated decode-failed"]
    queue.close()


async def test_a_decode_that_is_superseded_while_it_waits_never_runs(queue: DecodeQueue, engine: GatedEngine) -> None:
    tasks = await lined_up(queue, "a", "b", "c")
    await engine.is_busy()
    tasks[1].cancel()
    await asyncio.gather(tasks[1], return_exceptions=True)
    assert queue.waiting == 2
    engine.gate.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert engine.decoded == ["a", "c"]


async def test_a_decode_that_is_superseded_while_it_runs_lets_its_turn_go_at_once(
    queue: DecodeQueue, engine: GatedEngine
) -> None:
    tasks = await lined_up(queue, "a", "b")
    await engine.is_busy()
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    assert tasks[0].cancelled()
    engine.gate.set()
    assert (await tasks[1]).text == "b"


async def test_an_engines_error_reaches_its_own_turn_only(queue: DecodeQueue, engine: GatedEngine) -> None:
    engine.gate.set()
    broken = queue.decode(request("a", language="broken"))
    fine = queue.decode(request("b"))
    first, second = await asyncio.gather(broken, fine, return_exceptions=True)
    assert isinstance(first, DecodeError)
    assert isinstance(second, Hypothesis)
    assert (queue.waiting, engine.leased) == (0, 0)


async def test_decodes_wait_in_order_until_there_is_a_model_at_all(engine: GatedEngine) -> None:
    loaded = asyncio.Event()

    async def ready() -> None:
        await loaded.wait()

    queue = DecodeQueue(engine.lease, ready, limit=4)
    engine.gate.set()
    tasks = await lined_up(queue, "a", "b", "c")
    tasks[1].cancel()
    await asyncio.gather(tasks[1], return_exceptions=True)
    assert (engine.decoded, queue.waiting) == ([], 2)
    loaded.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert engine.decoded == ["a", "c"]
    queue.close()


async def test_the_queue_says_what_the_model_says_of_itself(queue: DecodeQueue) -> None:
    assert (queue.name, queue.languages, queue.hallucination_phrases) == ("gated", ("en",), {"en": ("you",)})


async def test_eight_turns_at_once_with_the_starter_model() -> None:
    engine = WhisperEngine.load(STARTER_DIRECTORY, bundle=read_bundle(STARTER_DIRECTORY), threads=1)

    @contextmanager
    def lease() -> Iterator[WhisperEngine]:
        yield engine

    queue = DecodeQueue(lease, at_once, limit=8)
    names = (list(GOLDEN) * 3)[:8]
    try:
        heard = await asyncio.gather(
            *(queue.decode(DecodeRequest(samples=golden(name), language="en")) for name in names)
        )
        assert [one.text for one in heard] == [GOLDEN[name] for name in names]
        with pytest.raises(UnsupportedLanguageError):
            await queue.decode(DecodeRequest(samples=golden(names[0]), language="xx"))
    finally:
        queue.close()
        engine.close()
