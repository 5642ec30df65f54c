"""The control API held to its own description: a seeded sample of script/prove control-api."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.server.proofs.control_api import control_of, controlled, held
from wyoming_server.listeners.control_openapi import description
from wyoming_server.listeners.control_schemas import OPERATIONS

from .control_surfaces import RecordingSurface, opened


async def test_every_answer_and_every_refusal_of_a_real_server_is_as_described(tmp_path: Path) -> None:
    with controlled(tmp_path) as served:
        url, token = control_of(served)
        verdict = await held(url, token, examples=4, seed=4, phases=("examples", "fuzzing"))
    assert verdict.passed, verdict.output
    assert verdict.operations == len(OPERATIONS) - 1  # it reads the description, and does not ask for it again


async def test_an_answer_that_does_not_fit_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surface = RecordingSurface()
    monkeypatch.setattr(surface, "policy", lambda: {"routing_mode": "fast"})
    async with opened(surface, tmp_path) as (door, _):
        verdict = await held(door.url, door.token, examples=1, seed=4, phases=("fuzzing",), only="/api/v1/policy")
    assert not verdict.passed
    assert "GET /api/v1/policy" in verdict.output


def test_the_description_names_every_operation_and_every_schema() -> None:
    told = description()
    operations = [one for path in told["paths"].values() for one in path.values()]
    assert sorted(one["operationId"] for one in operations) == sorted(one.name for one in OPERATIONS)
    references = set(_references(told))
    assert references == {f"#/components/schemas/{name}" for name in told["components"]["schemas"]}


def test_each_schema_is_json_schema_and_each_example_fits_its_own() -> None:
    told = description()
    for path in told["paths"].values():
        for one in path.values():
            for kind, content in one.get("requestBody", {}).get("content", {}).items():
                schema = content["schema"] | {"components": told["components"]}
                jsonschema.Draft202012Validator.check_schema(schema)
                if "example" in content:
                    assert kind == "application/json"
                    jsonschema.validate(content["example"], schema)
    for schema in told["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_a_request_may_hold_nothing_that_is_not_described_and_an_answer_may() -> None:
    told = description()
    policy = told["paths"]["/api/v1/policy"]["put"]
    assert policy["requestBody"]["content"]["application/json"]["schema"]["additionalProperties"] is False
    assert "additionalProperties" not in told["components"]["schemas"]["Policy"]


def test_the_shapes_load_no_web_server() -> None:
    program = "import sys, wyoming_server.listeners.control_schemas; print('aiohttp' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout == "False\n"


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [one for part in value.values() for one in _references(part)]
    return [one for part in value for one in _references(part)] if isinstance(value, list) else []
