"""A small Wyoming server for what a real hub says only now and then: a question, a lane of the client's, a refusal."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from wyoming.event import Event

from tests.integration.peer import WyomingPeer

SECOND = bytes(32_000)
"""Of silence: 16 kHz, 16 bits, mono."""


class Ear(WyomingPeer):
    """Answers each turn with what is set."""

    def __init__(self) -> None:
        super().__init__(())
        self.port = 0

    def says(self, text: str, **fields: Any) -> None:
        """Answer with a text and its fields, once all has been said."""
        told = {"schema": 1, "turn_id": "t1", "action": "accept", "route": "edge", "critical": False} | fields
        self.answer = (Event(type="transcript", data={"text": text, "context": {"edge_voice": told}}),)

    def refuses(self, code: str, text: str = "because") -> None:
        """Answer with an error."""
        self.answer = (Event(type="error", data={"code": code, "text": text}),)

    @property
    def asked(self) -> dict[str, Any]:
        """The last request."""
        return next(one.data for one in reversed(self.events) if one.type == "transcribe")

    @property
    def told(self) -> dict[str, Any]:
        """What the last request said of who speaks."""
        told: dict[str, Any] = self.asked["context"]["edge_voice"]
        return told


async def said(pcm: bytes = SECOND) -> AsyncIterator[bytes]:
    """Give audio in Home Assistant's chunks, as fast as it is taken."""
    for start in range(0, len(pcm), 320):
        yield pcm[start : start + 320]
        await asyncio.sleep(0)


def stack_traces(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged with a stack trace, where owners look."""
    return [
        one.getMessage()
        for one in caplog.records
        if one.exc_info and one.levelno >= logging.WARNING and not one.name.startswith("haffmpeg")
    ]
