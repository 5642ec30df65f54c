"""The integration as its files say it: sources, texts and tables, read once."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from homeassistant.util.yaml import load_yaml_dict

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "custom_components" / "edge_voice"
DOCS = ROOT / "docs" / "home-assistant.md"
ENTITIES = ROOT / "docs" / "entities.md"

type Tree = dict[str, Any]


@cache
def manifest() -> Tree:
    """Return the manifest."""
    return read_json(PACKAGE / "manifest.json")


@cache
def icons() -> Tree:
    """Return the icons."""
    return read_json(PACKAGE / "icons.json")


@cache
def texts(language: str = "en") -> Tree:
    """Return a language's texts."""
    return read_json(PACKAGE / "translations" / f"{language}.json")


@cache
def described(file: str) -> Tree:
    """Return what `services.yaml`, `triggers.yaml` or `conditions.yaml` describes."""
    return {name: told or {} for name, told in load_yaml_dict(str(PACKAGE / file)).items() if not name.startswith(".")}


@cache
def trees() -> dict[str, ast.Module]:
    """Return each source's syntax tree by its name."""
    return {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.glob("*.py"))}


def source(name: str) -> str:
    """Return a module's text."""
    return (PACKAGE / f"{name}.py").read_text(encoding="utf-8")


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a module."""
    yield from (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def defines(module: str, function: str) -> bool:
    """Tell whether a module has a function, or another name for one."""
    aliases = (one for one in ast.walk(trees()[module]) if isinstance(one, ast.Assign))
    names = {target.id for one in aliases for target in one.targets if isinstance(target, ast.Name)}
    return function in names | {one.name for one in functions(trees()[module])}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call with the last name of what is called."""
    for one in ast.walk(tree):
        if isinstance(one, ast.Call):
            match one.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    yield name, one


def leaves(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text with the way to it."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


@cache
def parts(page: Path) -> dict[str, str]:
    """Return what is below each heading of a page, but for headings with nothing below them."""
    found = re.split(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    below = dict(zip(found[1::2], found[2::2], strict=True))
    return {heading: text for heading, text in below.items() if text.strip()}


def read_json(path: Path) -> Tree:
    """Return a JSON file; a repeated key is an error, as one of the two would be lost."""
    tree: Tree = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unrepeated)
    return tree


def _unrepeated(pairs: list[tuple[str, Any]]) -> Tree:
    tree = dict(pairs)
    assert len(tree) == len(pairs), f"repeated: {[key for key, _ in pairs]}"
    return tree
