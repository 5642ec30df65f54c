"""A small real Wyoming server on loopback that answers as its script says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from wyoming.event import Event, async_read_event, async_write_event

type Script = Callable[[Event, int], Sequence[Event]]
"""An event and how many audio bytes came before it → what is answered to it."""


@dataclass
class Small:
    """The server: what it heard, and how it answers."""

    script: Script
    uri: str = ""
    heard: list[Event] = field(default_factory=list)
    ends_after_answer: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        audio_bytes = 0
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while event := await async_read_event(reader):
                self.heard.append(event)
                if event.type in {"transcribe", "detect"}:
                    audio_bytes = 0
                audio_bytes += len(event.payload or b"")
                answers = self.script(event, audio_bytes)
                for answer in answers:
                    await async_write_event(answer, writer)
                if answers and self.ends_after_answer:
                    break

    def types(self) -> list[str]:
        """Return the types heard, runs of the same one once."""
        kinds = [event.type for event in self.heard]
        return [kind for at, kind in enumerate(kinds) if not at or kinds[at - 1] != kind]


@contextlib.asynccontextmanager
async def small_server(script: Script) -> AsyncIterator[Small]:
    """Run it until the end."""
    small = Small(script)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Awaitable[None]:
        task = asyncio.ensure_future(small.serve(reader, writer))
        tasks.add(task)
        return task

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    small.uri = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield small
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def at_stop(*answers: Event) -> Script:
    """Answer audio-stop."""
    return lambda event, _: answers if event.type == "audio-stop" else ()


def transcript(text: str, **detail: object) -> Event:
    """Return a transcript event."""
    context = {"context": {"edge_voice": detail}} if detail else {}
    return Event("transcript", {"text": text, "language": "en", **context})
