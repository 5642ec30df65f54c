"""Metadata with anything changed in it: what comes of it is a refusal with a code, or what was signed."""

import copy
import json
import random
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from tests.server.updates.scene import ACTIVE, NEWER, Scene, a_scene
from wyoming_server.errors import ArtefactError, RepositoryError
from wyoming_server.updates.jobs import check_job, found_in

FILES = ("2.root", "timestamp", "3.snapshot", "1.targets", "3.stable")
STRANGE: tuple[Any, ...] = (None, True, -1, 0, 1 << 70, "", "x" * 5000, "../..", [], {}, [[]], {"": {}}, "2999-01-01")


@pytest.mark.parametrize("seed", range(4))
def test_changed_bytes_are_refused_by_code(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)

    def change(content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(changed))
            match generator.randrange(3):
                case 0:
                    changed[at] = generator.randrange(256)
                case 1:
                    del changed[at : at + generator.randrange(1, 40)]
                case _:
                    changed[at:at] = generator.choice((b"{", b"]", b'"', b"\\u0000", b"[" * 3000, b"9" * 300))
        return bytes(changed)

    hold(tmp_path, change, generator, times=25)


@pytest.mark.parametrize("seed", range(4))
def test_strange_values_are_refused_by_code(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)

    def change(content: bytes) -> bytes:
        said = json.loads(content)
        at, key = generator.choice(list(places(said)))
        match generator.randrange(3):
            case 0:
                at[key] = generator.choice(STRANGE)
            case 1:
                del at[key]
            case _:
                at[key] = [at[key]]
        return json.dumps(said).encode()

    hold(tmp_path, change, generator, times=25)


def places(said: Any) -> Any:
    """Yield every place of a JSON document, as what holds it and the key."""
    keys = list(said) if isinstance(said, dict) else range(len(said)) if isinstance(said, list) else ()
    for key in keys:
        yield said, key
        yield from places(said[key])


def hold(space: Path, change: Any, generator: random.Random, *, times: int) -> None:
    """Show a hub changed metadata; now that it has believed the right one, now as its first look."""
    with a_scene(space) as scene:
        scene.repo.rewrite("root")
        right = {name: (scene.metadata / f"{name}.json").read_bytes() for name in FILES}
        for _ in range(times):
            name = generator.choice(FILES)
            if generator.random() < 0.5:
                rmtree(scene.folder.metadata, ignore_errors=True)
            (scene.metadata / f"{name}.json").write_bytes(change(right[name]))
            check(scene)
            (scene.metadata / f"{name}.json").write_bytes(right[name])
        assert scene.check() == [NEWER, ACTIVE]


def check(scene: Scene) -> None:
    with suppress(RepositoryError, ArtefactError):
        assert scene.check() == [NEWER, ACTIVE]


@pytest.mark.parametrize("seed", range(3))
def test_strange_terms_that_the_right_key_has_signed_hide_no_other_offer(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    with a_scene(tmp_path) as scene:
        path = f"stable/{NEWER}.tar"
        right = copy.deepcopy(scene.stable.targets[path].unrecognized_fields)
        for _ in range(15):

            def change(signed: Any) -> None:
                strange = copy.deepcopy(right)
                at, key = generator.choice(list(places(strange)))
                at[key] = generator.choice(STRANGE)
                signed.targets[path].unrecognized_fields = strange

            scene.repo.rewrite("stable", change)
            found = found_in(scene.run(check_job(scene.folder.root, "stable", scene.limits)))
            labels = [one.label for one in found.offers]
            assert labels == [NEWER, ACTIVE] or (labels, list(found.unusable)) == ([ACTIVE], [path])
            with suppress(RepositoryError, ArtefactError):
                assert scene.fetch() == NEWER
