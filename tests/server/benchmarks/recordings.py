"""The clean commands that the benchmarks speak: eight committed ones, and as many rendered ones as wanted."""

import random
from pathlib import Path

import numpy as np

from tests.audio.commands.pauses import VOICES
from tests.audio.commands.render import Line, rendered, write
from wyoming_server.commands.local import DEMO_NAMES
from wyoming_server.commands.recording import PACKAGED, Recording, listed_recordings, read_recording

OWN = Path(__file__).parents[2] / "audio/commands"


def commands() -> list[Recording]:
    """Return five packaged commands and three more."""
    return [one for folder in (PACKAGED, OWN) for one in listed_recordings(folder) if one.kind == "clean"]


TEMPLATES = (
    ("Turn on the {name}.", ("light", "lamp", "fan", "heater")),
    ("Turn off the {name}.", ("light", "lamp", "fan", "heater")),
    ("Switch off the {name}.", ("light", "lamp", "fan", "heater")),
    ("Open the {name}.", ("blinds", "curtains")),
    ("Close the {name}.", ("blinds", "curtains")),
    ("Lock the {name}.", ("door",)),
    ("Unlock the {name}.", ("door",)),
    ("Is the {name} on?", ("light", "lamp", "fan", "heater")),
    ("Set the {name} to fifty percent.", ("light", "lamp")),
)
OTHERS = (
    "What time is it?",
    "Set a timer for ten minutes.",
    "Add milk to the shopping list.",
    "What is the temperature in the kitchen?",
    "Turn off all the lights in the bedroom.",
    "Good night.",
)


def rendered_commands(count: int, folder: Path, *, seed: int = 7) -> list[Recording]:
    """Return commands of the demo home in seven voices, by espeak-ng and flite; the same seed gives the same ones."""
    chance, rng = random.Random(seed), np.random.default_rng(seed)
    said = [
        template.format(name=name) for template, kinds in TEMPLATES for name in DEMO_NAMES if name.endswith(kinds)
    ] + list(OTHERS) * 2
    recordings = []
    for index, text in enumerate(chance.sample(said, min(count, len(said)))):
        path = folder / f"{index:03}.wav"
        voice = VOICES[index % len(VOICES)]
        write(path, rendered(Line(file=path.name, kind="clean", text=text, voice=voice), rng))
        recordings.append(read_recording(path))
    return recordings
