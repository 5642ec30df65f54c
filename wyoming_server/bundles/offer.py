"""What a publisher has signed about a bundle beside its bytes, and what a hub is to it.

An offer is the `custom` field of a TUF target, under the key `edge_voice`: whoever holds the channel's key signs both.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from ..errors import MalformedMetadataError
from ..pipeline.checked import Checked, ranged
from .bundle import Kind
from .manifest_schema import SERVER_VERSION, VERSION_FORM

SCHEMA = 1
CUSTOM_KEY = "edge_voice"
INDEX_FILE = "index.json"
"""Below each channel: what there is, the newest first."""
CHANNELS = ("stable", "beta")
LONGEST_NOTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout(Checked):
    """To whom, when, and to how many."""

    id: str
    """Drawn anew for each bundle, so that not the same hubs always go first."""
    percent: float = ranged(100.0, at_least=0.0, at_most=100.0)
    """Share of the hubs it is for; widened by signing it anew."""
    regions: tuple[str, ...] = ()
    """Countries as ISO 3166 codes (`DE`); empty for all."""
    hub_classes: tuple[str, ...] = ()
    """Hardware such as `pi5`; empty for all."""
    not_before: dt.datetime | None = None
    """With its zone."""
    paused: bool = False
    """No hub takes it up any more; those that have it keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Checked):
    """One signed bundle of a channel."""

    name: str
    version: str
    kind: Kind
    channel: str
    path: str
    """Of the TUF target: CHANNEL/NAME@VERSION.tar."""
    length: int = ranged(at_least=1)
    """Bytes of the archive."""
    sha256: str
    """Of the archive."""
    manifest_sha256: str
    """Of `bundle.json` in it, by which the bundle is verified again at each start."""
    unpacked_bytes: int = ranged(at_least=1)
    """What its files take on the disk."""
    rollout: Rollout
    min_server: str = ""
    languages: tuple[str, ...] = ()
    """What it knows; empty for what only loading tells."""
    notes: str = ""
    """What is new, for people; Markdown."""
    withdrawn: bool = False
    """No hub shall run it: those that do go back."""
    rollback_to: str = ""
    """The older version that hubs with this one may and shall go to; empty for none."""
    reports_url: str = ""
    """Where a hub whose owner agreed sends its cohort's counters; empty for nowhere."""

    @property
    def label(self) -> str:
        """What tells it from any other."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFacts:
    """What a hub is to a rollout. None of it leaves the hub."""

    hub_id: str
    """The server's own id; only hashed with a rollout's."""
    region: str
    """A country's ISO 3166 code; empty while unknown."""
    hub_class: str
    server_version: str
    languages: tuple[str, ...] = ()
    """What the home speaks; empty for any."""
    serving: Mapping[Kind, str] = field(default_factory=dict)
    """Kind → label of the bundle that is active; absent where none is."""
    highest: Mapping[str, str] = field(default_factory=dict)
    """Bundle's name → highest version that was ever active here."""
    denied: frozenset[str] = frozenset()
    """Labels that failed here."""


def target_path(channel: str, name: str, version: str) -> str:
    """Return the path of a bundle's archive in a repository."""
    return f"{channel}/{name}@{version}.tar"


def offer_of(channel: str, path: str, length: int, sha256: str, custom: Mapping[str, Any] | None) -> Offer:
    """Return what is signed of a target. Raises MalformedMetadataError, which names the field."""
    try:
        said = _OFFER((custom or {}).get(CUSTOM_KEY))
        rollout = Rollout(**{key: _tuple(value) for key, value in said.pop("rollout").items()})
        del said["schema"]
        made = {key: _tuple(value) for key, value in said.items()} | {"kind": Kind(said["kind"])}
        offer = Offer(channel=channel, path=path, length=length, sha256=sha256, rollout=rollout, **made)
    except vol.MultipleInvalid as error:
        said_of = "; ".join(
            f"{'.'.join(map(str, one.path)) or CUSTOM_KEY}: {one.error_message}" for one in error.errors
        )
        raise MalformedMetadataError(f"What is signed of '{path}' cannot be used: {said_of}") from error
    except (ValueError, OverflowError) as error:
        raise MalformedMetadataError(f"What is signed of '{path}' cannot be used: {error}") from error
    if path != target_path(channel, offer.name, offer.version):
        raise MalformedMetadataError(f"What is signed of '{path}' is of {offer.label}")
    return offer


