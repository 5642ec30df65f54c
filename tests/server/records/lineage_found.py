"""What goes where in the code as it is: found without the register, to be held against it."""

import ast
import contextlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import voluptuous as vol

from tests.server.cloud.recorder import Arrival
from wyoming_server.listeners.control_answers import MESSAGES
from wyoming_server.listeners.control_operation import JSON
from wyoming_server.listeners.control_schemas import OPERATIONS
from wyoming_server.listeners.control_values import Either, Maybe, Named, Several
from wyoming_server.records.database import Database
from wyoming_server.records.lineage_shape import Flow
from wyoming_server.records.schema import MIGRATIONS

ROOT = Path(__file__).parents[3]
SERVER, INTEGRATION = ROOT / "wyoming_server", ROOT / "custom_components" / "edge_voice"
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
TRANSPORT = {"host", "content-length", "transfer-encoding", "connection"}
"""Headers that say nothing but how long the message is, and to whom it goes."""

type Found = frozenset[tuple[str, str]]
"""Where, and which field."""


def declared(flows: Iterable[Flow], *kinds: str) -> Found:
    """Return the flows of some kinds, as they are found."""
    return frozenset((one.where, one.field) for one in flows if one.kind in kinds)


def differences(declared: Found, found: Found) -> dict[str, list[tuple[str, str]]]:
    """Return what is there and undeclared, and what is declared and gone; nothing when they are the same."""
    both = {"undeclared": sorted(found - declared), "gone": sorted(declared - found)}
    return {name: flows for name, flows in both.items() if flows}


def twice(flows: Iterable[Flow]) -> list[tuple[str, str, str]]:
    """Return what is declared more than once."""
    counts = Counter((one.kind.value, one.where, one.field) for one in flows)
    return [flow for flow, times in counts.items() if times > 1]


# The store


def columns(folder: Path) -> Found:
    """Return every column of a store that the server itself has made."""
    file = folder / "lineage.sqlite"
    database = Database(file, MIGRATIONS)
    database.run(lambda connection: None)
    database.close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return frozenset(
            (table, column[1])
            for table in tables
            if not table.startswith("sqlite_")
            for column in connection.execute(f"PRAGMA table_info({table})")
        )


# The log


def log_values(root: Path = SERVER) -> Found:
    """Return every value that a call of a logger hands over: (module, the value's source)."""
    return frozenset(one for path in sorted(root.rglob("*.py")) for one in _logged(path, root))


def _logged(path: Path, root: Path) -> Iterator[tuple[str, str]]:
    module = path.relative_to(root).as_posix().removesuffix(".py").replace("/", ".")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_logger(node.func.value)):
            continue
        if node.func.attr not in LOG_METHODS | {"log"}:
            continue
        sentence, *values = node.args[1:] if node.func.attr == "log" else node.args
        if not isinstance(sentence, ast.Constant):
            yield module, f"a sentence that is put together: {ast.unparse(sentence)}"
        yield from ((module, ast.unparse(value)) for value in values)
        yield from (
            (module, f"fields that are put together: {ast.unparse(value)}")
            for keyword in node.keywords
            if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict)
            for value in keyword.value.values
            if not isinstance(value, ast.Call)
        )


def _is_logger(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):  # logging.getLogger(…).error(…)
        return isinstance(node.func, ast.Attribute) and node.func.attr == "getLogger"
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name.strip("_").casefold().endswith("logger") or name == "logging"


# The control API


def answers() -> Found:
    """Return the fields of every answer; a shape with a name of its own is told once, by that name."""
    found = set[tuple[str, str]]()
    for one in OPERATIONS:
        found |= {(one.name, "body")} if one.answer is None else _fields(one.name, one.answer)
    return frozenset(found)


def requests() -> Found:
    """Return the fields of every request: of its query and its body."""
    found = set[tuple[str, str]]()
    for one in OPERATIONS:
        found |= {(one.name, name) for name in (*one.query, *re.findall(r"{(\w+)}", one.path))}
        if one.body is not None:
            found |= _fields(one.name, one.body)
        if one.kind != JSON:
            found.add((one.name, "recording"))
    return frozenset(found)


