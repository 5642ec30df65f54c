"""A server whose lanes lead to stand-ins, and what may be done to them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cloud.faults import FAULTS
from ..cloud.server import StandIn, stand_in
from ..cloud.switchboard import Switchboard
from ..cloud.wyoming import WyomingStandIn, wyoming_stand_in
from ..cloud.wyoming_faults import WYOMING_FAULTS
from ..home import Home, home, settings_for_tests

CLOUD_TEXT = "Turn off the hall lamp."
THREE = "three lanes"
"""Not a provider: several, one after the other, which all fail in the same way."""
BEHIND = {THREE: ("deepgram", "openai", "azure")}
MODELS = {"openai": {"model": "gpt-4o-mini-transcribe"}}
"""One that streams, so that streams can fail."""
CAPS = {"cloud_seconds_per_day": 86_400.0, "cloud_money_per_month": 10_000.0}
"""Large enough for everything here."""
NOT_SWITCHED = {"no-such-host"}
"""A name is part of a lane's settings; the lanes' own tests have it."""


@dataclass(slots=True, kw_only=True)
class Place:
    """A server with one lane or several, and the stand-in that they lead to."""

    provider: str
    served: Home
    board: Switchboard
    http: StandIn | None
    wyoming: WyomingStandIn | None
    breakers: list[Any]
    """The lanes'."""

    @property
    def providers(self) -> tuple[str, ...]:
        """Those behind it."""
        return BEHIND.get(self.provider, (self.provider,))

    @property
    def names(self) -> list[str]:
        """The faults that can happen here."""
        if self.wyoming:
            return sorted(set(WYOMING_FAULTS) - NOT_SWITCHED)
        every = (name for name, one in FAULTS.items() if all(map(one.fits, self.providers)))
        return sorted(set(every) - NOT_SWITCHED)

    @property
    def kept_away(self) -> bool:
        """Whether no lane may be asked now."""
        return not any(one.permits(time.monotonic()) for one in self.breakers)

    @property
    def spared(self) -> bool:
        """Whether the last request gave the fault no chance: it asked for no stream, and the fault is of streams."""
        return self.http is not None and bool(self.http.recorder.arrivals) and not self.http.recorder.arrivals[-1].fault

    def allowed(self, fault: str) -> tuple[str, ...]:
        """Return what a good lane makes of a fault."""
        return (WYOMING_FAULTS if self.wyoming else FAULTS)[fault].endings

    async def breaks(self, fault: str) -> None:
        """Let the services fail so."""
        url = self.wyoming.set(fault) if self.wyoming else ""
        for one in self.providers if self.http else ():
            assert self.http
            url = self.http.set(one, fault)
        await self.board.leads(None if fault == "refuses-connection" else url)

    async def mends(self) -> None:
        """Let the services be well, and the lanes' breakers closed."""
        well = self.wyoming or self.http
        assert well
        well.well()
        await self.board.leads(self.http.origin if self.http else self.wyoming.url if self.wyoming else None)
        for one in self.breakers:
            one.succeeded(time.monotonic())


@asynccontextmanager
async def place(provider: str, folder: Path, *, deadline_seconds: float) -> AsyncIterator[Place]:
    """Serve with lanes that lead to a stand-in of their own."""
    async with contextlib.AsyncExitStack() as stack:
        http = wyoming = None
        if provider == "wyoming":
            wyoming = await stack.enter_async_context(wyoming_stand_in())
            wyoming.hearing.default = CLOUD_TEXT
            board = await stack.enter_async_context(Switchboard.open(wyoming.url))
            lanes = [wyoming.lane(url=f"tcp://127.0.0.1:{board.port}")]
        else:
            http = await stack.enter_async_context(stand_in(secure=True))
            http.hearing.default = CLOUD_TEXT
            board = await stack.enter_async_context(Switchboard.open(http.origin))
            lanes = [_lane(one, http, board) for one in BEHIND.get(provider, (provider,))]
        for lane in lanes:
            lane["name"] = f"{lane['name']} of {provider}"
            lane |= {"deadline_seconds": deadline_seconds, "price_per_minute": 0.006}
        routing = {"mode": "cloud", "trusted": ["127.0.0.0/8"]}
        served = home(settings_for_tests(folder, routing=routing, cloud={"lanes": lanes}, ledger=CAPS))
        there = await asyncio.to_thread(served.__enter__)
        try:
            assert there.server is not None
            breakers = [one.breaker for one in there.server.brain.lanes.guarded]
            yield Place(provider=provider, served=there, board=board, http=http, wyoming=wyoming, breakers=breakers)
        finally:
            await asyncio.to_thread(served.__exit__, None, None, None)
    if http is not None and http.elsewhere.connects:
        raise AssertionError(f"{provider} followed a redirect to another host")


def _lane(provider: str, http: StandIn, board: Switchboard) -> dict[str, Any]:
    url = http.url(provider).replace(http.origin, f"https://127.0.0.1:{board.port}")
    return http.lane(provider, url=url) | MODELS.get(provider, {})
