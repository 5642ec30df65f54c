"""What the owner decides about bundles. The repository itself is no setting: `models trust` names it, with its root."""

import enum
from dataclasses import dataclass

from ..pipeline.checked import Checked, ranged


class Channel(enum.StrEnum):
    """How early a hub wants what is new."""

    STABLE = "stable"
    BETA = "beta"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSettings(Checked):
    """Where bundles come from, and how carefully they are taken up."""

    channel: Channel = Channel.STABLE
    """stable or beta."""
    automatic: bool = True
    """Whether a bundle that is offered to this hub is taken up by itself; otherwise it waits for its owner's word."""
    region: str = ""
    """The home's country as an ISO 3166 code such as DE; empty: what Home Assistant says."""
    hub_class: str = ""
    """The hardware as rollouts name it, such as pi5 or n100; empty: what this machine says of itself."""
    reports: bool = False
    """Whether counters of the day before (no text, no audio, no id) go to the publisher of a bundle that is new."""
    check_hours: float = ranged(6.0, at_least=0.01, at_most=720.0)
    """Hours between two looks at the repository; each is shifted by chance, so that hubs do not come at once."""
    shadow_turns: int = ranged(50, at_least=0, at_most=100_000)
    """Turns that a new recogniser decodes unheard, in a process of its own, before it may answer any."""
    shadow_share: float = ranged(0.5, at_least=0.01, at_most=1.0)
    """Share of the turns that are decoded so, as far as the hub has the time."""
    serving_share: float = ranged(0.2, at_least=0.01, at_most=0.9)
    """Share of the turns that it answers next; a tenth of that for the first three days."""
    serving_turns: int = ranged(100, at_least=1, at_most=100_000)
    """Turns that it has to answer so before it answers all."""
    watch_turns: int = ranged(500, at_least=1, at_most=1_000_000)
    """Turns for which it is watched after that."""
    shadow_hours: float = ranged(48.0, at_least=0.0, at_most=720.0)
    """Hours that it is unheard at least: a publisher who sees that it is worse has the time to call it back.

    2.5 times as many without `reports`: such a hub tells nobody, so those that do go first.
    """
    false_rollback: float = ranged(0.01, at_least=0.0001, at_most=0.2)
    """Probability at most that a bundle as good as the one before is rolled back by its figures, ever."""
    memory_mb: int = ranged(0, at_least=0, at_most=1_000_000)
    """Memory that a new model may take while it is tried; 0: half of what is free."""
    largest_mb: int = ranged(4096, at_least=1, at_most=1_000_000)
    """The largest bundle that is taken, packed or not."""
