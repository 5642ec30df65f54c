"""A model in a process of its own: `python -m wyoming_server.engines.apart_child`, started by `apart`.

Reads one load and then utterances from standard input, and ends with it. It is the first to go when the machine runs
out of memory, and dies with the server.
"""

import contextlib
import ctypes
import dataclasses
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..bundles.bundle import Kind
from ..bundles.manifest import read_bundle
from ..errors import EdgeVoiceError, TrialMemoryError
from .apart_wire import packed, read_from, request_of
from .load import load_edge_model

_NICE = 10
_PR_SET_PDEATHSIG = 1
_OUT_OF_MEMORY = "bad_alloc"
"""As the native libraries put it."""

type Answer = tuple[Mapping[str, Any], Callable[[Mapping[str, Any], bytes], Mapping[str, Any]] | None]
"""What is told of a loaded model, and what decodes with it where that is wanted."""


def main() -> None:
    """Load what the first message names, then decode until standard input ends."""
    heard, told = _streams()
    _keep_low()
    first = read_from(heard)
    if first is None:
        return
    job, _ = first
    _import(Kind(job["kind"]))
    _say(told, {"imported": True})
    _limit(job["headroom_bytes"])
    with _refusals(told):
        report, decode = _LOADERS[Kind(job["kind"])](job)
        _say(told, {"report": report})
        while (message := read_from(heard)) is not None:
            if "idle" in message[0]:
                _be_idle()
            elif decode is not None:
                _say(told, decode(*message))


def _streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the two ends of the wire; what native libraries print goes elsewhere."""
    wire = os.dup(1)
    os.dup2(2, 1)
    return sys.stdin.buffer, os.fdopen(wire, "wb")


def _say(told: BinaryIO, fields: Mapping[str, Any]) -> None:
    told.write(packed(fields))
    told.flush()


@contextlib.contextmanager
def _refusals(told: BinaryIO) -> Iterator[None]:
    """Tell what is wrong with the model, and end."""
    try:
        yield
    except MemoryError as error:
        _refuse(told, TrialMemoryError(f"It asks for more memory than it may take: {error}"))
    except EdgeVoiceError as error:
        if isinstance(error.__cause__, MemoryError) or _OUT_OF_MEMORY in str(error):
            error = TrialMemoryError("It asks for more memory than it may take")
        _refuse(told, error)


def _refuse(told: BinaryIO, error: EdgeVoiceError) -> None:
    _say(told, {"refusal": {"code": error.code, "message": str(error)}})


def _keep_low() -> None:
    """Give way to the server, and leave with it."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A process that the server has halted does not see its input end.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _be_idle() -> None:
    """Run only where nobody else wants to."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        for thread in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):
                os.sched_setscheduler(int(thread.name), os.SCHED_IDLE, os.sched_param(0))


def _limit(headroom_bytes: int) -> None:
    """Let one huge allocation fail: the server, which watches the resident memory, looks only now and then."""
    with contextlib.suppress(OSError, ValueError):
        mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + headroom_bytes, mapped + headroom_bytes))


def _import(kind: Kind) -> None:
    """Import what the kind runs on, so that its memory is not taken for the model's."""
    if kind is Kind.ASR:
        from . import asr_whisper  # noqa: F401, PLC0415  # each kind pays for its own libraries only
    else:
        from . import vad_silero, wake_openwakeword  # noqa: F401, PLC0415  # likewise


def _load_recogniser(job: Mapping[str, Any]) -> Answer:
    from .goldens import hear_words  # noqa: PLC0415  # as above

    folder = Path(job["folder"])
    data = Path(job["data"]) if job["data"] else None
    engine = load_edge_model(folder, threads=job["threads"], data=data)
    took_ms = hear_words(engine, folder, read_bundle(folder).golden)  # again, now that it is warm

    def decode(header: Mapping[str, Any], payload: bytes) -> Mapping[str, Any]:
        try:
            return {"heard": dataclasses.asdict(engine.decode(request_of(header, payload)))}
        except EdgeVoiceError as error:
            return {"failed": {"code": error.code, "message": str(error)}}

    return {"languages": engine.languages, "decode_ms": took_ms}, decode


def _load_wake(job: Mapping[str, Any]) -> Answer:
    from .goldens import hear_wake_words  # noqa: PLC0415  # as above
    from .wake_openwakeword import OpenWakeWordEngine, fetched_in, words_in  # noqa: PLC0415  # as above

    folder = Path(job["folder"])
    words = words_in(folder)
    fetched = fetched_in(Path(job["data"])) if job["data"] else None
    engine = OpenWakeWordEngine.load(bundle=folder, fetched=fetched, enabled=words, gate=None)
    if engine.problems:
        raise engine.problems[0]
    return {"languages": [], "decode_ms": hear_wake_words(engine, words, folder, read_bundle(folder))}, None


def _load_vad(job: Mapping[str, Any]) -> Answer:
    from .goldens import hear_speech  # noqa: PLC0415  # as above
    from .vad_silero import SileroVad, model_in  # noqa: PLC0415  # as above

    folder = Path(job["folder"])
    return {"languages": [], "decode_ms": hear_speech(SileroVad(model_in(folder)), folder, read_bundle(folder))}, None


_LOADERS: Mapping[Kind, Callable[[Mapping[str, Any]], Answer]] = {
    Kind.ASR: _load_recogniser,
    Kind.WAKE: _load_wake,
    Kind.VAD: _load_vad,
}

if __name__ == "__main__":
    main()
