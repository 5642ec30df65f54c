"""Sentences with a pause inside: where an endpointer that is too eager cuts people off.

python -m tests.audio.commands.pauses      writes the committed sample again (espeak-ng and flite needed)
"""

import functools
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.audio.commands.render import RATE_HZ, in_room, spoken, write
from wyoming_server.commands.recording import Recording, read_recording

SAMPLE = Path(__file__).parent / "pauses"
SAMPLE_STEP = 8
"""Every eighth of the whole set is committed, so that the tests need no voices."""
PAUSES_SECONDS = (0.2, 0.3, 0.4, 0.5, 0.6)
VOICES = (
    "flite:slt",
    "espeak-ng:en-us",
    "flite:awb",
    "espeak-ng:en-us+f3",
    "flite:rms",
    "espeak-ng:en-gb",
    "espeak-ng:en-us+Michael",
)
INCOMPLETE = (
    ("Turn on the", "kitchen light"),
    ("Set the bedroom lamp to", "forty percent"),
    ("Set a timer for", "ten minutes"),
    ("Turn off the", "bathroom heater"),
    ("Open the", "living room blinds"),
    ("Set the bedroom lamp", "to red"),
    ("What is the", "temperature in the kitchen"),
    ("Turn", "the office fan off"),
    ("Lock the", "front door"),
    ("Set the temperature to", "twenty degrees"),
)
"""Nobody would act on the first part alone."""
COMMAND_FIRST = (
    ("Turn on the lights", "in the kitchen"),
    ("Turn off the light", "in the bedroom"),
    ("What's the temperature", "in the office"),
    ("Turn on the kitchen light", "and the bedroom lamp"),
    ("Turn off all the lights", "in the living room"),
    ("Open the blinds", "in the living room"),
    ("Close the bedroom curtains", "to fifty percent"),
    ("Turn on the office fan", "for ten minutes"),
    ("What's the weather", "tomorrow"),
    ("Pause the music", "in the kitchen"),
)
"""The first part alone is a command already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """A sentence with a pause, not yet spoken."""

    kind: str
    """incomplete, or command when the first part is one."""
    first: str
    second: str
    pause_seconds: float
    voice: str
    seed: int

    @property
    def file(self) -> str:
        """The name of its recording."""
        return f"{self.seed:03}-{self.kind}-{self.pause_seconds * 1000:.0f}ms.wav"


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedRecording:
    """A sentence with a pause, spoken."""

    kind: str
    pause_seconds: float
    recording: Recording


def sentences() -> list[Paused]:
    """Return all hundred: each pair of parts at each pause, the voices taking turns."""
    kinds = (("incomplete", INCOMPLETE), ("command", COMMAND_FIRST))
    wanted = [(kind, *parts, pause) for kind, pairs in kinds for parts in pairs for pause in PAUSES_SECONDS]
    return [
        Paused(kind=kind, first=first, second=second, pause_seconds=pause, voice=VOICES[at % len(VOICES)], seed=at)
        for at, (kind, first, second, pause) in enumerate(wanted)
    ]


_spoken = functools.cache(spoken)


def render(sentence: Paused, path: Path) -> None:
    """Write a sentence whose parts lie exactly its pause apart, in a room."""
    silence = np.zeros(round(sentence.pause_seconds * RATE_HZ))
    parts = (_spoken(sentence.first, sentence.voice), silence, _spoken(sentence.second, sentence.voice))
    write(path, in_room(np.concatenate(parts), np.random.default_rng(sentence.seed)))


def committed() -> list[PausedRecording]:
    """Return the sample in the repository."""
    rows = json.loads((SAMPLE / "recordings.json").read_text())
    return [
        PausedRecording(
            kind=row["kind"],
            pause_seconds=row["pause_seconds"],
            recording=read_recording(SAMPLE / row["file"], text=row["text"]),
        )
        for row in rows
    ]


def rendered(wanted: Sequence[Paused]) -> list[PausedRecording]:
    """Speak sentences now; needs espeak-ng and flite."""
    with tempfile.TemporaryDirectory() as folder:
        spoken_now = []
        for sentence in wanted:
            path = Path(folder) / sentence.file
            render(sentence, path)
            recording = read_recording(path, text=f"{sentence.first} {sentence.second}")
            spoken_now.append(
                PausedRecording(kind=sentence.kind, pause_seconds=sentence.pause_seconds, recording=recording)
            )
    return spoken_now


def main() -> None:
    """Write the sample."""
    SAMPLE.mkdir(exist_ok=True)
    rows = []
    for sentence in sentences()[::SAMPLE_STEP]:
        render(sentence, SAMPLE / sentence.file)
        text = f"{sentence.first} {sentence.second}"
        row = {"file": sentence.file, "text": text, "kind": sentence.kind, "pause_seconds": sentence.pause_seconds}
        rows.append({**row, "voice": sentence.voice})
    (SAMPLE / "recordings.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(f"{len(rows)} recordings in {SAMPLE.name}/", file=sys.stderr)


if __name__ == "__main__":
    main()
