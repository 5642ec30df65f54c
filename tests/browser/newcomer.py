"""What a newcomer sees: `python -m tests.browser.newcomer [--pictures]`, in Home Assistant's environment.

The README as a site shows it, light and dark, and the home to try things in: its login form, filled in with what was
printed, and its dashboard, on which sentences are pressed. With --pictures those of the docs are taken anew.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

from tests.browser.chromium import Browser, Page, chromium
from tests.browser.home import DEEP
from tests.browser.pictures import compress
from tests.home_assistant.demo_home import ASKED_BACK, DASHBOARD
from tests.home_assistant.try_home import Tried, running

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs/pictures"
SHARP = 1.5
_SECONDS = 40.0
_SCREEN = 1150
_SCREENS = 3
"""What is kept of it."""
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --page: #fff; --line: #d1d9e0; --soft: #f6f8fa; --link: #0969da }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f0f6fc; --page: #0d1117; --line: #3d444d; --soft: #151b23; --link: #4493f8 }
}
body { margin: 0 auto; padding: 32px; max-width: 896px; background: var(--page); color: var(--ink);
  font: 16px/1.5 -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif }
h1, h2 { padding-bottom: .3em; border-bottom: 1px solid var(--line); line-height: 1.25 }
h1 { font-size: 2em } h2 { font-size: 1.5em; margin-top: 24px } a { color: var(--link); text-decoration: none }
img { max-width: 100% } table { border-collapse: collapse; display: block; overflow: auto; margin-bottom: 16px }
th, td { padding: 6px 13px; border: 1px solid var(--line) } tr:nth-child(2n) { background: var(--soft) }
code { background: var(--soft); padding: .2em .4em; border-radius: 6px;
  font: 85% ui-monospace, "DejaVu Sans Mono", monospace }
pre { background: var(--soft); padding: 16px; overflow: auto; border-radius: 6px; line-height: 1.45 }
pre code { padding: 0; background: none }
"""
"""Near enough to what a code host does with a README."""


def shown(markdown: str) -> str:
    """Return a page of Markdown as HTML, with its pictures as they lie in the repository."""
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    head = f'<meta charset="utf-8"><base href="{ROOT.as_uri()}/"><style>{_STYLE}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>"


async def look_at_the_readme(browser: Browser, folder: Path, pictures: Path) -> list[str]:
    """Take pictures of the README, screen by screen, and of its first screen in the dark; return what is missing."""
    file = folder / "readme.html"
    file.write_text(shown((ROOT / "README.md").read_text("utf-8")), "utf-8")
    page = await browser.page(before=DEEP)
    await page.size(1012, _SCREEN, scale=SHARP)
    await page.open(file.as_uri())
    await page.until("document.images.length && [...document.images].every(one => one.complete)")
    missing = await page.evaluate("[...document.images].filter(one => !one.naturalWidth).map(one => one.src)")
    height = await page.evaluate("document.documentElement.scrollHeight")
    for number in range(1, min(_SCREENS, -(-height // _SCREEN)) + 1):
        await page.evaluate(f"scrollTo(0, {(number - 1) * _SCREEN})")
        await take(page, pictures / f"readme-{number}.png")
    await page.evaluate("scrollTo(0, 0)")
    await page.prefer(dark=True)
    await take(page, pictures / "readme-1-dark.png")
    wide = (
        "[...document.querySelectorAll('body > :not(pre)')]"
        ".filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.innerText)"
    )
    return [*missing, *(f"wider than the page: {one[:80]}" for one in await page.evaluate(wide))]


async def log_in(page: Page, tried: Tried) -> None:
    """Come in by the form, with what was printed."""
    await page.open(f"{tried.hass.url}/{DASHBOARD}")
    field = "shown('input').find(one => one.name === '{}')"
    for name, said in (("username", tried.login.user), ("password", tried.login.password)):
        await page.until(field.format(name), _SECONDS)
        await page.evaluate(f"{field.format(name)}.focus()")
        await page.write(said)
    await page.press("Enter")
    await page.until("shown('edge-voice-card').length", _SECONDS)


async def press_a_tile(page: Page, says: str) -> None:
    """Press what says so."""
    await page.click(f"shown('hui-tile-card').find(one => words(one).includes({json.dumps(says)}))")


async def look_at_the_home(browser: Browser, folder: Path, pictures: Path) -> list[str]:
    """Log in, press sentences, be asked back, and take a picture; return what the page complains of."""
    async with running(folder, 8123, "starter") as tried:
        page = await browser.page(before=DEEP)
        await page.size(1280, 900, scale=SHARP)
        await log_in(page, tried)
        await says(page, "Locked")
        await press_a_tile(page, "Unlock the front door.")
        await says(page, "Unlock the front door?")
        await page.evaluate("scrollTo(0, 0)")
        await take(page, pictures / "try-it.png")
        await press_a_tile(page, "No.")
        await page.until(f"!({_said('Unlock the front door?')})", _SECONDS)
        await says(page, "Locked")
        await page.size(390, 844, scale=SHARP, phone=True)
        await page.evaluate("scrollTo(0, 0)")
        await take(page, pictures / "try-it-phone.png")
        missing: list[str] = await page.evaluate("deep('hui-warning, hui-error-card').map(words)")
        return missing


async def says(page: Page, text: str) -> None:
    """Wait until the dashboard says so."""
    await page.until(_said(text), _SECONDS)


def _said(text: str) -> str:
    """Return whether a tile or a badge shows a text."""
    return f"shown('hui-tile-card, hui-heading-badge').some(one => words(one).endsWith({json.dumps(text)}))"


async def take(page: Page, file: Path) -> None:
    """Take a picture once the page stands still."""
    await page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 500)))")
    await page.picture(file)
    await asyncio.to_thread(compress, file)


async def main() -> int:
    """Look at all of it and print what was seen; return the exit status."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        pictures = PICTURES if "--pictures" in sys.argv[1:] else Path(folder)
        async with chromium() as browser:
            wrong = await look_at_the_home(browser, Path(folder), pictures)
            wrong += await look_at_the_readme(browser, Path(folder), pictures)
        made = sorted(pictures.glob("readme-*.png")) + sorted(pictures.glob("try-it*.png"))
        sizes = {one.name: f"{one.stat().st_size / 1000:.0f} kB" for one in made}
        print(json.dumps({"wrong": wrong, "asked back in": ASKED_BACK, "pictures": sizes}))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
