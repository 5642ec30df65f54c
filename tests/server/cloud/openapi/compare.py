"""Compares a schema here with the published description that it was written after.

    python -m tests.server.cloud.openapi.compare openai PATH/openapi.json

The published documents are not kept here; each schema's file says where they are. It prints what only one of the two
has, and exits with 1 when there is anything.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ..schemas import FOLDER


def differences(ours: dict[str, Any], published: dict[str, Any], besides: set[str]) -> Iterator[str]:
    """Yield one sentence for each field, requirement or choice in which they differ; `besides` are ours alone."""
    mine, theirs = ours["properties"], published["properties"]
    yield from (f"{name} is not here" for name in sorted(set(theirs) - set(mine)))
    yield from (f"{name} is not published" for name in sorted(set(mine) - set(theirs) - besides))
    if set(ours.get("required", ())) != set(published.get("required", ())):
        yield f"required: {ours.get('required')} here, {published.get('required')} there"
    for name in sorted(set(mine) & set(theirs)):
        here, there = _choices(mine[name]), _choices(theirs[name])
        if there - here and here:
            yield f"{name}: {sorted(there - here)} cannot be chosen here"


def _choices(described: dict[str, Any]) -> set[str]:
    """Return what may be chosen, also one level down; `null` is left out: forms have none."""
    found = {str(one) for one in described.get("enum", ())} | ({described["const"]} if "const" in described else set())
    for one in (*described.get("anyOf", ()), *([described["items"]] if "items" in described else ())):
        found |= _choices(one)
    return found


def resolved(value: Any, document: dict[str, Any]) -> Any:
    """Return a schema with its references replaced, a few levels down."""
    for _ in range(4):
        if isinstance(value, dict) and "$ref" in value:
            found: Any = document
            for step in value["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            value = found
    if isinstance(value, dict):
        kept = ("properties", "items", "anyOf", "enum", "required", "const", "type")
        return {name: _inside(name, value[name], document) for name in kept if name in value}
    return value


def _inside(name: str, value: Any, document: dict[str, Any]) -> Any:
    if name == "properties":
        return {key: resolved(one, document) for key, one in value.items()}
    if name == "anyOf":
        return [resolved(one, document) for one in value]
    return resolved(value, document)


def published_schema(where: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return the published schema: a named one, or a path's query as if it were an object."""
    if "schema" in where:
        found: dict[str, Any] = resolved(document["components"]["schemas"][where["schema"]], document)
        return found
    queries = [one for one in document["paths"][where["path"]]["post"]["parameters"] if one["in"] == "query"]
    return {"properties": {one["name"]: resolved(one["schema"], document) for one in queries}}


def main() -> int:
    """Print the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["deepgram", "elevenlabs", "openai"])
    parser.add_argument("document", type=Path, help="the published description, JSON or YAML")
    arguments = parser.parse_args()
    described = yaml.safe_load((FOLDER / f"{arguments.name}.yaml").read_text("utf-8"))
    document = yaml.load(arguments.document.read_text("utf-8"), yaml.CSafeLoader)
    where = described["published"]
    found = list(differences(described["request"], published_schema(where, document), set(where.get("besides", ()))))
    for one in found:
        print(one)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
