"""Signed models: what this hub runs and why, and, for who publishes them, everything from the keys to the rollout."""

import argparse
import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ..settings import Settings
from .shared_flags import add_shared

ACTIONS: Mapping[str, tuple[str, str]] = {
    "list": ("models_hub", "show the models that serve, are tried, installed and offered"),
    "check": ("models_hub", "look at the repository now"),
    "install": ("models_hub", "install a bundle that is offered to this hub"),
    "verify": ("models_hub", "check every file of the installed models against what was signed"),
    "rollback": ("models_hub", "return to the model before; the one that is left is not tried again"),
    "explain": ("models_hub", "tell why this hub does or does not get each bundle"),
    "trust": ("models_hub", "trust a repository by its root; updates are off until then"),
    "distrust": ("models_hub", "trust no repository any more; what is installed goes on serving"),
    "init-repository": ("models_publish_keys", "make a repository and its keys"),
    "build": ("models_build", "make a bundle of a model, calibrated on recordings"),
    "sign": ("models_publish_keys", "add a key's signature to metadata that waits for it"),
    "publish": ("models_publish", "add a bundle to a channel"),
    "roll-out": ("models_publish", "say to whom, when and to how many a bundle is offered"),
    "pause": ("models_publish", "let no further hub take a bundle up"),
    "withdraw": ("models_publish", "have the hubs that run a bundle go back"),
    "rotate-keys": ("models_publish_keys", "replace a key"),
    "refresh": ("models_publish", "sign snapshot and timestamp anew, before they expire"),
    "status": ("models_publish_status", "show rollouts, expiries and what hubs report"),
    "receive-reports": ("models_publish_reports", "take in the reports of hubs"),
}
"""Sub-command → the module that runs it, and what it does. Only the one that is named is imported."""


class _ActionParser(argparse.ArgumentParser):
    """Asks for its arguments when it is the one that is named: the others' libraries are not loaded."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, with the arguments of the sub-command."""
        name = self.prog.rpartition(" ")[2]
        _module(name).add_arguments(self, name)
        return super().parse_known_args(args, namespace)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=_ActionParser)
    for name, (_, summary) in ACTIONS.items():
        one = actions.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        add_shared(one, default=argparse.SUPPRESS)


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run one sub-command; return the exit status. Raises EdgeVoiceError."""
    status: int = await _module(arguments.action).run(arguments, settings)
    return status


def _module(action: str) -> ModuleType:
    return importlib.import_module(f".{ACTIONS[action][0]}", __package__)
