"""Looks at the status page of a made-up home in every view, light and dark, on a computer and a phone.

`python -m tests.browser.walk_page FOLDER`; with --pictures, those of the docs are taken anew.
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.browser.chromium import Page, chromium
from tests.browser.made_up_home import MadeUpHome
from tests.server.listeners.control_surfaces import opened

PICTURES = Path(__file__).parents[2] / "docs/pictures"
VIEWS = ("now", "trends", "privacy", "models", "hub")
DESK, PHONE = (1280, 1000), (390, 844)
SHARP = 1.5
SHOWN = (
    ("now", DESK, False),
    ("trends", DESK, True),
    ("privacy", DESK, False),
    ("hub", DESK, False),
    ("now", PHONE, True),
)
"""Views of the docs, with their sizes, and whether they are dark."""


async def entered(page: Page, url: str, token: str) -> None:
    """Show the token in the form."""
    await page.open(f"{url}/")
    await page.until("document.querySelector('#token')")
    await page.evaluate("document.querySelector('#token').focus()")
    await page.write(token)
    await page.press("Enter")
    await page.until("document.querySelector('button.row')")


async def look_at(page: Page, view: str) -> None:
    """Go to a view; returns when all of it is drawn."""
    await page.evaluate(f"location.hash = '#/{view}'")
    await page.until(f"document.querySelector('nav a[aria-current]').hash === '#/{view}'")
    await page.until(f"document.querySelector('main h1')?.textContent.toLowerCase() === '{view}'")
    parts = "[...document.querySelectorAll('main .body, main .tiles, main .incidents')]"
    plots = "[...document.querySelectorAll('figure.plot')].every(one => one.querySelector('canvas'))"
    await page.until(f"{parts}.length && {parts}.every(one => one.childElementCount) && {plots}")
    # What was asked for is there, and drawn in the frame after that.
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def whole(page: Page, file: Path) -> None:
    """Write a picture of the whole page, however long it is."""
    await page.picture(file, "document.documentElement")


async def of_everything(page: Page, folder: Path) -> None:
    """Take each view, light and dark, on a computer and a phone."""
    for name, size, dark in (("light", DESK, False), ("dark", DESK, True), ("phone", PHONE, False)):
        await page.size(*size, scale=SHARP, phone=size is PHONE)
        await page.prefer(dark=dark)
        for view in VIEWS:
            await look_at(page, view)
            await whole(page, folder / f"page-{view}-{name}.png")


async def of_the_docs(page: Page) -> None:
    """Take those that the docs show, as windows."""
    for view, size, dark in SHOWN:
        name = f"page-{view}{'-phone' if size is PHONE else ''}{'-dark' if dark else ''}.png"
        await page.size(*size, scale=1.0 if size is DESK else SHARP, phone=size is PHONE)
        await page.prefer(dark=dark)
        await look_at(page, view)
        await page.picture(PICTURES / name)


async def main() -> None:
    """Take the pictures."""
    home = MadeUpHome(now=datetime(2026, 11, 22, 18, 40, tzinfo=UTC))
    with tempfile.TemporaryDirectory() as data:
        async with opened(home, Path(data)) as (door, _), chromium() as browser:
            page = await browser.page()
            await page.size(*DESK, scale=SHARP)
            await entered(page, door.url, door.token)
            if "--pictures" in sys.argv:
                await of_the_docs(page)
            else:
                await of_everything(page, Path(sys.argv[1]))
            assert page.errors == [], page.errors


if __name__ == "__main__":
    asyncio.run(main())
