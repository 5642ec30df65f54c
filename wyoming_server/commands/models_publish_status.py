"""`models status`: what is offered to whom, what waits, what expires, and what hubs report."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

from ..canary.cohort import Judgement, judged
from ..errors import PublisherKeyError
from ..publisher.publish_changes import shown_terms
from ..publisher.publish_status import Standing, act, standing
from ..publisher.reports_received import REPORTS_FOLDER, ReportBook
from ..publisher.repository import ROLES
from ..settings import Settings
from .models_publish_flags import add_keys, add_repository, publisher_of
from .report import MISSING, Style, print_json, table


def add_arguments(parser: argparse.ArgumentParser, _action: str) -> None:
    """Add a sub-command's arguments."""
    add_repository(parser)
    parser.add_argument(
        "--act",
        nargs="?",
        const="pause",
        choices=("pause", "withdraw"),
        help="pause what the reports say is worse; with `withdraw` also call back what they leave little doubt of. "
        "Anybody can send reports: the latter lets strangers take a bundle from your hubs",
    )
    add_keys(parser, required=False)


async def run(arguments: argparse.Namespace, _settings: Settings) -> int:
    """Show how a repository stands; return 1 when hubs can take up nothing, or not all. Raises EdgeVoiceError."""
    return await asyncio.to_thread(_run, arguments)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.act and not arguments.keys:
        raise PublisherKeyError("A pause must be signed: name the channel's key and the online keys with --keys")
    publisher = publisher_of(arguments)
    judgements = judged(ReportBook(arguments.repository / REPORTS_FOLDER).batches())
    done = act(publisher, judgements, withdraws=arguments.act == "withdraw") if arguments.act else ()
    stands = standing(publisher.repository, judgements)
    if arguments.json:
        print_json(stands.as_json() | {"done": list(done)})
    else:
        print(*_shown(stands, Style.of(sys.stdout)), *done, sep="\n")
    return 0 if stands.serves else 1


def _shown(stands: Standing, style: Style) -> Iterator[str]:
    if stands.offers:
        head = ("bundle", "channel", "goes to", "reports", "took it up", "left it")
        yield from _table([head, *(_bundle(stands, number) for number in range(len(stands.offers)))], style)
    else:
        yield "Hubs are offered nothing yet; `models publish` offers a bundle."
    for judgement in stands.judgements.values():
        if judgement.action != "none":
            yield style.bad(f"{judgement.label}: {judgement.message}")
    if stands.roles:
        rows = [(one.role, str(one.version), f"{one.expires:%Y-%m-%d %H:%M}Z") for one in stands.roles]
        yield from ("", *_table([("role", "version", "lasts until"), *rows], style))
    for one in stands.roles:
        if one.state != "good":
            cure = f"`models refresh --also {one.role}`" if one.role in ROLES else "`models refresh`"
            yield style.bad(f"{one.role} {'has expired' if one.state == 'expired' else 'expires soon'}: {cure}")
    for path in stands.missing:
        yield style.bad(f"{path} is missing from '{Path('public', 'targets')}'; `models publish` it again")
    for draft in stands.drafts:
        waits = draft.waiting
        if waits.keys:
            lacks = f"{waits.have} of {waits.need} signatures; {' or '.join(waits.keys)} may sign (`models sign`)"
        else:
            lacks = "signed; it goes out with what it belongs to, or at `models refresh`"
        yield f"Waits: {waits.role} {waits.version}, {lacks}"
        yield from (f"  {line}" for line in draft.changes)


def _bundle(stands: Standing, number: int) -> tuple[str, ...]:
    offer = stands.offers[number]
    judgement: Judgement | None = stands.judgements.get(offer.label)
    counts = (judgement.reports, judgement.hubs_began, judgement.hubs_left) if judgement else ()
    figures = tuple(map(str, counts)) or (MISSING,) * 3
    return (offer.label, offer.channel, shown_terms(offer), *figures)


def _table(rows: list[tuple[str, ...]], style: Style) -> Iterator[str]:
    head, *lines = table(rows).splitlines()
    yield style.strong(head)
    yield from lines
