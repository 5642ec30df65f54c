"""Keys that come and go, signatures that travel, and thresholds."""

from pathlib import Path

import pytest
from tuf.api.exceptions import UnsignedMetadataError

from tests.server.bundles.publishing import (
    TestRepository,
    a_bundle,
    a_repository,
    keys_for_all,
    new_signer,
    role_keys,
    root_of,
)
from tests.server.publisher.hub import Hub
from wyoming_server.errors import PublisherKeyError, RepositoryStateError
from wyoming_server.publisher.keys import KeyFiles, key_in
from wyoming_server.publisher.publish import Publisher
from wyoming_server.publisher.publish_begin import RoleKeys
from wyoming_server.publisher.publish_keys import key_named, next_name, rotate_key
from wyoming_server.publisher.publish_offer import Terms
from wyoming_server.publisher.publish_sign import read_draft, sign_file, take_up
from wyoming_server.publisher.repository import Repository

ROLES = ("root", "targets", "stable", "beta", "snapshot", "timestamp")


@pytest.fixture
def repository(tmp_path: Path) -> TestRepository:
    return a_repository(tmp_path / "repository")


@pytest.fixture
def hub(repository: TestRepository, tmp_path: Path) -> Hub:
    return Hub(repository, tmp_path / "hub")


@pytest.mark.parametrize("role", ROLES)
def test_hubs_follow_a_rotated_key_and_believe_the_old_one_no_more(
    repository: TestRepository, hub: Hub, tmp_path: Path, role: str
) -> None:
    repository.publish(a_bundle(tmp_path))
    hub.look()
    out = repository.rotate(role)
    assert set(hub.offers()) == {"home-en@1.0.0"}
    repository.refresh()
    repository.roll_out("home-en@1.0.0", percent=50)
    assert hub.offers()["home-en@1.0.0"].rollout.percent == 50
    repository.rewrite(role, signers=[out] * (2 if role == "root" else 1))
    with pytest.raises(UnsignedMetadataError):
        hub.offers("beta" if role == "beta" else "stable")


def test_a_hub_that_slept_through_many_roots_catches_up(repository: TestRepository, hub: Hub, tmp_path: Path) -> None:
    for role in ("root", "timestamp", "root", "targets", "root"):
        repository.rotate(role)
    assert root_of(repository).version == 6
    repository.publish(a_bundle(tmp_path))
    assert set(hub.offers()) == {"home-en@1.0.0"}


def test_a_key_that_is_lost_is_replaced_without_it(repository: TestRepository, hub: Hub) -> None:
    lost, new = repository.keys["timestamp"].pop(), new_signer("timestamp-2")
    repository.keys["timestamp"].append(new)
    assert rotate_key(repository.publisher, "timestamp", old=lost.public_key.keyid, new=new.public_key).whole
    assert hub.offers() == {}


def test_a_lost_root_key_is_replaced_by_the_other_two(repository: TestRepository, hub: Hub) -> None:
    lost, new = repository.keys["root"].pop(0), new_signer("root-4")
    repository.keys["root"].append(new)
    assert rotate_key(repository.publisher, "root", old=lost.public_key.keyid, new=new.public_key).whole
    assert hub.offers() == {}
    assert lost.public_key.keyid not in root_of(repository).keys


def test_one_root_key_is_not_enough_and_the_draft_waits_for_the_second(repository: TestRepository, hub: Hub) -> None:
    new = new_signer("snapshot-2")
    repository.keys.by_role["snapshot"].append(new)
    old = key_named(repository.repository, "snapshot", None)
    repository.keys.held = {"root-1", "snapshot", "snapshot-2", "timestamp"}
    released = rotate_key(repository.publisher, "snapshot", old=old.keyid, new=new.public_key)
    (waiting,) = released.waiting
    assert (waiting.role, waiting.have, waiting.need, waiting.keys) == ("root", 1, 2, ("root-2", "root-3"))
    assert (released.versions["root"], hub.offers()) == (1, {})
    assert repository.publisher.refresh().versions["snapshot"] == 2  # meanwhile everything goes on
    repository.keys.held |= {"root-3"}
    assert repository.publisher.sign().versions["root"] == 2
    assert hub.offers() == {}


def test_a_rotation_is_held_back_until_all_that_it_needs_is_signed(repository: TestRepository, hub: Hub) -> None:
    """A root that names a new targets key goes out with targets that it signed, or not at all."""
    new = new_signer("targets-2")
    repository.keys.by_role["targets"].append(new)
    repository.keys.held = {"root-1", "root-2", "snapshot", "timestamp"}
    old = key_named(repository.repository, "targets", None)
    released = rotate_key(repository.publisher, "targets", old=old.keyid, new=new.public_key)
    assert ([one.role for one in released.waiting], released.versions["root"]) == (["targets"], 1)
    assert hub.offers() == {}
    repository.keys.held |= {"targets-2"}
    versions = repository.publisher.sign().versions
    assert (versions["root"], versions["targets"]) == (2, 2)
    assert hub.offers() == {}


