"""What a publisher does, as a hub with tuf's own client sees it."""

import datetime as dt
import tarfile
from pathlib import Path

import pytest

from tests.server.bundles import made
from tests.server.bundles.publishing import TestRepository, a_bundle, a_repository, served
from tests.server.publisher.hub import Hub
from wyoming_server.errors import (
    BundleDamagedError,
    BundleManifestError,
    RepositoryStateError,
    UnknownBundleError,
)
from wyoming_server.publisher.publish import Publisher
from wyoming_server.publisher.publish_offer import Terms
from wyoming_server.publisher.repository import Lifetimes, Repository

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def repository(tmp_path: Path) -> TestRepository:
    return a_repository(tmp_path / "repository")


@pytest.fixture
def hub(repository: TestRepository, tmp_path: Path) -> Hub:
    return Hub(repository, tmp_path / "hub")


def test_an_empty_repository_offers_nothing_in_either_channel(hub: Hub) -> None:
    assert (hub.offers("stable"), hub.offers("beta")) == ({}, {})


def test_a_bundle_is_offered_under_its_terms(repository: TestRepository, hub: Hub, tmp_path: Path) -> None:
    at = dt.datetime(2026, 12, 1, 3, tzinfo=dt.UTC)
    bundle = made.good(tmp_path, "1.2.0", hub_classes=("pi5",), min_server="0.1.0")
    offer = repository.publish(bundle, percent=12.5, regions=("DE", "AT"), not_before=at, notes="New.")
    assert hub.offers() == {"home-en@1.2.0": offer}
    assert hub.offers("beta") == {}
    rollout = offer.rollout
    assert (rollout.percent, rollout.regions, rollout.hub_classes, rollout.not_before, rollout.paused) == (
        12.5,
        ("DE", "AT"),
        ("pi5",),
        at,
        False,
    )
    assert (offer.min_server, offer.notes, offer.languages) == ("0.1.0", "New.", ("en",))


def test_it_is_served_by_any_static_host_and_unpacks_to_what_was_built(
    repository: TestRepository, tmp_path: Path
) -> None:
    from tuf.ngclient import Updater, UpdaterConfig

    bundle = a_bundle(tmp_path)
    offer = repository.publish(bundle)
    (tmp_path / "targets").mkdir()
    with served(repository.public) as url:
        folders = (str(tmp_path / "metadata"), f"{url}/metadata/", str(tmp_path / "targets"), f"{url}/targets/")
        updater = Updater(*folders, bootstrap=repository.root_bytes, config=UpdaterConfig())
        updater.refresh()
        target = updater.get_targetinfo(offer.path)
        assert target is not None
        archive = updater.download_target(target, str(tmp_path / "archive"))
    with tarfile.open(archive, "r:") as opened:
        assert opened.getnames()[0] == "bundle.json"
        opened.extractall(tmp_path / "out", filter="data")
    for file in (one for one in bundle.rglob("*") if one.is_file()):
        assert (tmp_path / "out" / file.relative_to(bundle)).read_bytes() == file.read_bytes()


