"""What providers publish about their requests, as JSON Schema, and requests held against it.

The documents in openapi/ are written anew, for the one path that matters here, from the providers' published OpenAPI
descriptions or documentation; each names its source and the revision that it was compared with.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from .protocol import RefusedError

FOLDER = Path(__file__).parent / "openapi"
WORDS = {"true": True, "false": False}


@functools.cache
def schema(name: str) -> dict[str, Any]:
    """Return the schema of a provider's request."""
    document: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    found: dict[str, Any] = document["request"]
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def check(name: str, instance: Any, *, status: int = 400) -> None:
    """Hold a request against its published description. Raises RefusedError."""
    found = jsonschema.Draft202012Validator(schema(name)).iter_errors(instance)
    if error := jsonschema.exceptions.best_match(found):
        where = ".".join(str(part) for part in error.absolute_path)
        raise RefusedError(status, f"{where or 'the request'}: {error.message[:200]}")


def typed(name: str, fields: Mapping[str, list[str]], *, brackets: bool = False) -> dict[str, Any]:
    """Return form or query fields as the types that their schema has.

    `brackets`: lists are sent as `name[]`, as OpenAI's form does it.
    """
    properties: dict[str, Any] = schema(name)["properties"]
    instance: dict[str, Any] = {}
    for sent, values in fields.items():
        listed = brackets and sent.endswith("[]")
        plain = sent.removesuffix("[]") if listed else sent
        kinds = _kinds(properties.get(plain, {}))
        if listed and kinds != {"array"}:
            instance[sent] = values  # no such list: the schema refuses its name
        elif listed or len(values) > 1 or (kinds == {"array"} and not brackets):
            instance[plain] = [_value(one, kinds) for one in values]
        else:
            instance[plain] = _value(values[0], kinds)
    return instance


def _kinds(described: Mapping[str, Any]) -> set[str]:
    kind = described.get("type", ())
    kinds = {kind} if isinstance(kind, str) else set(kind)
    return kinds.union(*(_kinds(one) for one in described.get("anyOf", ())))


def _value(text: str, kinds: set[str]) -> Any:
    """Return a text as the first type that fits it; texts stay texts."""
    if "boolean" in kinds and text in WORDS:
        return WORDS[text]
    if kinds & {"number", "integer", "object"}:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
