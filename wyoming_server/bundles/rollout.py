"""An offer and a hub → whether the publisher means this hub, and every reason with its sentence. Pure."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from ..errors import BundleError, DeniedError, NotEligibleError, VersionRollbackError
from .bundle import Kind
from .digest import digest_of
from .offer import HubFacts, Offer

_DRAWS = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that is asked before a hub takes up a bundle."""

    code: str
    holds: bool
    message: str
    """A sentence for the owner; where it does not hold, it names what would change that."""

    def as_json(self) -> dict[str, object]:
        """Return it as the control API says it."""
        return {"code": self.code, "holds": self.holds, "message": self.message}


def explain(offer: Offer, facts: HubFacts, now: dt.datetime, *, active: Offer | None = None) -> tuple[Check, ...]:
    """Return everything that is asked, in the order of asking; `active` is the offer of the version that serves.

    `now` has a zone.
    """
    return tuple(_asked(offer, facts, now, active))


def eligible(offer: Offer, facts: HubFacts, now: dt.datetime, *, active: Offer | None = None) -> bool:
    """Tell whether the hub may take up the bundle."""
    return all(check.holds for check in _asked(offer, facts, now, active))


def refusal(offer: Offer, facts: HubFacts, now: dt.datetime, *, active: Offer | None = None) -> BundleError | None:
    """Return why the hub may not take up the bundle; None when it may."""
    failed = [one for one in _asked(offer, facts, now, active) if not one.holds]
    if not failed:
        return None
    by_code = {one.code: one.message for one in failed}
    if "denied" in by_code:
        return DeniedError(by_code["denied"])
    if "version" in by_code:
        return VersionRollbackError(by_code["version"])
    return NotEligibleError(" ".join(by_code.values()))


def choose(offers: Sequence[Offer], facts: HubFacts, now: dt.datetime, kind: Kind) -> Offer | None:
    """Return what a hub takes up by itself, or None; `offers` are the channel's, the newest first.

    Where a bundle serves, only its own name goes on: another name is another product, and the owner's choice.
    """
    serving = facts.serving.get(kind, "")
    by_label = {one.label: one for one in offers if one.kind is kind}
    name = serving.partition("@")[0]
    for offer in by_label.values():
        if offer.label == serving or (name and offer.name != name):
            continue
        if eligible(offer, facts, now, active=by_label.get(serving)):
            return offer
    return None


def position(rollout_id: str, hub_id: str) -> float:
    """Return where in a rollout a hub stands, from 0 up to 100: it is in when that is below the percentage."""
    digest = digest_of(f"{rollout_id}:{hub_id}".encode())
    return int.from_bytes(digest[:4]) / _DRAWS * 100.0


def newer(version: str, than: str) -> bool:
    """Tell whether a version is newer; what cannot be read as one is never newer, and anything is newer than it."""
    try:
        ours = Version(version)
    except InvalidVersion:
        return False
    try:
        return ours > Version(than)
    except InvalidVersion:
        return True


def _asked(offer: Offer, facts: HubFacts, now: dt.datetime, active: Offer | None) -> Iterator[Check]:
    yield _withdrawn(offer)
    yield _paused(offer)
    yield _not_before(offer, now)
    yield _region(offer, facts)
    yield _hub_class(offer, facts)
    yield _percent(offer, facts)
    yield _server_version(offer, facts)
    yield _language(offer, facts)
    yield _version(offer, facts, active)
    yield _denied(offer, facts)


def _check(code: str, holds: bool, yes: str, no: Callable[[], str]) -> Check:
    return Check(code=code, holds=holds, message=yes if holds else no())


def _withdrawn(offer: Offer) -> Check:
    return _check(
        "withdrawn",
        not offer.withdrawn,
        "Its publisher stands by it.",
        lambda: f"Its publisher has called {offer.label} back; wait for the next version.",
    )


def _paused(offer: Offer) -> Check:
    return _check(
        "paused",
        not offer.rollout.paused,
        "The rollout is under way.",
        lambda: "The rollout is paused; it goes on when its publisher says so.",
    )


