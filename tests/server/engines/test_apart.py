"""A model in a process of its own, with real bundles, good and bad."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.server.bundles import made, made_wake
from tests.server.engines.recordings import GOLDEN, golden
from wyoming_server.bundles.bundle import Kind
from wyoming_server.engines.apart import ApartModel, TrialLimits
from wyoming_server.errors import (
    EdgeVoiceError,
    ModelCorruptError,
    SelfTestError,
    TrialCrashedError,
    TrialMemoryError,
    TrialTimeoutError,
    UnsupportedLanguageError,
)
from wyoming_server.pipeline.types import DecodeRequest

LIMITS = TrialLimits(memory_mb=600, seconds=60.0)


@pytest.fixture
async def model(tmp_path: Path) -> AsyncIterator[ApartModel]:
    one = await ApartModel.started(Kind.ASR, made.good(tmp_path), LIMITS)
    yield one
    await one.aclose()


def children() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "apart_child" in " ".join(one.cmdline())]


async def is_halted(process: psutil.Process) -> bool:
    """Wait for a signal to take effect, which a busy machine does when it comes to it."""
    for _ in range(500):
        if process.status() == psutil.STATUS_STOPPED:
            return True
        await asyncio.sleep(0.01)
    return False


async def refused(folder: Path, limits: TrialLimits = LIMITS) -> EdgeVoiceError:
    """Return what a trial is refused with; no process is left of it."""
    with pytest.raises(EdgeVoiceError) as caught:
        await ApartModel.started(Kind.ASR, folder, limits)
    assert children() == []
    return caught.value


async def test_a_good_bundle_passes_and_then_decodes_as_it_would_in_the_server(model: ApartModel) -> None:
    assert (model.name, model.languages) == ("home-en@1.0.0", ("en",))
    assert model.tried is not None
    assert model.tried.memory_mb > 1
    assert len(model.tried.decode_ms) == 3
    name = next(iter(GOLDEN))
    heard = await model.decode(DecodeRequest(samples=golden(name), language="en", speech_seconds=1.0))
    assert (heard.text, heard.model, heard.language) == (GOLDEN[name], "home-en@1.0.0", "en")
    assert heard.tokens
    assert heard.end_probability > 0.5


async def test_a_decode_that_fails_costs_that_decode_only(model: ApartModel) -> None:
    name = next(iter(GOLDEN))
    with pytest.raises(UnsupportedLanguageError):
        await model.decode(DecodeRequest(samples=golden(name), language="xx"))
    assert (await model.decode(DecodeRequest(samples=golden(name), language="en"))).text == GOLDEN[name]


async def test_it_is_nice_and_idle_when_it_is_told_and_halts_while_somebody_speaks(model: ApartModel) -> None:
    (child,) = children()
    assert child.nice() >= 10
    await model.be_idle()
    model.hold()
    decode = asyncio.create_task(model.decode(DecodeRequest(samples=golden(next(iter(GOLDEN))), language="en")))
    done, _ = await asyncio.wait({decode}, timeout=0.3)
    assert not done
    assert await is_halted(child)
    model.go_on()
    assert (await decode).text
    if hasattr(os, "sched_getscheduler"):
        assert os.sched_getscheduler(child.pid) == os.SCHED_IDLE


async def test_the_time_for_which_it_is_halted_counts_for_nothing(model: ApartModel) -> None:
    model._limits = replace(LIMITS, seconds=2.0)
    asked = DecodeRequest(samples=golden(next(iter(GOLDEN))), language="en")
    model.hold()
    before = asyncio.create_task(model.decode(asked))
    await asyncio.sleep(0.1)
    model.go_on()
    assert (await before).text
    meanwhile = asyncio.create_task(model.decode(asked))
    await asyncio.sleep(0)
    model.hold()
    done, _ = await asyncio.wait({meanwhile}, timeout=2.2)
    model.go_on()
    assert done or (await meanwhile).text
    children()[0].send_signal(signal.SIGSTOP)
    with pytest.raises(TrialTimeoutError):
        await model.decode(asked)


async def test_a_process_that_is_killed_says_so_at_the_next_decode(model: ApartModel) -> None:
    (child,) = children()
    child.send_signal(signal.SIGKILL)
    with pytest.raises(TrialCrashedError, match="SIGKILL"):
        await model.decode(DecodeRequest(samples=golden(next(iter(GOLDEN))), language="en"))


async def test_weights_that_were_quantised_to_ruin_fail_their_self_test(tmp_path: Path) -> None:
    assert isinstance(await refused(made.ruined(tmp_path)), SelfTestError)


async def test_a_vocabulary_that_was_swapped_fails_its_self_test(tmp_path: Path) -> None:
    assert isinstance(await refused(made.swapped_vocabulary(tmp_path)), SelfTestError)


async def test_a_model_that_crashes_its_process_takes_nobody_along(tmp_path: Path) -> None:
    error = await refused(made.crashing(tmp_path))
    assert isinstance(error, TrialCrashedError)
    assert "SIGSEGV" in str(error)


async def test_a_model_that_eats_memory_is_ended(tmp_path: Path) -> None:
    error = await refused(made.hungry(tmp_path, megabytes=400), TrialLimits(memory_mb=150, seconds=60.0))
    assert isinstance(error, TrialMemoryError)


async def test_a_model_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    assert isinstance(await refused(made.good(tmp_path), TrialLimits(seconds=0.1)), TrialTimeoutError)


async def test_a_model_of_other_files_is_refused_as_it_would_be_in_the_server(tmp_path: Path) -> None:
    assert isinstance(await refused(made.hollow(tmp_path)), EdgeVoiceError)
    folder = made.good(tmp_path, "1.0.1")
    (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:200_000])
    assert isinstance(await refused(folder), ModelCorruptError)


@pytest.mark.parametrize(
    ("make", "kind"), [(made_wake.good_wake, Kind.WAKE), (made_wake.good_vad, Kind.VAD)], ids=["wake", "vad"]
)
async def test_wake_words_and_vad_are_tried_the_same_way(make: Callable[..., Path], kind: Kind, tmp_path: Path) -> None:
    model = await ApartModel.started(kind, make(tmp_path), LIMITS)
    await model.aclose()
    assert model.tried is not None
    assert len(model.tried.decode_ms) == 3


@pytest.mark.parametrize(
    ("make", "kind"), [(made_wake.ruined_wake, Kind.WAKE), (made_wake.ruined_vad, Kind.VAD)], ids=["wake", "vad"]
)
async def test_wake_words_and_vad_that_have_gone_deaf_fail_their_self_test(
    make: Callable[..., Path], kind: Kind, tmp_path: Path
) -> None:
    with pytest.raises(SelfTestError):
        await ApartModel.started(kind, make(tmp_path), LIMITS)
    assert children() == []


PARENT = """
import asyncio, sys
from pathlib import Path
from wyoming_server.bundles.bundle import Kind
from wyoming_server.engines.apart import ApartModel, TrialLimits

async def main():
    model = await ApartModel.started(Kind.ASR, Path(sys.argv[1]), TrialLimits(memory_mb=600))
    model.hold()
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_model_that_is_halted_goes_with_the_server_that_is_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(made.good(tmp_path))), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"ready\n"
    (child,) = psutil.Process(parent.pid).children()
    halted = await is_halted(child)
    parent.kill()
    await parent.wait()
    assert halted
    await asyncio.to_thread(psutil.wait_procs, [child], 10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
