"""Draws the brand's images from their SVG sources: `python -m tests.browser.draw_brand`."""

import asyncio
import base64
from pathlib import Path

from tests.browser.chromium import Page, chromium

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "docs/pictures"
IMAGES = ROOT / "custom_components/edge_voice/brand"
SIZES = {"icon": (256, 256), "logo": (486, 128), "dark_logo": (486, 128)}
"""Of the smaller image of each; `@2x` is twice that."""


async def main() -> None:
    """Draw all of them."""
    async with chromium() as browser:
        page = await browser.page()
        nothing = {"r": 0, "g": 0, "b": 0, "a": 0}
        await page.call("Emulation.setDefaultBackgroundColorOverride", color=nothing)
        for name, (width, height) in SIZES.items():
            await draw(page, name, width, height, "")
            await draw(page, name, 2 * width, 2 * height, "@2x")


async def draw(page: Page, name: str, width: int, height: int, suffix: str) -> None:
    """Draw one image of that size."""
    source = (SOURCES / f"{name}.svg").read_text("utf-8")
    sized = source.replace("<svg", f'<svg width="{width}" height="{height}" style="display:block"', 1)
    markup = base64.b64encode(f"<body style='margin:0'>{sized}".encode()).decode()
    await page.size(width, height)
    await page.open(f"data:text/html;base64,{markup}")
    await page.until("document.readyState === 'complete' && document.querySelector('svg')")
    await page.picture(IMAGES / f"{name}{suffix}.png")
    print(f"{name}{suffix}.png: {width} × {height}")


if __name__ == "__main__":
    asyncio.run(main())
