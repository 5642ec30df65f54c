"""What is known of you and your home, where it goes, how much of it is kept, and its end."""

import argparse
import importlib
from collections.abc import Mapping
from types import ModuleType

from ..settings import Settings
from .shared_flags import add_shared

ACTIONS: Mapping[str, tuple[str, str]] = {
    "lineage": ("privacy_lineage", "show every class of data: what for, where, how long, who gets it"),
    "kept": ("privacy_hub", "show how much is kept of each class now"),
    "ledger": ("privacy_hub", "show every upload that has left the home"),
    "purge": ("privacy_hub", "erase data for good"),
}
"""Sub-command → the module that runs it, and what it does."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (_, summary) in ACTIONS.items():
        one = actions.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        add_shared(one, default=argparse.SUPPRESS)
        one.add_argument("--json", action="store_true", help="print one JSON object")
        _module(name).add_arguments(one, name)


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run one sub-command; return the exit status. Raises EdgeVoiceError."""
    status: int = await _module(arguments.action).run(arguments, settings)
    return status


def _module(action: str) -> ModuleType:
    return importlib.import_module(f".{ACTIONS[action][0]}", __package__)
