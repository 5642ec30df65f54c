"""What python-tuf's own tests of its client hold it to, held anew against our client, over a real host.

Refusals that are attacks are in `attacks`; here is what must go on working beside them, and the corners in between.
"""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.bundles import made
from tests.server.bundles.publishing import new_signer
from tests.server.updates import faulty
from tests.server.updates.scene import ACTIVE, NEWER, Scene, a_scene
from wyoming_server.errors import (
    EdgeVoiceError,
    MalformedMetadataError,
    NoRepositoryError,
    RootRefusedError,
    UnknownBundleError,
)
from wyoming_server.updates.jobs import root_job


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with a_scene(tmp_path) as made_scene:
        yield made_scene


def code_of(scene: Scene) -> str:
    """Return what the next check is refused with."""
    with pytest.raises(EdgeVoiceError) as refused:
        scene.check()
    return refused.value.code


def version(number: int) -> Any:
    return lambda signed: setattr(signed, "version", number)


def expires(moment: dt.datetime) -> Any:
    return lambda signed: setattr(signed, "expires", moment.replace(microsecond=0))


YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


# The first look, and the cache


def test_the_first_look_keeps_what_it_believes(scene: Scene) -> None:
    assert scene.check() == [NEWER, ACTIVE]
    kept = {file.name for file in scene.folder.metadata.glob("*.json")}
    assert kept == {f"{one}.json" for one in ("root", "timestamp", "snapshot", "targets", "stable", "past-delegations")}


def test_a_second_look_asks_only_what_may_have_changed(scene: Scene) -> None:
    scene.check()
    scene.host.asked.clear()
    scene.check()
    names = [path.rpartition("/")[2] for path, _ in scene.host.asked]
    assert names[:2] == ["2.root.json", "timestamp.json"]
    assert [one.partition(".")[2] for one in names[2:]] == ["index.json"]


def test_metadata_is_asked_for_by_its_version_and_archives_by_their_digest(scene: Scene) -> None:
    scene.fetch()
    paths = [path for path, _ in scene.host.asked]
    assert "/metadata/3.snapshot.json" in paths
    assert "/metadata/1.targets.json" in paths
    assert f"/targets/stable/{scene.offer().sha256}.{NEWER}.tar" in paths


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "stable"])
def test_a_damaged_cache_is_fetched_anew(scene: Scene, role: str) -> None:
    scene.check()
    (scene.folder.metadata / f"{role}.json").write_bytes(b"{")
    assert scene.check() == [NEWER, ACTIVE]


def test_a_cache_that_is_gone_is_fetched_anew(scene: Scene) -> None:
    scene.check()
    for file in scene.folder.metadata.glob("*.json"):
        file.unlink()
    assert scene.check() == [NEWER, ACTIVE]


def test_a_root_that_somebody_put_into_the_cache_is_not_believed(scene: Scene) -> None:
    scene.repo.rewrite("root")
    strangers = scene.repo.rewrite(
        "root", signers=[new_signer(), new_signer()], bump=False, path=scene.space / "2.json"
    )
    poisoned = strangers.to_bytes()
    (scene.folder.metadata / "root_history").mkdir(exist_ok=True)
    (scene.folder.metadata / "root_history" / "2.root.json").write_bytes(poisoned)
    assert scene.check() == [NEWER, ACTIVE]
    kept = (scene.folder.metadata / "root_history" / "2.root.json").read_bytes()
    assert kept == (scene.metadata / "2.root.json").read_bytes()


def test_trust_begins_with_what_the_owner_gave_and_not_with_the_cache(scene: Scene) -> None:
    scene.check()
    (scene.folder.metadata / "root.json").unlink()
    (scene.folder.metadata / "root_history" / "1.root.json").write_bytes(b"{}")
    assert scene.check() == [NEWER, ACTIVE]


def test_nothing_is_asked_of_anybody_without_a_trusted_repository(scene: Scene) -> None:
    before = scene.serving()
    scene.folder.distrust()
    with pytest.raises(NoRepositoryError):
        scene.check()
    scene.untouched(before)


# The root


def test_an_expired_root_is_followed_to_one_that_is_not(scene: Scene) -> None:
    scene.repo.rewrite("root", expires(YESTERDAY))
    scene.repo.rewrite("root", expires(dt.datetime.now(dt.UTC) + dt.timedelta(days=9)))
    assert scene.check() == [NEWER, ACTIVE]


def test_a_chain_of_roots_is_followed_whole(scene: Scene) -> None:
    for _ in range(5):
        scene.repo.rotate("root")
    assert scene.check() == [NEWER, ACTIVE]
    assert (scene.folder.metadata / "root.json").resolve().name == "6.root.json"


def test_a_chain_of_roots_with_a_wrong_link_is_followed_up_to_it(scene: Scene) -> None:
    scene.repo.rewrite("root")
    scene.repo.rewrite("root", signers=[new_signer(), new_signer()])
    assert code_of(scene) == "wrong-key"
    assert (scene.folder.metadata / "root.json").resolve().name == "2.root.json"


