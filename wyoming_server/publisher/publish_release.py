"""Drafts that are signed by enough keys become what hubs are shown, all together or not at all."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    RootVerificationResult,
    Snapshot,
    Targets,
    Timestamp,
    VerificationResult,
)

from ..bundles.offer import CHANNELS
from ..whole_file import write_whole
from .keys import Keyring, name_of
from .repository import ROLES, Repository, RoleMetadata, keys_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A role whose next version lacks signatures."""

    role: str
    version: int
    have: int
    need: int
    """How many keys must sign."""
    keys: tuple[str, ...]
    """Names of those that have not, and may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What hubs are shown now, and what waits."""

    versions: Mapping[str, int]
    """Role → version; empty before the first release."""
    waiting: tuple[Waiting, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything that was drafted is out."""
        return not self.waiting


def sign_drafts(repository: Repository, keys: Keyring) -> Sequence[str]:
    """Sign every draft with every key at hand that may; return the roles that it changed. Raises PublisherKeyError."""
    changed = []
    for role in ROLES:
        draft = repository.draft(role)
        if draft is None:
            continue
        lacking = {one: key for one, key in repository.entitled(role).items() if one not in draft.signatures}
        signers = keys.signers(lacking)
        for signer in signers:
            draft.sign(signer, append=True)
        if signers:
            repository.write_draft(role, draft)
            changed.append(role)
    return changed


def release(repository: Repository, keys: Keyring, *, refresh: bool = False) -> Released:
    """Show hubs every draft that is signed by enough keys; with `refresh` in any case a new snapshot and timestamp.

    New files are written first and timestamp.json last, after it only a new root: whenever it is cut off, hubs see what
    was, or what is new. Where keys change, those that leave sign once more if they are at hand, so that the hubs that
    have not seen the new root yet believe it, too. Raises PublisherKeyError and DiskError.
    """
    for role in ROLES:
        if repository.draft(role) is None:  # what a cut left of one that was released
            repository.draft_file(role).unlink(missing_ok=True)
    choice = _choice(repository)
    if choice is None:
        return Released(versions={}, waiting=tuple(waiting_drafts(repository)))
    waiting = tuple(waiting_drafts(repository, choice.drafted))
    if not (choice.drafted or refresh or _is_unfinished(repository, choice.root.signed)):
        return Released(versions=_versions(repository), waiting=waiting)
    before = repository.root()
    entitled = {role: keys_of(choice.root.signed, role) for role in ("snapshot", "timestamp")}
    leaving = {role: keys_of(before.signed, role) if before else {} for role in entitled}
    signers = {role: keys.signers({**leaving[role], **known}) for role, known in entitled.items()}
    for role, known in entitled.items():
        have, need = (
            sum(one.public_key.keyid in known for one in signers[role]),
            choice.root.signed.roles[role].threshold,
        )
        if have < need:
            names = tuple(name_of(one) for one in known.values())
            waiting += (Waiting(role=role, version=_next(repository, role), have=have, need=need, keys=names),)
    if all(one.role not in entitled for one in waiting):
        _write(repository, choice, signers)
    return Released(versions=_versions(repository), waiting=waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """A state of the repository that holds together."""

    metadata: Mapping[str, RoleMetadata]
    """Every role but snapshot and timestamp."""
    drafted: frozenset[str]
    """Those of which it is the draft."""

    @property
    def root(self) -> Metadata[Root]:
        return self.metadata["root"]


def _choice(repository: Repository) -> _Choice | None:
    """Return as much of the drafts as is signed and fits together; None where not even a first state is."""
    current = {role: repository.current(role) for role in ROLES}
    drafts = {role: repository.draft(role) for role in ROLES}
    for root_from, targets_from in itertools.product((drafts, current), (drafts, current)):
        root, targets = root_from["root"], targets_from["targets"]
        if root is None or (root_from is drafts and not _root_result(root, current["root"])):
            continue
        if targets is None or not _result(root.signed, "targets", targets):
            continue
        chosen = {"root": root, "targets": targets}
        for channel in CHANNELS:
            found = (one[channel] for one in (drafts, current))
            fit = next((one for one in found if one and _result(targets.signed, channel, one)), None)
            if fit is not None:
                chosen[channel] = fit
        if len(chosen) == len(ROLES):
            drafted = frozenset(role for role in ROLES if chosen[role] is drafts[role])
            return _Choice(metadata=chosen, drafted=drafted)
    return None


def waiting_drafts(repository: Repository, released: frozenset[str] = frozenset()) -> Iterator[Waiting]:
    """Yield the drafts that are not to be released for want of signatures."""
    for role in ROLES:
        state = None if role in released else draft_state(repository, role)
        if state is not None and state.have < state.need:
            yield state


def draft_state(repository: Repository, role: str) -> Waiting | None:
    """Return how far a role's draft is signed; None where there is no draft."""
    draft = repository.draft(role)
    if draft is None:
        return None
    if role == "root":
        both = _root_result(draft, repository.root())
        have, missing, unsigned = len(both.signed), max(both.first.missing, both.second.missing), both.unsigned
    else:
        result = _result(repository.newest("targets" if role in CHANNELS else "root").signed, role, draft)
        have, missing, unsigned = len(result.signed), result.missing, result.unsigned
    names = tuple(name_of(one) for one in unsigned.values()) if missing else ()
    return Waiting(role=role, version=draft.signed.version, have=have, need=have + missing, keys=names)


def _result(over: Root | Targets, role: str, metadata: RoleMetadata) -> VerificationResult:
    """Return how far metadata is signed by the keys that the delegating role names for it."""
    return over.get_verification_result(role, metadata.signed_bytes, metadata.signatures)


def _root_result(draft: Metadata[Root], current: Metadata[Root] | None) -> RootVerificationResult:
    """Return how far a root is signed by its own keys, and by those of the root before."""
    previous = None if current is None else current.signed
    return draft.signed.get_root_verification_result(previous, draft.signed_bytes, draft.signatures)


def _is_unfinished(repository: Repository, root: Root) -> bool:
    """Whether a release was cut off after the root and before the timestamp."""
    online = {"snapshot": repository.snapshot(), "timestamp": repository.timestamp()}
    return not all(one and _result(root, role, one) for role, one in online.items())


def _write(repository: Repository, choice: _Choice, signers: Mapping[str, Sequence[Signer]]) -> None:
    """Write a state of the repository, what names other files after those."""
    meta = {}
    for role in ("targets", *CHANNELS):
        metadata = choice.metadata[role]
        path = repository.metadata / f"{metadata.signed.version}.{role}.json"
        if role in choice.drafted:
            _drop_others(metadata, repository.entitled(role))
            write_whole(path, metadata.to_bytes())
        meta[f"{role}.json"] = MetaFile.from_data(metadata.signed.version, path.read_bytes(), ["sha256"])
    version = _next(repository, "snapshot")
    snapshot = Metadata(Snapshot(version=version, expires=repository.expiry("snapshot"), meta=meta))
    _sign(snapshot, signers["snapshot"])
    write_whole(repository.metadata / f"{version}.snapshot.json", snapshot.to_bytes())
    said = MetaFile.from_data(version, snapshot.to_bytes(), ["sha256"])
    timestamp = Metadata(
        Timestamp(version=_next(repository, "timestamp"), expires=repository.expiry("timestamp"), snapshot_meta=said)
    )
    _sign(timestamp, signers["timestamp"])
    write_whole(repository.metadata / "timestamp.json", timestamp.to_bytes())
    if "root" in choice.drafted:
        _drop_others(choice.root, repository.entitled("root"))
        write_whole(repository.metadata / f"{choice.root.signed.version}.root.json", choice.root.to_bytes())
    for role in choice.drafted:
        repository.draft_file(role).unlink(missing_ok=True)


def _drop_others(metadata: RoleMetadata, entitled: Mapping[str, Key]) -> None:
    """Drop the signatures of keys that may not sign it any more."""
    for keyid in set(metadata.signatures) - set(entitled):
        del metadata.signatures[keyid]


def _sign(metadata: RoleMetadata, signers: Sequence[Signer]) -> None:
    for signer in signers:
        metadata.sign(signer, append=True)


def _next(repository: Repository, role: str) -> int:
    """Return the version that comes next of the snapshot or the timestamp."""
    if role == "snapshot":
        return (repository.versions(role) or (0,))[-1] + 1
    timestamp = repository.timestamp()
    return 1 if timestamp is None else timestamp.signed.version + 1


def _versions(repository: Repository) -> Mapping[str, int]:
    found = {role: repository.current(role) for role in (*ROLES, "snapshot", "timestamp")}
    return {role: one.signed.version for role, one in found.items() if one is not None}
