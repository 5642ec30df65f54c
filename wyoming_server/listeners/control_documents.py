"""What is answered otherwise than in JSON: a turn's sound, a scorecard's page, counters."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from .control_asked import Asked, asked_of
from .control_audio import Intake
from .control_operation import HTML, WAV, Operation
from .control_operations_past import METRICS, RECORDING, SCORECARD_PAGE
from .control_surface import Surface

COUNTERS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)

type Document = Callable[[Asked], Awaitable[web.Response]]


def documents(surface: Surface, intake: Intake) -> list[web.RouteDef]:
    """Return their routes; access is checked before."""

    async def recording(asked: Asked) -> web.Response:
        return web.Response(body=await surface.privacy.recording(asked.path["number"]), content_type=WAV)

    async def scorecard(asked: Asked) -> web.Response:
        page = await surface.months.page(asked.query.get("month"))
        policy = {"Content-Security-Policy": page_policy(page)}
        return web.Response(text=page, content_type=HTML, headers=policy)

    async def metrics(_: Asked) -> web.Response:
        return web.Response(body=await surface.metrics.exposition(), headers={"Content-Type": COUNTERS_TYPE})

    answers = ((RECORDING, recording), (SCORECARD_PAGE, scorecard), (METRICS, metrics))
    return [web.route(one.method, one.path, partial(_answer, one, give, intake)) for one, give in answers]


async def _answer(operation: Operation, give: Document, intake: Intake, request: web.Request) -> web.Response:
    async with asked_of(operation, request, intake) as asked:
        return await give(asked)


def page_policy(page: str) -> str:
    """Return the Content-Security-Policy of a page that holds all it needs: its own styles, pictures, no script."""
    digests = [hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(page)]
    styles = " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests) or "'none'"
    return f"default-src 'none'; img-src data:; style-src {styles}; base-uri 'none'; form-action 'none'"
