"""What is known of bundles → JSON, as docs/control-api.md describes it. Reads, and changes nothing."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from ..bundles.bundle import Kind
from ..bundles.offer import Offer
from ..bundles.state import Candidate, Rollback, Stage
from ..bundles.store import PlainModel
from ..errors import RepositoryError, UnreachableRepositoryError
from .book import Happened
from .installing import Refusal
from .update import OWNER, WITHDRAWN, Updates

type Json = dict[str, Any]

WARNED_FOR = dt.timedelta(days=7)
"""A roll-back is a warning for so long at most, or until another bundle of its kind has come."""


def status_of(updates: Updates) -> Json:
    """Return what the status holds of bundles."""
    facts = updates.chooser.facts()
    return {
        "repository": _repository(updates),
        "region": facts.region,
        "hub_class": facts.hub_class,
        "kinds": [_kind(updates, kind) for kind in Kind],
        "denied": [
            {"label": label, "code": one.code, "at": _moment(one.at), "message": one.message}
            for label, one in updates.state.denied.items()
        ],
    }


def all_of(updates: Updates, plain: Sequence[PlainModel]) -> Json:
    """Return the status, with all that is offered and installed."""
    signed = [
        {
            "label": label,
            "kind": one.kind.value,
            "signed": True,
            "bytes": one.bytes,
            "repository": None,
            "revision": None,
        }
        for label, one in updates.state.installed.items()
    ]
    unsigned = [
        {
            "label": one.name,
            "kind": Kind.ASR.value,
            "signed": False,
            "bytes": one.bytes,
            "repository": one.repository or None,
            "revision": one.commit or None,
        }
        for one in plain
    ]
    offers = updates.repository.offers
    return {
        **status_of(updates),
        "offers": [_offer(updates, one) for one in offers],
        "installed": [*signed, *unsigned],
    }


def warnings_of(updates: Updates) -> list[Json]:
    """Return what the owner should know of."""
    found: list[Json] = []
    error = updates.repository.error
    if isinstance(error, RepositoryError) and not isinstance(error, UnreachableRepositoryError):
        found.append({"code": "bundle-refused", "message": str(error), "subject": ""})
    for kind in Kind:
        left = updates.state.last_rollback.get(kind)
        if left is not None and _is_news(updates, kind, left):
            found.append({"code": "bundle-rolled-back", "message": left.message, "subject": left.label})
        elif (refused := updates.installing.refusals.get(kind)) is not None:
            found.append({"code": "bundle-refused", "message": str(refused.error), "subject": refused.label})
    return found


def message_of(happened: Happened) -> Json:
    """Return the WebSocket's message."""
    return {
        "type": "bundle",
        "event": happened.event.value,
        "kind": happened.kind.value,
        "label": happened.label,
        "at": _moment(happened.at),
        "code": happened.code or None,
        "message": happened.message,
        "evidence": [dict(one) for one in happened.evidence],
    }


def _is_news(updates: Updates, kind: Kind, left: Rollback) -> bool:
    if left.code in {OWNER, WITHDRAWN} or updates.book.now() - left.at > WARNED_FOR:
        return False
    return updates.state.of(kind).active == left.to


def _repository(updates: Updates) -> Json | None:
    known = updates.repository
    if known.trust is None:
        return None
    error = None if known.error is None else {"code": known.error.code, "message": str(known.error)}
    return {
        "url": known.trust.url,
        "channel": updates.settings.channel.value,
        "checked_at": _moment(known.checked_at),
        "error": error,
    }


def _kind(updates: Updates, kind: Kind) -> Json:
    of, work = updates.state.of(kind), updates.installing.works.get(kind)
    offer = updates.chooser.shown(updates.repository.offers, kind)
    left, refused = updates.state.last_rollback.get(kind), updates.installing.refusals.get(kind)
    return {
        "kind": kind.value,
        "active": _active(updates, kind),
        "previous": of.previous or None,
        "offered": None if offer is None else _offer(updates, offer),
        "candidate": None if of.candidate is None else _candidate(updates, of.candidate),
        "work": None
        if work is None
        else {"action": work.action, "label": work.label, "state": work.state, "progress": round(work.done, 3)},
        "last_rollback": None if left is None else _left(left),
        "last_refusal": None if refused is None else _refused(refused),
    }


def _active(updates: Updates, kind: Kind) -> Json | None:
    label = updates.state.of(kind).active
    if label and not (kind is Kind.ASR and updates.chooser.is_chosen_otherwise(updates.repository.offers)):
        name, _, version = label.rpartition("@")
        since = updates.state.of(kind).active_since
        return {"label": label, "name": name, "version": version, "signed": True, "since": _moment(since)}
    serving = updates.serving(kind)
    return {"label": serving, "name": serving, "version": "", "signed": False, "since": None} if serving else None


def _candidate(updates: Updates, candidate: Candidate) -> Json:
    canary = updates.course.canary
    counted = canary.label == candidate.label
    return {
        "label": candidate.label,
        "stage": candidate.stage.value,
        "since": _moment(candidate.since),
        "turns": canary.turns if counted else 0,
        "turns_to_go": canary.turns_to_go if counted else 0,
        "share": 1.0 if candidate.stage is Stage.WATCH else (canary.share if counted else 0.0),
        "evidence": [one.as_json() for one in canary.evidence()] if counted else [],
    }


def _offer(updates: Updates, offer: Offer) -> Json:
    reasons = updates.chooser.reasons(offer, updates.repository.offers)
    return {
        "label": offer.label,
        "name": offer.name,
        "version": offer.version,
        "kind": offer.kind.value,
        "eligible": all(one.holds for one in reasons),
        "notes": offer.notes,
        "bytes": offer.length,
        "reasons": [one.as_json() for one in reasons],
    }


def _left(left: Rollback) -> Json:
    return {
        "label": left.label,
        "to": left.to,
        "code": left.code,
        "at": _moment(left.at),
        "message": left.message,
        "evidence": _rows(left.evidence),
    }


def _refused(refusal: Refusal) -> Json:
    code, message = refusal.error.code, str(refusal.error)
    return {"label": refusal.label, "code": code, "at": _moment(refusal.at), "message": message}


def _rows(evidence: Sequence[Mapping[str, Any]]) -> list[Json]:
    return [dict(one) for one in evidence]


def _moment(at: dt.datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
