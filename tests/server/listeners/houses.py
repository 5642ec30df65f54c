"""Houses to talk to: a real server whose lanes lead to the stand-in cloud."""

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from wyoming_server.commands.recording import PACKAGED, read_recording
from wyoming_server.pipeline.types import SAMPLE_RATE_HZ
from wyoming_server.records.ledger_rows import LaneTotal, LedgerRow, last_rows, totals
from wyoming_server.records.store import FILE_NAME

from ..cloud.server import StandIn, stand_in
from ..home import Home, home, settings_for_tests
from ..peer import Heard, connected

ROOMS = tuple(f"room-{number}" for number in range(40))
"""Satellites that the owner's consent is for; each test has its own, since said again within seconds is a retry."""
ATTIC = "the-attic"
"""One that it is not for."""
PRICE = 0.006


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A running server."""

    home: Home
    folder: Path

    async def turn(self, pcm: bytes, satellite: str, *, language: str = "en", **context: Any) -> Heard:
        """Say something in a room."""
        told = {"satellite_id": satellite, "session_id": f"session-of-{satellite}", **context}
        names = {"transcript_names": told.pop("names")} if "names" in told else {}
        async with connected(self.home.uri) as peer:
            return await peer.turn(pcm, {"language": language, "context": {"edge_voice": told}, **names})

    def rows(self) -> list[LedgerRow]:
        """Return the ledger's rows as they are in the file now, oldest first."""
        with closing(sqlite3.connect(f"file:{self.folder / 'data' / FILE_NAME}?mode=ro", uri=True)) as records:
            return list(reversed(last_rows(1000, None, records)))

    async def ended_rows(self) -> list[LedgerRow]:
        """Return them once every upload has ended."""
        for _ in range(250):
            rows = self.rows()
            if all(row.ending for row in rows):
                return rows
            await asyncio.sleep(0.02)
        raise AssertionError(f"uploads never end: {rows}")

    def totals(self) -> tuple[LaneTotal, ...]:
        """Return the sums of all days; what stayed at home is written within seconds, or when the server ends."""
        with closing(sqlite3.connect(f"file:{self.folder / 'data' / FILE_NAME}?mode=ro", uri=True)) as records:
            return totals(date.min, date.max, records)


@contextmanager
def house(folder: Path, *lanes: dict[str, Any], **sections: dict[str, Any]) -> Iterator[House]:
    """Serve with these lanes."""
    settings = settings_for_tests(folder, cloud={"lanes": list(lanes)}, **sections)
    with home(settings) as served:
        gc.collect()
        gc.freeze()  # tests collect garbage to find forgotten tasks; loaded models are none
        yield House(home=served, folder=folder)


@contextmanager
def cloud_in_its_own_thread() -> Iterator[StandIn]:
    """Serve the stand-in, which servers of several tests may share."""
    found: list[StandIn] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[list[str]]:
        async with stand_in() as one:
            found.append(one)
            yield []

    with Home(opened):
        yield found[0]


def said(name: str) -> bytes:
    """Return a packaged recording's PCM."""
    return read_recording(PACKAGED / f"{name}.wav", text="").pcm


def room_noise(seconds: float) -> bytes:
    """Return a quiet room."""
    samples = np.random.default_rng(5).normal(0.0, 20.0, round(seconds * SAMPLE_RATE_HZ))
    return samples.astype("<i2").tobytes()


def in_noise(pcm: bytes, snr_db: float, *, seed: int = 1) -> bytes:
    """Return speech in white noise."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    power = np.mean(samples[np.abs(samples) > 300] ** 2)
    noise = np.random.default_rng(seed).normal(0.0, np.sqrt(power / 10.0 ** (snr_db / 10.0)), len(samples))
    return np.clip(samples + noise, -32768, 32767).astype("<i2").tobytes()


KITCHEN_IN_NOISE = in_noise(said("kitchen"), 0.0)
"""The hub hears something like it, and is not sure."""
DOOR_IN_NOISE = in_noise(said("door"), 0.0)
"""Likewise, in a quiet room: it hears something about lights."""
GARAGE = in_noise(said("blinds"), -3.0)
"""The hub hears a window being opened, which matters, and is not sure."""
MADE_UP = in_noise(said("kitchen"), -3.0)
"""The hub hears a sentence that nobody could have understood."""
