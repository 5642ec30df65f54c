"""The flags that a publisher's commands share, and how they tell what they did."""

import argparse
import datetime as dt
import logging
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..bundles.offer import CHANNELS, LONGEST_NOTES
from ..errors import PublisherKeyError, RepositoryStateError
from ..publisher.keys import KeyFiles
from ..publisher.publish import Published, Publisher
from ..publisher.publish_changes import shown_terms
from ..publisher.publish_offer import Terms
from ..publisher.publish_release import Released
from ..publisher.repository import ROLES, Repository
from .models_publish_passphrase import Passphrases
from .report import print_json

logging.getLogger("tuf").setLevel(logging.WARNING)  # it tells each signature that is missing, several times


def keep_private(repository: Path, places: Iterable[Path]) -> None:
    """Refuse, with PublisherKeyError, keys that would be uploaded with what hubs are shown."""
    public = (repository / "public").resolve()
    for place in places:
        if place.resolve().is_relative_to(public):
            raise PublisherKeyError(
                f"Keys in '{place}' would be uploaded with the rest of '{public}'; name another folder"
            )


def add_repository(parser: argparse.ArgumentParser) -> None:
    """Add the repository's folder, and --json."""
    parser.add_argument("repository", type=Path, metavar="FOLDER", help="the publisher's folder, with public in it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_keys(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add where the keys are."""
    parser.add_argument(
        "--keys",
        type=Path,
        action="append",
        default=[],
        required=required,
        metavar="PLACE",
        help="a folder with keys, or one .pem file; may be given again. What they cannot sign waits as a draft",
    )
    add_passphrase(parser)


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """Add where the keys' passphrase is, when nobody is asked for it."""
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="a file whose first line opens the keys (asked for)"
    )


def add_channel(parser: argparse.ArgumentParser) -> None:
    """Add the channel."""
    parser.add_argument("--channel", choices=CHANNELS, default=CHANNELS[0], help=f"which channel ({CHANNELS[0]})")


def add_terms(parser: argparse.ArgumentParser, *, percent: float | None, otherwise: str) -> None:
    """Add to whom a bundle goes; `otherwise` says what holds for what is left out."""
    parser.add_argument(
        "--percent", type=_percent, default=percent, metavar="P", help=f"share of the hubs it is for ({otherwise})"
    )
    parser.add_argument(
        "--regions", type=_countries, metavar="DE,AT", help="countries, ISO 3166, between commas, or all"
    )
    parser.add_argument("--hub-classes", type=_classes, metavar="pi5,n100", help="hardware, between commas, or all")
    parser.add_argument("--not-before", type=_moment, metavar="TIME", help="not before, as 2026-12-01T03:00+00:00")
    parser.add_argument("--notes", type=Path, metavar="FILE.md", help="what is new, for people, in Markdown")
    parser.add_argument(
        "--reports-url", type=_address, metavar="URL", help="where hubs whose owners agreed send the day's counters"
    )


def terms_of(arguments: argparse.Namespace) -> Terms:
    """Return to whom a bundle goes, as the flags say. Raises RepositoryStateError for unreadable notes."""
    notes = None
    if arguments.notes is not None:
        try:
            notes = arguments.notes.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RepositoryStateError(f"The notes '{arguments.notes}' cannot be read: {error}") from error
        if len(notes) > LONGEST_NOTES:
            raise RepositoryStateError(f"The notes have {len(notes)} characters; hubs take {LONGEST_NOTES}")
    return Terms(
        percent=arguments.percent,
        regions=arguments.regions,
        hub_classes=arguments.hub_classes,
        not_before=arguments.not_before,
        notes=notes,
        reports_url=arguments.reports_url,
    )


def publisher_of(arguments: argparse.Namespace) -> Publisher:
    """Return the publisher whose keys and repository the flags name."""
    keep_private(arguments.repository, arguments.keys)
    keys = KeyFiles(arguments.keys, passphrase=Passphrases(arguments.passphrase_file))
    return Publisher(repository=Repository(arguments.repository), keys=keys)


def confirmed(arguments: argparse.Namespace, lines: Iterable[str]) -> bool:
    """Show what is to be signed and ask for a yes, where somebody sits there; tell whether it was shown.

    Raises PublisherKeyError for a no.
    """
    if arguments.json or arguments.yes or not sys.stdin.isatty():
        return False
    print(*lines, sep="\n")
    if input("Sign this? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise PublisherKeyError("Nothing was signed")
    return True


def tell(arguments: argparse.Namespace, released: Released, lines: Iterable[str] = (), **fields: Any) -> int:
    """Print what was done and what waits; return the exit status."""
    if arguments.json:
        waiting = [
            {"role": one.role, "version": one.version, "have": one.have, "need": one.need, "keys": list(one.keys)}
            for one in released.waiting
        ]
        print_json(fields | {"versions": dict(released.versions), "waiting": waiting})
        return 0
    for line in lines:
        print(line)
    for one in released.waiting:
        print(
            f"Waits: {one.role} {one.version} has {one.have} of {one.need} signatures; "
            f"{' or '.join(one.keys)} may sign (`models {'sign' if one.role in ROLES else 'refresh'}`)"
        )
    if released.whole:
        public = arguments.repository / "public"
        print(f"Upload '{public}': new files first, then metadata/timestamp.json, then a new root.")
    return 0


def tell_published(arguments: argparse.Namespace, published: Published, more: Iterable[str] = ()) -> int:
    """Print what a bundle's offer is now, and what waits; return the exit status."""
    offer, terms = published.offer, shown_terms(published.offer)
    lines = [f"{offer.label} in {offer.channel}: {terms}", *more]
    return tell(arguments, published.released, lines, label=offer.label, channel=offer.channel, terms=terms)


def _percent(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 100.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 100")
    return share


def _countries(text: str) -> tuple[str, ...]:
    return _listed(text, r"[A-Z]{2}", "countries as ISO 3166 codes, such as DE,AT, or all")


def _classes(text: str) -> tuple[str, ...]:
    return _listed(text, r"[a-z0-9][a-z0-9-]{0,31}", "hub classes such as pi5,n100, or all")


def _listed(text: str, form: str, what: str) -> tuple[str, ...]:
    if text == "all":
        return ()
    words = tuple(dict.fromkeys(text.split(",")))
    if not all(re.fullmatch(form, word) for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} must be {what}")
    return words


def _address(text: str) -> str:
    parts = urlsplit(text)
    if text and not (parts.scheme in {"https", "http"} and parts.hostname):
        raise argparse.ArgumentTypeError(f"{text!r} is no address, as https://reports.example.org/")
    return text


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment with its zone, as 2026-12-01T03:00+00:00")
    return moment
