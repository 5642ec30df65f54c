"""A request as its operation describes it: path, query and body, each checked."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import voluptuous as vol
from aiohttp import web

from ..errors import InvalidRequestError
from .control_audio import WAV_KINDS, Intake
from .control_operation import JSON, WAV, Operation
from .control_schemas import PARTS
from .control_surface import Json
from .control_values import checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that fits its operation."""

    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any
    request: web.Request


@asynccontextmanager
async def asked_of(operation: Operation, request: web.Request, intake: Intake) -> AsyncGenerator[Asked]:
    """Give what a request asks. Raises InvalidRequestError, web.HTTPException."""
    path = {name: _read(PARTS[name], name, text) for name, text in request.match_info.items()}
    query = _query(operation, request)
    async with _body(operation, intake, request) as body:
        yield Asked(path=path, query=query, body=body, request=request)


def _query(operation: Operation, request: web.Request) -> Json:
    """Return the query's values with their defaults. Raises InvalidRequestError."""
    known = operation.query
    if unknown := sorted(set(request.query) - set(known)):
        allowed = f"; known: {', '.join(known)}" if known else ""
        raise InvalidRequestError(f"{unknown[0][:40]!r} is not known in the query{allowed}")
    if twice := [name for name in known if len(request.query.getall(name, ())) > 1]:
        raise InvalidRequestError(f"{twice[0]}: name it once")
    given = {name: _read(known[name], name, text) for name, text in request.query.items()}
    defaults = {name: value.default for name, value in known.items() if value.default is not None}
    return defaults | given


def _read(value: Any, name: str, text: str) -> Any:
    try:
        return value.read(text)
    except vol.Invalid as error:
        raise InvalidRequestError(f"{name}: {error}") from None


@asynccontextmanager
async def _body(operation: Operation, intake: Intake, request: web.Request) -> AsyncGenerator[Any]:
    """Give the body: bytes of a recording, or checked JSON. Raises InvalidRequestError, web.HTTPException."""
    if not operation.has_body:
        yield None
        return
    if not operation.needs_body and not request.can_read_body:
        yield checked(operation.body, {})
        return
    kinds = {JSON} if operation.kind == JSON else WAV_KINDS
    if request.content_type not in kinds:
        raise web.HTTPUnsupportedMediaType(reason=f"send {operation.kind}, and say so in Content-Type")
    if operation.kind == WAV:
        async with intake.body(request) as recording:
            yield recording
        return
    known = (str(key) for key in getattr(operation.body, "schema", ()))
    yield checked(operation.body, parsed(await request.read()), known=known)


def parsed(body: bytes) -> Any:
    """Return the JSON of a body. Raises InvalidRequestError."""
    try:
        return json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"the body is no JSON: {_why(error)}") from None


def _no_number(name: str) -> None:
    raise InvalidRequestError(f"{name} is no JSON; leave the key out")


def _why(error: Exception) -> str:
    """Return what is wrong without quoting the body."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    return "it is nested too deeply" if isinstance(error, RecursionError) else "a number in it is too long"