def messages() -> Found:
    """Return the fields of every message of the WebSocket; the shapes in them are those of answers."""
    found = set().union(*(_fields(kind, shape) for kind, shape in MESSAGES.items()))
    assert {one for one in found if one[0] not in MESSAGES} <= answers()
    return frozenset(one for one in found if one[0] in MESSAGES)


def _fields(where: str, shape: Any) -> set[tuple[str, str]]:
    """Return the top fields of a shape, and those of shapes with names that are in it."""
    if isinstance(shape, Named):
        return _fields(shape.name, shape.inner)
    inner = getattr(shape, "schema", shape)
    if not isinstance(inner, Mapping):
        return set().union(*(_named(one) for one in _parts(shape)))
    found = {(where, str(key)) for key in inner if isinstance(key, str | vol.Marker)}
    return found.union(*(_named(value) for value in inner.values()))


def _named(shape: Any) -> set[tuple[str, str]]:
    """Return the fields of shapes with names, however deep they are."""
    if isinstance(shape, Named):
        return _fields(shape.name, shape.inner)
    inner = getattr(shape, "schema", shape)
    parts = inner.values() if isinstance(inner, Mapping) else _parts(shape)
    return set().union(*(_named(one) for one in parts))


def _parts(shape: Any) -> tuple[Any, ...]:
    if isinstance(shape, Either):
        return shape.inner
    return (shape.inner,) if isinstance(shape, Maybe | Several) else ()


def told(where: str, shape: Any, value: Any) -> set[tuple[str, str]]:
    """Return the fields of a real answer, named as `answers` names those of its shape; unknown ones, too."""
    if isinstance(shape, Named):
        return told(shape.name, shape.inner, value)
    inner = getattr(shape, "schema", shape)
    if isinstance(value, dict) and isinstance(inner, Mapping):
        shapes = {str(key): one for key, one in inner.items() if isinstance(key, str | vol.Marker)}
        fields = {(where, name) for name in value} if where and shapes else set()
        return fields.union(*(told("", shapes.get(name), one) for name, one in value.items()))
    if isinstance(value, list) and isinstance(shape, Several):
        return set().union(*(told("", shape.inner, one) for one in value))
    return set().union(*(told(where, one, value) for one in _parts(shape) if value is not None))


# What a speech service gets


def upload(arrival: Arrival) -> set[str]:
    """Return the fields of one request."""
    found = {f"header:{name.decode().lower()}" for name, _ in arrival.raw_headers} - {
        f"header:{one}" for one in TRANSPORT
    }
    found |= {"path", *(f"query:{name}" for name, _ in arrival.query)}
    kind = (arrival.header("content-type") or "").partition(";")[0]
    if kind == "application/json":
        found |= {f"json:{path}" for path in leaves(json.loads(arrival.body))}
    elif kind == "application/x-www-form-urlencoded":
        found |= {f"form:{name}" for name, _ in parse_qsl(arrival.body.decode())}
    elif kind == "multipart/form-data":
        found |= _parts_of_form(arrival.body)
    elif arrival.body:
        found.add("body")
    return found


def _parts_of_form(body: bytes) -> set[str]:
    """Return the names of a form's fields; one that holds JSON is told by what is in it."""
    found = set[str]()
    for piece in body.split(b'form-data; name="')[1:]:
        name, _, rest = piece.partition(b'"')
        value = rest.partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
        if value.startswith(b"{"):
            found |= {f"json:{name.decode()}.{path}" for path in leaves(json.loads(value)) if path}
        else:
            found.add(f"form:{name.decode()}")
    return found


def leaves(value: Any, path: str = "") -> set[str]:
    """Return the paths of a document's values; entries of a list are one."""
    if isinstance(value, dict) and value:
        return set().union(*(leaves(one, f"{path}.{key}" if path else key) for key, one in value.items()))
    if isinstance(value, list) and value:
        return set().union(*(leaves(one, f"{path}[]") for one in value))
    return {path}
