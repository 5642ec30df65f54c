"""The owner's settings of satellites, as the disk gives them back."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wyoming_server.control.satellite_book import SatelliteBook
from wyoming_server.pipeline.policy import RoutingMode, SatelliteSettings
from wyoming_server.records.choices import Choices
from wyoming_server.records.store import opened_store

HERE, ELSEWHERE = "assist_satellite.guests", "assist_satellite.hall"


def clock() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("damaged", ['{"routing_mode": "nowhere"}', "no JSON"])
async def test_a_room_whose_settings_cannot_be_read_keeps_its_speech_on_the_hub(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path) as store:
        book = SatelliteBook(await Choices.opened(store, clock), "a server")
        await book.change(HERE, {"routing_mode": "edge", "answer_early": False})
        assert book.of(HERE) == SatelliteSettings(routing_mode=RoutingMode.EDGE, answer_early=False)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE choice SET value = ?", (damaged,))
        connection.commit()
    async with opened_store(path) as store:
        book = SatelliteBook(await Choices.opened(store, clock), "a server")
        assert book.of(HERE) == SatelliteSettings(routing_mode=RoutingMode.EDGE)
        assert book.of(ELSEWHERE) == SatelliteSettings()
        await book.change(HERE, {"routing_mode": None})
        assert book.of(HERE) == SatelliteSettings()
