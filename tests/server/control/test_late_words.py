"""A hub that openwakeword is not installed on, as an add-on's in its first minutes."""

import asyncio
import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.server.control.owner import owner_of
from tests.server.home import home, settings_for_tests
from tests.server.listeners.houses import said
from tests.server.peer import audio, connected, event
from wyoming_server import upkeep
from wyoming_server.commands.recording import read_recording
from wyoming_server.control.ears import NoWakeWords, ear_loaders
from wyoming_server.engines import wake_features
from wyoming_server.errors import UnknownWakeWordError
from wyoming_server.settings import Settings

FOLDER = Path(__file__).parents[3] / "wyoming_server" / "recordings"
MODELS = "openwakeword/resources/models"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of such a hub, which looks for its models often."""
    monkeypatch.setattr(wake_features, "PACKAGE", "openwakeword-that-nobody-has")
    monkeypatch.setattr(upkeep, "LOOK_SECONDS", 0.05)
    return settings_for_tests(tmp_path, control={"address": "127.0.0.1:0", "announce": False})


def fetch(settings: Settings) -> Path:
    """Put the models where an add-on's start does."""
    fetched = Path(settings.server.data_dir) / wake_features.FETCHED
    part = fetched.with_name(".wake-words.part")
    models = Path(str(distribution("openwakeword").locate_file(MODELS)))
    shutil.copytree(models, part / MODELS, ignore=shutil.ignore_patterns("*.tflite"))
    return part.rename(fetched)


async def wakes(uri: str) -> bool:
    """Tell whether a wake word is heard."""
    async with connected(uri) as peer:
        await peer.say(event("detect", {"names": ["hey_jarvis"]}), *audio(read_recording(FOLDER / "wake.wav").pcm))
        return (await peer.until("detection", "not-detected", "error")).kind == "detection"


async def test_speech_is_heard_without_them_and_they_wake_once_they_are_there(bare: Settings) -> None:
    with home(bare) as served:
        async with owner_of(served) as owner:
            assert (await owner.ask("GET", "status"))["wake_words"] == []
            async with connected(served.uri) as peer:
                assert (await peer.turn(said("kitchen"), {"language": "en"})).text
            assert not await wakes(served.uri)
            await asyncio.to_thread(fetch, bare)
            while not await wakes(served.uri):
                pass
            assert "hey_jarvis" in {one["id"] for one in (await owner.ask("GET", "status"))["wake_words"]}
    with home(bare) as again:
        assert await wakes(again.uri)


def test_models_that_are_damaged_leave_the_hub_without_words(bare: Settings) -> None:
    folder = fetch(bare)
    (folder / MODELS / "embedding_model.onnx").write_bytes(b"torn")
    silent = ear_loaders(bare).wake(None)
    assert isinstance(silent, NoWakeWords)
    with pytest.raises(UnknownWakeWordError, match="alexa"):
        silent.open(["alexa"])
