"""A scorecard in a real browser, as a file: seen in light and in dark, on a phone and on paper, and heard."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.chromium import Browser, Page, chromium, program
from tests.server.monthly.sample_month import no_turns, october
from wyoming_server.monthly.facts import MonthFacts
from wyoming_server.monthly.page import page_of
from wyoming_server.monthly.scorecard import scorecard_of

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(program() is None, reason="no Chromium on this machine"),
]
AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
EMPTY = october(cells=[no_turns()], days=[], lanes=[], models=[], incidents=[], last_month=None, baseline=None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A browser for all tests; each has tabs of its own."""
    async with chromium() as running:
        yield running


async def shown(browser: Browser, folder: Path, facts: MonthFacts, *, dark: bool = False) -> Page:
    """Open a month's page."""
    file = folder / "scorecard.html"
    card = scorecard_of(facts) | {"months": ["2026-09", "2026-10"]}
    await asyncio.to_thread(file.write_text, page_of(card), "utf-8")
    page = await browser.page()
    await page.size(1100, 900)
    await page.prefer(dark=dark)
    await page.open(file.as_uri())
    await page.until("document.readyState === 'complete' && document.querySelector('footer')")
    return page


async def violations(page: Page) -> list[str]:
    """Return what axe finds."""
    # The page's own policy forbids scripts, axe included: what DevTools evaluates is not the page's.
    if not await page.evaluate("Boolean(window.axe)"):
        await page.evaluate(await asyncio.to_thread(AXE.read_text, "utf-8"))
    found = await page.evaluate(
        f"axe.run(document, {{runOnly: {json.dumps(RULES)}}}).then(({{violations}}) => violations.map((one) =>"
        " `${one.id}: ${one.nodes.map((node) => node.target + ' ' + node.failureSummary).join(' | ')}`))"
    )
    assert isinstance(found, list)
    return found


async def test_everybody_can_use_it(browser: Browser, tmp_path: Path) -> None:
    page = await shown(browser, tmp_path, october())
    assert await violations(page) == []
    await page.prefer(dark=True)
    assert await violations(page) == []
    await page.size(360, 900, phone=True)
    assert await violations(page) == []
    assert page.errors == []


async def test_everybody_can_use_a_month_without_turns_and_what_is_wrong_would_be_found(
    browser: Browser, tmp_path: Path
) -> None:
    page = await shown(browser, tmp_path, EMPTY)
    assert await violations(page) == []
    await page.evaluate("document.documentElement.removeAttribute('lang')")
    assert [one.partition(":")[0] for one in await violations(page)] == ["html-has-lang"]


async def test_nothing_is_wider_than_the_window(browser: Browser, tmp_path: Path) -> None:
    page = await shown(browser, tmp_path, october())
    for width in (1100, 768, 360, 320):
        await page.size(width, 900, phone=width < 500)
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width


async def test_charts_are_drawn_to_the_day_beside_the_budget(browser: Browser, tmp_path: Path) -> None:
    page = await shown(browser, tmp_path, october())
    seen = "[...document.querySelectorAll('svg.chart')].filter((one) => one.checkVisibility())"
    assert await page.evaluate(f"{seen}.length") == 6
    assert await page.evaluate(f"{seen}[0].querySelectorAll('g').length") == 29
    assert await page.evaluate(f"{seen}[1].querySelectorAll('.budget').length") == 1
    told = await page.evaluate(f"{seen}.map((one) => one.getAttribute('aria-label'))")
    assert all(told)
    await page.size(360, 900, phone=True)
    assert await page.evaluate(f"{seen}.every((one) => one.classList.contains('narrow'))")


async def test_the_days_can_be_read_as_a_table(browser: Browser, tmp_path: Path) -> None:
    page = await shown(browser, tmp_path, october())
    await page.click("document.querySelector('summary')")
    assert await page.evaluate("document.querySelectorAll('details[open] tbody tr').length") == 29


async def test_on_paper_it_is_light_whole_and_on_a_few_pages(browser: Browser, tmp_path: Path) -> None:
    page = await shown(browser, tmp_path, october(), dark=True)
    printed = await page.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
    pdf = base64.b64decode(printed["data"])
    assert pdf.startswith(b"%PDF")
    assert 2 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 6
    await page.call("Emulation.setEmulatedMedia", media="print")
    assert await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert not await page.evaluate("document.querySelector('nav').checkVisibility()")
