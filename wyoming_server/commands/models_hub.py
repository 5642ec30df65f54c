"""This hub's models, from the shell: by the server that runs with this data folder, or on the disk where none does."""

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from ..bundles.bundle import Kind
from ..bundles.store import ModelStore
from ..errors import EdgeVoiceError, RootRefusedError, UnknownBundleError
from ..settings import Settings
from ..updates.folder import BundleFolder
from ..updates.jobs import refusal_of
from ..updates.readying import read_or_set_aside
from .models_shown import explained, listed, shown_checked, shown_moved, shown_verified
from .report import Style, print_json

type Json = dict[str, Any]

LOOK_S = 0.3


class Hub(Protocol):
    """Where the models are. Each refusal is an EdgeVoiceError."""

    looks_by_itself: bool
    """Whether what it tells is of a look of today; else a command looks first."""

    async def bundles(self) -> Json:
        """Return what `GET /api/v1/bundles` answers."""

    async def trust(self, url: str, root: bytes) -> Json:
        """Trust a repository."""

    async def distrust(self) -> Json:
        """Trust none."""

    async def check(self) -> Json:
        """Look at the repository."""

    async def install(self, kind: str, label: str | None, *, again: bool) -> Json:
        """Begin to install."""

    async def roll_back(self, kind: str) -> Json:
        """Return to the bundle before."""


def add_arguments(parser: argparse.ArgumentParser, action: str) -> None:
    """Add a sub-command's arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    if action in {"install", "explain", "verify"}:
        parser.add_argument("label", nargs="?", metavar="NAME@VERSION", help="the bundle; left out: the newest, or all")
    if action in {"install", "rollback"}:
        kinds = [one.value for one in Kind]
        parser.add_argument("--kind", choices=kinds, default="", help="what it does (asr, or what the label is)")
    if action == "install":
        parser.add_argument("--again", action="store_true", help="also a version that failed here before")
    if action == "trust":
        parser.add_argument("url", metavar="URL", help="where the repository's metadata/ and targets/ lie")
        parser.add_argument(
            "--root", type=Path, required=True, metavar="FILE", help="its root.json, which you got by a way you trust"
        )


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run a sub-command; return the exit status. Raises EdgeVoiceError."""
    if arguments.action == "verify":
        return await asyncio.to_thread(_verify, arguments, settings)
    async with _hub(settings) as hub:
        match arguments.action:
            case "list":
                told = await hub.bundles()
                print_json(told) if arguments.json else print(listed(told, Style.of(sys.stdout)))
            case "explain":
                told = await _looked_at(hub)
                return _explain(arguments, told)
            case "check":
                _show(arguments, await hub.check())
            case "trust":
                _show(arguments, await hub.trust(arguments.url, await asyncio.to_thread(_root, arguments.root)))
            case "distrust":
                _show(arguments, await hub.distrust())
            case "install":
                return await _install(arguments, hub)
            case _:
                await _roll_back(arguments, hub)
    return 0


@asynccontextmanager
async def _hub(settings: Settings) -> AsyncGenerator[Hub]:
    """Give the hub of a data folder. Imported only as needed: the one loads no web client, the other no models."""
    data = Path(settings.server.data_dir)
    if (holder := BundleFolder(data / "bundles").holder()) is not None:
        from .models_remote import remote_hub  # noqa: PLC0415  # see above

        async with remote_hub(data, holder) as remote:
            yield remote
    else:
        from .models_alone import local_hub  # noqa: PLC0415  # see above

        async with local_hub(settings) as local:
            yield local


async def _looked_at(hub: Hub) -> Json:
    """Return what is offered, looked up where nobody does, or has yet."""
    told = await hub.bundles()
    repository = told["repository"]
    is_fresh = repository is None or (hub.looks_by_itself and repository["checked_at"] is not None)
    return told if is_fresh else await hub.check()


def _show(arguments: argparse.Namespace, told: Json) -> None:
    if arguments.json:
        print_json(told)
    else:
        print(shown_checked(told, Style.of(sys.stdout)))


def _explain(arguments: argparse.Namespace, told: Json) -> int:
    offers = [one for one in told["offers"] if arguments.label in {None, one["label"]}]
    if arguments.label is not None and not offers:
        raise UnknownBundleError(f"The repository has no bundle {arguments.label} in this channel")
    if arguments.json:
        print_json({"repository": told["repository"], "offers": offers})
    else:
        print(explained(told, offers, Style.of(sys.stdout)))
    return 0


def _root(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RootRefusedError(f"'{file}' cannot be read: {error.strerror}; name the repository's root.json") from error


async def _install(arguments: argparse.Namespace, hub: Hub) -> int:
    """Install, show how it goes on, and say how it ended."""
    told = await _looked_at(hub)
    kind = arguments.kind or _kind_of(told, arguments.label)
    label = arguments.label or (_of_kind(told, kind)["offered"] or {}).get("label")
    await hub.install(kind, label, again=arguments.again)
    with tqdm(total=100, unit="%", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        while (work := _of_kind(told := await hub.bundles(), kind)["work"]) is not None:
            bar.set_description(work["state"])
            bar.n = round(100 * work["progress"])
            bar.refresh()
            await asyncio.sleep(LOOK_S)
    if (refused := _of_kind(told, kind)["last_refusal"]) is not None and refused["label"] == label:
        raise refusal_of(refused["code"], refused["message"])
    if arguments.json:
        print_json(_of_kind(told, kind))
    else:
        print(shown_moved(_of_kind(told, kind), Style.of(sys.stdout)))
    return 0


async def _roll_back(arguments: argparse.Namespace, hub: Hub) -> None:
    kind = arguments.kind or Kind.ASR.value
    told = _of_kind(await hub.roll_back(kind), kind)
    if arguments.json:
        print_json(told)
    else:
        print(shown_moved(told, Style.of(sys.stdout)))


def _of_kind(told: Json, kind: str) -> Json:
    return next(one for one in told["kinds"] if one["kind"] == kind)


def _kind_of(told: Json, label: str | None) -> str:
    kinds: Sequence[str] = [one["kind"] for one in told["offers"] if one["label"] == label]
    return kinds[0] if kinds else Kind.ASR.value


def _verify(arguments: argparse.Namespace, settings: Settings) -> int:
    """Hold every file to what was signed, or recorded, and return 1 when one is another. Needs no server."""
    data = Path(settings.server.data_dir)
    folder, store = BundleFolder(data / "bundles"), ModelStore(data / "models")
    signed = read_or_set_aside(folder).installed if folder.root.exists() else {}
    plain = [one.name for one in store.models()]
    if arguments.label is not None and arguments.label not in {*signed, *plain}:
        raise UnknownBundleError(f"No model {arguments.label} is installed; `edge-voice models list` shows what is")
    found: list[Json] = []
    for label in (*signed, *plain):
        if arguments.label not in {None, label}:
            continue
        refusal = _refusal_of(folder, store, label, signed=label in signed)
        code, message = (refusal.code, str(refusal)) if refusal else (None, "")
        found.append({"label": label, "signed": label in signed, "code": code, "message": message})
    if arguments.json:
        print_json({"models": found})
    else:
        print(shown_verified(found, Style.of(sys.stdout)))
    return 1 if any(one["code"] for one in found) else 0


def _refusal_of(folder: BundleFolder, store: ModelStore, label: str, *, signed: bool) -> EdgeVoiceError | None:
    try:
        if signed:
            folder.verify(label)
        else:
            store.verify(label)
    except EdgeVoiceError as error:
        return error
    return None
