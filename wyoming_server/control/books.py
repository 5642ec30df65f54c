"""The egress ledger as its owner reads it, and what clients add to it."""

import contextlib
import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import EdgeVoiceError, InvalidRequestError, UnknownTurnError
from ..pipeline.lanes import LaneSettings, Upload
from ..pipeline.policy import Caller
from ..records.ledger_rows import LaneTotal, LedgerRow
from ..routing import Brain
from .feed import Json
from .watch import Watch

REFRESH_SECONDS = 60.0
"""How often the sums are read when nothing leaves: a day may have begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """One that a client makes."""

    lane: str
    turn_id: str
    seconds: float
    number: int


class Books:
    """What has left the home. Sums are read ahead, so that the status need not wait for the disk."""

    def __init__(self, brain: Brain, watch: Watch, clock: Callable[[], float]) -> None:
        self._brain, self._watch, self._clock = brain, watch, clock
        self._uploads: dict[int, _Upload] = {}
        self._handles = itertools.count(1)
        self._due_s = 0.0
        self.today: Sequence[LaneTotal] = ()
        self.this_month: Sequence[LaneTotal] = ()

    def moved(self) -> None:
        """Hear that something may have left."""
        self._due_s = 0.0

    async def refresh(self) -> None:
        """Read the sums if they may have changed; never raises."""
        if self._clock() < self._due_s:
            return
        self._due_s = self._clock() + REFRESH_SECONDS
        with contextlib.suppress(EdgeVoiceError):  # the store's own failure is a warning of the status
            self.today, self.this_month = await self._brain.ledger.today(), await self._brain.ledger.this_month()

    async def read(self, most: int, before: int | None) -> Json:
        """Return rows and sums. Raises DiskError."""
        ledger = self._brain.ledger
        return {
            "rows": [_row(one) for one in await ledger.rows(most, before=before)],
            "today": [_total(one) for one in await ledger.today()],
            "this_month": [_total(one) for one in await ledger.this_month()],
        }

    async def begin(self, turn_id: str, lane: str, seconds: float) -> Json:
        """Write down that the client is about to ask its own lane. Raises LaneError, ControlError, DiskError."""
        said = self._watch.said.find(turn_id, self._clock())
        caller = Caller(trusted=True, client_lane=True, satellite=said.satellite if said else "")
        number = await self._brain.lanes.begin(lane, turn_id, seconds, caller)
        handle = next(self._handles)
        self._uploads[handle] = _Upload(lane=lane, turn_id=turn_id, seconds=seconds, number=number)
        return {"upload": handle}

    async def end(self, turn_id: str, handle: int, ended: Mapping[str, Any]) -> Json:
        """Hear how that ended, and learn from its text. Raises UnknownTurnError."""
        upload = self._uploads.get(handle)
        if upload is None or upload.turn_id != turn_id:
            raise UnknownTurnError("No upload of that number is under way for that turn")
        del self._uploads[handle]
        self.moved()
        ending, took_ms = str(ended["ending"]), float(ended.get("took_ms") or 0.0)
        await self._brain.lanes.end(upload.lane, upload.number, ending, took_ms / 1000.0)
        self._add_attempt(upload, ending, took_ms)
        counted = await self._brain.learner.client_answered(turn_id, str(ended.get("text") or ""))
        return {"counted": counted}

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> Json:
        """Write down uploads that a client made while the server was away. Raises DiskError, InvalidRequestError."""
        by_name = {one.settings.name: one.settings for one in self._brain.lanes.guarded}
        for row in rows:
            name = str(row["lane"])
            upload = _made_away(by_name.get(name) or LaneSettings(name=name, provider="client"), row)
            took_s = float(row.get("took_ms") or 0.0) / 1000.0
            await self._brain.ledger.record(upload, _moment(str(row["at"])), str(row["ending"]), took_s)
        self.moved()
        return {"written": len(rows)}

    def _add_attempt(self, upload: _Upload, ending: str, took_ms: float) -> None:
        """Have the turn show its upload, as if the hub had made it."""
        attempt = {
            "lane": upload.lane,
            "ending": ending,
            "seconds": round(upload.seconds, 2),
            "took_ms": round(took_ms, 1),
            "cost": round(self._brain.lanes.cost_of(upload.lane, upload.seconds), 6),
        }
        recent = self._watch.recent
        with contextlib.suppress(UnknownTurnError):  # purged meanwhile, or told of before the turn was
            recent.amend(upload.turn_id, lanes=[*recent.find(upload.turn_id)["lanes"], attempt])


def _made_away(settings: LaneSettings, row: Mapping[str, Any]) -> Upload:
    seconds = float(row["seconds"])
    return Upload(
        lane=settings.name,
        trust=settings.trust_class,
        turn_id=str(row.get("turn_id") or ""),
        reason="away",
        consent=settings.consent,
        seconds=seconds,
        bytes=round(seconds * 32_000),
        cost=settings.cost(seconds),
    )


def _row(row: LedgerRow) -> Json:
    return {
        "number": row.number,
        "at": row.at.isoformat(timespec="milliseconds"),
        "lane": row.lane,
        "turn_id": row.turn_id,
        "reason": row.reason,
        "consent": row.consent,
        "seconds": round(row.seconds, 3),
        "bytes": row.bytes,
        "cost": row.cost,
        "currency": row.currency,
        "ending": row.ending,
        "took_seconds": row.took_seconds,
        "left": row.has_left,
    }


def _total(one: LaneTotal) -> Json:
    return {
        "lane": one.lane,
        "trust": one.trust.value,
        "uploads": one.uploads,
        "seconds": round(one.seconds, 3),
        "cost": round(one.cost, 6),
    }


def _moment(text: str) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequestError(f"'at' is {text!r}: write a time such as 2026-11-22T10:00:00+00:00") from error
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