def custom_of(offer: Offer) -> dict[str, Any]:
    """Return what is signed beside a bundle's bytes, for its target's `custom`."""
    rollout = offer.rollout
    said: dict[str, Any] = {
        "schema": SCHEMA,
        "name": offer.name,
        "version": offer.version,
        "kind": offer.kind.value,
        "manifest_sha256": offer.manifest_sha256,
        "unpacked_bytes": offer.unpacked_bytes,
        "min_server": offer.min_server,
        "languages": list(offer.languages),
        "notes": offer.notes,
        "withdrawn": offer.withdrawn,
        "rollback_to": offer.rollback_to,
        "reports_url": offer.reports_url,
        "rollout": {
            "id": rollout.id,
            "percent": _written(rollout.percent),
            "regions": list(rollout.regions),
            "hub_classes": list(rollout.hub_classes),
            "paused": rollout.paused,
        },
    }
    if rollout.not_before is not None:
        said["rollout"]["not_before"] = rollout.not_before.isoformat()
    return {CUSTOM_KEY: said}


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise vol.Invalid("must be a whole number")
    return value


def _written(percent: float) -> str:
    """Return a share as decimal digits: what is signed in TUF's canonical JSON holds no fractions."""
    return f"{percent:.4f}".rstrip("0").rstrip(".")


def _percent(value: object) -> float:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise vol.Invalid("must be decimal digits in quotes, as '12.5'")
    return float(value)


def _moment(value: object) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(str(value))
        moment.astimezone(dt.UTC)  # the first and the last day have moments that no clock in UTC shows
    except ValueError, OverflowError:
        moment = dt.datetime.min  # noqa: DTZ901  # stands for what is refused in the next line
    if moment.tzinfo is None:
        raise vol.Invalid("must be a moment with its zone, as 2026-11-22T10:00:00+00:00")
    return moment


_DECIMAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?")
_DIGEST = vol.All(str, vol.Match(r"^[0-9a-f]{64}\Z", msg="must be a SHA-256, 64 hexadecimal digits"))
_NAME = vol.All(str, vol.Match(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\Z", msg="must be letters, digits, '.', '_' and '-'"))
_VERSION = vol.All(str, vol.Match(VERSION_FORM, msg="must be a version such as 1.2.0"))
_SHORT = vol.All(str, vol.Match(r"^[A-Za-z0-9._-]{1,40}\Z", msg="must be letters, digits, '.', '_' and '-'"))
"""What sentences for people name, on terminals too."""
_ROLLOUT = vol.Schema(
    {
        vol.Required("id"): vol.All(str, vol.Length(1, 100)),
        vol.Required("percent"): _percent,
        vol.Optional("regions", default=list): [vol.All(str, vol.Match(r"^[A-Z]{2}\Z"))],
        vol.Optional("hub_classes", default=list): [_SHORT],
        vol.Optional("not_before"): _moment,
        vol.Required("paused"): bool,
    },
    extra=vol.REMOVE_EXTRA,
)
_OFFER = vol.Schema(
    {
        vol.Required("schema"): vol.All(
            _whole, vol.Range(1, SCHEMA, msg=f"this server reads up to {SCHEMA}; update it")
        ),
        vol.Required("name"): _NAME,
        vol.Required("version"): _VERSION,
        vol.Required("kind"): vol.In(list(Kind)),
        vol.Required("manifest_sha256"): _DIGEST,
        vol.Required("unpacked_bytes"): _whole,
        vol.Optional("min_server", default=""): SERVER_VERSION,
        vol.Optional("languages", default=list): [_SHORT],
        vol.Optional("notes", default=""): vol.All(str, vol.Length(max=LONGEST_NOTES)),
        vol.Required("withdrawn"): bool,
        vol.Optional("rollback_to", default=""): vol.Any("", _VERSION),
        vol.Optional("reports_url", default=""): vol.All(str, vol.Match(r"^[!-~]{0,2000}\Z", msg="must be an address")),
        vol.Required("rollout"): _ROLLOUT,
    },
    extra=vol.REMOVE_EXTRA,
)
