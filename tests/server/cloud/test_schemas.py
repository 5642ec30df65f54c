"""The schemas that requests are held against, and how they are compared with what providers publish."""

import copy
from typing import Any

import pytest

from .openapi.compare import differences, published_schema
from .protocol import RefusedError
from .schemas import FOLDER, check, schema, typed

NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_refuses_what_it_does_not_know(name: str) -> None:
    assert schema(name)["additionalProperties"] is False
    with pytest.raises(RefusedError):
        check(name, {"no such field": 1})


def test_fields_take_the_types_of_their_schema() -> None:
    sent = {"include[]": ["logprobs"], "stream": ["true"], "temperature": ["0.2"], "language[]": ["en"]}
    told = typed("openai", sent | {"prompt": ["7"], "keywords": ["a"]}, brackets=True)
    assert told == {
        "include": ["logprobs"],
        "stream": True,
        "temperature": 0.2,
        "language[]": ["en"],
        "prompt": "7",
        "keywords": "a",  # a list is sent with brackets, or it is none
    }
    assert typed("deepgram", {"keyterm": ["hall"], "utt_split": ["x"]}) == {"keyterm": ["hall"], "utt_split": "x"}


def test_differences_from_what_is_published_are_named() -> None:
    ours: dict[str, Any] = {
        "required": ["file"],
        "properties": {"file": {}, "form": {"type": "string", "enum": ["json"]}, "newer": {}},
    }
    assert list(differences(ours, copy.deepcopy(ours), set())) == []
    published = copy.deepcopy(ours)
    del published["properties"]["newer"]
    assert list(differences(ours, published, {"newer"})) == []
    published["properties"] |= {"older": {}, "form": {"anyOf": [{"enum": ["json", "text"]}]}}
    published["required"] = ["file", "model"]
    assert len(list(differences(ours, published, set()))) == 4


def test_references_and_queries_are_read_as_they_are_published() -> None:
    named = {"Wanted": {"properties": {"form": {"$ref": "#/components/schemas/Form"}}}, "Form": {"enum": ["json"]}}
    query = [
        {"in": "query", "name": "model", "schema": {"type": "string"}},
        {"in": "header", "name": "Authorization", "schema": {"type": "string"}},
    ]
    document = {"components": {"schemas": named}, "paths": {"/v1/listen": {"post": {"parameters": query}}}}
    assert published_schema({"schema": "Wanted"}, document) == {"properties": {"form": {"enum": ["json"]}}}
    assert published_schema({"path": "/v1/listen"}, document) == {"properties": {"model": {"type": "string"}}}
