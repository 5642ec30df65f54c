"""A key that leaves a role, and the one that comes for it."""

import re
from collections.abc import Mapping

from securesystemslib.signer import Key
from tuf.api.metadata import Root, Targets

from ..bundles.offer import CHANNELS
from ..errors import PublisherKeyError
from .keys import name_of
from .publish import Publisher
from .publish_release import Released
from .repository import Repository, keys_of

_NUMBER = re.compile(r"[0-9]+$")


def key_named(repository: Repository, role: str, name: str | None) -> Key:
    """Return a role's key by its name, its id or the beginning of that; None for the only one there is.

    Raises PublisherKeyError, which names those that there are.
    """
    known = _keys(repository, role)
    found = [key for keyid, key in known.items() if name is None or name_of(key) == name or keyid.startswith(name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted(name_of(key) for key in known.values()))
    asked = "Say which key goes" if name is None else f"No one key of {role} is called {name!r}"
    raise PublisherKeyError(f"{asked}: {names}")


def next_name(repository: Repository, role: str) -> str:
    """Return a name for a role's new key that none of its keys has."""
    numbers = [int(match[0]) for key in _keys(repository, role).values() if (match := _NUMBER.search(name_of(key)))]
    return f"{role}-{max(numbers, default=1) + 1}"


def rotate_key(publisher: Publisher, role: str, *, old: str, new: Key) -> Released:
    """Have `new` sign for a role in place of the key with the id `old`; what the role had signed is signed anew.

    The root's own change must be signed by enough of the root's keys before and of those after it. Raises
    PublisherKeyError where the role has no such key, or has the new one already.
    """
    repository = publisher.repository
    with repository.locked():
        over, known = "targets" if role in CHANNELS else "root", _keys(repository, role)
        if new.keyid not in known:
            _check(known, role, old)

            def change(signed: Root | Targets) -> None:
                signed.revoke_key(old, role)
                signed.add_key(new, role)

            repository.edit(over, change)
        _sign_anew(repository, role)
        return publisher.go()


def _keys(repository: Repository, role: str) -> Mapping[str, Key]:
    return keys_of(repository.newest("targets" if role in CHANNELS else "root").signed, role)


def _check(known: Mapping[str, Key], role: str, old: str) -> None:
    if old not in known:
        names = ", ".join(sorted(name_of(key) for key in known.values()))
        raise PublisherKeyError(f"No key {old[:8]} signs for {role}; {names} do")


def _sign_anew(repository: Repository, role: str) -> None:
    """Draft what a role says once more, where nothing of it is drafted: the new key has to sign it."""
    if role in {"targets", *CHANNELS} and repository.draft(role) is None:
        repository.save_draft(role, repository.newest(role).signed)
