"""Print the token that the control API asks for, or make a new one."""

import argparse
import asyncio
from pathlib import Path

from ..listeners.control_access import TOKEN_FILE, rotated_token, token_of
from ..settings import Settings
from .report import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "--rotate", action="store_true", help="make a new one; the old one ends at once, also in a running server"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with the file that holds it")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the token; return the exit status. Raises DiskError."""
    data_dir = Path(settings.server.data_dir)
    token = await asyncio.to_thread(rotated_token if arguments.rotate else token_of, data_dir)
    if arguments.json:
        print_json({"token": token, "file": str(data_dir / TOKEN_FILE), "rotated": arguments.rotate})
    else:
        print(token)
    return 0
