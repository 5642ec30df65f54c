"""A packed bundle and the terms of its publisher → what is signed of it."""

import datetime as dt
import secrets
from dataclasses import dataclass, replace

from packaging.version import Version
from tuf.api.metadata import TargetFile

from ..bundles.offer import Offer, Rollout, custom_of, offer_of, target_path
from ..errors import MalformedMetadataError, RepositoryStateError
from .archive_write import Packed


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """To whom a bundle is offered, and what is said of it. None: as it is, or as it is by default."""

    percent: float | None = None
    """0 to 100."""
    regions: tuple[str, ...] | None = None
    hub_classes: tuple[str, ...] | None = None
    """By default those that the bundle says it is made for."""
    not_before: dt.datetime | None = None
    notes: str | None = None
    reports_url: str | None = None


def offered(packed: Packed, channel: str, terms: Terms) -> Offer:
    """Return a packed bundle's first offer."""
    bundle = packed.bundle
    offer = Offer(
        name=bundle.name,
        version=bundle.version,
        kind=bundle.kind,
        channel=channel,
        path=target_path(channel, bundle.name, bundle.version),
        length=packed.length,
        sha256=packed.sha256,
        manifest_sha256=packed.manifest_sha256,
        unpacked_bytes=packed.unpacked_bytes,
        min_server=bundle.min_server,
        languages=bundle.languages,
        rollout=Rollout(id=secrets.token_hex(8), hub_classes=bundle.hub_classes),
    )
    return with_terms(offer, terms, paused=False)


def with_terms(offer: Offer, terms: Terms, *, paused: bool) -> Offer:
    """Return an offer with the terms that are given. Raises RepositoryStateError for what no hub would take."""
    said = {
        name: value
        for name in ("percent", "regions", "hub_classes", "not_before")
        if (value := getattr(terms, name)) is not None
    }
    beside = {name: value for name in ("notes", "reports_url") if (value := getattr(terms, name)) is not None}
    try:
        changed = replace(offer, rollout=replace(offer.rollout, paused=paused, **said), **beside)
        return offer_of(changed.channel, changed.path, changed.length, changed.sha256, custom_of(changed))
    except (ValueError, MalformedMetadataError) as error:
        raise RepositoryStateError(f"No hub would take such an offer: {error}") from error


def target_of(offer: Offer) -> TargetFile:
    """Return an offer's entry in its channel's metadata."""
    fields = {"custom": custom_of(offer)}
    return TargetFile(offer.length, {"sha256": offer.sha256}, offer.path, unrecognized_fields=fields)


def version_of(offer: Offer) -> Version:
    """Return its version, to be compared."""
    return Version(offer.version)
