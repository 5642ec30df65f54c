"""Models that come and go under running turns: a real server, real bundles, and peers that speak."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.server.bundles import made, made_wake
from tests.server.bundles.installed_hub import chooses_starter, installed, place
from tests.server.home import settings_for_tests
from tests.server.peer import KITCHEN, audio, bystander, connected, event, kitchen
from wyoming_server import memory
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.bundle_settings import BundleSettings
from wyoming_server.bundles.state import Stage
from wyoming_server.canary.canary import Action, Canary
from wyoming_server.engines.asr_whisper import WhisperEngine
from wyoming_server.errors import EdgeVoiceError, SelfTestError, TrialMemoryError, UnknownModelError
from wyoming_server.serve import RunningServer, running
from wyoming_server.updates.folder import BundleFolder

NOW = dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)
OLD, NEW = "home-en@1.0.0", "home-en@1.1.0"
ALWAYS = {"shadow_share": 1.0, "serving_share": 0.9, "shadow_turns": 1000, "serving_turns": 1000}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in which 1.0.0 serves; 1.1.0 lies beside it."""
    data = tmp_path / "data"
    chooses_starter(data)
    installed(data, made.good(tmp_path), active=True)
    made.good(tmp_path, "1.1.0")
    return data


@asynccontextmanager
async def server_of(data: Path) -> AsyncIterator[RunningServer]:
    settings = settings_for_tests(data.parent, asr={"model": "", "language": "en"}, bundles=ALWAYS)
    async with running(settings) as server:
        await server.ready()
        yield server


async def says(server: RunningServer) -> str:
    """Speak a turn, and return its text."""
    async with connected(server.uris[0]) as peer:
        answer = await peer.turn(kitchen().pcm, {"language": "en"})
    return answer.text if answer.kind == "transcript" else answer.code


def canary_of(stage: Stage) -> Canary:
    """Return a canary that watches 1.1.0; the server's own follows the state on the disk."""
    canary = Canary(BundleSettings(**ALWAYS))
    canary.begin(NEW, NOW, incumbent=OLD, stage=stage)
    return canary


def refused(server: RunningServer) -> list[str]:
    """Return the bundles of which the owner is told that they are not taken, or were left."""
    told = {"bundle-refused", "bundle-rolled-back"}
    return [one["subject"] for one in server.control.status()["warnings"] if one["code"] in told]


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not come to that")


async def test_the_active_bundle_serves_after_a_start(data: Path) -> None:
    async with server_of(data) as server:
        assert server.arms.serving(Kind.ASR) == OLD
        assert await says(server) == KITCHEN


async def test_a_damaged_bundle_is_left_for_the_one_before_it(data: Path, tmp_path: Path) -> None:
    newest = installed(data, made.good(tmp_path, "1.2.0"), active=True)
    made.damaged(place(data, newest))
    async with server_of(data) as server:
        assert server.arms.serving(Kind.ASR) == OLD
        assert await says(server) == KITCHEN
        await until(lambda: refused(server) == [newest])


async def test_a_bundle_that_is_whole_and_does_not_load_any_more_is_left_too(data: Path, tmp_path: Path) -> None:
    bad = installed(data, made.ruined(tmp_path, "1.2.0"), active=True)
    async with server_of(data) as server:
        assert server.arms.serving(Kind.ASR) == OLD
        await until(lambda: refused(server) == [bad])


async def test_without_any_bundle_that_serves_the_plain_model_does(data: Path) -> None:
    made.damaged(place(data, OLD))
    async with server_of(data) as server:
        assert server.arms.serving(Kind.ASR) == "starter"
        assert await says(server) == KITCHEN


async def test_a_recogniser_that_the_owner_named_outranks_bundles(data: Path) -> None:
    async with running(settings_for_tests(data.parent)) as server:
        await server.ready()
        assert server.arms.serving(Kind.ASR) == "starter"


async def test_a_candidate_decodes_unheard_what_was_answered(data: Path) -> None:
    async with server_of(data) as server:
        canary = canary_of(Stage.SHADOW)
        await server.arms.shadow(NEW, data.parent / NEW, canary, canary.share, memory_mb=600)
        for heard in range(1, 4):
            assert await says(server) == KITCHEN
            await until(lambda heard=heard: canary.turns == heard)
        escalated = next(one for one in canary.evidence() if one.metric == "escalated")
        assert (escalated.baseline, escalated.candidate, escalated.candidate_turns) == (0.0, 0.0, 3)
        assert server.arms.serving(Kind.ASR) == OLD
        await server.arms.rest(Kind.ASR)
        assert await says(server) == KITCHEN
        assert canary.turns == 3


