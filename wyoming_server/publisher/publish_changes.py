"""What a draft would change, in sentences: whoever signs ought to know what."""

from collections.abc import Iterator, Mapping, Sequence

from securesystemslib.signer import Key
from tuf.api.metadata import Root, TargetFile, Targets

from ..bundles.offer import CHANNELS, INDEX_FILE, Offer, offer_of
from .keys import name_of
from .repository import RoleMetadata, keys_of


def changes(draft: RoleMetadata, current: RoleMetadata | None) -> Sequence[str]:
    """Return what a role says otherwise than before, or all of it where there is no before."""
    new, old = draft.signed, None if current is None else current.signed
    roles = sorted({*roles_of(new), *(roles_of(old) if old else ())})
    keys = [line for role in roles for line in _of_role(role, new, old)]
    before, after = (_offers(old) if old else {}), _offers(new)
    offers = [line for path in sorted({*before, *after}) for line in _of_offer(before.get(path), after.get(path))]
    said = [*keys, *offers, *_of_others(new, old)]
    # Who wrote the draft may be another than who signs it: no terminal does what a name in it says.
    shown = ["".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line) for line in said]
    return shown or ["no bundle yet" if old is None else "nothing but until when it lasts"]


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
    # Whole keys: another key may come under the name and the id of one that is known.
    yield from (
        f"key {name_of(key)} leaves {role}: {_begins(key)}" for keyid, key in before.items() if after.get(keyid) != key
    )
    yield from (
        f"key {name_of(key)} comes for {role}: {_begins(key)}"
        for keyid, key in after.items()
        if before.get(keyid) != key
    )
    lists, listed = _lists(new, role), _lists(old, role)
    if lists != (listed or (f"{role}/*",)):
        yield f"{role} may list {', '.join(lists) or 'nothing'}"
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


def _of_others(new: Root | Targets, old: Root | Targets | None) -> Iterator[str]:
    """Yield the files that are no bundles, such as a channel's list: a hub believes them, too."""
    after, before = _files(new), _files(old)
    # A bundle that comes or goes changes its channel's list, and is said already.
    lists = {f"{path.partition('/')[0]}/{INDEX_FILE}" for path in {*_bundles(new)} ^ {*_bundles(old)}}
    yield from (
        f"{path} is another file"
        for path, target in after.items()
        if path in before and before[path] != target and path not in lists
    )
    yield from (f"{path} is new" for path in after if path not in before and old is not None)
    yield from (f"{path} is no longer there" for path in before if path not in after)


def _files(signed: Root | Targets | None) -> Mapping[str, TargetFile]:
    if not isinstance(signed, Targets):
        return {}
    return {path: target for path, target in signed.targets.items() if path not in _bundles(signed)}


def _bundles(signed: Root | Targets | None) -> Sequence[str]:
    """Return the paths of a channel's bundles."""
    targets = signed.targets if isinstance(signed, Targets) else {}
    return [path for path in targets if path.startswith(CHANNELS) and path.endswith(".tar")]


def _lists(signed: Root | Targets | None, role: str) -> Sequence[str]:
    """Return which targets a delegated role may list; its own folder for one that is not delegated."""
    roles = signed.delegations.roles if isinstance(signed, Targets) and signed.delegations else None
    found = (roles or {}).get(role)
    return (f"{role}/*",) if found is None else tuple(found.paths or found.path_hash_prefixes or ())


def _begins(key: Key) -> str:
    """Return how a key's public half begins: anybody may give it a name."""
    return f"{str(key.keyval.get('public'))[:16]}…"


def _named(signed: Root | Targets | None, role: str) -> Mapping[str, Key]:
    return keys_of(signed, role) if signed is not None and role in roles_of(signed) else {}


def _offers(signed: Root | Targets) -> Mapping[str, Offer]:
    if not isinstance(signed, Targets):
        return {}
    return {
        path: offer_of(path.partition("/")[0], path, target.length, target.hashes["sha256"], target.custom)
        for path in _bundles(signed)
        for target in (signed.targets[path],)
    }
