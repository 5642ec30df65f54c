"""Serves the card's modules and the page that shows them without a Home Assistant, on loopback."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "custom_components/edge_voice/frontend"


@contextlib.asynccontextmanager
async def pages() -> AsyncIterator[str]:
    """Serve until the end; gives the address of the page with the card."""
    app = web.Application()
    app.router.add_static("/card", FRONTEND)
    app.router.add_static("/page", Path(__file__).parent)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/page/card.html"
    finally:
        await runner.cleanup()
