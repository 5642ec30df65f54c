"""Since when a satellite is what it is, on the wall."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

from wyoming_server.control.rooms import Rooms
from wyoming_server.learning.microphones import Microphones
from wyoming_server.learning.satellites import Satellites
from wyoming_server.pipeline.policy import SatelliteSettings
from wyoming_server.pipeline.types import Quality
from wyoming_server.settings import Settings

AT = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
HUM = Quality(
    snr_db=8.0, clipping=0.0, level_dbfs=-20.0, peak_dbfs=-3.0, noise_dbfs=-45.0, speech_ratio=0.8, dc_offset=0.0
)


class Clocks:
    """A monotonic clock and one on the wall, which a test sets."""

    def __init__(self) -> None:
        self.now_s, self.at = 1000.0, AT


def test_since_when_a_satellite_is_noisy_stands_still_however_the_wall_s_clock_leaps() -> None:
    microphones, clocks = Microphones(), Clocks()
    book: Any = SimpleNamespace(of=lambda _: SatelliteSettings())
    learner: Any = SimpleNamespace(knowledge=SimpleNamespace(microphones=microphones))
    rooms = Rooms(book, Satellites(), learner, settings=Settings, clock=lambda: clocks.now_s, wall=lambda: clocks.at)
    assert (rooms.one("stt.study")["since"], rooms.one("stt.study")["ends"]) == (None, "")
    for second in range(10):
        microphones.observe("stt.study", HUM, 1000.0 + second)
    clocks.now_s = 1014.4
    told = rooms.one("stt.study")
    assert (told["state"], told["since"]) == ("noisy", "2026-11-22T09:59:54+00:00")
    assert told["ends"].startswith("Ends when 5 turns on end are clear")
    clocks.now_s, clocks.at = 1020.9, AT + dt.timedelta(days=365)
    assert rooms.one("stt.study")["since"] == told["since"]
