"""Wake-word and VAD bundles: what they hold, and what the engines make of the good ones and the others."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.server.bundles import made_wake
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.engines.goldens import hear_speech, hear_wake_words
from wyoming_server.engines.vad_silero import SileroVad, model_in
from wyoming_server.engines.wake_openwakeword import OpenWakeWordEngine, words_in
from wyoming_server.errors import BundleManifestError, SelfTestError
from wyoming_server.publisher.manifest_write import write_manifest

type Make = Callable[..., Path]


def hear(folder: Path) -> int:
    """Hold a bundle to its golden recordings; return how many there were. Raises SelfTestError."""
    bundle = read_bundle(folder)
    if bundle.kind is Kind.VAD:
        vad = SileroVad(model_in(folder))
        try:
            return len(hear_speech(vad, folder, bundle))
        finally:
            vad.close()
    words = words_in(folder)
    engine = OpenWakeWordEngine.load(bundle=folder, enabled=words, gate=None)
    try:
        return len(hear_wake_words(engine, words, folder, bundle))
    finally:
        engine.close()


@pytest.mark.parametrize("make", [made_wake.good_wake, made_wake.good_vad])
def test_a_good_one_hears_its_golden_recordings(tmp_path: Path, make: Make) -> None:
    assert hear(make(tmp_path)) == 3


@pytest.mark.parametrize("make", [made_wake.ruined_wake, made_wake.ruined_vad])
def test_a_ruined_one_loads_and_is_found_out(tmp_path: Path, make: Make) -> None:
    with pytest.raises(SelfTestError):
        hear(make(tmp_path))


def test_they_say_what_they_are(tmp_path: Path) -> None:
    wake, vad = (read_bundle(make(tmp_path)) for make in (made_wake.good_wake, made_wake.ruined_vad))
    assert (wake.label, wake.kind, wake.engine) == ("home-words@1.0.0", Kind.WAKE, "openwakeword")
    assert (vad.label, vad.kind, vad.engine) == ("home-vad@1.1.0", Kind.VAD, "silero-vad")
    assert {one.name for one in wake.files} >= {"hey_jarvis_v0.1.onnx", "golden/kitchen.wav"}


@pytest.mark.parametrize(
    ("make", "spoil", "sentence"),
    [
        (made_wake.good_wake, lambda folder: (folder / "hey_jarvis_v0.1.onnx").rename(folder / "word"), "no wake word"),
        (made_wake.good_vad, lambda folder: (folder / "silero_vad.onnx").unlink(), "exactly one"),
        (made_wake.good_vad, lambda folder: shutil.copy(folder / "silero_vad.onnx", folder / "2.onnx"), "exactly one"),
    ],
)
def test_a_bundle_without_what_its_kind_runs_is_not_made(
    tmp_path: Path, make: Make, spoil: Callable[[Path], object], sentence: str
) -> None:
    folder = make(tmp_path)
    spoil(folder)
    with pytest.raises(BundleManifestError, match=sentence):
        write_manifest(folder, read_bundle(folder))


def test_a_vad_is_held_to_speech_or_nothing(tmp_path: Path) -> None:
    folder = made_wake.good_vad(tmp_path)
    bundle = read_bundle(folder)
    with pytest.raises(BundleManifestError, match="nothing that a VAD can hear"):
        write_manifest(folder, replace(bundle, golden=(replace(bundle.golden[0], text="Hello."),)))
