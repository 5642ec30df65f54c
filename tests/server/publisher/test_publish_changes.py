"""What a signer is shown of a draft: everything that a hub would believe."""

import copy
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Targets

from tests.server.bundles.publishing import a_bundle, a_repository, new_signer
from wyoming_server.publisher.publish_changes import changes
from wyoming_server.publisher.repository import RoleMetadata


def changed(metadata: RoleMetadata, change: Any) -> RoleMetadata:
    signed = copy.deepcopy(metadata.signed)
    change(signed)
    return Metadata(signed)


def test_a_key_that_comes_under_the_name_and_the_id_of_another_is_shown(tmp_path: Path) -> None:
    root = a_repository(tmp_path).repository.current("root")
    keyid = root.signed.roles["root"].keyids[0]
    stranger = new_signer("stranger").public_key.keyval

    def swap(signed: Any) -> None:
        signed.keys[keyid].keyval = stranger

    shown = changes(changed(root, swap), root)
    assert any("comes for root" in line and stranger["public"][:16] in line for line in shown)


def test_a_channel_that_may_list_more_than_its_own_is_shown(tmp_path: Path) -> None:
    targets = a_repository(tmp_path).repository.current("targets")

    def widen(signed: Targets) -> None:
        signed.delegations.roles["beta"].paths = ["beta/*", "stable/*"]

    assert changes(changed(targets, widen), targets) == ["beta may list beta/*, stable/*"]
    assert not any("may list" in line for line in changes(targets, None))


def test_another_list_of_a_channel_is_shown(tmp_path: Path) -> None:
    publisher = a_repository(tmp_path / "repository")
    publisher.publish(a_bundle(tmp_path))
    stable = publisher.repository.current("stable")
    empty = publisher.publisher._index("stable", [])

    def swap(signed: Targets) -> None:
        signed.targets[empty.path] = empty

    assert changes(changed(stable, swap), stable) == ["stable/index.json is another file"]
    assert changes(stable, stable) == ["nothing but until when it lasts"]


@pytest.mark.parametrize("name", ["root-1\x1b[2K\r", "root-1\n"])
def test_a_name_does_nothing_to_the_terminal_of_who_signs(tmp_path: Path, name: str) -> None:
    root = a_repository(tmp_path).repository.current("root")

    def rename(signed: Any) -> None:
        signed.keys[signed.roles["root"].keyids[0]].unrecognized_fields["x-edge-voice-name"] = name

    assert all(line.isprintable() for line in changes(changed(root, rename), root))
