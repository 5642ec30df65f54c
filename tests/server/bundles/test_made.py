"""The bundles of these tests: each is bad in its own way only, in a process of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.bundles import made
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.commands.recording import PACKAGED, Recording, listed_recordings
from wyoming_server.engines.apart import ApartModel, TrialLimits
from wyoming_server.engines.goldens import read_golden
from wyoming_server.errors import EdgeVoiceError, SelfTestError, TrialCrashedError, TrialMemoryError
from wyoming_server.learning.comparison import canonical
from wyoming_server.pipeline.types import DecodeRequest

LIMITS = TrialLimits(memory_mb=300, seconds=60.0)
SPOKEN = [one for one in listed_recordings(PACKAGED) if one.kind in {"clean", "noisy"}]


async def heard_wrong(folder: Path) -> list[Recording]:
    """Return the packaged recordings that a bundle hears wrong once it has passed its self-test."""
    model = await ApartModel.started(Kind.ASR, folder, LIMITS)
    try:
        texts = [
            (await model.decode(DecodeRequest(samples=read_golden(one.path), language="en"))).text for one in SPOKEN
        ]
    finally:
        await model.aclose()
    return [
        one for one, text in zip(SPOKEN, texts, strict=True) if canonical(text, "en") != canonical(one.text or "", "en")
    ]


async def test_the_good_one_hears_every_packaged_recording_right(tmp_path: Path) -> None:
    folder = made.good(tmp_path)
    assert await heard_wrong(folder) == []
    bundle = read_bundle(folder)
    assert bundle.label == folder.name == "home-en@1.0.0"
    assert bundle.scorecard is not None
    assert bundle.scorecard.model == bundle.name


async def test_the_subtly_bad_one_passes_its_self_test_and_hears_many_wrong(tmp_path: Path) -> None:
    assert len(await heard_wrong(made.subtly_bad(tmp_path))) >= 2


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (made.ruined, SelfTestError),
        (made.swapped_vocabulary, SelfTestError),
        (made.crashing, TrialCrashedError),
        (made.hungry, TrialMemoryError),
    ],
)
async def test_the_others_are_refused_each_for_its_own_reason(
    tmp_path: Path, make: Callable[[Path], Path], error: type[EdgeVoiceError]
) -> None:
    folder = make(tmp_path)
    assert read_bundle(folder).label == folder.name == "home-en@1.1.0"
    with pytest.raises(error):
        await ApartModel.started(Kind.ASR, folder, LIMITS)


def test_fields_can_be_given_and_files_damaged_afterwards(tmp_path: Path) -> None:
    folder = made.hollow(tmp_path, "2.0.0", name="other", min_server="99.0")
    assert (read_bundle(folder).label, read_bundle(folder).min_server) == ("other@2.0.0", "99.0")
    before = (folder / "model.bin").read_bytes()
    after = (made.damaged(folder) / "model.bin").read_bytes()
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