def _not_before(offer: Offer, now: dt.datetime) -> Check:
    start = offer.rollout.not_before
    if start is None:
        return Check(code="not-before", holds=True, message="It may be taken up at any time.")
    said = f"{start.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    return _check("not-before", now >= start, f"It may be taken up since {said}.", lambda: f"It begins at {said}.")


def _region(offer: Offer, facts: HubFacts) -> Check:
    regions = offer.rollout.regions
    if not regions:
        return Check(code="region", holds=True, message="It is for every region.")
    listed = ", ".join(regions)
    if not facts.region:
        cure = "set the country in Home Assistant, or bundles.region in the settings"
        return Check(
            code="region", holds=False, message=f"It is for {listed}, and where this hub is, is unknown: {cure}."
        )
    return _check(
        "region",
        facts.region in regions,
        f"It is for {listed}, and this hub is in {facts.region}.",
        lambda: f"It is for {listed} so far, and this hub is in {facts.region}.",
    )


def _hub_class(offer: Offer, facts: HubFacts) -> Check:
    classes = offer.rollout.hub_classes
    if not classes:
        return Check(code="hub-class", holds=True, message="It is for any hardware.")
    listed = ", ".join(classes)
    return _check(
        "hub-class",
        facts.hub_class in classes,
        f"It is for {listed}, and this hub is of the class {facts.hub_class}.",
        lambda: f"It is for {listed}, and this hub is of the class {facts.hub_class or 'unknown'}.",
    )


def _percent(offer: Offer, facts: HubFacts) -> Check:
    percent = offer.rollout.percent
    if percent >= 100.0:
        return Check(code="percent", holds=True, message="It has reached all hubs that it is for.")
    place = position(offer.rollout.id, facts.hub_id)
    said = f"It has reached {percent:g} % of the hubs that it is for"
    return _check(
        "percent",
        place < percent,
        f"{said}, and this one is among them.",
        lambda: f"{said}; this one follows at {place:.1f} %.",
    )


def _server_version(offer: Offer, facts: HubFacts) -> Check:
    needed, have = offer.min_server, facts.server_version
    if not needed:
        return Check(code="server-version", holds=True, message="It runs on any server.")
    return _check(
        "server-version",
        not newer(needed, have),
        f"It needs server {needed} or newer, and this is {have}.",
        lambda: f"It needs server {needed} or newer, and this is {have}: update Edge Voice.",
    )


def _language(offer: Offer, facts: HubFacts) -> Check:
    known = {_base(one) for one in offer.languages}
    lacking = sorted({one for one in facts.languages if _base(one) not in known}) if known else []
    listed = ", ".join(offer.languages) or "what its model knows"
    return _check(
        "language",
        not lacking,
        f"It understands {listed}.",
        lambda: f"It understands {listed}, and this home also speaks {', '.join(lacking)}.",
    )


def _version(offer: Offer, facts: HubFacts, active: Offer | None) -> Check:
    serving = facts.serving.get(offer.kind, "")
    if offer.label == serving:
        return Check(code="version", holds=False, message=f"{offer.label} serves already.")
    if active is not None and (active.label, active.name, active.rollback_to) == (serving, offer.name, offer.version):
        message = f"Its publisher has signed that hubs with {active.version} go back to {offer.version}."
        return Check(code="version", holds=True, message=message)
    highest = facts.highest.get(offer.name, "")
    return _check(
        "version",
        not highest or newer(offer.version, highest),
        "It is newer than any version that served here." if highest else "No version of it has served here.",
        lambda: f"{offer.version} is not newer than {highest}, which served here, and nobody signed that it go back.",
    )


def _denied(offer: Offer, facts: HubFacts) -> Check:
    return _check(
        "denied",
        offer.label not in facts.denied,
        "It has not failed here.",
        lambda: (
            f"{offer.label} was left or refused here before; "
            f"`edge-voice models install {offer.label} --again` tries it again."
        ),
    )


def _base(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].casefold()