def test_the_newest_is_listed_first(repository: TestRepository, hub: Hub, tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0", "2.0.0"):
        repository.publish(a_bundle(tmp_path, version=version))
    assert list(hub.offers()) == ["home-en@2.0.0", "home-en@1.10.0", "home-en@1.9.0"]


def test_a_bundle_may_be_in_both_channels_with_other_terms(
    repository: TestRepository, hub: Hub, tmp_path: Path
) -> None:
    bundle = a_bundle(tmp_path)
    repository.publish(bundle, channel="beta")
    repository.publish(bundle, percent=1)
    assert hub.offers("beta")["home-en@1.0.0"].rollout.percent == 100
    assert hub.offers("stable")["home-en@1.0.0"].rollout.percent == 1


def test_rolling_out_changes_what_is_named_and_nothing_else(
    repository: TestRepository, hub: Hub, tmp_path: Path
) -> None:
    before = repository.publish(a_bundle(tmp_path), percent=10, regions=("DE",), notes="New.")
    repository.pause("home-en@1.0.0")
    assert hub.offers()["home-en@1.0.0"].rollout.paused
    after = repository.roll_out("home-en@1.0.0", percent=50)
    assert hub.offers() == {"home-en@1.0.0": after}
    assert (after.rollout.id, after.rollout.regions, after.notes) == (before.rollout.id, ("DE",), "New.")
    assert (after.rollout.percent, after.rollout.paused) == (50, False)
    assert repository.roll_out("home-en@1.0.0", regions=()).rollout.regions == ()


def test_a_withdrawn_bundle_says_where_its_hubs_go(repository: TestRepository, hub: Hub, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        repository.publish(a_bundle(tmp_path, version=version))
    repository.withdraw("home-en@1.1.0", rollback_to="1.0.0")
    offer = hub.offers()["home-en@1.1.0"]
    assert (offer.withdrawn, offer.rollback_to) == (True, "1.0.0")
    repository.withdraw("home-en@1.1.0", rollback_to="1.0.0")  # said again: nothing changes
    with pytest.raises(RepositoryStateError, match="is withdrawn"):
        repository.pause("home-en@1.1.0")


@pytest.mark.parametrize("version", ["1.1.0", "1.2.0", "0.9.0"])
def test_hubs_are_sent_back_only_to_an_older_version_that_is_there(
    repository: TestRepository, tmp_path: Path, version: str
) -> None:
    for one in ("1.0.0", "1.1.0"):
        repository.publish(a_bundle(tmp_path, version=one))
    with pytest.raises(RepositoryStateError, match="name an older one"):
        repository.withdraw("home-en@1.1.0", rollback_to=version)


def test_publishing_the_same_again_changes_nothing(repository: TestRepository, tmp_path: Path) -> None:
    bundle = a_bundle(tmp_path)
    first = repository.publish(bundle, percent=10)
    before = sorted(repository.public.rglob("*"))
    assert repository.publish(bundle, percent=90) == first
    assert sorted(repository.public.rglob("*")) == before


def test_a_label_means_one_content_for_ever(repository: TestRepository, tmp_path: Path) -> None:
    repository.publish(a_bundle(tmp_path / "one"), channel="beta")
    other = a_bundle(tmp_path / "two", files={"model.bin": b"other"})
    for channel in ("beta", "stable"):
        with pytest.raises(RepositoryStateError, match="with other content; build it with a higher version"):
            repository.publish(other, channel=channel)


def test_an_older_version_is_not_published_after_a_newer(repository: TestRepository, tmp_path: Path) -> None:
    repository.publish(a_bundle(tmp_path, version="1.10.0"))
    with pytest.raises(RepositoryStateError, match=r"1\.10\.0 was published in stable already"):
        repository.publish(a_bundle(tmp_path, version="1.9.0"))
    repository.publish(a_bundle(tmp_path, name="home-de", version="1.0.0"))


def test_what_is_refused_leaves_no_file_behind(repository: TestRepository, tmp_path: Path) -> None:
    before = sorted(repository.repository.folder.rglob("*"))
    with pytest.raises(BundleDamagedError):
        repository.publish(made.damaged(a_bundle(tmp_path)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleManifestError):
        repository.publish(tmp_path / "empty")
    assert sorted(repository.repository.folder.rglob("*")) == before


@pytest.mark.parametrize("terms", [{"regions": ("Germany",)}, {"percent": 101}, {"notes": "x" * 10_000}])
def test_terms_that_no_hub_would_take_are_refused(
    repository: TestRepository, tmp_path: Path, terms: dict[str, object]
) -> None:
    with pytest.raises(RepositoryStateError, match="No hub would take such an offer"):
        repository.publish(a_bundle(tmp_path), **terms)


def test_an_unknown_bundle_is_refused_with_those_that_there_are(repository: TestRepository, tmp_path: Path) -> None:
    repository.publish(a_bundle(tmp_path))
    with pytest.raises(UnknownBundleError, match=r"there is home-en@1\.0\.0"):
        repository.pause("home-en@9.0.0")
    with pytest.raises(UnknownBundleError):
        repository.pause("home-en@1.0.0", channel="beta")


def test_a_folder_that_is_no_repository_says_how_to_make_one(tmp_path: Path, repository: TestRepository) -> None:
    elsewhere = Publisher(repository=Repository(tmp_path / "elsewhere"), keys=repository.keys)
    with pytest.raises(RepositoryStateError, match="`models init-repository` makes one"):
        elsewhere.publish(a_bundle(tmp_path), channel="stable", terms=Terms())
    with pytest.raises(RepositoryStateError, match="`models init-repository` makes one"):
        elsewhere.refresh()


def test_only_one_command_at_a_time(repository: TestRepository, tmp_path: Path) -> None:
    with repository.repository.locked(), pytest.raises(RepositoryStateError, match="wait until it is done"):
        Publisher(repository=Repository(repository.repository.folder), keys=repository.keys).refresh()


def test_a_damaged_file_is_named(repository: TestRepository) -> None:
    path = repository.public / "metadata" / "1.stable.json"
    path.write_text("{")
    with pytest.raises(RepositoryStateError, match=r"1\.stable\.json' is damaged"):
        repository.repository.offers("stable")
    path.unlink()
    with pytest.raises(RepositoryStateError, match=r"1\.stable\.json' cannot be read"):
        repository.repository.offers("stable")


class Clock:
    def __init__(self) -> None:
        self.now = dt.datetime.now(dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now


def test_refreshing_prolongs_what_is_short_and_what_soon_expires(tmp_path: Path) -> None:
    clock = Clock()
    repository = a_repository(tmp_path, clock=clock, lifetimes=Lifetimes(channel=10))
    clock.now += 23 * HOUR
    released = repository.publisher.refresh()
    assert released.versions == {"root": 1, "targets": 1, "stable": 1, "beta": 1, "snapshot": 2, "timestamp": 2}
    timestamp = repository.repository.timestamp()
    assert timestamp is not None
    assert timestamp.signed.expires == (clock.now + 24 * HOUR).replace(microsecond=0)
    clock.now += 8 * 24 * HOUR  # a quarter of ten days is not left
    repository.keys.held = {"beta", "snapshot", "timestamp"}
    assert repository.publisher.refresh().versions["beta"] == 2
    assert repository.repository.draft("stable") is None  # whose key is not here
    released = repository.publisher.refresh(also=["stable"])
    assert [one.role for one in released.waiting] == ["stable"]
    repository.keys.held = None
    assert repository.publisher.sign().versions["stable"] == 2


def test_how_long_things_last_is_remembered(tmp_path: Path) -> None:
    a_repository(tmp_path, lifetimes=Lifetimes(timestamp=3.0))
    assert Repository(tmp_path).lifetimes == Lifetimes(timestamp=3.0)
    (tmp_path / "publisher.json").write_text('{"lifetimes": {"timestamp": -1}}')
    with pytest.raises(RepositoryStateError, match="mend it, or delete it"):
        Repository(tmp_path)
