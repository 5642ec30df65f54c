"""What is heard and said by Wyoming, announced, and told to the Supervisor is what the register says."""

import ast
from collections.abc import Mapping
from typing import Any

from tests.server.home import Home
from tests.server.peer import audio, connected, event, kitchen
from tests.server.records import lineage_found as found
from tests.server.records.lineage_found import Found, differences
from wyoming_server.commands.recording import PACKAGED, read_recording
from wyoming_server.listeners.control_door import ControlDoor
from wyoming_server.listeners.control_settings import ControlSettings
from wyoming_server.listeners.discovery import SERVICE_TYPE, announcement_of
from wyoming_server.listeners.supervisor_discovery import supervisor_config
from wyoming_server.records import lineage
from wyoming_server.records.lineage_shape import Kind

READERS = {"_text", "_texts", "_one_of"}
"""Functions of requests.py that read a field; its name is the last argument."""
HEALTH: Mapping[str, Any] = {
    "id": "0" * 32,
    "name": "Edge Voice",
    "version": "0.1.0",
    "api": {"version": 1},
    "languages": ["en"],
    "wyoming_port": 10300,
}
DOOR = ControlDoor(host="0.0.0.0", port=10380, fingerprint="f" * 64, show_token=lambda: "a-token-of-a-test")


def declared(kind: Kind) -> Found:
    return found.declared(lineage.flows(), kind)


def fields(data: Mapping[str, Any]) -> set[str]:
    """Return the top fields of an event, and those of our part of its context."""
    ours = data.get("context", {}).get("edge_voice", {}) if isinstance(data.get("context"), dict) else {}
    return {name for name in data if name != "context"} | {f"edge_voice.{name}" for name in ours}


async def test_every_event_of_ours_holds_what_is_declared(served: Home) -> None:
    wake = read_recording(PACKAGED / "wake.wav")
    told = {"language": "en", "context": {"edge_voice": {"satellite_id": "lineage", "session_id": "lineage"}}}
    async with connected(served.uri) as peer:
        await peer.say(event("describe"), event("ping", {"text": "are you there?"}))
        await peer.until("pong")
        await peer.turn(kitchen().pcm, told)
        await peer.say(event("detect", {}), *audio(wake.pcm))
        await peer.until("detection")
        await peer.say(event("transcribe", {"name": "nobody"}))
        await peer.until("error")
        heard = list(peer.heard)
    there = frozenset((one.kind, field) for one in heard for field in fields(one.data))
    silent = {"transcript-start", "not-detected"}
    """Events without a field."""
    assert differences(declared(Kind.WYOMING_OUT), there) == {}
    assert {one.kind for one in heard} - silent == {
        one.where for one in lineage.flows() if one.kind is Kind.WYOMING_OUT
    }


def test_every_field_that_is_read_of_a_peer_is_declared() -> None:
    """Each is read in one file, by its name."""
    tree = ast.parse((found.SERVER / "listeners" / "requests.py").read_text("utf-8"))
    read = {
        node.args[-1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.args[-1], ast.Constant)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in READERS)
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "get")
        )
    }
    in_bulk = {"rate", "width", "channels", "payload", "text"}
    """Audio's own, and a ping's."""
    names = {field.removeprefix("edge_voice.") for _, field in declared(Kind.WYOMING_IN)}
    assert names - in_bulk == read - {"context"}


def test_what_is_announced_is_declared() -> None:
    told = announcement_of(ControlSettings(), HEALTH, uris=["tcp://0.0.0.0:10300"], door=DOOR, machine="hub")
    assert told is not None
    there = frozenset((SERVICE_TYPE, name) for name in (*told.properties, "name", "port", "hosts"))
    assert differences(declared(Kind.ANNOUNCEMENT), there) == {}


def test_what_the_supervisor_is_told_is_declared() -> None:
    told = supervisor_config(HEALTH, DOOR, host="hub")
    assert told is not None
    assert differences(declared(Kind.SUPERVISOR), frozenset(("discovery", name) for name in told)) == {}
