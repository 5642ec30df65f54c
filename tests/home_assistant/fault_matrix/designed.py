"""What ought to happen: docs/architecture.md's modes, cell by cell."""

from collections.abc import Callable
from dataclasses import dataclass, replace

EDGE, CLOUD, ERROR, AWAY = "edge", "cloud", "error", "away"
BUDGET_SECONDS = 3.0
"""After the end of speech, whatever happens."""
HOLD_SECONDS = 0.8
"""The longest silence after which speech has ended."""
SLACK_SECONDS = 0.75
"""Of a shared machine, and of this program."""
LATE_SECONDS = BUDGET_SECONDS + HOLD_SECONDS + SLACK_SECONDS
ANSWER_SECONDS = 4.0
"""For which the integration waits for a hub that says nothing, once Home Assistant has heard the end of speech …"""
HEARS_SECONDS = 1.3 + SLACK_SECONDS
"""… which takes so long."""
SILENCE_SECONDS = 45.0
"""After which the integration takes a hub that says nothing for one that is not there."""
PAUSE_SECONDS = 1000.0
"""For which, at least, a model that crashed twice is left alone."""
TRIED_SECONDS = 300.0
"""After which, at most, it is tried in a process of its own once it may be."""
SHOWN_SECONDS = 12.0
"""A mode is entered once it is sure, and then shown."""
HEALS_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Designed:
    """What a home does in one cell."""

    struck: frozenset[str]
    """How the turn that is struck may end: whose text it comes to, an `error`, or `away` with Home Assistant itself."""
    during: frozenset[str] = frozenset()
    """How a turn that begins while the fault lasts may end; empty: nobody speaks then."""
    modes: frozenset[str] = frozenset()
    """Which of these the hub must show meanwhile; empty: any."""
    warns: str = ""
    """The code of a warning that it must show."""
    seen: str = ""
    """What Home Assistant's mode sensor shows meanwhile, where that is not the hub's own: `unavailable`."""
    sends_all: bool = False
    """Everything goes to the speech service, so that there is an upload to be struck."""
    late_s: float = LATE_SECONDS
    """The longest from the last voiced sample until a turn ends."""
    heals_s: float = HEALS_SECONDS
    """The longest until all is as it was."""
    shown_s: float = SHOWN_SECONDS
    """The longest until it shows."""


def _of(*names: str) -> frozenset[str]:
    return frozenset(names)


def designed(fault: str, moment: str) -> Designed:
    """Return what ought to happen."""
    kind, _, what = fault.partition(" ")
    if kind == "cloud":
        return _cloud(what, moment)
    uploads = moment == "mid-upload"
    own = _of(CLOUD) if uploads else _of(EDGE)
    design = _TABLE[fault](moment, own)
    return replace(design, sends_all=uploads)


def _cloud(what: str, moment: str) -> Designed:
    """The hub answers alone, and says so, once a lane has failed it."""
    struck = _of(EDGE)
    if what == "DNS" and moment == "mid-upload":
        struck = _of(CLOUD)  # a connection that is there needs no name
    return Designed(struck=struck, during=_of(EDGE), modes=_of("edge_only"), sends_all=moment != "mid-queue-replay")


def _on_disk(_moment: str, own: frozenset[str]) -> Designed:
    """The model that is loaded goes on; after the next start the starter stands in until the files are here again."""
    return Designed(struck=own, during=own, modes=_of("starter"))


def _crashing(moment: str, _own: frozenset[str]) -> Designed:
    """Twice in a decode, and it is left alone for a while; at any other moment the hub is only started again."""
    if moment != "mid-decode":
        return Designed(struck=_of(EDGE, ERROR) if moment == "idle" else _of(ERROR))
    modes = _of("cloud_only", "starter")
    return Designed(
        struck=_of(ERROR),
        during=_of(EDGE, CLOUD),
        modes=modes,
        warns="model-crashed",
        heals_s=TRIED_SECONDS + HEALS_SECONDS,
    )


def _nothing_left(_moment: str, _own: frozenset[str]) -> Designed:
    """An error at once, for nobody is there who could hear; the model comes again as soon as it can."""
    return Designed(struck=_of(ERROR), during=_of(ERROR), modes=_of("unavailable"))


def _slow(_moment: str, _own: frozenset[str]) -> Designed:
    """What is not decoded in time goes to the lane within the budget."""
    return Designed(struck=_of(CLOUD), during=_of(CLOUD))


def _disk_full(_moment: str, own: frozenset[str]) -> Designed:
    """No upload that cannot be written down; the hub's own text needs no disk."""
    return Designed(struck=own, during=_of(EDGE), warns="records-unwritable")


def _clock_jump(_moment: str, own: frozenset[str]) -> Designed:
    """Certificates are of another time then, but for a connection that is open; budgets go by the monotonic clock."""
    return Designed(struck=own, during=own | _of(EDGE))


def _memory(_moment: str, _own: frozenset[str]) -> Designed:
    """Whatever can be had without more memory; never a turn without an end."""
    anything = _of(EDGE, CLOUD, ERROR)
    return Designed(struck=anything, during=anything)


def _killed(moment: str, _own: frozenset[str]) -> Designed:
    """An error at once, and service again as soon as it is started again."""
    return Designed(struck=_of(EDGE, ERROR) if moment == "idle" else _of(ERROR))


def _cut(moment: str, _own: frozenset[str]) -> Designed:
    """An error: at once where the cut is told, when the hub's budget is over where a cable was pulled."""
    if moment not in PULLED:
        return Designed(struck=_of(ERROR), during=_of(ERROR), seen="unavailable")
    return Designed(
        struck=_of(ERROR), during=_of(ERROR), seen="unavailable",
        shown_s=SILENCE_SECONDS + SHOWN_SECONDS, late_s=ANSWER_SECONDS + HEARS_SECONDS,
    )  # fmt: skip


def _home_assistant(_moment: str, _own: frozenset[str]) -> Designed:
    """The turn goes with it; the hub waits for nobody, and what was to be done is done once."""
    return Designed(struck=_of(AWAY))


PULLED = ("mid-decode", "mid-queue-replay")
"""Moments at which the network is cut without anybody's being told."""
_TABLE: dict[str, Callable[[str, frozenset[str]], Designed]] = {
    "model missing": _on_disk,
    "model corrupt": _on_disk,
    "model crashing": _crashing,
    "model slow": _slow,
    "every model and the cloud": _nothing_left,
    "disk full": _disk_full,
    "clock jump": _clock_jump,
    "memory pressure": _memory,
    "server killed": _killed,
    "network cut": _cut,
    "Home Assistant restarted": _home_assistant,
}
"""Fault → what a home makes of it at a moment, whose turns would come to this text."""
