"""What a real server keeps of what was said, and that it is gone when its owner says so."""

import fnmatch
import io
import shutil
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.listeners.control_access import TOKEN_FILE
from wyoming_server.listeners.control_certificate import CERTIFICATE_FILE, KEY_FILE
from wyoming_server.records.backups import LEFT_OUT

from ..cloud.server import CONSENT
from ..home import Home, home, settings_for_tests
from ..listeners.houses import said
from ..peer import Heard, connected
from ..proofs.searched import forms_of_text, found_in
from .owner import Owner, owner_of

KITCHEN, NURSERY = "assist_satellite.kitchen_of_the_smiths", "assist_satellite.nursery_of_the_smiths"
SPOKEN = "kitchen"
LANE = {"name": "far", "provider": "openai", "key": "sk-of-the-smiths", "consent": CONSENT, "satellites": ["nobody"]}


def settings(folder: Path) -> Any:
    return settings_for_tests(
        folder,
        control={"address": "127.0.0.1:0", "announce": False, "keep_transcripts": True},
        records={"keep_recordings": True},
    )


async def turn(served: Home, satellite: str) -> Heard:
    """Say something in a room."""
    told = {"satellite_id": satellite, "session_id": f"session-of-{satellite}"}
    async with connected(served.uri) as peer:
        return await peer.turn(said(SPOKEN), {"language": "en", "context": {"edge_voice": told}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("private")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Home]:
    with home(settings(folder)) as one:
        yield one


@pytest.fixture
async def owner(served: Home) -> AsyncIterator[Owner]:
    async with owner_of(served) as one:
        yield one
        await one.ask("POST", "purge", {"what": "everything"})


async def records(owner: Owner) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await owner.ask("GET", "records"))["records"]
    return found


async def test_its_owner_reads_hears_and_corrects_what_was_said(served: Home, owner: Owner) -> None:
    heard = await turn(served, KITCHEN)
    (told,) = (await owner.ask("GET", "turns"))["turns"]
    await owner.ask("POST", f"turns/{told['turn_id']}/correction", {"text": "something else altogether"})
    (record,) = await records(owner)
    assert (record["text"], record["correction"], record["recording"]) == (
        heard.text,
        "something else altogether",
        True,
    )
    assert record["satellite"] == KITCHEN
    async with owner.http.get(f"/api/v1/records/{record['number']}/recording") as reply:
        assert reply.content_type == "audio/wav"
        with wave.open(io.BytesIO(await reply.read())) as file:
            assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
            assert file.getnframes() / 16_000 > 0.5
    kept = await owner.ask("GET", "kept")
    rows = {one["name"]: one["rows"] for one in kept["classes"] if one["rows"]}
    assert {name: rows[name] for name in ("turns", "transcripts", "recordings", "corrections")} == dict.fromkeys(
        ("turns", "transcripts", "recordings", "corrections"), 1
    )
    assert (rows["data-keys"], rows["identifier-keys"]) == (3, 1)
    status = (await owner.ask("GET", "status"))["records"]
    assert status == kept["now"]
    assert (status["key"], status["turns"], status["recordings"]) == ("good", 1, 1)


async def test_one_room_is_forgotten_everywhere_and_the_other_stays(served: Home, owner: Owner) -> None:
    for satellite in (KITCHEN, NURSERY):
        await turn(served, satellite)
    answer = await owner.ask("POST", "purge", {"what": "everything", "satellite": NURSERY})
    kept = {"turns": 1, "transcripts": 1, "recordings": 1, "corrections": 0, "queue": 0, "satellites": 1}
    assert answer["erased"] == kept
    assert not any(answer["left"].values())
    assert [one["satellite"] for one in await records(owner)] == [KITCHEN]
    assert [one["satellite"] for one in (await owner.ask("GET", "turns"))["turns"]] == [KITCHEN]
    refused = await owner.ask("POST", "purge", {"what": ["ledger"], "satellite": NURSERY}, status=400)
    assert refused["code"] == "invalid-request"


