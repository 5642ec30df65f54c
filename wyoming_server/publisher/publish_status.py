"""How a repository stands: what is offered to whom, what waits, what expires, and what hubs say of it."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from ..bundles.offer import CHANNELS, CUSTOM_KEY, Offer, custom_of
from ..canary.cohort import Judgement
from .publish import Publisher
from .publish_changes import changes
from .publish_release import Waiting, draft_state
from .repository import ROLES, SOON, Repository, RoleMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleState:
    """One role's metadata as hubs are shown it."""

    role: str
    version: int
    expires: dt.datetime
    state: str
    """`good`, `soon` or `expired`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What waits for signatures."""

    waiting: Waiting
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a repository stands."""

    roles: tuple[RoleState, ...]
    offers: tuple[Offer, ...]
    """As hubs are shown them, the newest of each name first."""
    drafts: tuple[Draft, ...]
    missing: tuple[str, ...]
    """Files that hubs are told of and that are not there, or not of their length."""
    judgements: Mapping[str, Judgement]
    """Label → what the reports say."""

    @property
    def serves(self) -> bool:
        """Whether hubs can take up what they are offered."""
        return bool(self.roles) and not self.missing and all(one.state != "expired" for one in self.roles)

    def as_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        return {
            "roles": [
                {"role": one.role, "version": one.version, "expires": one.expires.isoformat(), "state": one.state}
                for one in self.roles
            ],
            "missing": list(self.missing),
            "bundles": [self._offer(one) for one in self.offers],
            "waiting": [
                {
                    "role": one.waiting.role,
                    "version": one.waiting.version,
                    "have": one.waiting.have,
                    "need": one.waiting.need,
                    "keys": list(one.waiting.keys),
                    "changes": list(one.changes),
                }
                for one in self.drafts
            ],
        }

    def _offer(self, offer: Offer) -> dict[str, Any]:
        judgement = self.judgements.get(offer.label)
        said = {"label": offer.label, "channel": offer.channel, "length": offer.length, "sha256": offer.sha256}
        return {
            **said,
            **custom_of(offer)[CUSTOM_KEY],
            "reports": None if judgement is None else judgement.as_json(),
        }


def standing(repository: Repository, judgements: Mapping[str, Judgement]) -> Standing:
    """Return how a repository stands; blocks. Raises RepositoryStateError."""
    repository.newest("root")
    shown = {channel: repository.current(channel) for channel in CHANNELS}
    offers = [one for channel, now in shown.items() if now for one in repository.offers(channel, now).values()]
    drafts = (draft_state(repository, role) for role in ROLES)
    return Standing(
        roles=tuple(_roles(repository)),
        offers=tuple(sorted(offers, key=lambda one: (one.channel, one.name, Version(one.version)), reverse=True)),
        missing=tuple(_missing(repository, shown)),
        drafts=tuple(Draft(waiting=one, changes=_changes(repository, one.role)) for one in drafts if one),
        judgements=judgements,
    )


def _missing(repository: Repository, shown: Mapping[str, RoleMetadata | None]) -> Iterator[str]:
    for metadata in filter(None, shown.values()):
        for path, target in sorted(metadata.signed.targets.items()):
            file = repository.targets / target.get_prefixed_paths()[0]
            if not file.is_file() or file.stat().st_size != target.length:
                yield path


def _changes(repository: Repository, role: str) -> tuple[str, ...]:
    return tuple(changes(repository.newest(role), repository.current(role)))


def act(publisher: Publisher, judgements: Mapping[str, Judgement], *, withdraws: bool) -> Sequence[str]:
    """Stop what the reports say is worse; return what was done, in sentences.

    A pause leaves the bundle on the hubs that have it; with `withdraws`, what the evidence is strong enough for is
    called back from them.
    """
    done = []
    for channel in CHANNELS:
        for label, offer in publisher.repository.offers(channel).items():
            judgement = judgements.get(label)
            if judgement is None or judgement.action == "none" or offer.withdrawn:
                continue
            if judgement.action == "withdraw" and withdraws:
                publisher.withdraw(label, channel=channel)
                done.append(f"{label} is withdrawn from {channel}: {judgement.message}")
            elif not offer.rollout.paused:
                publisher.pause(label, channel=channel)
                done.append(f"{label} is paused in {channel}: {judgement.message}")
    return done


def _roles(repository: Repository) -> Iterator[RoleState]:
    for role in (*ROLES, "snapshot", "timestamp"):
        metadata = repository.current(role)
        if metadata is not None:
            left = repository.left(metadata.signed, role)
            state = "good" if left > SOON else "soon" if left > 0 else "expired"
            yield RoleState(role=role, version=metadata.signed.version, expires=metadata.signed.expires, state=state)
