"""The control API's resources: each request is checked by its operation's shapes, then asked of the surface."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from ipaddress import ip_address

from aiohttp import web

from ..errors import PlainHttpRefusedError
from .control_asked import Asked, asked_of
from .control_audio import Intake, checked_wav
from .control_documents import documents
from .control_events import events
from .control_operation import Operation
from .control_operations_past import EVERYTHING
from .control_schemas import ANSWERED_ONLY, EVENT_STREAM, OPENAI, RESOURCES
from .control_shapes import NAMES, WHAT
from .control_speech import transcription
from .control_surface import Json, Surface
from .control_visitors import address_of

_dumps = partial(json.dumps, allow_nan=False)  # NaN is no JSON: rather an error here than one in every client


type Answer = Callable[[Asked], Awaitable[Json]]


def routes(surface: Surface) -> list[web.RouteDef]:
    """Return every resource; access is checked before one is asked."""
    answers, intake = Resources(surface).answers(), Intake()
    return [
        *(web.route(one.method, one.path, partial(_answer, one, answers[one.name], intake)) for one in RESOURCES),
        web.get(EVENT_STREAM.path, partial(events, surface=surface), allow_head=False),
        web.route(OPENAI.method, OPENAI.path, partial(transcription, surface=surface, intake=intake)),
        *documents(surface, intake),
    ]


async def _answer(operation: Operation, answer: Answer, intake: Intake, request: web.Request) -> web.Response:
    async with asked_of(operation, request, intake) as asked:
        told = await answer(asked)
    return web.json_response(told, status=operation.status, dumps=_dumps)


class Resources:
    """What each operation asks of the surface."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface

    def answers(self) -> Mapping[str, Answer]:
        """Return each operation's answer."""
        surface = self._surface
        return {
            "status": _now(lambda _: surface.status()),
            "policy": _now(lambda _: surface.policy()),
            "change_policy": lambda asked: surface.change_policy(asked.body),
            "reset_policy": lambda _: surface.reset_policy(),
            "lanes": _now(lambda _: surface.lanes()),
            "change_lanes": self._change_lanes,
            "test_lane": self._test_lane,
            "change_vocabulary": self._change_vocabulary,
            "turns": _now(lambda asked: {"turns": list(surface.turns(asked.query["limit"]))}),
            "tell_outcome": _now(
                lambda asked: surface.told_outcome(asked.path["id"], asked.body["result"], asked.body.get("intent"))
            ),
            "tell_correction": _now(lambda asked: surface.told_correction(asked.path["id"], asked.body["text"])),
            "begin_upload": lambda asked: surface.begin_upload(
                asked.path["id"], asked.body["lane"], float(asked.body["seconds"])
            ),
            "end_upload": lambda asked: surface.end_upload(asked.path["id"], asked.path["upload"], asked.body),
            "satellites": _now(lambda _: {"satellites": list(surface.satellites())}),
            "change_satellite": lambda asked: surface.change_satellite(asked.path["id"], asked.body),
            "forget_satellite": self._forget_satellite,
            "ledger": lambda asked: surface.ledger(asked.query["limit"], asked.query.get("before")),
            "write_ledger": lambda asked: surface.write_ledger(asked.body["rows"]),
            "bundles": lambda _: surface.bundles.all(),
            "trust_repository": lambda asked: surface.bundles.trust(asked.body["url"], asked.body["root"]),
            "distrust_repository": lambda _: surface.bundles.distrust(),
            "check_bundles": lambda _: surface.bundles.check(),
            "install_bundle": self._install_bundle,
            "roll_back_bundle": lambda asked: surface.bundles.roll_back(asked.body["kind"]),
            "transcribe": self._transcribe,
            "figures": lambda asked: surface.history.figures(asked.query["days"]),
            "history": lambda asked: surface.history.series(asked.query["hours"]),
            "records": lambda asked: surface.history.records(
                asked.query["limit"],
                asked.query.get("before"),
                language=asked.query.get("language"),
                satellite=asked.query.get("satellite"),
            ),
            "incidents": lambda asked: surface.history.incidents(asked.query["limit"]),
            "drift": _now(lambda _: surface.drift.told()),
            "accept_drift": lambda asked: surface.drift.accept(asked.body.get("language")),
            "baseline": lambda _: surface.months.baseline(),
            "begin_baseline": lambda asked: surface.months.begin_baseline(asked.body),
            "end_baseline": lambda _: surface.months.end_baseline(),
            "scorecard": lambda asked: surface.months.scorecard(asked.query.get("month")),
            # The register is read when it is first asked for: 15 ms here, 60 on a small hub.
            "lineage": lambda _: asyncio.to_thread(surface.privacy.lineage),
            "kept": lambda _: surface.privacy.kept(),
            "purge": self._purge,
            "queue": lambda _: surface.queue.all(),
            "flush_queue": lambda _: surface.queue.flush(),
            "drop_queue": lambda _: surface.queue.drop_all(),
            "start_request": lambda asked: surface.queue.start(asked.path["id"], asked.body["by"]),
            "end_request": lambda asked: surface.queue.end(asked.path["id"], asked.body["by"], asked.body["result"]),
            "repeat_request": lambda asked: surface.queue.repeat(asked.path["id"], asked.body.get("text")),
            "drop_request": lambda asked: surface.queue.drop(asked.path["id"]),
            "openai_models": _now(lambda _: _models(surface.health()["model"])),
            "openapi": _description,
        }

    async def _change_lanes(self, asked: Asked) -> Json:
        lanes = [one for one in asked.body["lanes"] if not one.get("from_file")]
        _keep_secret(asked.request, lanes)
        return await self._surface.change_lanes([_settings(one) for one in lanes])

    async def _test_lane(self, asked: Asked) -> Json:
        _keep_secret(asked.request, [asked.body])
        return await self._surface.test_lane(_settings(asked.body))

    async def _change_vocabulary(self, asked: Asked) -> Json:
        told = {kind: asked.body.get(kind, ()) for kind in NAMES}
        return await self._surface.change_vocabulary(
            {kind: [name for one in names if (name := one.strip())] for kind, names in told.items()},
            asked.body.get("country"),
        )

    async def _install_bundle(self, asked: Asked) -> Json:
        return await self._surface.bundles.install(
            asked.body["kind"], asked.body.get("label"), again=asked.body.get("again", False)
        )

    async def _forget_satellite(self, asked: Asked) -> Json:
        satellite: str = asked.path["id"]
        await self._surface.forget_satellite(satellite)
        return {"forgotten": satellite}

    async def _transcribe(self, asked: Asked) -> Json:
        return await self._surface.transcribe(
            checked_wav(asked.body),
            language=asked.query.get("language") or None,
            lane=asked.query.get("lane", "auto"),
            prompt=(),
        )

    async def _purge(self, asked: Asked) -> Json:
        what = asked.body["what"]
        chosen = WHAT if EVERYTHING in what else tuple(dict.fromkeys(what))
        return await self._surface.privacy.purge(chosen, asked.body.get("satellite"))


def _now(answer: Callable[[Asked], Json]) -> Answer:
    """Return an answer that is known at once as one that is awaited."""

    async def answered(asked: Asked) -> Json:
        return answer(asked)

    return answered


async def _description(_: Asked) -> Json:
    return await asyncio.to_thread(_described)


def _described() -> Json:
    from .control_openapi import description  # noqa: PLC0415  # few ask, and its library is for nothing else

    return description()


def _settings(lane: Json) -> Json:
    """Return a lane's settings; null is what a day of consent is in answers, where there is none."""
    return {key: value for key, value in lane.items() if key not in {*ANSWERED_ONLY, "from_file"} and value is not None}


def _keep_secret(request: web.Request, lanes: list[Json]) -> None:
    """Refuse a key that came through the network in the clear. Raises PlainHttpRefusedError."""
    if any(one.get("key") for one in lanes) and not request.secure and not _is_loopback(address_of(request)):
        raise PlainHttpRefusedError(
            "A lane's key came in plain HTTP, so it may have been read on the way: make a new one, and send it by TLS"
        )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _models(name: str) -> Json:
    """Return OpenAI's list of models: clients look there whether their key is right."""
    return {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "edge-voice"}]}
