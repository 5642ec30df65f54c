"""A key that leaves a role, and the one that comes for it."""

from collections.abc import Mapping

from securesystemslib.signer import Key
from tuf.api.metadata import Root, Targets

from ..errors import PublisherKeyError
from .keys import name_of
from .offer import CHANNELS
from .publish import Publisher
from .publish_release import Released
from .repository import Repository, keys_of


def rotate_key(publisher: Publisher, role: str, *, old: str, new: Key) -> Released:
    """Have `new` sign for a role in place of the key with the id `old`; what the role had signed is signed anew.

    The root's own change must be signed by enough of the root's keys before and of those after it. Raises
    PublisherKeyError where the role has no such key, or has the new one already.
    """
    repository = publisher.repository
    with repository.locked():
        over = "targets" if role in CHANNELS else "root"
        known = keys_of(repository.newest(over).signed, role)
        if new.keyid not in known:
            _check(known, role, old)

            def change(signed: Root | Targets) -> None:
                signed.revoke_key(old, role)
                signed.add_key(new, role)

            repository.edit(over, change)
        _sign_anew(repository, role)
        return publisher.go()


def _check(known: Mapping[str, Key], role: str, old: str) -> None:
    if old not in known:
        names = ", ".join(sorted(name_of(key) for key in known.values()))
        raise PublisherKeyError(f"No key {old[:8]} signs for {role}; {names} do")


def _sign_anew(repository: Repository, role: str) -> None:
    """Draft what a role says once more, where nothing of it is drafted: the new key has to sign it."""
    if role in {"targets", *CHANNELS} and repository.draft(role) is None:
        repository.save_draft(role, repository.newest(role).signed)
