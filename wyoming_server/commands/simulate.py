"""Run the server's own decisions on made-up streams of turns or fleets of hubs, and hold them to what they promise."""

import argparse
import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ..settings import Settings
from .shared_flags import add_shared

SUBJECTS: Mapping[str, str] = {
    "threshold": "the adaptive threshold on streams that drift, cheat and come late",
    "drift": "the watch for slow changes on homes that stay as they are, or grow worse",
    "rollout": "the staged rollout of good and bad bundles to a fleet of hubs",
}
"""What can be simulated; its module is imported only when it is named."""


class _SubjectParser(argparse.ArgumentParser):
    """Asks for its arguments when it is the one that is named."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, with the arguments of what is simulated."""
        _module(self.prog.rpartition(" ")[2]).add_arguments(self)
        return super().parse_known_args(args, namespace)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be simulated."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT", parser_class=_SubjectParser)
    for name, summary in SUBJECTS.items():
        one = subjects.add_parser(name, help=summary, description=f"Simulate {summary}.")
        add_shared(one, default=argparse.SUPPRESS)


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Simulate; return 0 when what is promised was held, 1 when it was not."""
    status: int = await _module(arguments.subject).run(arguments, settings)
    return status


def _module(subject: str) -> ModuleType:
    return importlib.import_module(f".simulate_{subject}", __package__)