async def test_a_candidate_answers_its_share_and_then_none_from_the_next_turn_on(data: Path) -> None:
    async with server_of(data) as server:
        canary = canary_of(Stage.SERVING)
        await server.arms.serve(NEW, data.parent / NEW, canary, canary.share)
        for _ in range(30):
            assert await says(server) == KITCHEN
        assert 0 < canary.turns < 30
        await server.arms.rest(Kind.ASR)
        before = canary.turns
        for _ in range(5):
            assert await says(server) == KITCHEN
        assert canary.turns == before


async def test_one_takes_anothers_place_without_a_turn_noticing(data: Path) -> None:
    async with server_of(data) as server:
        texts: list[str] = []
        over = asyncio.Event()

        async def speaks() -> None:
            while not over.is_set():
                texts.append(await says(server))

        async with asyncio.TaskGroup() as speakers:
            for _ in range(3):
                speakers.create_task(speaks())
            for label in (NEW, OLD, NEW, OLD):
                await server.arms.activate(Kind.ASR, label, data.parent / label)
                assert server.arms.serving(Kind.ASR) == label
                await asyncio.sleep(0.1)
            canary = canary_of(Stage.SERVING)
            await server.arms.serve(NEW, data.parent / NEW, canary, canary.share)
            await server.arms.activate(Kind.ASR, NEW, data.parent / NEW, canary)
            await server.arms.activate(Kind.ASR, "", None)
            over.set()
        assert server.arms.serving(Kind.ASR) == "starter"
        assert len(texts) > 5
        assert set(texts) == {KITCHEN}


async def test_what_cannot_be_loaded_leaves_what_serves(data: Path, tmp_path: Path) -> None:
    bad = made.ruined(tmp_path, "1.3.0")
    async with server_of(data) as server:
        canary = canary_of(Stage.SERVING)
        with pytest.raises(SelfTestError):
            await server.arms.serve(bad.name, bad, canary, 0.5)
        with pytest.raises(EdgeVoiceError):
            await server.arms.activate(Kind.ASR, bad.name, bad)
        with pytest.raises(SelfTestError):
            await server.arms.test(Kind.ASR, bad.name, bad)
        assert server.arms.serving(Kind.ASR) == OLD
        assert await says(server) == KITCHEN


async def test_what_its_owner_lets_a_model_take_holds_after_a_restart_too(data: Path) -> None:
    settings = settings_for_tests(data.parent, asr={"model": "", "language": "en"}, bundles={**ALWAYS, "memory_mb": 1})
    async with running(settings) as server:
        await server.ready()
        with pytest.raises(TrialMemoryError):
            await server.arms.serve(NEW, data.parent / NEW, canary_of(Stage.SERVING), 0.5)
        assert await says(server) == KITCHEN


