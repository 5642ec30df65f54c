"""Why a repository's metadata was refused: tuf says that it is, an owner wants to know which attack or mistake it was.

Nothing is decided here. What tuf has refused stays refused, whatever this finds. Imports tuf: for the updater's process
only.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Key
from tuf.api.exceptions import (
    BadVersionNumberError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    UnsignedMetadataError,
)
from tuf.api.exceptions import RepositoryError as TufError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets

from ..errors import (
    EdgeVoiceError,
    ExpiredError,
    FrozenError,
    MalformedMetadataError,
    MetadataRollbackError,
    MixAndMatchError,
    RotatedKeyError,
    TamperedError,
    ThresholdError,
    WrongKeyError,
)
from ..whole_file import write_whole

type RoleMetadata = Metadata[Any]
"""Metadata of a role that is only known when the program runs."""
TOP_ROLES = ("root", "timestamp", "snapshot", "targets")
_PAST_KEYS_FILE = "past-delegations.json"
_TELL = "Nothing is taken from it; tell who runs the repository, and look into the network between"


@dataclass(frozen=True, slots=True)
class Known:
    """What the repository has said so far and was believed: tuf's cache, read anew at each question."""

    folder: Path

    def roots(self) -> list[Root]:
        """Return every root that was trusted, the oldest first."""
        files = sorted(self.folder.glob("root_history/*.root.json"), key=lambda one: int(one.name.partition(".")[0]))
        found = (_parsed(file.read_bytes()) for file in files)
        return [one.signed for one in found if one is not None and isinstance(one.signed, Root)]

    def said(self, role: str) -> RoleMetadata | None:
        """Return a role's metadata as it was believed last; None where there is none."""
        try:
            return _parsed((self.folder / f"{role}.json").read_bytes())
        except OSError:
            return None

    def versions(self) -> dict[str, int]:
        """Return role → version."""
        roots = self.roots()
        files = (file.stem for file in self.folder.glob("*.json") if file.stem != "root")
        found = {role: said.signed.version for role in files if (said := self.said(role))}
        return found | ({"root": roots[-1].version} if roots else {})

    def past_keys(self, role: str) -> dict[str, Key]:
        """Return every key that was ever trusted to sign for a role."""
        found: dict[str, Key] = {}
        for delegator in (*self.roots(), self._targets()):
            if delegator is not None:
                found |= _keys(delegator, role)
        for keyid, fields in self._remembered().get(role, {}).items():
            found.setdefault(keyid, Key.from_dict(keyid, dict(fields)))
        return found

    def remember(self) -> None:
        """Write down the keys of delegated roles, which a later version of `targets` may no longer name."""
        targets = self._targets()
        if targets is None or targets.delegations is None:
            return
        remembered = self._remembered()
        now = {role: dict(remembered.get(role, {})) for role in (*remembered, *(targets.delegations.roles or {}))}
        for role, keys in now.items():
            keys |= {keyid: key.to_dict() for keyid, key in _keys(targets, role).items()}
        if now != remembered:
            write_whole(self.folder / _PAST_KEYS_FILE, json.dumps(now).encode())

    def delegator(self, role: str) -> Root | Targets | None:
        """Return who says which keys sign for a role."""
        roots = self.roots()
        return roots[-1] if role in TOP_ROLES and roots else self._targets()

    def _targets(self) -> Targets | None:
        said = self.said("targets")
        return said.signed if said is not None and isinstance(said.signed, Targets) else None

    def _remembered(self) -> dict[str, dict[str, dict[str, Any]]]:
        try:
            said: dict[str, dict[str, dict[str, Any]]] = json.loads((self.folder / _PAST_KEYS_FILE).read_bytes())
        except OSError, ValueError:
            return {}
        return said


def diagnosed(
    error: TufError, role: str, fetched: Mapping[str, bytes], known: Known, before: Mapping[str, int], now: dt.datetime
) -> EdgeVoiceError:
    """Return what was wrong with a repository.

    `role` is whose metadata came last, `fetched` all that came in this check, `before` the versions that were believed
    before it.
    """
    if isinstance(error, ExpiredMetadataError):
        return _expired(fetched, known, before, now)
    said = _parsed(fetched.get(role, b""))
    if said is None:
        return _unreadable(error, role)
    signatures = _of_signatures(role, said, known)
    if isinstance(error, UnsignedMetadataError):
        return signatures or _threshold(role, str(error))
    return signatures or _of_signed(error, role, said, known)


def _unreadable(error: TufError, role: str) -> EdgeVoiceError:
    if isinstance(error, LengthOrHashMismatchError):
        return TamperedError(f"The repository's {role} is not what its other metadata says. {_TELL}")
    return MalformedMetadataError(f"The repository's {role} cannot be read ({error}). {_TELL}")


def _of_signed(error: TufError, role: str, said: RoleMetadata, known: Known) -> EdgeVoiceError:
    """Return what is wrong with metadata that the right keys have signed."""
    if isinstance(error, BadVersionNumberError):
        return _of_version(role, said, known)
    if isinstance(error, LengthOrHashMismatchError):
        return _mixed(role, said.signed.version)
    return _of_contents(error, role, said, known)


