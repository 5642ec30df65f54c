"""A real Home Assistant with our integration, traced: what it keeps of us and whom it asks is in the register of data.

python -m tests.home_assistant.trace_lineage

A real `hass` process under strace, twice: without the integration, to know what is Home Assistant's own, and with it,
a real server, a pipeline and a spoken command. Every address that only the second run reached must be the server's, and
every file that holds something of ours (the token, the server's id, a turn's id, our entities) must be declared; what
was said, in words or as sound, must be in no file at all. Exits with 1 otherwise.
"""

import asyncio
import fnmatch
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.home_assistant.assist import paced
from tests.home_assistant.hass_process import HomeAssistant, home_assistant
from tests.home_assistant.recordings import recording
from tests.home_assistant.server_process import edge_voice
from tests.server.proofs.traced import STRACE, Seen, can_trace, seen_in
from wyoming_server.records import lineage
from wyoming_server.records.lineage_shape import Kind

SAYS = "kitchen.wav"
OUR_ENTITY = "event.edge_voice_turn"
OUTPUT = {"output.log", "token"}
"""This program's own: what Home Assistant says, and the owner's token."""


async def run(folder: Path, name: str, *, traced: bool, with_ours: bool) -> tuple[Path, Seen, dict[str, bytes]]:
    """Run Home Assistant once; return its folder, what was traced, and what marks as ours what a file holds."""
    config, trace = folder / name, folder / f"{name}.trace"
    config.mkdir()
    marks: dict[str, bytes] = {}
    with edge_voice(control_port=0, data=folder / f"{name}-data") as server:
        async with home_assistant(config, under=[*STRACE, str(trace)] if traced else ()) as hass:
            if with_ours:
                spoken = recording(SAYS)
                stt = await hass.add_edge_voice(server)
                async with hass.session() as assist:
                    heard = await assist.run(await assist.create_pipeline(stt), paced(spoken.followed_by_room(6.0)))
                marks = {
                    "the control token": server.token.encode(),
                    "the server's id": (server.data / "identity").read_bytes().strip(),
                    "a turn's id": (await turn_id(hass)).encode(),
                    "our entities": OUR_ENTITY.encode(),
                    "what was said": heard.text.encode(),
                    "the sound of it": spoken.pcm[16_000:17_000],
                }
                marks["ports"] = f"{server.port} {server.control_port}".encode()
    return config, seen_in(trace, folder) if traced else Seen(), marks


async def turn_id(hass: HomeAssistant) -> str:
    """Return the last turn's id, as its event entity has it."""
    async with hass.session() as assist:
        for _ in range(100):
            states: list[Mapping[str, Any]] = await assist.call("get_states")
            found = [one["attributes"].get("turn_id") for one in states if one["entity_id"] == OUR_ENTITY]
            if found and found[0]:
                return str(found[0])
            await asyncio.sleep(0.1)
    raise AssertionError("no turn was told of")


def files_with(config: Path, mark: bytes) -> list[str]:
    """Return the files of a folder that hold something, also in the other forms that JSON and databases have."""
    forms = {mark, mark.hex().encode(), mark.decode("latin-1").encode("utf-16-le")}
    return [
        name
        for path in sorted(config.rglob("*"))
        if path.is_file() and not path.is_symlink() and (name := path.relative_to(config).as_posix()) not in OUTPUT
        if not name.startswith("custom_components/") and any(one in path.read_bytes() for one in forms)
    ]


def undeclared(names: Iterable[str]) -> list[str]:
    """Return the files that the register lacks."""
    patterns = {one.where for one in lineage.flows() if one.kind is Kind.HOME_ASSISTANT_FILE}
    return [name for name in names if not any(fnmatch.fnmatchcase(name, one) for one in patterns)]


async def prove(folder: Path, *, traced: bool) -> tuple[dict[str, Any], list[str]]:
    """Return the figures, and what is wrong."""
    _, alone, _ = await run(folder, "alone", traced=traced, with_ours=False)
    config, seen, marks = await run(folder, "with-ours", traced=traced, with_ours=True)
    ports = {int(one) for one in marks.pop("ports").split()}
    broken, figures = [], dict[str, Any]()
    for what, mark in marks.items():
        names = files_with(config, mark)
        figures[f"files of Home Assistant with {what}"] = ", ".join(names) or "none"
        if what in {"what was said", "the sound of it"}:
            broken += [f"{what} is in {name}" for name in names]
        else:
            broken += [f"{what} is in {name}, which is not declared" for name in undeclared(names)]
    if figures["files of Home Assistant with the control token"] == "none":
        broken.append("the token is nowhere, so that the search shows nothing")
    own = {port for _, port in alone.listened | seen.listened} - {0}
    new = seen.reached - alone.reached
    ours = {one for one in new if one[1] in ports}
    foreign = {one for one in new - ours if one[1] not in own}
    figures["addresses that only the integration reaches"] = (
        ", ".join(f"{host}:{port}" for host, port in sorted(foreign)) or "the server's"
    )
    broken += [f"{host}:{port} was reached" for host, port in sorted(foreign)]
    if traced and not ours:
        broken.append("the server was not seen to be reached, so that the trace shows nothing")
    return figures | {"traced by strace": traced, "wrong": broken}, broken


def main() -> int:
    """Print the figures; return 1 when anything is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        figures, broken = asyncio.run(prove(Path(folder).resolve(), traced=can_trace()))
    print(json.dumps(figures))
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
