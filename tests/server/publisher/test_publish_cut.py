"""A publisher cut off at any write: hubs see what was or what is, and doing it again ends it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.bundles.publishing import TestRepository, a_bundle, a_repository, keys_for_all, new_signer, role_keys
from tests.server.publisher.hub import Hub
from wyoming_server import whole_file
from wyoming_server.publisher import publish, publish_release
from wyoming_server.publisher import repository as repository_module
from wyoming_server.publisher.publish import Publisher
from wyoming_server.publisher.publish_keys import rotate_key
from wyoming_server.publisher.repository import Repository


class Cut(BaseException):
    """The power went."""


class Writes:
    """Counts what is written, and ends before or after the write whose number is `at`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = -1
        self.after = False
        self.count = 0
        self._rename, self._unlink = Path.replace, Path.unlink
        monkeypatch.setattr(Path, "replace", lambda path, other: self._pass(lambda: self._rename(path, other)))
        monkeypatch.setattr(
            Path,
            "unlink",
            lambda path, missing_ok=False: self._pass(lambda: self._unlink(path, missing_ok=missing_ok)),
        )

    def begin(self, at: int = -1, *, after: bool = False) -> None:
        self.at, self.after, self.count = at, after, 0

    def _pass[T](self, step: Callable[[], T]) -> T:
        self.count += 1
        if self.count == self.at and not self.after:
            raise Cut
        done = step()
        if self.count == self.at:
            raise Cut
        return done


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    assert publish.write_whole is publish_release.write_whole is repository_module.write_whole is whole_file.write_whole
    return Writes(monkeypatch)


def cut_everywhere(writes: Writes, whole: TestRepository, step: Callable[[TestRepository], object]) -> int:
    """Cut a step off before and after each of its writes; look as a hub each time, and do it again."""
    number = 0
    while True:
        for after in (False, True):
            writes.begin()
            repository, hub = copied(whole, f"{number}-{after}")
            before = hub.offers()
            writes.begin(number + 1, after=after)
            try:
                step(repository)
            except Cut:
                writes.begin()
                between = hub.offers()
                step(repository)
                assert not list(repository.repository.drafts.glob("*.json"))
                assert between in (before, hub.offers())
            else:
                return number
        number += 1


def copied(whole: TestRepository, name: str) -> tuple[TestRepository, Hub]:
    """Return a copy of a repository, and a new hub before it."""
    folder = whole.repository.folder.with_name(name)
    shutil.copytree(whole.repository.folder, folder)
    repository = Repository(folder)
    copy = TestRepository(repository, whole.keys, Publisher(repository=repository, keys=whole.keys))
    return copy, Hub(copy, folder.with_name(f"{name}-hub"))


def test_publishing(tmp_path: Path, writes: Writes) -> None:
    repository = a_repository(tmp_path / "repository")
    repository.publish(a_bundle(tmp_path))
    second = a_bundle(tmp_path, version="2.0.0")

    def step(repository: TestRepository) -> None:
        repository.publish(second, percent=10)
        assert {"home-en@1.0.0", "home-en@2.0.0"} == set(repository.repository.offers("stable"))

    assert cut_everywhere(writes, repository, step) > 8


@pytest.mark.parametrize("role", ["root", "targets", "stable", "snapshot", "timestamp"])
def test_rotating_a_key(tmp_path: Path, writes: Writes, role: str) -> None:
    repository = a_repository(tmp_path / "repository")
    signers = repository.keys[role]
    signers.append(new_signer("new"))
    old, new = signers[0].public_key.keyid, signers[-1].public_key

    def step(repository: TestRepository) -> None:
        assert rotate_key(repository.publisher, role, old=old, new=new).whole

    assert cut_everywhere(writes, repository, step) > 4


def test_beginning_a_repository(tmp_path: Path, writes: Writes) -> None:
    number = 0
    while True:
        repository = Repository(tmp_path / str(number))
        keys = keys_for_all()
        writes.begin(number + 1)
        try:
            Publisher.begin(repository, keys, role_keys(keys))
        except Cut:
            writes.begin()
            if repository.root() is None and repository.draft("root") is None:
                Publisher.begin(repository, keys, role_keys(keys))
            released = Publisher(repository=repository, keys=keys).sign()
            assert released.whole
            assert set(released.versions) == {"root", "targets", "stable", "beta", "snapshot", "timestamp"}
        else:
            break
        number += 1
    assert number > 8