def test_a_root_that_its_own_keys_have_not_signed_is_refused(scene: Scene) -> None:
    def replace_keys(root: Any) -> None:
        for signer in scene.repo.keys["root"]:
            root.revoke_key(signer.public_key.keyid, "root")
        for _ in range(2):
            root.add_key(new_signer().public_key, "root")

    scene.repo.rewrite("root", replace_keys)
    assert code_of(scene) == "threshold-not-met"


def test_one_key_that_signs_twice_is_one_key(scene: Scene) -> None:
    scene.repo.rewrite("root", signers=[scene.repo.keys["root"][0]])
    file = scene.metadata / "2.root.json"
    said = json.loads(file.read_bytes())
    said["signatures"] *= 2
    file.write_text(json.dumps(said))
    assert code_of(scene) in {"metadata-malformed", "threshold-not-met"}


@pytest.mark.parametrize("given", [b"", b"{}", b"<html>", b"\xff\xfe", b'{"signed": {}, "signatures": []}'])
def test_what_is_no_root_is_not_trusted(scene: Scene, given: bytes) -> None:
    with pytest.raises(RootRefusedError):
        scene.run(root_job(given))


def test_metadata_of_another_role_is_no_root(scene: Scene) -> None:
    with pytest.raises(RootRefusedError):
        scene.run(root_job((scene.metadata / "timestamp.json").read_bytes()))


def test_a_root_without_enough_of_its_own_signatures_is_not_trusted(scene: Scene) -> None:
    said = json.loads(scene.repo.root_bytes)
    said["signatures"] = said["signatures"][:1]
    with pytest.raises(RootRefusedError):
        scene.run(root_job(json.dumps(said).encode()))


def test_a_root_is_trusted_with_what_it_says_of_itself(scene: Scene) -> None:
    assert scene.run(root_job(scene.repo.root_bytes))["version"] == 1


# Keys that change


@pytest.mark.parametrize("role", ["root", "targets", "stable", "snapshot", "timestamp"])
def test_a_new_key_is_followed(scene: Scene, role: str) -> None:
    scene.check()
    scene.repo.rotate(role)
    assert scene.check() == [NEWER, ACTIVE]


def test_all_keys_change_while_a_hub_is_away(scene: Scene) -> None:
    scene.check()
    for role in ("root", "targets", "stable", "snapshot", "timestamp", "root"):
        scene.repo.rotate(role)
    scene.repo.refresh()
    assert scene.check() == [NEWER, ACTIVE]


@pytest.mark.parametrize("role", ["targets", "stable", "snapshot", "timestamp"])
def test_a_rotated_out_key_of_any_role_is_told_from_a_strangers(scene: Scene, role: str) -> None:
    scene.check()
    out = scene.repo.rotate(role)
    scene.check()
    scene.repo.rewrite(role, signers=[out])
    assert code_of(scene) == "rotated-out-key"


def test_a_key_of_another_role_is_a_strangers(scene: Scene) -> None:
    scene.repo.rewrite("timestamp", signers=scene.repo.keys["beta"])
    assert code_of(scene) == "wrong-key"


def test_a_right_signature_beside_a_strangers_is_enough(scene: Scene) -> None:
    scene.repo.rewrite("timestamp", signers=[new_signer(), *scene.repo.keys["timestamp"]])
    assert scene.check() == [NEWER, ACTIVE]


# Going back, and getting over a version that ran away


def test_an_expired_timestamp_still_guards_against_an_older_one(scene: Scene) -> None:
    scene.repo.rewrite("timestamp", expires(YESTERDAY))
    scene.folder.metadata.joinpath("timestamp.json").write_bytes(scene.newest("timestamp").read_bytes())
    scene.show_again("timestamp.json")
    assert code_of(scene) == "metadata-rollback"


def test_an_expired_timestamp_gives_way_to_a_newer_one(scene: Scene) -> None:
    scene.repo.rewrite("timestamp", expires(YESTERDAY))
    assert code_of(scene) == "metadata-expired"
    scene.repo.rewrite("timestamp", expires(dt.datetime.now(dt.UTC) + dt.timedelta(days=1)))
    assert scene.check() == [NEWER, ACTIVE]


def test_the_same_timestamp_again_is_no_rollback(scene: Scene) -> None:
    assert scene.check() == scene.check()


def test_a_timestamp_that_ran_away_is_got_over_by_a_new_key(scene: Scene) -> None:
    scene.repo.rewrite("timestamp", version(99_999))
    scene.check()
    scene.repo.rewrite("timestamp", version(7))
    assert code_of(scene) == "metadata-rollback"
    scene.repo.rotate("timestamp")
    scene.repo.rewrite("timestamp", version(8))
    assert scene.check() == [NEWER, ACTIVE]


def test_a_snapshot_that_ran_away_is_got_over_by_new_keys(scene: Scene) -> None:
    scene.repo.rewrite("snapshot", version(99_999))
    scene.check()
    scene.repo.rewrite("snapshot", version(7))
    assert code_of(scene) == "metadata-rollback"
    scene.repo.rotate("snapshot")
    scene.repo.rotate("timestamp")
    scene.repo.rewrite("snapshot", version(8))
    assert scene.check() == [NEWER, ACTIVE]


