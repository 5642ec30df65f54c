"""How long a model that cannot serve is left alone before it is tried again, and how."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

MOST_CRASHES: Final = 2
"""A model that crashed so often is left alone where another can stand in."""
FIRST_PAUSE_SECONDS: Final = 300.0
"""Until what failed is tried again; doubled each time."""
LONGEST_PAUSE_SECONDS: Final = 21_600.0
LOOK_SECONDS: Final = 5.0
"""So often the files of what failed are looked at: somebody may have mended them."""

type TryApart = Callable[[Path], Awaitable[None]]
"""Loads a model and has it hear in a process of its own, which it may take down. Raises EdgeVoiceError."""
type UntilMended = Callable[[Path | None, float], Awaitable[None]]
"""Waits until a model's files have changed, or so many seconds have passed."""


def pause_after(failures: int) -> float:
    """Return how long what has failed so often on end is left alone, in seconds."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 20))


def look_of(model: Path) -> str:
    """Return what tells a folder's files from others in the same place, without reading them."""
    found = []
    with contextlib.suppress(OSError):
        for entry in sorted(model.iterdir()):
            status = entry.stat()
            found.append(f"{entry.name} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(found)


async def until_mended(model: Path | None, seconds: float, look_seconds: float = LOOK_SECONDS) -> None:
    """Wait until a model's files are others than now, or so many seconds have passed."""
    before = await asyncio.to_thread(look_of, model) if model else ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                await asyncio.sleep(look_seconds)
                if model is not None and await asyncio.to_thread(look_of, model) != before:
                    return
