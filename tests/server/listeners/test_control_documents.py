"""What is answered otherwise than in JSON, on a real port."""

import base64
import hashlib
from pathlib import Path

import pytest

from wyoming_server.errors import NotKeptError, RecordsKeyError, UnknownMonthError

from .control_surfaces import RecordingSurface, opened
from .past_surfaces import COUNTERS, SCORECARD_PAGE, WAV


async def test_a_turns_sound_a_months_page_and_the_counters_are_sent_as_they_are(tmp_path: Path) -> None:
    surface = RecordingSurface()
    async with opened(surface, tmp_path) as (_, session):
        async with session.get("/api/v1/records/17/recording") as answer:
            assert (answer.content_type, await answer.read()) == ("audio/wav", WAV)
        async with session.get("/metrics") as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert await answer.read() == COUNTERS
        async with session.get("/scorecard?month=2026-10") as answer:
            assert (answer.content_type, await answer.text()) == ("text/html", SCORECARD_PAGE)
    assert surface.asked == [("recording", 17), ("exposition",), ("page", "2026-10")]


async def test_a_scorecards_page_may_use_its_own_styles_and_nothing_else(tmp_path: Path) -> None:
    style = base64.b64encode(hashlib.sha256(b"p { color: #123 }").digest()).decode()
    async with opened(RecordingSurface(), tmp_path) as (_, session), session.get("/scorecard") as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


@pytest.mark.parametrize(
    ("path", "refusal", "status"),
    [
        ("/api/v1/records/17/recording", NotKeptError("no sound of it is kept"), 404),
        ("/api/v1/records/17/recording", RecordsKeyError("its key is gone"), 503),
        ("/scorecard?month=2026-10", UnknownMonthError("nothing was said then"), 404),
    ],
)
async def test_what_is_not_there_is_refused_as_everywhere(
    path: str, refusal: NotKeptError, status: int, tmp_path: Path
) -> None:
    surface = RecordingSurface()
    surface.refuses = refusal
    async with opened(surface, tmp_path) as (_, session), session.get(path) as answer:
        assert (answer.status, (await answer.json())["code"]) == (status, refusal.code)


@pytest.mark.parametrize(
    "path", ["/api/v1/records/x/recording", "/api/v1/records/-1/recording", "/metrics?x=1", "/scorecard?month=May"]
)
async def test_a_wrong_request_asks_nothing(path: str, tmp_path: Path) -> None:
    surface = RecordingSurface()
    async with opened(surface, tmp_path) as (_, session), session.get(path) as answer:
        assert (answer.status, (await answer.json())["code"], surface.asked) == (400, "invalid-request", [])
