"""Transcribe WAV files and print their texts."""

import argparse
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ..errors import EdgeVoiceError, UsageError
from ..settings import Settings
from .client import Answer, Manner, connected
from .local import in_process, with_model
from .recording import Recording, read_recording
from .report import complain, print_json

MAY_UPLOAD = (
    "With speech services (cloud.lanes) in --config, a file may be uploaded to one, as it would be in a live turn; "
    "EDGE_VOICE_ROUTING_MODE=edge keeps all of them here."
)
"""What the help of a command says that starts the owner's own server."""
_FILE = Manner(chunk_seconds=0.1, real_time=False, answer_seconds=120.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.epilog = MAY_UPLOAD
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="PCM WAV of any rate, 8 to 32 bits")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--server", metavar="URI", help="ask this Wyoming server instead of starting one")
    where.add_argument("--model", metavar="NAME|DIR", help="starter, a faster-whisper name, or a folder")
    parser.add_argument("--language", metavar="xx", help="of the speech; the server's own choice otherwise")
    parser.add_argument("--json", action="store_true", help="one JSON object per file")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Transcribe each file; return 1 when any failed, after the others went on. Raises UsageError."""
    failed = False
    async with _server(arguments, settings) as uri:
        for path in arguments.files:
            try:
                recording = read_recording(path)
                answer = await heard(uri, recording, arguments.language)
            except UsageError:
                raise  # a wrong language or address is wrong for every file
            except EdgeVoiceError as error:
                complain(error)
                failed = True
                continue
            if arguments.json:
                print_json(result(path, answer))
            else:
                print(answer.text if len(arguments.files) == 1 else f"{path}: {answer.text}".rstrip(), flush=True)
    return int(failed)


async def heard(uri: str, recording: Recording, language: str | None) -> Answer:
    """Return what the server makes of a recording in file mode; raises EdgeVoiceError.

    Whoever reads the result sees its action, so text that ought to be confirmed is told, not refused.
    """
    async with connected(uri) as connection:
        return await connection.transcribe(recording, _FILE, language=language, mode="file", can_confirm=True)


def result(path: Path, answer: Answer) -> dict[str, Any]:
    """Return one file's result; what only this server knows is null from any other."""
    told = answer.detail
    known = {key: told.get(key) for key in ("action", "route", "reason", "risk", "threshold")}
    nested = {key: dict(told.get(key) or {}) for key in ("points", "quality", "latency_ms")}
    model = {"model": told.get("model"), "language": answer.language}
    more = {key: told.get(key) for key in ("why", "class", "critical", "lane", "lanes")}
    return {"file": str(path), "text": answer.text, **known, **nested, **model, **more}


@contextlib.asynccontextmanager
async def _server(arguments: argparse.Namespace, settings: Settings) -> AsyncIterator[str]:
    """Give the address to ask: the one named, or that of a server of our own."""
    if arguments.server:
        yield arguments.server
        return
    async with in_process(with_model(settings, arguments.model)) as uri:
        yield uri
