"""A new repository's roles: who signs for what."""

from collections.abc import Mapping
from dataclasses import dataclass

from securesystemslib.signer import Key
from tuf.api.metadata import DelegatedRole, Delegations, Root

from ..bundles.offer import CHANNELS


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleKeys:
    """Who signs for a role."""

    keys: tuple[Key, ...]
    threshold: int = 1
    """How many of them must."""


def root_with(roles: Mapping[str, RoleKeys]) -> Root:
    """Return what a first root says of its roles."""
    root = Root()
    for role in ("root", "targets", "snapshot", "timestamp"):
        for key in roles[role].keys:
            root.add_key(key, role)
        root.roles[role].threshold = roles[role].threshold
    return root


def delegations_with(roles: Mapping[str, RoleKeys]) -> Delegations:
    """Return what the first targets say of the channels: each has its own folder, and no other."""
    keys = {key.keyid: key for channel in CHANNELS for key in roles[channel].keys}
    delegated = {
        channel: DelegatedRole(
            channel,
            [key.keyid for key in roles[channel].keys],
            roles[channel].threshold,
            terminating=True,
            paths=[f"{channel}/*"],
        )
        for channel in CHANNELS
    }
    return Delegations(keys, delegated)
