"""What a publisher does with bundles: offers them, says to whom and how many, stops and withdraws them.

Each step drafts the channel's next metadata, signs it with what keys are at hand, and releases what is complete; where
a key is missing, the draft waits for it. Imports tuf: the server's process never imports this.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from tuf.api.metadata import Root, TargetFile, Targets

from ..bundles.offer import CHANNELS, INDEX_FILE, Offer
from ..errors import DiskError, RepositoryStateError, UnknownBundleError
from ..whole_file import sync_folder, write_whole
from .archive_write import Packed, write_archive
from .keys import Keyring
from .publish_begin import RoleKeys, delegations_with, root_with
from .publish_offer import Terms, offered, target_of, version_of, with_terms
from .publish_release import Released, release, sign_drafts
from .repository import ROLES, SOON, Repository, keys_of

INDEX_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A bundle as it is offered now, or will be once what waits is signed."""

    offer: Offer
    released: Released


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Whoever holds some keys, before a repository. Methods block; they raise PublishError's kin and DiskError."""

    repository: Repository
    keys: Keyring

    @classmethod
    def begin(cls, repository: Repository, keys: Keyring, roles: Mapping[str, RoleKeys]) -> tuple[Self, Released]:
        """Make an empty repository. `roles` has root, targets, snapshot, timestamp and every channel."""
        publisher = cls(repository=repository, keys=keys)
        with repository.locked():
            if repository.root() or repository.draft("root"):
                raise RepositoryStateError(f"'{repository.folder}' is a repository already; name an empty folder")
            for channel in CHANNELS:
                repository.save_draft(
                    channel, Targets(targets={f"{channel}/{INDEX_FILE}": publisher._index(channel, [])})
                )
            repository.remember_lifetimes()
            repository.save_draft("targets", Targets(delegations=delegations_with(roles)))
            # The root last: only with it is it a repository, and before it all this can be done again.
            repository.save_draft("root", root_with(roles))
            return publisher, publisher.go()

    def publish(
        self, bundle: Path, *, channel: str, terms: Terms, report: Callable[[int], object] = lambda _: None
    ) -> Published:
        """Offer a built bundle in a channel. Doing it again with the same bundle changes nothing.

        `report` is told the bytes of each file that is packed.

        Raises BundleManifestError or BundleDamagedError for a folder that is not one.
        """
        with self.repository.locked():
            self.repository.newest(channel)
            # Not among the files for hubs, where a cut would leave it; the lock makes the name ours alone.
            archive = self.repository.drafts / "packing.tar"
            try:
                packed = write_archive(bundle, archive, report=report)
                offers = self.repository.offers(channel)
                offer = offers.get(packed.bundle.label) or offered(packed, channel, terms)
                self._check(packed, offer, channel)
                self._place(archive, offer)
            finally:
                archive.unlink(missing_ok=True)
            if offer.label not in offers:
                index = self._index(channel, [offer.path, *self._listed(channel)])

                def change(signed: Targets) -> None:
                    signed.targets[offer.path] = target_of(offer)
                    signed.targets[f"{channel}/{INDEX_FILE}"] = index

                self.repository.edit(channel, change)
            return Published(offer=offer, released=self.go())

    def roll_out(self, label: str, *, channel: str, terms: Terms) -> Published:
        """Say anew to whom and to how many a bundle goes; it is paused no more."""
        return self._change(label, channel, lambda offer: with_terms(offer, terms, paused=False))

    def pause(self, label: str, *, channel: str) -> Published:
        """Have no further hub take a bundle up; those that have it keep it."""
        return self._change(label, channel, lambda offer: with_terms(offer, Terms(), paused=True))

    def withdraw(self, label: str, *, channel: str, rollback_to: str = "") -> Published:
        """Have every hub leave a bundle: for the version `rollback_to` of it, or for what it had before."""

        def change(offer: Offer) -> Offer:
            if rollback_to:
                self._check_rollback(offer, rollback_to, channel)
            return replace(offer, withdrawn=True, rollback_to=rollback_to)

        return self._change(label, channel, change)

    def refresh(self, *, also: Collection[str] = ()) -> Released:
        """Sign a new snapshot and timestamp before the old ones expire, and whatever else waits.

        A role that expires soon is signed anew where its keys are at hand, those in `also` in any case.
        """
        with self.repository.locked():
            self.repository.newest("root")
            for role in ROLES:
                if self.repository.draft(role) is None and (role in also or self._ought_to_renew(role)):
                    self.repository.save_draft(role, self.repository.newest(role).signed)
            sign_drafts(self.repository, self.keys)
            return release(self.repository, self.keys, refresh=True)

    def _ought_to_renew(self, role: str) -> bool:
        signed = self.repository.newest(role).signed
        if self.repository.left(signed, role) > SOON:
            return False
        over: Root | Targets = self.repository.newest("targets" if role in CHANNELS else "root").signed
        return len(self.keys.signers(keys_of(over, role))) >= over.get_delegated_role(role).threshold

    def sign(self) -> Released:
        """Sign what waits, and release what is complete."""
        with self.repository.locked():
            self.repository.newest("root")
            return self.go()

    def go(self) -> Released:
        """Sign what is drafted, and release what is complete; the caller keeps other commands out."""
        sign_drafts(self.repository, self.keys)
        return release(self.repository, self.keys)

    def _change(self, label: str, channel: str, change: Callable[[Offer], Offer]) -> Published:
        with self.repository.locked():
            known = self.repository.offers(channel)
            if label not in known:
                there = f"; there {'are' if len(known) > 1 else 'is'} {', '.join(known)}" if known else ""
                raise UnknownBundleError(f"No bundle {label!r} was published in {channel}{there}")
            offer = change(known[label])
            if known[label].withdrawn and offer != known[label]:
                raise RepositoryStateError(f"{label} is withdrawn, and hubs remember that; publish a higher version")

            def edit(signed: Targets) -> None:
                signed.targets[offer.path] = target_of(offer)

            self.repository.edit(channel, edit)
            return Published(offer=offer, released=self.go())

    def _place(self, archive: Path, offer: Offer) -> None:
        """Move an archive among the targets, under the name that its digest gives it."""
        place = self.repository.targets / target_of(offer).get_prefixed_paths()[0]
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            archive.replace(place)
            sync_folder(place.parent)
        except OSError as error:
            raise DiskError(f"'{place}' cannot be written: {error.strerror or error}") from error

    def _check(self, packed: Packed, offer: Offer, channel: str) -> None:
        """Refuse what hubs could not tell apart, or would not take."""
        label = packed.bundle.label
        for other in CHANNELS:
            known = self.repository.offers(other)
            if label in known and known[label].manifest_sha256 != packed.manifest_sha256:
                raise RepositoryStateError(
                    f"{label} was published in {other} with other content; build it with a higher version"
                )
            above = [one for one in known.values() if one.name == offer.name and version_of(one) > version_of(offer)]
            if other == channel and label not in known and above:
                newest = max(above, key=version_of)
                raise RepositoryStateError(
                    f"{newest.label} was published in {channel} already, and no hub goes back to {label} by itself; "
                    f"build it with a higher version, or withdraw {newest.label} with --rollback-to"
                )

    def _check_rollback(self, offer: Offer, version: str, channel: str) -> None:
        target = self.repository.offers(channel).get(f"{offer.name}@{version}")
        if target is None or target.withdrawn or version_of(target) >= version_of(offer):
            raise RepositoryStateError(
                f"Hubs cannot go from {offer.label} to version {version!r}: name an older one of {offer.name} that was "
                f"published in {channel} and is not withdrawn"
            )

    def _listed(self, channel: str) -> list[str]:
        """Return the paths of a channel's bundles, the newest first."""
        path = f"{channel}/{INDEX_FILE}"
        target: TargetFile = self.repository.newest(channel).signed.targets[path]
        try:
            said = json.loads((self.repository.targets / target.get_prefixed_paths()[0]).read_bytes())
        except (OSError, ValueError) as error:
            raise RepositoryStateError(f"The list of {channel} is damaged; put the files back from a copy") from error
        return list(said["bundles"])

    def _index(self, channel: str, paths: Sequence[str]) -> TargetFile:
        """Write the list of a channel's bundles under the name that its digest gives it; return its entry."""
        said = {"schema": INDEX_SCHEMA, "channel": channel, "bundles": list(paths)}
        content = (json.dumps(said, indent=1) + "\n").encode()
        target = TargetFile.from_data(f"{channel}/{INDEX_FILE}", content, ["sha256"])
        write_whole(self.repository.targets / target.get_prefixed_paths()[0], content)
        return target
