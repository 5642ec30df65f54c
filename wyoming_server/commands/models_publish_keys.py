"""`models init-repository | sign | rotate-keys`: a repository's keys, and what they sign."""

import argparse
import asyncio
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import PublisherKeyError, RepositoryStateError
from ..publisher.keys import KeyFiles, key_in, name_of
from ..publisher.publish import Publisher
from ..publisher.publish_begin import RoleKeys
from ..publisher.publish_changes import changes
from ..publisher.publish_keys import key_named, next_name, rotate_key
from ..publisher.publish_release import Released, waiting_drafts
from ..publisher.publish_sign import read_draft, sign_file, take_up
from ..publisher.repository import ROLES, Lifetimes, Repository
from ..settings import Settings
from .models_publish_flags import (
    add_keys,
    add_passphrase,
    add_repository,
    confirmed,
    keep_private,
    tell,
)
from .models_publish_passphrase import Passphrases
from .report import print_json

ROOT_KEYS = 3
ROOT_THRESHOLD = 2
OFFLINE = ("targets", "stable")
ONLINE = ("beta", "snapshot", "timestamp")


def add_arguments(parser: argparse.ArgumentParser, action: str) -> None:
    """Add a sub-command's arguments."""
    if action == "init-repository":
        _add_init(parser)
    elif action == "sign":
        _add_sign(parser)
    else:
        add_repository(parser)
        parser.add_argument("role", choices=(*ROLES, "snapshot", "timestamp"), help="whose key is replaced")
        parser.add_argument("--old", metavar="NAME", help="the key that goes, by name or id (the only one there is)")
        parser.add_argument("--new", type=Path, required=True, metavar="DIR", help="where the new key is, or is made")
        parser.add_argument("--name", help="the new key's name; it is the file's name too (the old one's, counted up)")
        parser.add_argument("--unencrypted", action="store_true", help="make the new key without a passphrase")
        add_keys(parser)


async def run(arguments: argparse.Namespace, _settings: Settings) -> int:
    """Run a sub-command; return the exit status. Raises EdgeVoiceError."""
    actions = {"init-repository": _init, "sign": _sign, "rotate-keys": _rotate}
    return await asyncio.to_thread(actions[arguments.action], arguments)


def _add_init(parser: argparse.ArgumentParser) -> None:
    add_repository(parser)
    parser.add_argument(
        "--root-keys",
        type=Path,
        nargs=ROOT_KEYS,
        required=True,
        metavar="DIR",
        help=f"where each of the root's {ROOT_KEYS} keys is, or is made; {ROOT_THRESHOLD} of them must sign a root. "
        "Keep them apart, and offline",
    )
    parser.add_argument(
        "--offline-keys", type=Path, required=True, metavar="DIR", help=f"likewise, of {' and '.join(OFFLINE)}"
    )
    parser.add_argument(
        "--online-keys",
        type=Path,
        required=True,
        metavar="DIR",
        help=f"likewise, of {', '.join(ONLINE)}: whatever refreshes the repository every day needs them",
    )
    parser.add_argument(
        "--unencrypted",
        choices=("online", "all"),
        help="make these keys without a passphrase: whoever can read the files can sign",
    )
    for name, days in vars_of(Lifetimes()).items():
        parser.add_argument(
            f"--{name}-days", type=float, default=days, metavar="N", help=f"days that the {name} lasts ({days:g})"
        )
    add_passphrase(parser)