def test_a_channel_may_need_two_approvals(tmp_path: Path) -> None:
    keys = keys_for_all()
    keys["stable"].append(new_signer("stable-2"))
    both = RoleKeys(keys=tuple(one.public_key for one in keys["stable"]), threshold=2)
    roles = role_keys(keys)
    publisher, released = Publisher.begin(Repository(tmp_path / "repository"), keys, roles | {"stable": both})
    assert released.whole
    repository = TestRepository(publisher.repository, keys, publisher)
    hub = Hub(repository, tmp_path / "hub")
    keys.held = {"stable", "snapshot", "timestamp"}
    repository.publish(a_bundle(tmp_path))
    assert hub.offers() == {}
    keys.held = {"stable-2", "snapshot", "timestamp"}
    assert publisher.sign().whole
    assert set(hub.offers()) == {"home-en@1.0.0"}


def test_a_change_after_a_signature_needs_a_new_one(repository: TestRepository, tmp_path: Path) -> None:
    repository.keys.held = {"stable"}
    repository.publish(a_bundle(tmp_path), percent=1)
    draft = repository.repository.draft("stable")
    assert draft is not None
    assert len(draft.signatures) == 1
    repository.keys.held = set()
    repository.roll_out("home-en@1.0.0", percent=100)
    draft = repository.repository.draft("stable")
    assert draft is not None
    assert draft.signatures == {}
    assert draft.signed.version == 2  # nothing was out yet


def test_without_the_online_keys_what_is_signed_waits_for_a_refresh(
    repository: TestRepository, hub: Hub, tmp_path: Path
) -> None:
    repository.keys.held = {"stable"}
    published = repository.publisher.publish(a_bundle(tmp_path), channel="stable", terms=Terms())
    assert [one.role for one in published.released.waiting] == ["snapshot", "timestamp"]
    assert hub.offers() == {}
    repository.keys.held = {"snapshot", "timestamp"}
    assert repository.publisher.refresh().whole
    assert set(hub.offers()) == {"home-en@1.0.0"}


def test_the_old_key_is_named_in_any_way_that_tells_it(repository: TestRepository) -> None:
    folder = repository.repository
    key = key_named(folder, "root", "root-2")
    assert key_named(folder, "root", key.keyid[:10]) == key
    with pytest.raises(PublisherKeyError, match="Say which key goes: root-1, root-2, root-3"):
        key_named(folder, "root", None)
    with pytest.raises(PublisherKeyError, match="No one key of root is called 'root-9'"):
        key_named(folder, "root", "root-9")
    with pytest.raises(PublisherKeyError, match="No key"):
        rotate_key(repository.publisher, "stable", old=key.keyid, new=new_signer().public_key)
    assert (next_name(folder, "root"), next_name(folder, "stable")) == ("root-4", "stable-2")


def test_a_draft_travels_to_a_key_and_back(repository: TestRepository, hub: Hub, tmp_path: Path) -> None:
    place = tmp_path / "stick"
    key = key_in(place, "stable-2", passphrase=lambda _: None)
    signer = KeyFiles([place], passphrase=lambda _: None)
    stable = key_named(repository.repository, "stable", None)
    repository.keys.held = {"targets", "snapshot", "timestamp"}
    assert not rotate_key(repository.publisher, "stable", old=stable.keyid, new=key).whole
    travelling = tmp_path / "stable.json"
    travelling.write_bytes(repository.repository.draft_file("stable").read_bytes())
    role, draft = read_draft(travelling)
    assert (role, draft.signed.version, sign_file(travelling, draft, signer)) == ("stable", 2, ["stable-2"])
    assert list(take_up(repository.repository, travelling)) == ["stable-2"]
    assert repository.publisher.sign().whole
    assert hub.offers() == {}


def test_what_comes_back_must_be_what_was_drafted_and_signed_by_who_may(
    repository: TestRepository, tmp_path: Path
) -> None:
    repository.keys.held = set()
    repository.publish(a_bundle(tmp_path))
    key_in(tmp_path / "strange", "stranger", passphrase=lambda _: None)
    stranger = KeyFiles([tmp_path / "strange"], passphrase=lambda _: None)
    travelling = tmp_path / "stable.json"
    travelling.write_bytes(repository.repository.draft_file("stable").read_bytes())
    sign_file(travelling, read_draft(travelling)[1], stranger)
    with pytest.raises(PublisherKeyError, match="brings no signature of stable that counts"):
        take_up(repository.repository, travelling)
    forged = travelling.read_text().replace(stranger.every()[0].public_key.keyid, _stable(repository))
    travelling.write_text(forged)
    with pytest.raises(PublisherKeyError, match="brings no signature of stable that counts"):
        take_up(repository.repository, travelling)
    repository.roll_out("home-en@1.0.0", percent=3)
    with pytest.raises(RepositoryStateError, match="is not the draft of stable that waits here"):
        take_up(repository.repository, travelling)
    renamed = travelling.rename(tmp_path / "renamed.json")
    with pytest.raises(RepositoryStateError, match="must be named after its role"):
        read_draft(renamed)
    with pytest.raises(PublisherKeyError, match="No key is there"):
        sign_file(
            renamed, read_draft(renamed.rename(tmp_path / "beta.json"))[1], KeyFiles([], passphrase=lambda _: None)
        )


def _stable(repository: TestRepository) -> str:
    return key_named(repository.repository, "stable", None).keyid
