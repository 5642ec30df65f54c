"""The status page's files: complete, free of everything inline, and asked for anew only when they are others."""

import fnmatch
import posixpath
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from wyoming_server.listeners.control_page import FOLDER, INDEX, POLICY, assets

from .control_surfaces import RecordingSurface, opened

ROOT = Path(__file__).parents[3]
FRONTEND = ROOT / "custom_components/edge_voice/frontend"
_IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?from\s+["']([^"']+)["']|^import\s+["']([^"']+)["']""", re.MULTILINE)
_LATER = re.compile(r"""import\(["']([^"']+)["']\)""")


def imports(name: str, pattern: re.Pattern[str] = _IMPORT) -> Iterator[str]:
    """Yield the files that a module names, by their paths in the page's folder."""
    for found in pattern.finditer(assets()[name].body.decode()):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(name), next(filter(None, found.groups()))))


def needed(name: str) -> set[str]:
    """Return the modules that a module cannot do without."""
    known: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in known:
            known.add(one)
            waiting += imports(one)
    return known


def test_every_module_that_is_named_is_there() -> None:
    named = {
        one for name in assets() if name.endswith(".js") for kind in (_IMPORT, _LATER) for one in imports(name, kind)
    }
    assert named <= set(assets())
    index = assets()[INDEX].body.decode()
    assert {one.removeprefix("page/") for one in re.findall(r'(?:src|href)="(page/[^"]+)"', index)} <= set(assets())


def test_what_the_first_view_needs_is_fetched_side_by_side() -> None:
    index = assets()[INDEX].body.decode()
    ahead = re.findall(r'rel="modulepreload" href="page/([^"]+)"', index)
    assert sorted(ahead) == sorted(needed("app.js") - {"app.js"})


def test_nothing_is_inline_and_nothing_is_elsewhere() -> None:
    index = assets()[INDEX].body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", index)
    for name, asset in assets().items():
        if name.startswith("vendor/") or not name.endswith((".js", ".html", ".css")):
            continue
        assert not re.search(r"\bstyle=[\"']", asset.body.decode()), name
        assert not re.search(r"(?:src|href|import|url\()\s*[=(]?\s*[\"']?https?:", asset.body.decode()), name
    assert "unsafe" not in POLICY


def test_card_and_page_draw_with_the_same_modules() -> None:
    shared = [one for one in (FOLDER / "shared").rglob("*.js") if one.is_symlink()]
    assert len(shared) >= 8
    for one in shared:
        assert one.resolve() == FRONTEND / one.relative_to(FOLDER / "shared")


def test_a_package_holds_every_file_and_each_librarys_licence() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]["*"]
    files = [one for one in FOLDER.rglob("*") if one.is_file()]
    assert [one for one in files if not any(fnmatch.fnmatch(one.name, pattern) for pattern in patterns)] == []
    assert {one.relative_to(FOLDER).as_posix() for one in files} == set(assets())
    for library in (FOLDER / "vendor").iterdir():
        assert "Copyright" in (library / "LICENSE.txt").read_text("utf-8")
        assert f"page/vendor/{library.name}/" in (ROOT / "NOTICE").read_text("utf-8")


async def test_the_page_is_open_to_all_and_holds_nothing_of_the_home(tmp_path: Path) -> None:
    surface = RecordingSurface()
    async with opened(surface, tmp_path) as (_, session):
        for path in ("/", "/page/app.js", "/page/page.css", "/page/icon.svg"):
            async with session.get(path, headers={"Authorization": ""}) as answer:
                assert answer.status == 200
                assert answer.headers["Content-Security-Policy"] == f"{POLICY}; frame-ancestors 'none'"
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.charset == "utf-8"
    assert surface.asked == []


async def test_a_file_is_sent_packed_and_once(tmp_path: Path) -> None:
    async with opened(RecordingSurface(), tmp_path) as (_, session):
        async with session.get("/page/app.js") as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert await answer.read() == (FOLDER / "app.js").read_bytes()
            assert answer.headers["Cache-Control"] == "no-cache"
            tag = answer.headers["ETag"]
        async with session.get("/page/app.js", headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        async with session.get("/page/app.js", headers={"Accept-Encoding": "identity"}) as answer:
            assert "Content-Encoding" not in answer.headers
            assert await answer.read() == (FOLDER / "app.js").read_bytes()


@pytest.mark.parametrize(
    "path",
    ["/page/", "/page/none.js", "/page/../app.js", "/page/%2e%2e/settings.py", "/page//etc/passwd", "/page/shared"],
)
async def test_no_other_file_is_there(path: str, tmp_path: Path) -> None:
    async with opened(RecordingSurface(), tmp_path) as (_, session), session.get(path) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "not-found")