def _add_sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "repository",
        type=Path,
        nargs="?",
        metavar="FOLDER",
        help="the publisher's folder; none where there is only a key",
    )
    parser.add_argument(
        "--draft",
        type=Path,
        metavar="FILE",
        help="a draft that travels: with FOLDER its signatures are taken up, without it is signed in place",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask; without a terminal nobody is asked")
    parser.add_argument("--show", action="store_true", help="show what waits, and sign nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_keys(parser, required=False)


def vars_of(lifetimes: Lifetimes) -> Mapping[str, float]:
    """Return role → days."""
    return dataclasses.asdict(lifetimes)


def _init(arguments: argparse.Namespace) -> int:
    places = {f"root-{number}": folder for number, folder in enumerate(arguments.root_keys, 1)}
    if len({one.resolve() for one in places.values()}) < ROOT_KEYS:
        raise PublisherKeyError(f"Name {ROOT_KEYS} different folders for the root's keys, on different media at best")
    places |= dict.fromkeys(OFFLINE, arguments.offline_keys) | dict.fromkeys(ONLINE, arguments.online_keys)
    keep_private(arguments.repository, places.values())
    plain = {"all": places.keys(), "online": ONLINE, None: ()}[arguments.unencrypted]
    passphrase = Passphrases(arguments.passphrase_file, plain=frozenset(plain))
    days = {name: getattr(arguments, f"{name}_days") for name in vars_of(Lifetimes())}
    repository = Repository(arguments.repository, lifetimes=_lifetimes(days))
    made = {name: key_in(folder, name, passphrase=passphrase) for name, folder in places.items()}
    roles = {name: RoleKeys(keys=(made[name],)) for name in (*OFFLINE, *ONLINE)}
    roles["root"] = RoleKeys(
        keys=tuple(made[name] for name in made if name.startswith("root-")), threshold=ROOT_THRESHOLD
    )
    keys = KeyFiles(dict.fromkeys(places.values()), passphrase=passphrase)
    _, released = Publisher.begin(repository, keys, roles)
    root = arguments.repository / "public" / "metadata" / "1.root.json"
    lines = [f"Keys: {name} in '{folder}'" for name, folder in places.items()]
    lines.append(
        f"Hubs are told `edge-voice models trust URL --root '{root}'`, where URL is that of the folder public."
    )
    return tell(arguments, released, lines, root=str(root), keys={name: str(one) for name, one in places.items()})


def _lifetimes(days: Mapping[str, float]) -> Lifetimes:
    try:
        return Lifetimes(**days)
    except ValueError as error:
        raise RepositoryStateError(f"So long nothing can last: {error}") from error


def _sign(arguments: argparse.Namespace) -> int:
    passphrase = Passphrases(arguments.passphrase_file)
    keys = KeyFiles(arguments.keys, passphrase=passphrase)
    if arguments.repository is None:
        return _sign_file(arguments, keys)
    publisher = Publisher(repository=Repository(arguments.repository), keys=keys)
    lines = list(_waiting(publisher.repository))
    if arguments.show:
        return tell(arguments, Released(versions={}, waiting=tuple(waiting_drafts(publisher.repository))), lines)
    if arguments.draft is not None:
        names = take_up(publisher.repository, arguments.draft)
        lines.append(f"Signatures of {', '.join(names)} are taken up.")
    if arguments.keys and lines and confirmed(arguments, lines):
        lines = []
    return tell(arguments, publisher.sign(), lines)


def _sign_file(arguments: argparse.Namespace, keys: KeyFiles) -> int:
    if arguments.draft is None:
        raise RepositoryStateError("Nothing is there to sign: name the publisher's folder, or a draft with --draft")
    role, draft = read_draft(arguments.draft)
    lines = list(_described(role, draft.signed.version, changes(draft, None)))
    shown = not arguments.show and confirmed(arguments, lines)
    names = () if arguments.show else sign_file(arguments.draft, draft, keys)
    if arguments.json:
        said = {"role": role, "version": draft.signed.version, "changes": lines[1:], "keys": list(names)}
        print_json(said)
        return 0
    if not shown:
        print(*lines, sep="\n")
    if names:
        print(f"Signed by {', '.join(names)}; take it back to the repository: `models sign FOLDER --draft FILE`.")
    return 0


def _waiting(repository: Repository) -> Iterator[str]:
    for role in ROLES:
        if draft := repository.draft(role):
            yield from _described(role, draft.signed.version, changes(draft, repository.current(role)))


def _described(role: str, version: int, said: Sequence[str]) -> Iterator[str]:
    yield f"{role} {version}:"
    yield from (f"  {line}" for line in said)


def _rotate(arguments: argparse.Namespace) -> int:
    keep_private(arguments.repository, [arguments.new])
    repository = Repository(arguments.repository)
    old = key_named(repository, arguments.role, arguments.old)
    name = arguments.name or next_name(repository, arguments.role)
    plain = frozenset([name] if arguments.unencrypted else ())
    passphrase = Passphrases(arguments.passphrase_file, plain=plain)
    new = key_in(arguments.new, name, passphrase=passphrase)
    private = arguments.new / f"{name}.pem"
    places = [*arguments.keys, *([private] if private.exists() else [])]
    publisher = Publisher(repository=repository, keys=KeyFiles(places, passphrase=passphrase))
    released = rotate_key(publisher, arguments.role, old=old.keyid, new=new)
    lines = [f"{name} signs for {arguments.role} in place of {name_of(old)}."]
    return tell(arguments, released, lines, role=arguments.role, old=name_of(old), new=name)
