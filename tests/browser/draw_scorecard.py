"""Draws docs/pictures/scorecard*.png: `python -m tests.browser.draw_scorecard [FOLDER]`.

The month is made up, the store, its figures, the advice and the page are real. The page itself and its JSON go to a
folder where one is named.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import chromium
from tests.browser.page_server import ROOT
from tests.server.monthly.simulated_month import simulated
from wyoming_server.monthly.page import page_of

PICTURES = ROOT / "docs/pictures"
SHOTS = (("scorecard", 1000, False, 1.0), ("scorecard-dark", 1000, True, 1.0), ("scorecard-phone", 390, False, 2.0))


async def main(folder: Path | None) -> None:
    """Live through the month, and take the pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        async with simulated(Path(scratch)) as home:
            cards = home.scorecards()
            await cards.make_due()
            home.passes(600)
            print(await cards.make_due())
            card = await cards.of(None)
        file = (folder or Path(scratch)) / "scorecard.html"
        file.write_text(page_of(card), "utf-8")
        file.with_suffix(".json").write_text(json.dumps(card, indent=1), "utf-8")
        async with chromium() as browser:
            for name, width, dark, scale in SHOTS:
                page = await browser.page()
                await page.size(width, 900, scale=scale, phone=width < 500)
                await page.prefer(dark=dark)
                await page.open(file.as_uri())
                await page.until("document.readyState === 'complete' && document.querySelector('footer')")
                if dark or width < 500:
                    await page.size(width, 1180 if dark else 844, scale=scale, phone=width < 500)
                    await page.picture(PICTURES / f"{name}.png")
                else:
                    await page.picture(PICTURES / f"{name}.png", "document.documentElement")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
