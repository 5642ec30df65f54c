"""Messages to whoever listens, each with a bounded queue of its own."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

type Json = dict[str, Any]

MOST_WAITING = 256
"""Messages that a listener may be behind: twelve hours of a busy home."""


class Feed:
    """One publisher, any listeners. A listener that does not read is let go; the others never wait for it."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Json | None]] = set()

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def publish(self, message: Json) -> None:
        """Send a message to all; never blocks."""
        for queue in tuple(self._listeners):
            if queue.qsize() < MOST_WAITING:
                queue.put_nowait(message)
            else:
                self._listeners.discard(queue)
                queue.put_nowait(None)

    async def listen(self, first: Callable[[], Json]) -> AsyncGenerator[Json]:
        """Yield `first` as it is now, then all that is published; ends when the listener was let go."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            yield first()
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self._listeners.discard(queue)
