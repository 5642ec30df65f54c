"""What a hub says of its models' bundles, part of its status. Fields are named as in docs/control-api.md."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Complaint:
    """Why a repository is not believed."""

    code: str
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """Where signed bundles come from."""

    url: str
    channel: str = "stable"
    checked_at: datetime | None = None
    error: Complaint | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveModel:
    """What serves: a signed bundle, or a plain model that nobody has signed."""

    label: str
    name: str = ""
    version: str | None = None
    signed: bool = False
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One of the publisher's conditions, and whether this hub meets it."""

    code: str
    holds: bool
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedBundle:
    """The newest bundle of the channel."""

    label: str
    name: str
    version: str
    eligible: bool = False
    """Whether it is for this hub, now."""

    notes: str | None = None
    """Markdown."""

    reasons: tuple[Condition, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """How often something happened to the turns of the bundle before and of the new one; shares are 0 to 1."""

    metric: str
    """`escalated`, `failed`, `disagreed`, `slow` or `error`."""

    baseline: float | None = None
    candidate: float | None = None
    baseline_turns: int = 0
    candidate_turns: int = 0
    e_value: float | None = None
    """How many times likelier the figures are if the new one is worse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A bundle that has to prove itself."""

    label: str
    stage: str
    """`shadow` and `serving` come before it is active, `watch` after."""

    since: datetime | None = None
    turns: int = 0
    """Of this stage."""

    turns_to_go: int | None = None
    share: float | None = None
    evidence: tuple[Comparison, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What the hub does about a bundle right now."""

    action: str
    label: str | None = None
    state: str = ""
    progress: float | None = None
    """0 to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollback:
    """The last time that a bundle had to go."""

    label: str
    to: str | None = None
    code: str = ""
    at: datetime | None = None
    message: str = ""
    evidence: tuple[Comparison, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleKind:
    """One kind of model: `asr`, `wake` or `vad`. What is not there is None."""

    kind: str
    active: ActiveModel | None = None
    previous: str | None = None
    offered: OfferedBundle | None = None
    candidate: Candidate | None = None
    work: Work | None = None
    last_rollback: Rollback | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Denied:
    """A bundle that failed here and is not tried again."""

    label: str
    code: str = ""
    at: datetime | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundles:
    """Everything that a hub has to show of its bundles."""

    repository: Repository | None = None
    region: str | None = None
    hub_class: str | None = None
    kinds: tuple[BundleKind, ...] = ()
    denied: tuple[Denied, ...] = ()

    def kind(self, kind: str) -> BundleKind | None:
        """Return one kind of model, or None when the hub does not know it."""
        return next((one for one in self.kinds if one.kind == kind), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleMoved:
    """A bundle has come, gone on, or gone."""

    event: str
    """`offered`, `installing`, `shadow`, `serving`, `watch`, `settled`, `activated`, `rolled_back` or `refused`."""

    kind: str | None = None
    """None when it is the repository that was refused."""

    label: str | None = None
    at: datetime | None = None
    code: str | None = None
    """None unless something went wrong."""

    message: str = ""
    evidence: tuple[Comparison, ...] = ()
