"""Signing on a machine that has a key and no repository: a draft's file travels there and back."""

from collections.abc import Sequence
from pathlib import Path

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization import DeserializationError

from ..bundles.offer import CHANNELS
from ..errors import PublisherKeyError, RepositoryStateError
from ..whole_file import write_whole
from .keys import KeyFiles, name_of
from .repository import Repository, RoleMetadata


def read_draft(file: Path) -> tuple[str, RoleMetadata]:
    """Return a draft's role and content. Raises RepositoryStateError where the file is none."""
    try:
        metadata: RoleMetadata = Metadata.from_bytes(file.read_bytes())
    except (OSError, DeserializationError) as error:
        raise RepositoryStateError(f"'{file}' is no draft; copy one of the repository's folder drafts") from error
    role = "root" if isinstance(metadata.signed, Root) else file.stem
    if role not in {metadata.signed.type, *(CHANNELS if metadata.signed.type == "targets" else ())}:
        raise RepositoryStateError(
            f"'{file}' must be named after its role, as in the folder drafts: root.json, targets.json, stable.json …"
        )
    return role, metadata


def sign_file(file: Path, draft: RoleMetadata, keys: KeyFiles) -> Sequence[str]:
    """Add the signature of every key at hand to a draft that was read, and write it; return the keys' names.

    Raises PublisherKeyError without any key.
    """
    signers = keys.every()
    if not signers:
        raise PublisherKeyError("No key is there to sign with; name its file or folder with --keys")
    for signer in signers:
        draft.sign(signer, append=True)
    write_whole(file, draft.to_bytes())
    return [name_of(one.public_key) for one in signers]


def take_up(repository: Repository, file: Path) -> Sequence[str]:
    """Take the signatures of a draft that was signed elsewhere; return the names of their keys.

    Raises RepositoryStateError where it is not what is drafted here, PublisherKeyError where no signature counts.
    """
    role, signed = read_draft(file)
    with repository.locked():
        draft = repository.draft(role)
        if draft is None or draft.signed != signed.signed:
            raise RepositoryStateError(
                f"'{file}' is not the draft of {role} that waits here; copy that one from '{repository.drafts}' again"
            )
        entitled = repository.entitled(role)
        taken = [one for one in signed.signatures if one not in draft.signatures and _counts(entitled.get(one), signed)]
        draft.signatures |= {keyid: signed.signatures[keyid] for keyid in taken}
        if not taken:
            raise PublisherKeyError(f"'{file}' brings no signature of {role} that counts and was not here before")
        repository.write_draft(role, draft)
        return [name_of(entitled[one]) for one in taken]


def _counts(key: Key | None, metadata: RoleMetadata) -> bool:
    """Whether a key that may sign this did."""
    if key is None:
        return False
    try:
        key.verify_signature(metadata.signatures[key.keyid], metadata.signed_bytes)
    except UnverifiedSignatureError:
        return False
    return True
