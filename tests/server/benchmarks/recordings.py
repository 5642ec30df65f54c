"""The eight clean commands that the benchmarks speak."""

from pathlib import Path

from wyoming_server.commands.recording import PACKAGED, Recording, listed_recordings

OWN = Path(__file__).parents[2] / "audio/commands"


def commands() -> list[Recording]:
    """Return five packaged commands and three more."""
    return [one for folder in (PACKAGED, OWN) for one in listed_recordings(folder) if one.kind == "clean"]
