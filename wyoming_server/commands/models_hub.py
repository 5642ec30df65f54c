"""`models list | check | install | verify | rollback | explain | trust | distrust`: this hub's models, from the shell."""

import argparse

from ..settings import Settings


def add_arguments(parser: argparse.ArgumentParser, action: str) -> None:
    """Add a sub-command's arguments."""


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run a sub-command; return the exit status. Raises EdgeVoiceError."""
    raise NotImplementedError
