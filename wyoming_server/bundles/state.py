"""Which bundles are on this disk, and which of them serves: values that a transition replaces as a whole.

`transitions` changes them, `state_file` writes them down; nothing here touches a disk or a clock.
"""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .bundle import Kind


class Stage(enum.StrEnum):
    """How far a new bundle is."""

    SHADOW = "shadow"
    """It decodes unheard."""
    SERVING = "serving"
    """It answers a share of the turns."""
    WATCH = "watch"
    """It is active already, and not yet settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A bundle on its way to become the active one, or just become it."""

    label: str
    stage: Stage
    since: dt.datetime
    """When this stage began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindState:
    """What serves of one kind of model."""

    active: str = ""
    """Label of the bundle that serves; empty while a plain model does."""
    active_since: dt.datetime | None = None
    previous: str = ""
    """Label of what a roll-back returns to; empty for the plain model."""
    candidate: Candidate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A bundle whose folder is complete."""

    kind: Kind
    manifest_sha256: str
    """Of its `bundle.json`, which names every other file's digest: by it the bundle is verified again."""
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """Why a version is not tried again."""

    code: str
    at: dt.datetime
    message: str
    evidence: tuple[Mapping[str, Any], ...] = ()
    """Rows as in the control API's `candidate.evidence`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """The last time that a bundle was left."""

    label: str
    to: str
    """Empty for the plain model."""
    code: str
    at: dt.datetime
    message: str
    evidence: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A run of the server that ended without saying so, while a bundle served in it."""

    label: str
    at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that is remembered of bundles."""

    kinds: Mapping[Kind, KindState] = field(default_factory=dict)
    """Absent where a kind never had a bundle; `of` gives the empty one."""
    highest: Mapping[str, str] = field(default_factory=dict)
    """Bundle's name → highest version that was ever active here."""
    installed: Mapping[str, Installed] = field(default_factory=dict)
    """Label → what verifies it."""
    denied: Mapping[str, Denial] = field(default_factory=dict)
    """Label → why it is not tried again."""
    last_rollback: Mapping[Kind, Rollback] = field(default_factory=dict)
    crashes: tuple[Crash, ...] = ()
    """The newest last."""

    def of(self, kind: Kind) -> KindState:
        """Return what serves of a kind."""
        return self.kinds.get(kind, KindState())

    @property
    def used(self) -> frozenset[str]:
        """Labels that serve, may serve soon, or are what a roll-back returns to; all others may be erased."""
        labels = {one for kind in self.kinds.values() for one in (kind.active, kind.previous)}
        candidates = {kind.candidate.label for kind in self.kinds.values() if kind.candidate}
        return frozenset((labels | candidates) - {""})
