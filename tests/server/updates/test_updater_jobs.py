"""The updater's process, and what is left when it, or who asked it, ends early."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.server.updates import faulty
from tests.server.updates.scene import ACTIVE, NEWER, Scene, a_scene
from wyoming_server.errors import (
    DiskError,
    EdgeVoiceError,
    EndlessDataError,
    MalformedMetadataError,
    NoRepositoryError,
    OversizedError,
    UpdateRunningError,
)
from wyoming_server.updates import jobs
from wyoming_server.updates.jobs import Limits, check_job, fetch_job, fetched_in, found_in, refusal_of, run_job

PATIENT = Limits(timeout_s=5.0)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with a_scene(tmp_path) as one:
        one.limits = PATIENT
        yield one


def newer(scene: Scene) -> dict[str, Any]:
    return fetch_job(scene.folder.root, "stable", f"stable/{NEWER}.tar", scene.limits)


def updaters() -> list[psutil.Process]:
    """Return the updaters that this process has started and that live."""
    return [one for one in psutil.Process().children() if "updating" in " ".join(one.cmdline())]


async def test_a_check_finds_what_is_offered(scene: Scene) -> None:
    found = found_in(await run_job(check_job(scene.folder.root, "stable", PATIENT)))
    assert [one.label for one in found.offers] == [NEWER, ACTIVE]
    assert found.checked_at.tzinfo is not None


async def test_a_list_that_says_one_bundle_a_thousand_times_is_refused(scene: Scene) -> None:
    index = scene.repo.publisher._index("stable", [f"stable/{NEWER}.tar"] * 2)

    def twice(signed: Any) -> None:
        signed.targets[index.path] = index

    scene.repo.rewrite("stable", twice)
    with pytest.raises(MalformedMetadataError, match="cannot be used"):
        await run_job(check_job(scene.folder.root, "stable", PATIENT))


async def test_what_is_more_than_a_hub_reads_is_refused_and_not_held(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_LONGEST_LINE", 1000)
    with pytest.raises(MalformedMetadataError, match="more of its bundles"):
        await run_job(check_job(scene.folder.root, "stable", PATIENT))
    assert not updaters()


async def test_a_fetch_tells_how_far_it_is_and_stages_the_bundle(scene: Scene) -> None:
    told: list[dict[str, Any]] = []
    fetched = fetched_in(await run_job(newer(scene), told.append))
    scene.folder.install(fetched.label, fetched.installed)
    assert scene.folder.verify(NEWER).label == NEWER
    states = [one["state"] for one in told]
    assert list(dict.fromkeys(states)) == ["checking", "downloading", "verifying", "unpacking"]
    assert all(one["done"] <= one["total"] for one in told if one["total"])


async def test_an_offer_that_this_server_cannot_read_does_not_hide_the_others(scene: Scene) -> None:
    def newer_terms(signed: Any) -> None:
        signed.targets[f"stable/{NEWER}.tar"].unrecognized_fields["custom"]["edge_voice"]["schema"] = 99

    scene.repo.rewrite("stable", newer_terms)
    found = found_in(await run_job(check_job(scene.folder.root, "stable", PATIENT)))
    assert [one.label for one in found.offers] == [ACTIVE]
    assert "update it" in found.unusable[f"stable/{NEWER}.tar"]


async def test_a_refusal_comes_back_as_its_own_error(scene: Scene) -> None:
    with pytest.raises(OversizedError, match="largest_mb"):
        await run_job(newer(scene) | {"limits": {"largest_bytes": 1000}})
    scene.folder.distrust()
    with pytest.raises(NoRepositoryError):
        await run_job(newer(scene))


def test_every_code_that_may_come_back_makes_its_own_error() -> None:
    assert {one.code for one in jobs._CLASSES.values()} == set(jobs._CLASSES)
    assert isinstance(refusal_of("disk-full", "x"), DiskError)
    assert refusal_of("from-the-future", "x").code == "internal-error"


async def test_a_fetch_that_is_cancelled_ends_its_process_and_is_resumed(scene: Scene) -> None:
    scene.host.break_(r"\.tar$", faulty.drip(0.05, 1000))
    some = asyncio.Event()

    def told(progress: dict[str, Any]) -> None:
        if progress["state"] == "downloading" and progress["done"] > 1000:
            some.set()

    task = asyncio.create_task(run_job(newer(scene), told))
    await some.wait()
    assert len(updaters()) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not updaters()
    scene.host.heal()
    scene.host.asked.clear()
    await run_job(newer(scene))
    assert [first > 0 for path, first in scene.host.asked if path.endswith(".tar")] == [True]


async def test_an_updater_that_dies_without_a_word_is_told(scene: Scene, tmp_path: Path) -> None:
    scene.host.break_("", faulty.silent)

    def kill_it(_: dict[str, Any]) -> None:
        for one in updaters():
            one.kill()

    with pytest.raises(EdgeVoiceError, match="without a word"):
        await run_job(newer(scene), kill_it)


async def test_an_updater_that_makes_no_headway_is_ended(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_STARTING_S", 1.5)
    scene.host.break_("", faulty.silent)
    with pytest.raises(EndlessDataError, match="no headway"):
        await run_job(newer(scene) | {"limits": {"timeout_s": 20.0, "patience_s": 0.1}})
    assert not updaters()


def test_an_updater_ends_with_who_asked(scene: Scene) -> None:
    scene.host.break_(r"\.tar$", faulty.stall(1000))
    argv = [sys.executable, "-m", "wyoming_server.updates.updating"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(newer(scene)) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if "downloading" in line:
                break
        process.stdin.close()
        assert process.wait(10.0) == 3


def test_an_updater_waits_for_one_that_a_killed_server_left_behind(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    from wyoming_server.updates import updating

    with (scene.folder.root / "updating").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        monkeypatch.setattr(updating, "_PREDECESSOR_S", 0.1)
        with pytest.raises(UpdateRunningError):
            scene.check()
    assert scene.check() == [NEWER, ACTIVE]


def test_who_asks_does_not_load_what_verifies() -> None:
    program = (
        "import sys; from wyoming_server.updates import jobs, folder, readying, running, transitions\n"
        "print([one for one in sys.modules if one.split('.')[0] in ('tuf', 'securesystemslib', 'urllib3', 'numpy')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Resuming


def test_a_part_with_wrong_bytes_from_before_is_fetched_anew_at_once(scene: Scene) -> None:
    scene.limits = replace(scene.limits, tries=2)
    scene.folder.parts.mkdir(exist_ok=True)
    (scene.folder.parts / f"{scene.offer().sha256}.part").write_bytes(b"\1" * 5000)
    assert scene.fetch() == NEWER
    assert [first for path, first in scene.host.asked if path.endswith(f"{NEWER}.tar")] == [5000, 0]


def test_a_part_that_is_too_long_is_begun_anew(scene: Scene) -> None:
    scene.folder.parts.mkdir(exist_ok=True)
    (scene.folder.parts / f"{scene.offer().sha256}.part").write_bytes(b"\1" * 50_000)
    assert scene.fetch() == NEWER


def test_parts_of_other_archives_go(scene: Scene) -> None:
    scene.folder.parts.mkdir(exist_ok=True)
    (scene.folder.parts / f"{'0' * 64}.part").write_bytes(b"old")
    scene.fetch()
    assert not list(scene.folder.parts.iterdir())


def test_a_truncated_download_is_gone_on_with_later(scene: Scene) -> None:
    scene.limits = replace(PATIENT, tries=2, retry_delay_s=0.01)
    scene.host.break_(r"\.tar$", faulty.cut(8_000), times=1)
    scene.host.break_(r"\.tar$", faulty.cut(0))
    with pytest.raises(EdgeVoiceError) as refused:
        scene.fetch()
    assert refused.value.code == "truncated"
    scene.host.heal()
    scene.host.asked.clear()
    assert scene.fetch() == NEWER
    assert [first for path, first in scene.host.asked if path.endswith(".tar")] == [8_000]


def test_a_disk_without_room_is_told_before_anything_is_fetched(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from wyoming_server.updates import fetch_archive

    monkeypatch.setattr(fetch_archive, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(DiskError, match="make room"):
        scene.fetch()
    assert not [path for path, _ in scene.host.asked if path.endswith(f"{NEWER}.tar")]
