"""The status page's figures: `python -m tests.browser.page_figures [--rounds 7]`.

How soon it paints on a processor slowed down four times, with nothing in the browser's cache; what it asks of other
hosts; what axe finds wrong in every view, light and dark, on a computer and a phone. One line of
JSON.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.browser.chromium import Browser, Page, chromium
from tests.browser.made_up_home import MadeUpHome
from tests.browser.walk_page import DESK, PHONE, VIEWS, entered, look_at
from tests.server.listeners.control_surfaces import opened
from wyoming_server.listeners.control_door import ControlDoor

AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"
SLOWER = 4
GOAL_MS = 1000.0
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def found_by_axe(page: Page) -> list[str]:
    """Return what axe finds wrong with what is shown, for people who see, hear or move otherwise."""
    if not await page.evaluate("Boolean(window.axe)"):
        await page.evaluate(await asyncio.to_thread(AXE.read_text, "utf-8"))
    rules = json.dumps({"runOnly": {"type": "tag", "values": TAGS}})
    found = await page.evaluate(
        f"axe.run(document, {rules}).then(({{violations}}) => violations.map((one) =>"
        " `${one.id}: ${one.nodes.map((node) => node.target + ' ' + node.failureSummary).join(' | ')}`))"
    )
    assert isinstance(found, list)
    return found


async def painted(browser: Browser, door: ControlDoor) -> dict[str, float]:
    """Return when a fresh browser with a cookie has painted at all, and when the last turns are there, in ms."""
    page = await browser.page()
    await page.size(*DESK)
    await entered(page, door.url, door.token)
    await page.call("Network.setCacheDisabled", cacheDisabled=True)
    await page.call("Emulation.setCPUThrottlingRate", rate=SLOWER)
    await page.open("about:blank")
    await page.open(f"{door.url}/")
    await page.until("document.querySelector('button.row')")
    first = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    await page.until(first)
    # Its own clock runs from the navigation on.
    return {"first": await page.evaluate(first), "turns": await page.evaluate("performance.now()")}


async def looked_over(browser: Browser, home: MadeUpHome) -> tuple[int, int, int, int]:
    """Return views, violations, requests and those to other hosts."""
    views = violations = requests = elsewhere = 0
    with tempfile.TemporaryDirectory() as folder:
        async with opened(home, Path(folder)) as (door, _):
            for size, dark in itertools.product((DESK, PHONE), (False, True)):
                page = await browser.page()
                await page.size(*size, phone=size is PHONE)
                await page.prefer(dark=dark)
                await entered(page, door.url, door.token)
                for view in VIEWS:
                    await look_at(page, view)
                    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
                    found = await found_by_axe(page)
                    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
                    views, violations = views + 1, violations + len(found)
                asked = await page.evaluate("performance.getEntriesByType('resource').map(({name}) => name)")
                requests += len(asked)
                elsewhere += sum(not url.startswith(door.url) for url in asked)
                violations += len(page.errors)
    return views, violations, requests, elsewhere


async def measured(rounds: int) -> dict[str, Any]:
    """Return all figures."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        door, _ = await stack.enter_async_context(opened(MadeUpHome(), Path(folder)))
        times = [await painted(browser, door) for _ in range(rounds)]
        views, violations, requests, elsewhere = await looked_over(browser, MadeUpHome())
    return {
        "first paint, median, ms": round(statistics.median(one["first"] for one in times)),
        "first paint, slowest, ms": round(max(one["first"] for one in times)),
        "last turns shown, median, ms": round(statistics.median(one["turns"] for one in times)),
        "processor slowed down": SLOWER,
        "views looked at": views,
        "axe violations and errors": violations,
        "requests": requests,
        "requests to other hosts": elsewhere,
    }


def main() -> int:
    """Print the figures; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    figures = asyncio.run(measured(parser.parse_args().rounds))
    print(json.dumps(figures))
    missed = figures["axe violations and errors"] or figures["requests to other hosts"]
    return int(bool(missed) or figures["first paint, median, ms"] > GOAL_MS)


if __name__ == "__main__":
    sys.exit(main())