async def test_texts_that_are_purged_are_gone_from_memory_too(served: Home, owner: Owner) -> None:
    await turn(served, KITCHEN)
    assert (await owner.ask("GET", "turns"))["turns"][0]["text"]
    erased = (await owner.ask("POST", "purge", {"what": ["transcripts", "recordings"]}))["erased"]
    assert erased == {"transcripts": 1, "recordings": 1}
    assert "text" not in (await owner.ask("GET", "turns"))["turns"][0]
    (record,) = await records(owner)
    assert "text" not in record
    assert not record["recording"]
    refused = await owner.ask("GET", f"records/{record['number']}/recording", status=404)
    assert refused["code"] == "not-kept"


async def test_everything_that_is_purged_is_gone_and_nothing_is_left(served: Home, owner: Owner, folder: Path) -> None:
    names = {"names": ["Aunt Polly's lamp"], "areas": [], "floors": [], "terms": []}
    await owner.ask("PUT", "vocabulary", names)
    await owner.satellite(KITCHEN, wake_threshold=0.7)
    await owner.lanes(LANE | {"name": "Thatcher"})
    heard = await turn(served, KITCHEN)
    lane, *never = (forms_of_text(one) for one in ("Thatcher", heard.text, KITCHEN, "Aunt Polly", "sk-of-the-smiths"))
    assert found_in(folder, [lane])["plain"]
    assert not found_in(folder, never)
    answer = await owner.ask("POST", "purge", {"what": "everything"})
    of_one = ("turns", "transcripts", "recordings", "vocabulary", "lanes")
    assert {one: answer["erased"][one] for one in of_one} == dict.fromkeys(of_one, 1)
    assert answer["left"] == dict.fromkeys(answer["erased"], 0)
    assert await records(owner) == []
    assert not found_in(folder, [lane, *never])


def test_the_list_of_what_backups_leave_out_names_the_files_as_they_are() -> None:
    assert {TOKEN_FILE, KEY_FILE, CERTIFICATE_FILE} <= LEFT_OUT.keys()
    documented = (Path(__file__).parents[3] / "docs" / "privacy.md").read_text("utf-8")
    assert all(f"| `{name}` | {what} |" in documented for name, what in LEFT_OUT.items())


async def test_a_backup_without_keys_is_put_back_and_the_server_serves_and_says_what_to_do(tmp_path: Path) -> None:
    with home(settings(tmp_path / "old")) as old:
        async with owner_of(old) as owner:
            await owner.lanes(LANE)
            heard = await turn(old, KITCHEN)
            (before,) = await records(owner)
            assert before["text"] == heard.text
            identity = (await owner.ask("GET", "status"))["server"]["id"]
    shutil.copytree(
        tmp_path / "old" / "data",
        tmp_path / "new" / "data",
        ignore=lambda _, names: {name for name in names for one in LEFT_OUT if fnmatch.fnmatch(name, one)},
    )
    assert not {TOKEN_FILE, "records-key", "master-key"} & {one.name for one in (tmp_path / "new" / "data").iterdir()}
    with home(settings(tmp_path / "new")) as new:
        async with owner_of(new) as owner:
            status = await owner.ask("GET", "status")
            assert (status["server"]["id"], status["records"]["key"]) == (identity, "missing")
            warnings = {one["code"]: one["message"] for one in status["warnings"]}
            assert "Append the old 'records-key'" in warnings["records-key"]
            assert (status["lanes"][0]["key_ends"], len(status["lanes"])) == (None, 1)
            (record,) = await records(owner)
            assert ("text" in record, record["recording"], record["satellite"]) == (False, False, None)
            refused = await owner.ask("GET", f"records/{record['number']}/recording", status=503)
            assert refused["code"] == "records-key"
            again = await turn(new, KITCHEN)
            assert (await records(owner))[0]["text"] == again.text
            assert (await owner.ask("POST", "purge", {"what": ["turns"]}))["left"] == {"turns": 0}
            status = await owner.ask("GET", "status")
            assert status["records"]["key"] == "none"
            assert "records-key" not in {one["code"] for one in status["warnings"]}