def _of_signatures(role: str, said: RoleMetadata, known: Known) -> EdgeVoiceError | None:
    """Return what is wrong with a role's signatures; None where they suffice."""
    delegator = known.delegator(role)
    if delegator is None:
        return None
    trusted, past = _keys(delegator, role), known.past_keys(role)
    valid = {keyid for keyid, key in trusted.items() if _signs(key, keyid, said)}
    if len(valid) >= _threshold_of(delegator, role):
        return None
    if any(_signs(past[keyid], keyid, said) for keyid in past.keys() - trusted.keys()):
        return RotatedKeyError(f"The repository's {role} is signed with a key that its owners have withdrawn. {_TELL}")
    if valid or not said.signatures:
        return _threshold(role, f"{len(valid)} of {_threshold_of(delegator, role)} signatures are right")
    if said.signatures.keys() <= trusted.keys():
        return TamperedError(f"The repository's {role} was changed after it was signed. {_TELL}")
    return WrongKeyError(f"The repository's {role} is signed with a key that nobody trusted for it. {_TELL}")


def _of_version(role: str, said: RoleMetadata, known: Known) -> EdgeVoiceError:
    version: int = said.signed.version
    before = known.versions().get(role, 0)
    if role == "timestamp" or (role == "root" and version <= before):
        return _older(role, f"version {version} after {before}")
    timestamp = known.said("timestamp")
    if role == "snapshot" and timestamp is not None and timestamp.signed.snapshot_meta.version == version:
        return _older(role, "it names an older version of a role than it did before")
    return _mixed(role, version)


def _of_contents(error: TufError, role: str, said: RoleMetadata, known: Known) -> EdgeVoiceError:
    before = known.said(role)
    if (
        before is not None
        and isinstance(said.signed, Snapshot)
        and (missing := before.signed.meta.keys() - said.signed.meta.keys())
    ):
        return _older(role, f"it names {min(missing)} no more")
    return MalformedMetadataError(f"The repository's {role} cannot be used ({error}). {_TELL}")


def _expired(fetched: Mapping[str, bytes], known: Known, before: Mapping[str, int], now: dt.datetime) -> EdgeVoiceError:
    for role in (*TOP_ROLES, *(one for one in known.versions() if one not in TOP_ROLES), *fetched):
        roots = known.roots()
        signed = roots[-1] if role == "root" and roots else _signed(fetched, known, role)
        if signed is None or not signed.is_expired(now):
            continue
        if before.get(role) == signed.version and "timestamp" in before:
            return FrozenError(
                f"The repository has shown the same {role}, version {signed.version}, since before it expired on "
                f"{signed.expires:%Y-%m-%d}: its publisher has stopped signing, or somebody withholds what is new. "
                "What is installed goes on serving"
            )
        return ExpiredError(
            f"The repository's {role}, version {signed.version}, expired on {signed.expires:%Y-%m-%d}; its publisher "
            "has to sign it anew, or this hub's clock is wrong. What is installed goes on serving"
        )
    return ExpiredError("The repository's metadata has expired; its publisher has to sign it anew")


def _signed(fetched: Mapping[str, bytes], known: Known, role: str) -> Any:
    """Return what a role says now: what came, where it could be believed, otherwise what was believed last."""
    came, believed = _parsed(fetched.get(role, b"")), known.said(role)
    if came is None or (believed is not None and believed.signed.version >= came.signed.version):
        return None if believed is None else believed.signed
    return came.signed


def _keys(delegator: Root | Targets, role: str) -> dict[str, Key]:
    try:
        keyids = delegator.get_delegated_role(role).keyids
    except ValueError:
        return {}
    return dict(_held(delegator, keyids))


def _held(delegator: Root | Targets, keyids: list[str]) -> Iterator[tuple[str, Key]]:
    for keyid in keyids:
        try:
            yield keyid, delegator.get_key(keyid)
        except ValueError:
            continue


def _threshold_of(delegator: Root | Targets, role: str) -> int:
    try:
        return delegator.get_delegated_role(role).threshold
    except ValueError:
        return 1


def _signs(key: Key, keyid: str, said: RoleMetadata) -> bool:
    signature = said.signatures.get(keyid)
    if signature is None:
        return False
    try:
        key.verify_signature(signature, said.signed_bytes)
    except UnverifiedSignatureError:
        return False
    return True


def _parsed(content: bytes) -> RoleMetadata | None:
    try:
        return Metadata.from_bytes(content)
    except TufError:
        return None


def _threshold(role: str, what: str) -> ThresholdError:
    return ThresholdError(f"The repository's {role} is not signed by as many as it needs: {what}. {_TELL}")


def _older(role: str, what: str) -> MetadataRollbackError:
    return MetadataRollbackError(f"The repository shows an older {role} than before: {what}. {_TELL}")


def _mixed(role: str, version: int) -> MixAndMatchError:
    return MixAndMatchError(
        f"The repository's {role}, version {version}, is signed, and is not the one that its other metadata names: "
        f"two states of it are shown together. {_TELL}"
    )
