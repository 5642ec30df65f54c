"""Stream recordings in real time to our server and to a peer, and print both sides' figures."""

import argparse
import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil
from tqdm import tqdm
from wyoming.info import Info

from ..errors import EdgeVoiceError
from ..settings import Settings
from .client import Manner, connected
from .figures import Side, SideFigures, Timed, figures, shown
from .local import in_a_process, unheeded, with_a_home, with_model
from .recording import PACKAGED, Recording, listed_recordings, with_known_text
from .report import complain, print_json

_WARM = Manner(chunk_seconds=0.1, real_time=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="PCM WAV; the packaged commands by default")
    parser.add_argument("--peer", metavar="URI", help="any other Wyoming STT server to measure beside ours")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--server", metavar="URI", help="measure this server of ours instead of starting one")
    where.add_argument("--model", metavar="NAME|DIR", help="starter, a faster-whisper name, or a folder")
    parser.add_argument("--concurrency", type=_count, default=1, metavar="N", help="turns that end together (1)")
    parser.add_argument(
        "--client-silence",
        type=_silence,
        default=0.7,
        metavar="S",
        help="seconds of room noise before audio-stop, as Home Assistant waits (0.7); answered: until the answer comes",
    )
    parser.add_argument("--early", choices=("on", "off", "both"), default="on", help="our early answers (on)")
    parser.add_argument("--repeat", type=_count, default=1, metavar="N", help="how often each file is spoken (1)")
    parser.add_argument("--json", action="store_true", help="one JSON object per turn, then one per side")


def _count(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number from 1 on is wanted")
    return int(text)


def _silence(text: str) -> float | None:
    """Read seconds from 0 to 10, or the word that leaves the end to the server."""
    if text == "answered":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 10:
        raise argparse.ArgumentTypeError(f"{text!r}: 0 to 10 seconds are wanted, or the word answered")
    return seconds


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, and return 1 when a turn failed."""
    recordings = [with_known_text(path) for path in arguments.files] or [
        recording for recording in listed_recordings(PACKAGED) if recording.text and recording.kind != "wake"
    ]
    async with sides(arguments, settings) as measured_sides:
        turns, summary = await compare(measured_sides, recordings, arguments)
    report(turns, summary, arguments)
    return int(any(turn.error for turn in turns))


async def compare(
    compared: Sequence[Side], recordings: Sequence[Recording], arguments: argparse.Namespace
) -> tuple[list[Timed], list[SideFigures]]:
    """Speak the recordings to all sides as the arguments want it; return the turns and each side's figures."""
    silence = arguments.client_silence
    manner = Manner(client_silence_seconds=silence, until_answered=silence is None)
    for side in compared:
        await warm(side, recordings[0])
    turns = await measured(compared, recordings, manner, repeat=arguments.repeat, concurrency=arguments.concurrency)
    return turns, figures(turns, compared, {side.name: resident_mb(side.pid) for side in compared})


def resident_mb(pid: int | None) -> float | None:
    """Return a process's resident memory in MB; None where it is not known."""
    try:
        return None if pid is None else round(psutil.Process(pid).memory_info().rss / 1e6, 1)
    except psutil.Error:
        return None


def report(turns: Sequence[Timed], summary: Sequence[SideFigures], arguments: argparse.Namespace) -> None:
    """Print the turns and each side's figures."""
    if arguments.json:
        for turn in turns:
            print_json(dataclasses.asdict(turn))
        for row in summary:
            print_json(dataclasses.asdict(row))
        return
    silence = arguments.client_silence
    end = "audio until answered" if silence is None else f"audio-stop after {silence:g} s of silence"
    together = f", {arguments.concurrency} turns at once" if arguments.concurrency > 1 else ""
    print(f"{summary[0].turns} turns a side in real time, {end}{together}; median / p95 in ms\n")
    print(shown(summary))


async def measured(
    sides: Sequence[Side], recordings: Sequence[Recording], manner: Manner, *, repeat: int, concurrency: int
) -> list[Timed]:
    """Speak every recording `repeat` times to every side, the sides in turn, so that the machine's moods hit all alike.

    With a concurrency above one, so many turns run on one side at once and end together.
    """
    wanted = [recording for _ in range(repeat) for recording in recordings]
    if concurrency > 1:
        batches = [[recordings[at % len(recordings)] for at in range(concurrency)] for _ in range(repeat)]
    else:
        batches = [[recording] for recording in wanted]
    turns: list[Timed] = []
    with tqdm(total=sum(map(len, batches)) * len(sides), unit="turn", disable=None, leave=False) as progress:
        for number, batch in enumerate(batches):
            first = number % len(sides)
            for side in (*sides[first:], *sides[:first]):
                turns += await together(side, batch, manner, batch_number=number)
                progress.update(len(batch))
    return turns


async def together(
    side: Side, recordings: Sequence[Recording], manner: Manner, *, batch_number: int = 0
) -> list[Timed]:
    """Speak recordings at once over a connection each, so that their last voiced samples fall together."""
    ends = [recording.last_voiced_second() or recording.seconds for recording in recordings]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_turn(side, recording, manner, max(ends) - end, batch_number))
            for recording, end in zip(recordings, ends, strict=True)
        ]
    return [task.result() for task in tasks]


async def _turn(side: Side, recording: Recording, manner: Manner, delay_seconds: float, batch_number: int) -> Timed:
    """Speak one recording and time it; a failure becomes part of the result."""
    await asyncio.sleep(delay_seconds)
    blank = Timed(side=side.name, file=recording.path.name, batch=batch_number)
    try:
        async with connected(side.uri) as connection:
            answer = await connection.transcribe(recording, manner, **side.asked)
    except EdgeVoiceError as error:
        complain(error)
        return dataclasses.replace(blank, error=error.code)
    return Timed.of(side, recording, answer, batch_number)


async def warm(side: Side, recording: Recording) -> None:
    """Speak a recording once and forget the answer: the first turn of a server may load its model."""
    async with connected(side.uri) as connection:
        await connection.transcribe(recording, _WARM)


@contextlib.asynccontextmanager
async def sides(arguments: argparse.Namespace, settings: Settings) -> AsyncIterator[Sequence[Side]]:
    """Give who is measured: ours with early answers as wanted, then the peer; ours is started unless it is named."""
    async with contextlib.AsyncExitStack() as stack:
        uri, pid = arguments.server, None
        if uri is None:
            own = unheeded(with_model(with_a_home(settings), arguments.model))
            ours = await stack.enter_async_context(in_a_process(own))
            uri, pid = ours.uri, ours.pid
        compared = our_sides(uri, pid, arguments.early)
        if arguments.peer:
            async with connected(arguments.peer) as connection:
                name = peer_name(await connection.describe())
            compared.append(Side(name=name, uri=arguments.peer, is_peer=True))
        yield compared


def our_sides(uri: str, pid: int | None, early: str) -> list[Side]:
    """Return our server as one side, or as two: with early answers and without."""
    names = {True: "ours", False: "ours, early off"}
    wanted = {"on": (True,), "off": (False,), "both": (True, False)}[early]
    return [Side(name=names[how], uri=uri, asked={"answer_early": how}, pid=pid) for how in wanted]


def peer_name(info: Info) -> str:
    """Return what a server calls its recogniser, with its version."""
    program = next(iter(info.asr), None)
    return "peer" if program is None else f"{program.name} {program.version or ''}".strip()
