"""The cohort's report: counters of a day, to the publisher of a bundle that is new, where the owner agreed to that.

No text, no audio, no id of the hub; a day late and at a time drawn by chance, so that no turn is told by its report.
"""

import asyncio
import datetime as dt
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import __version__
from ..bundles.offer import HubFacts, Offer
from ..canary.canary import Canary
from ..canary.cohort import fields_of
from ..whole_file import write_whole

_LOGGER = logging.getLogger(__name__)
FILE_NAME = "reports.json"
SCHEMA = 1
KEPT = dt.timedelta(days=13)
"""A report that could not be sent for so long is forgotten: its receiver takes none that is older."""
RETRY = dt.timedelta(hours=2)
TIMEOUT_S = 20.0

type Send = Callable[[str, Mapping[str, Any]], Awaitable[bool]]
"""(URL, report) → whether it is done with: taken, or refused for good."""


class Reports:
    """What waits to be sent."""

    def __init__(
        self,
        folder: Path,
        canary: Canary,
        *,
        wall: Callable[[], dt.datetime],
        chance: Callable[[], float],
        send: Send | None = None,
    ) -> None:
        """Take the canary's counters day by day; `chance` draws from [0, 1)."""
        self._file, self._canary, self._wall, self._chance = folder / FILE_NAME, canary, wall, chance
        self._send = send or post
        self._kept: dict[str, Any] | None = None

    async def tick(self, offers: Sequence[Offer], facts: HubFacts, *, agreed: bool) -> None:
        """Take the counters of a day that is over, and send what is due. Raises DiskError."""
        before = await asyncio.to_thread(self._read) if self._kept is None else self._kept
        now = self._wall().astimezone(dt.UTC)
        kept = self._counted(before, facts, now, agreed=agreed)
        kept = {**kept, "waiting": await self._sent(kept["waiting"], offers, now) if agreed else []}
        if kept != before:
            await asyncio.to_thread(write_whole, self._file, json.dumps(kept).encode())
        self._kept = kept

    def _counted(self, kept: dict[str, Any], facts: HubFacts, now: dt.datetime, *, agreed: bool) -> dict[str, Any]:
        """Return what is kept once the day before is; the first day begins with the first tick."""
        today = now.date()
        day = dt.date.fromisoformat(kept["day"]) if kept["day"] else today
        if day > today + dt.timedelta(days=1):
            day = today  # the clock was wrong, and was put back
        if day >= today:
            return {**kept, "day": day.isoformat()}
        taken = self._canary.take_counters()
        midnight = dt.datetime.combine(today, dt.time(), dt.UTC)
        due = max(now, midnight + self._chance() * dt.timedelta(days=1))
        told = {"region": facts.region, "hub_class": facts.hub_class, "server": __version__}
        new = [
            {"label": one.label, "due": due.isoformat(), "fields": fields_of(one, day=day, **told)}
            for one in taken
            if agreed
        ]
        return {**kept, "day": today.isoformat(), "waiting": [*kept["waiting"], *new]}

    async def _sent(
        self, waiting: Sequence[Mapping[str, Any]], offers: Sequence[Offer], now: dt.datetime
    ) -> list[Mapping[str, Any]]:
        """Send what is due, and return what waits on."""
        urls = {one.label: one.reports_url for one in offers}
        left: list[Mapping[str, Any]] = []
        for one in waiting:
            due, url = dt.datetime.fromisoformat(one["due"]), urls.get(one["label"])
            if now < due or (url is None and now - due < KEPT):  # not looked at the repository yet
                left.append(one)
            elif url and not await self._send(url, one["fields"]):
                day = dt.date.fromisoformat(one["fields"]["day"])
                if now.date() - day < KEPT:
                    left.append({**one, "due": (now + RETRY * (0.5 + self._chance())).isoformat()})
        return left

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._file.read_bytes())
            if kept["schema"] == SCHEMA and isinstance(kept["waiting"], list):
                return dict(kept)
        except OSError, ValueError, KeyError, TypeError, RecursionError:
            pass
        return {"schema": SCHEMA, "day": "", "waiting": []}


async def post(url: str, fields: Mapping[str, Any]) -> bool:
    """Send a report; True when it was taken, or will never be."""
    import aiohttp  # noqa: PLC0415  # 23 MB that only those need who send reports, or have the control API on

    if not is_private_enough(url):
        _LOGGER.warning("Reports are not sent to %s: it is neither HTTPS nor at home", url)
        return True
    try:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": f"edge-voice/{__version__}"}) as session,
            session.post(url, json=fields, allow_redirects=False) as answer,
        ):
            if answer.status >= 500 or answer.status == 429:
                return False
            if answer.status >= 300:
                _LOGGER.warning("The report of a bundle was refused with status %d", answer.status)
            return True
    except aiohttp.ClientError, TimeoutError, OSError:
        return False


def is_private_enough(url: str) -> bool:
    """Tell whether nobody on the way can read or change what is sent: HTTPS, or an address at home."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return bool(parts.hostname)
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_private
    except ValueError:
        return False
