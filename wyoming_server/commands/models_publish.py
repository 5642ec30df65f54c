"""`models publish | roll-out | pause | withdraw | refresh`: what hubs are offered."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from ..bundles.offer import CHANNELS, Offer
from ..publisher.publish import Published, Publisher
from ..publisher.repository import ROLES
from ..settings import Settings
from .models_publish_flags import (
    add_channel,
    add_keys,
    add_repository,
    add_terms,
    publisher_of,
    tell,
    tell_published,
    terms_of,
)

_FIRST_PERCENT = 10.0


def add_arguments(parser: argparse.ArgumentParser, action: str) -> None:
    """Add a sub-command's arguments."""
    add_repository(parser)
    if action == "publish":
        parser.add_argument(
            "bundle", type=Path, metavar="BUNDLE", help="the bundle's folder, as `models build` made it"
        )
        add_terms(parser, percent=_FIRST_PERCENT, otherwise=f"{_FIRST_PERCENT:g}; `models roll-out` widens it")
    elif action != "refresh":
        parser.add_argument("label", metavar="NAME@VERSION", help="which bundle")
    if action == "roll-out":
        add_terms(parser, percent=None, otherwise="as it is, like all that is left out")
    if action == "withdraw":
        parser.add_argument(
            "--rollback-to", default="", metavar="VERSION", help="where its hubs go back to (what they had before)"
        )
    if action == "refresh":
        parser.add_argument(
            "--also",
            action="append",
            choices=ROLES,
            default=[],
            help="sign this role anew, too; may be given again. What expires soon is, where its keys are at hand",
        )
    else:
        add_channel(parser)
    add_keys(parser)


async def run(arguments: argparse.Namespace, _settings: Settings) -> int:
    """Run a sub-command; return the exit status. Raises EdgeVoiceError."""
    return await asyncio.to_thread(_run, arguments)


def _run(arguments: argparse.Namespace) -> int:
    publisher = publisher_of(arguments)
    match arguments.action:
        case "publish":
            return tell_published(arguments, _published(publisher, arguments))
        case "roll-out":
            done = publisher.roll_out(arguments.label, channel=arguments.channel, terms=terms_of(arguments))
        case "pause":
            done = publisher.pause(arguments.label, channel=arguments.channel)
        case "withdraw":
            done = publisher.withdraw(arguments.label, channel=arguments.channel, rollback_to=arguments.rollback_to)
        case _:
            released = publisher.refresh(also=arguments.also)
            versions = ", ".join(f"{role} {version}" for role, version in released.versions.items())
            tell(arguments, released, [f"Hubs are shown {versions}."])
            # A job that runs daily must hear of it when what it is there for was not done.
            return int(any(one.role not in ROLES for one in released.waiting))
    return tell_published(arguments, done, _elsewhere(publisher, done.offer))


def _published(publisher: Publisher, arguments: argparse.Namespace) -> Published:
    terms = terms_of(arguments)
    # The bytes are not known before the manifest is read, and to read it is the packer's.
    with tqdm(desc="packing", unit="B", unit_scale=True, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        return publisher.publish(arguments.bundle, channel=arguments.channel, terms=terms, report=bar.update)


def _elsewhere(publisher: Publisher, stopped: Offer) -> Iterator[str]:
    """Yield where a bundle that was paused or withdrawn is offered still."""
    for channel in CHANNELS:
        other = publisher.repository.offers(channel).get(stopped.label)
        goes_on = other is not None and not (other.withdrawn or other.rollout.paused)
        if channel != stopped.channel and goes_on and (stopped.withdrawn or stopped.rollout.paused):
            yield f"It is offered in {channel} still; `--channel {channel}` stops it there."
