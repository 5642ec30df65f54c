"""The control API's description, made from the table that checks its requests."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from voluptuous_openapi import UNSUPPORTED, OpenApiVersion, convert  # type: ignore[import-untyped]  # ships no types

from .. import __version__
from .control_operation import EVENTS, FORM, JSON, WAV, Operation
from .control_schemas import HEALTH, LARGEST_RECORDING, OPENAI, OPERATIONS, PARTS, REFUSAL
from .control_values import Either, Json, Maybe, Named, Several, Value

_BINARY = {WAV: {"format": "binary"}}
_ANY_REFUSALS = (400, 401, 403, 429, 500)
_MEANINGS = {
    101: "The WebSocket is open",
    200: "Done",
    201: "Written down",
    202: "Under way",
    400: "The request is not as described, or what it asks for is refused",
    401: "The token is missing or wrong",
    403: "Not allowed from here, or not consented",
    404: "Nothing has that name",
    409: "A cap of the owner's is reached, or the bundle may not be taken or left now",
    413: "The body is too large",
    415: "The body is of another type",
    429: "Asked too often; Retry-After says when to ask again",
    500: "An error of the server's own",
    502: "What the repository of bundles says or sends is not believed",
    503: "Not possible now",
}


@cache
def description() -> Json:
    """Return the OpenAPI 3.1 document."""
    shapes = _Shapes()
    paths: dict[str, Json] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Edge Voice control API",
            "version": __version__,
            "description": "How the Home Assistant integration and your own programs see and steer the server.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": shapes.named,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`edge-voice token` prints it."}
            },
        },
    }


def _operation(one: Operation, shapes: _Shapes) -> Json:
    told: Json = {"operationId": one.name, "summary": one.summary, "responses": _responses(one, shapes)}
    if parameters := [*_in_path(one), *_in_query(one)]:
        told["parameters"] = parameters
    if one.has_body:
        told["requestBody"] = {"required": one.needs_body, "content": {one.kind: _content(one, shapes)}}
    if one.is_open:
        told["security"] = []
    return told


def _in_path(one: Operation) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": PARTS[name].described()}
        for name in re.findall(r"{(\w+)}", one.path)
    ]


def _in_query(one: Operation) -> list[Json]:
    return [
        {"name": name, "in": "query", "required": False, "schema": value.described()}
        for name, value in one.query.items()
    ]


def _content(one: Operation, shapes: _Shapes) -> Json:
    if one.kind == WAV:
        return {"schema": {"type": "string", "format": "binary", "maxLength": LARGEST_RECORDING}}
    shape = shapes.closed(one.body)
    if one.kind == FORM:
        binary = {"type": "string", "format": "binary", "maxLength": LARGEST_RECORDING}
        lists = {"type": "array", "items": {"type": "string"}}
        shape["properties"] |= {"file": binary, "keywords[]": lists, "languages[]": lists}
        shape["required"] = ["file", *shape["required"]]
    content: Json = {"schema": shape}
    if one.kind == FORM:
        content["encoding"] = {"file": {"contentType": WAV}}
    return content if one.example is None else content | {"example": one.example}


def _responses(one: Operation, shapes: _Shapes) -> Json:
    answered: Json = {"description": _MEANINGS[one.status]}
    if one.answer is not None:
        answered["content"] = {"application/json": {"schema": shapes.open(one.answer)}}
    if one.gives != JSON:
        answered["content"] = {one.gives: {"schema": {"type": "string"} | _BINARY.get(one.gives, {})}}
    if one is OPENAI:
        answered["content"] |= {"text/plain": {"schema": {"type": "string"}}, EVENTS: {}}
    refusal = {"application/json": {"schema": shapes.open(REFUSAL)}}
    refused = {str(status): {"description": _MEANINGS[status], "content": refusal} for status in _refusals(one)}
    if one is HEALTH:
        refused["503"] = answered | {"description": "It cannot hear"}
    if "429" in refused:
        retry = {"description": "Seconds to wait", "schema": {"type": "integer"}}
        refused["429"] = refused["429"] | {"headers": {"Retry-After": retry}}
    return {str(one.status): answered, **refused}


def _refusals(one: Operation) -> list[int]:
    if one is HEALTH:
        return [403, 500]
    return sorted({*_ANY_REFUSALS, *one.refusals})


class _Shapes:
    """Converts shapes to JSON Schema, and keeps those that have a name."""

    def __init__(self) -> None:
        self.named: dict[str, Json] = {}

    def closed(self, shape: Any) -> Json:
        """Return a request's schema: a key that it does not know is refused."""
        closed: Json = _tidy(self._converted(shape), closed=True)
        return closed

    def open(self, shape: Any) -> Json:
        """Return an answer's schema: a later version may add keys."""
        tidy: Json = _tidy(self._converted(shape), closed=False)
        return tidy

    def _converted(self, shape: Any) -> Json:
        found: Json = convert(shape, custom_serializer=self._of_value, openapi_version=OpenApiVersion.V3_1)
        return found

    def _of_value(self, value: Any) -> Any:
        if isinstance(value, Named):
            if value.name not in self.named:
                self.named[value.name] = {}  # its place in the order
                self.named[value.name] = self.open(value.inner)
            return {"$ref": f"#/components/schemas/{value.name}"}
        if isinstance(value, Maybe):
            return {"anyOf": [self._converted(value.inner), {"type": "null"}]}
        if isinstance(value, Either):
            return {"anyOf": [self._converted(one) for one in value.inner]}
        if isinstance(value, Several):
            limits = {"minItems": value.least or None, "maxItems": value.most}
            told = {name: limit for name, limit in limits.items() if limit is not None}
            return {"type": "array", "items": self._converted(value.inner), **told}
        return value.described() if isinstance(value, Value) else UNSUPPORTED


def _tidy(schema: Any, *, closed: bool) -> Any:
    """Return a schema without types beside references; closed, its objects have no keys but those that it names."""
    if isinstance(schema, list):
        return [_tidy(one, closed=closed) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}  # the converter takes what has no type for text
    told = {key: _tidy(value, closed=closed) for key, value in schema.items()}
    return told | {"additionalProperties": False} if closed and "properties" in schema else told
