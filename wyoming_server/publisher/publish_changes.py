"""What a draft would change, in sentences: whoever signs ought to know what."""

from collections.abc import Iterator, Mapping, Sequence

from securesystemslib.signer import Key
from tuf.api.metadata import Root, Targets

from ..bundles.offer import CHANNELS, Offer, offer_of
from .keys import name_of
from .repository import RoleMetadata, keys_of


def changes(draft: RoleMetadata, current: RoleMetadata | None) -> Sequence[str]:
    """Return what a role says otherwise than before, or all of it where there is no before."""
    new, old = draft.signed, None if current is None else current.signed
    roles = sorted({*roles_of(new), *(roles_of(old) if old else ())})
    keys = [line for role in roles for line in _of_role(role, new, old)]
    before, after = (_offers(old) if old else {}), _offers(new)
    offers = [line for path in sorted({*before, *after}) for line in _of_offer(before.get(path), after.get(path))]
    return [*keys, *offers] or ["no bundle yet" if old is None else "nothing but until when it lasts"]


def roles_of(signed: Root | Targets) -> Sequence[str]:
    """Return the roles that metadata names keys for."""
    if isinstance(signed, Root):
        return tuple(signed.roles)
    return tuple((signed.delegations and signed.delegations.roles) or ())


def shown_terms(offer: Offer) -> str:
    """Return to whom a bundle goes, in a few words."""
    rollout = offer.rollout
    if offer.withdrawn:
        return f"withdrawn, back to {offer.rollback_to}" if offer.rollback_to else "withdrawn"
    parts = [
        f"{rollout.percent:g} %",
        f"in {', '.join(rollout.regions)}" if rollout.regions else "",
        f"on {', '.join(rollout.hub_classes)}" if rollout.hub_classes else "",
        f"from {rollout.not_before:%Y-%m-%d %H:%M %Z}" if rollout.not_before else "",
        "paused" if rollout.paused else "",
    ]
    return " ".join(filter(None, parts))


def _of_role(role: str, new: Root | Targets, old: Root | Targets | None) -> Iterator[str]:
    after, before = _named(new, role), _named(old, role)
    yield from (f"key {name_of(key)} comes for {role}" for keyid, key in after.items() if keyid not in before)
    yield from (f"key {name_of(key)} leaves {role}" for keyid, key in before.items() if keyid not in after)
    need = new.get_delegated_role(role).threshold if after else 0
    if after and need != (old.get_delegated_role(role).threshold if old and before else 1):
        yield f"{need} keys must sign {role}"


def _of_offer(before: Offer | None, after: Offer | None) -> Iterator[str]:
    if after is None:
        if before is not None:
            yield f"{before.label} is no longer listed"
    elif before is None:
        yield f"{after.label} is new: {shown_terms(after)}"
    elif before.sha256 != after.sha256:
        yield f"{after.label} has OTHER CONTENT than before"
    elif shown_terms(before) != shown_terms(after):
        yield f"{after.label}: {shown_terms(before)} → {shown_terms(after)}"
    elif before != after:
        yield f"{after.label}: what is said of it"


def _named(signed: Root | Targets | None, role: str) -> Mapping[str, Key]:
    return keys_of(signed, role) if signed is not None and role in roles_of(signed) else {}


def _offers(signed: Root | Targets) -> Mapping[str, Offer]:
    if not isinstance(signed, Targets):
        return {}
    return {
        path: offer_of(path.partition("/")[0], path, target.length, target.hashes["sha256"], target.custom)
        for path, target in signed.targets.items()
        if path.startswith(CHANNELS) and path.endswith(".tar")
    }