async def test_the_memory_of_what_was_left_is_given_back(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    close = WhisperEngine.close

    def closes(engine: WhisperEngine) -> None:
        close(engine)
        done.append(engine.name)

    monkeypatch.setattr(WhisperEngine, "close", closes)
    monkeypatch.setattr(memory, "trim", lambda: done.append("trimmed"))
    async with server_of(data) as server:
        await until(lambda: done == ["trimmed"])
        await server.arms.serve(NEW, data.parent / NEW, canary_of(Stage.SERVING), 0.5)
        await server.arms.rest(Kind.ASR)
        await until(lambda: len(done) > 2)
        await server.arms.activate(Kind.ASR, NEW, data.parent / NEW, canary_of(Stage.WATCH))
        await until(lambda: len(done) > 4)
    assert done[:5] == ["trimmed", NEW, "trimmed", OLD, "trimmed"]


async def test_a_turn_under_way_keeps_what_it_began_with(data: Path) -> None:
    async with server_of(data) as server, connected(server.uris[0]) as peer:
        start, *chunks, stop = audio(kitchen().pcm)
        middle = len(chunks) // 2
        await peer.say(event("transcribe", {"language": "en"}), start, *chunks[:middle])
        await server.arms.activate(Kind.ASR, NEW, data.parent / NEW)
        await peer.say(*chunks[middle:], stop)
        assert (await peer.answer()).text == KITCHEN


async def test_wake_words_and_vad_are_swapped_for_what_begins_later(data: Path, tmp_path: Path) -> None:
    words, vad = made_wake.good_wake(tmp_path), made_wake.good_vad(tmp_path)
    async with server_of(data) as server:
        stages = server.control.services().stages
        for kind, bundle in ((Kind.WAKE, words), (Kind.VAD, vad)):
            await server.arms.test(kind, bundle.name, bundle)
            await server.arms.activate(kind, bundle.name, bundle)
            assert server.arms.serving(kind) == bundle.name
        assert server.control.services().stages.vad is not stages.vad
        assert await says(server) == KITCHEN
        await server.arms.activate(Kind.VAD, "", None)
        assert server.arms.serving(Kind.VAD) == ""
        assert await says(server) == KITCHEN


async def test_deaf_wake_words_are_refused_and_the_old_ones_stay(data: Path, tmp_path: Path) -> None:
    deaf = made_wake.ruined_wake(tmp_path)
    async with server_of(data) as server:
        with pytest.raises(SelfTestError):
            await server.arms.test(Kind.WAKE, deaf.name, deaf)
        assert server.arms.serving(Kind.WAKE) == ""


async def test_wake_words_and_vad_of_bundles_serve_after_a_start(data: Path, tmp_path: Path) -> None:
    words = installed(data, made_wake.good_wake(tmp_path), active=True, kind=Kind.WAKE)
    vad = installed(data, made_wake.good_vad(tmp_path), active=True, kind=Kind.VAD)
    async with server_of(data) as server:
        assert (server.arms.serving(Kind.WAKE), server.arms.serving(Kind.VAD)) == (words, vad)
        assert await says(server) == KITCHEN
    made.damaged(place(data, vad), f"{next(place(data, vad).glob('*.onnx')).name}")
    async with server_of(data) as server:
        assert (server.arms.serving(Kind.WAKE), server.arms.serving(Kind.VAD)) == (words, "")
        assert await says(server) == KITCHEN


async def test_a_recogniser_named_as_a_bundle_leaves_it_to_the_bundles(data: Path) -> None:
    async with running(settings_for_tests(data.parent, asr={"model": "home-en"}, bundles=ALWAYS)) as server:
        await server.ready()
        assert server.arms.serving(Kind.ASR) == OLD


async def test_a_name_that_nothing_has_may_be_that_of_a_bundle_to_come(tmp_path: Path) -> None:
    settings = settings_for_tests(tmp_path, asr={"model": "home-en"})
    chooses_starter(tmp_path / "data")
    with pytest.raises(UnknownModelError):
        async with running(settings):
            pass
    BundleFolder(tmp_path / "data" / "bundles").trust("http://127.0.0.1:9", b"{}")
    async with running(settings) as server:
        await server.ready()
        assert server.arms.serving(Kind.ASR) == "starter"


async def test_nothing_is_decoded_unheard_while_somebody_speaks(data: Path) -> None:
    async with server_of(data) as server:
        canary = canary_of(Stage.SHADOW)
        await server.arms.shadow(NEW, data.parent / NEW, canary, canary.share, memory_mb=600)
        async with bystander(server.uris[0]):
            assert await says(server) == KITCHEN
            assert not server.arms.is_shadowing
            (child,) = trials()
            await until(lambda: child.status() == psutil.STATUS_STOPPED)
        await until(lambda: canary.turns == 1)  # the bystander's, once it has its text
        assert server.arms.shadowed == 1


async def test_a_shadow_that_dies_is_started_once_more_and_left_the_second_time(data: Path) -> None:
    async with server_of(data) as server:
        canary = canary_of(Stage.SHADOW)
        await server.arms.shadow(NEW, data.parent / NEW, canary, canary.share, memory_mb=600)
        for _ in range(2):
            assert canary.verdict(NOW).action is Action.STAY
            (child,) = trials()
            child.kill()
            assert await says(server) == KITCHEN
            await until(lambda dead=child: not server.arms.is_shadowing and dead not in trials())
        verdict = canary.verdict(NOW)
        assert (verdict.action, verdict.code) == (Action.ROLL_BACK, "self-test-crashed")
        assert await says(server) == KITCHEN
    assert trials() == []


def trials() -> list[psutil.Process]:
    """Return the processes in which models are tried."""
    return [one for one in psutil.Process().children() if "apart_child" in " ".join(one.cmdline())]