def test_a_channel_that_ran_away_is_got_over_by_a_new_snapshot_key(scene: Scene) -> None:
    scene.repo.rewrite("stable", version(99_999))
    scene.check()
    scene.repo.rewrite("stable", version(7))
    assert code_of(scene) == "metadata-rollback"
    scene.repo.rotate("snapshot")
    scene.repo.rewrite("stable", version(8))
    assert scene.check() == [NEWER, ACTIVE]


def test_a_snapshot_in_the_cache_guards_even_when_it_is_no_longer_the_named_one(scene: Scene) -> None:
    scene.check()
    scene.repo.rewrite("timestamp")

    def older(snapshot: Any) -> None:
        snapshot.meta["targets.json"].version = 1
        snapshot.meta["stable.json"].version = 1

    scene.repo.rewrite("snapshot", older)
    assert code_of(scene) == "metadata-rollback"


# Roles that do not belong together


@pytest.mark.parametrize(("role", "other"), [("snapshot", "targets"), ("targets", "snapshot"), ("stable", "beta")])
def test_a_roles_metadata_in_the_place_of_anothers_is_refused(scene: Scene, role: str, other: str) -> None:
    (scene.folder.metadata / f"{role}.json").unlink()
    scene.newest(role).write_bytes(scene.newest(other).read_bytes())
    # A larger one is not even read: what is named is signed with its length.
    assert code_of(scene) in {"tampered", "wrong-key", "mix-and-match", "oversized"}


def test_the_timestamp_in_the_place_of_the_root_is_refused(scene: Scene) -> None:
    (scene.metadata / "2.root.json").write_bytes((scene.metadata / "timestamp.json").read_bytes())
    assert code_of(scene) in {"wrong-key", "metadata-malformed"}


def test_a_channel_that_the_snapshot_does_not_name_is_refused(scene: Scene) -> None:
    def forget(snapshot: Any) -> None:
        del snapshot.meta["stable.json"]

    for file in scene.folder.metadata.glob("snapshot.json"):
        file.unlink()
    scene.repo.rewrite("snapshot", forget)
    assert code_of(scene) == "metadata-malformed"


def test_a_snapshot_of_another_version_than_its_name_is_refused(scene: Scene) -> None:
    metadata = scene.repo.rewrite("snapshot", pointed_to=False)
    scene.newest("snapshot").rename(scene.metadata / "3.snapshot.json")
    assert metadata.signed.version == 4
    assert code_of(scene) == "mix-and-match"


# What a channel may say


def test_a_channel_cannot_speak_for_another(scene: Scene) -> None:
    beta = scene.repo.publish(made.hollow(scene.space, "2.0.0"), channel="beta")

    def steal(signed: Any) -> None:
        found = scene.repo.repository.current("beta")
        assert found is not None
        signed.targets[beta.path] = found.signed.targets[beta.path]

    scene.repo.rewrite("stable", steal)
    scene.repo.rewrite("beta", lambda signed: signed.targets.pop(beta.path))
    with pytest.raises(MalformedMetadataError, match="names what is not signed"):
        scene.fetch(beta.label, channel="beta")


def test_each_channel_has_its_own(scene: Scene) -> None:
    beta = scene.repo.publish(made.hollow(scene.space, "2.0.0"), channel="beta")
    assert (scene.check("beta"), scene.check("stable")) == ([beta.label], [NEWER, ACTIVE])


def test_a_list_that_names_what_is_not_signed_is_refused(scene: Scene) -> None:
    scene.repo.rewrite("stable", lambda signed: signed.targets.pop(f"stable/{NEWER}.tar"))
    assert code_of(scene) == "metadata-malformed"


@pytest.mark.parametrize("label", ["home-en@9.9.9", "index", "../beta/home-en@1.0.0"])
def test_what_no_channel_has_is_unknown(scene: Scene, label: str) -> None:
    with pytest.raises(UnknownBundleError):
        scene.fetch(label)


# The cache of archives


def test_a_staged_bundle_is_not_fetched_again(scene: Scene) -> None:
    scene.fetch()
    scene.host.asked.clear()
    assert scene.fetch() == NEWER
    assert not [path for path, _ in scene.host.asked if path.endswith(".tar")]


def test_a_staged_bundle_that_was_changed_is_fetched_again(scene: Scene) -> None:
    scene.fetch()
    made.damaged(scene.folder.staged_folder(NEWER))
    scene.fetch()
    scene.install(NEWER)
    assert scene.folder.verify(NEWER).label == NEWER


def test_a_host_that_moved_is_followed(scene: Scene) -> None:
    with faulty.faulty_host(scene.repo.public) as elsewhere:
        scene.host.break_("", faulty.moved(elsewhere.url))
        assert scene.fetch() == NEWER


def test_a_host_that_moves_in_circles_is_not(scene: Scene) -> None:
    scene.host.break_("", faulty.moved(scene.host.url))
    assert code_of(scene) == "repository-unreachable"
