"""A data folder is copied while its server runs, put back without its keys, and served from: one line of JSON.

Long form: `python -m tests.server.proofs.backup [--copies 12] [--turns 6]`. The copies are taken file by file while the
server writes, so the records in them may be torn. None may hold a key, a token, a text, a sound or a name; a server
must start from each, hear a turn and keep it; and where something sealed was in it, it says what its owner can do.
"""

import argparse
import asyncio
import fnmatch
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.server.cloud.server import CONSENT
from tests.server.control.owner import Owner, owner_of
from tests.server.home import Home, home, settings_for_tests
from tests.server.listeners.houses import said
from tests.server.peer import connected
from tests.server.proofs.searched import count_in, forms_of_bytes, forms_of_text
from wyoming_server.records.backups import LEFT_OUT

ROOM = "assist_satellite.room_of_the_smiths"
KEY = "sk-of-the-smiths-4711"
LANE = {"name": "far", "provider": "openai", "key": KEY, "consent": CONSENT, "satellites": ["nobody"]}
WRONG = ("secrets in copies", "no start", "no text", "not kept", "not said")


def settings(folder: Path) -> Any:
    """Return settings by which all is kept."""
    return settings_for_tests(
        folder,
        control={"address": "127.0.0.1:0", "announce": False, "keep_transcripts": True},
        records={"keep_recordings": True},
    )


async def turn(served: Home) -> str:
    """Say something, and return what was heard."""
    told = {"satellite_id": ROOM, "session_id": "session-of-the-smiths"}
    async with connected(served.uri) as peer:
        return (await peer.turn(said("kitchen"), {"language": "en", "context": {"edge_voice": told}})).text


def copied(data: Path, to: Path, *, whole: bool = False) -> None:
    """Copy a folder file by file, as it is at that moment, without what a backup leaves out."""
    to.mkdir(parents=True)
    for path in sorted(data.rglob("*")):
        if not whole and any(fnmatch.fnmatch(path.name, one) for one in LEFT_OUT):
            continue
        with suppress(FileNotFoundError):  # it was there a moment ago
            if path.is_dir():
                (to / path.relative_to(data)).mkdir(exist_ok=True)
            else:
                shutil.copy(path, to / path.relative_to(data))


async def taken(folder: Path, *, copies: int, turns: int) -> list[dict[str, bytes]]:
    """Serve, and take copies meanwhile; return what must be in none of them."""
    with home(settings(folder)) as served:
        async with owner_of(served) as owner:
            await owner.lanes(LANE)
            await owner.satellite(ROOM, wake_threshold=0.7)
            texts = set[str]()
            for number in range(copies):
                talking = asyncio.create_task(_talk(served, turns))
                await asyncio.sleep(number * 0.01)
                await asyncio.to_thread(copied, folder / "data", folder / f"copy-{number}" / "data")
                texts |= await talking
    data = folder / "data"
    files = [forms_of_bytes((data / name).read_bytes()) for name in ("records-key", "master-key", "control-token")]
    return [*files, *(forms_of_text(one) for one in (*texts, ROOM, KEY)), forms_of_bytes(said("kitchen")[4000:])]


async def _talk(served: Home, turns: int) -> set[str]:
    return {await turn(served) for _ in range(turns)}


async def put_back(folder: Path, counts: Counter[str]) -> None:
    """Serve from a copy."""
    try:
        with home(settings(folder)) as served:
            async with owner_of(served) as owner:
                counts["no text"] += not await turn(served)
                await _asked(owner, counts)
    except (AssertionError, OSError) as error:
        counts["no start"] += 1
        counts[f"error {error}"[:200]] += 1
    counts["torn records, set aside"] += bool(list((folder / "data").glob("*.damaged-*")))


async def _asked(owner: Owner, counts: Counter[str]) -> None:
    records = (await owner.ask("GET", "records"))["records"]
    counts["not kept"] += "text" not in records[0]
    status = await owner.ask("GET", "status")
    had_seals = len(records) > 1
    says = {one["code"]: one["message"] for one in status["warnings"]}
    counts["copies with sealed texts"] += had_seals
    counts["not said"] += had_seals and "Append the old" not in says.get("records-key", "")
    counts["turns of before"] += len(records) - 1
    counts["read without the key"] += sum("text" in one for one in records[1:])


async def prove(folder: Path, *, copies: int, turns: int) -> Counter[str]:
    """Take copies and put them back."""
    counts = Counter[str](dict.fromkeys(WRONG, 0) | {"read without the key": 0})
    never = await taken(folder, copies=copies, turns=turns)
    counts["secrets, looked for"] = len(never)
    await asyncio.to_thread(copied, folder / "data", folder / "whole" / "data", whole=True)
    counts["of them in a whole copy"] = count_in(folder / "whole", never)
    for number in range(copies):
        copy = folder / f"copy-{number}"
        counts["copies"] += 1
        counts["secrets in copies"] += count_in(copy, never)
        await put_back(copy, counts)
    return counts


def main() -> int:
    """Print the counts; return 1 when a copy gave anything away or could not be served from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=12)
    parser.add_argument("--turns", type=int, default=6)
    arguments = parser.parse_args()
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = asyncio.run(prove(Path(folder), copies=arguments.copies, turns=arguments.turns))
    print(json.dumps({"seconds": round(time.monotonic() - start_s)} | dict(sorted(counts.items()))))
    return int(any(counts[name] for name in (*WRONG, "read without the key")))


if __name__ == "__main__":
    sys.exit(main())
