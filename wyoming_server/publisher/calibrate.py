"""How short an encoder context a model bears: each floor is held to the whole context, on the same recordings.

What is counted are utterances: one sentence by one voice, however often it was recorded, because ten noisy copies of a
sentence are no ten witnesses. A floor costs an utterance where more of its recordings are wrong than with the whole
context, and saves it where fewer are.

The rule. Floors are tried from the longest down, and the first that fails ends the search, so that no floor is allowed
by having been one of many tries. A floor is allowed where the share that it costs on balance (costs less saves) is
below 1 in 100 with 95 % confidence: one-sided score interval for paired proportions (Tango 1998), which takes 268
utterances at least. To ask also that it cost not one more than it saves would add no certainty, and refuse half of the
floors that lose nothing: of 1240 utterances of which 1 in 100 is heard otherwise by chance, 57 % instead of 94 % would
be allowed.

A floor of 1000 frames is what the server gives every model that nobody calibrated: it is also allowed where nothing
speaks against it, that is, unless it costs more utterances than it saves beyond chance (exact sign test, 5 %).
"""

import math
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from ..bundles.bundle import Calibration, FloorError
from ..errors import CalibrationError

WHOLE_FRAMES = 3000
USUAL_FLOOR_FRAMES = 1000
FLOORS = (WHOLE_FRAMES, USUAL_FLOOR_FRAMES, 700, 500, 400, 300)
"""What is tried, in mel frames of 10 ms, in this order."""
TOLERANCE = 0.01
"""Share of utterances that a shorter context may cost at most, as far as the recordings can tell."""
FALSE_ALARM = 0.05
"""Probability that a floor which costs more is allowed all the same."""
_Z = 1.6449
"""Of the standard normal distribution, for FALSE_ALARM on one side."""
FEWEST_UTTERANCES = math.ceil(_Z**2 * (1 - TOLERANCE) / TOLERANCE)
"""On fewer, no floor below the usual can be shown, even where it changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """How far a heard text is from what was said."""

    edits: int
    """Words inserted, left out or changed; characters where a language has no spaces."""
    words: int
    """That were said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One floor held to the whole context."""

    context_floor_frames: int
    utterances: int
    costs: int
    """Utterances that the whole context hears better."""
    saves: int
    """Utterances that this floor hears better."""
    at_most: float
    """Share of utterances that it costs on balance, at most, with 95 % confidence."""
    allowed: bool
    reason: str
    """For people: why, or why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What was measured and what follows from it."""

    calibration: Calibration
    context_floor_frames: int
    """The shortest that is allowed."""
    held: tuple[Held, ...]
    """Every floor below the whole context, the longest first."""


@dataclass(slots=True)
class Calibrator:
    """Counts, recording by recording, what each floor hears."""

    _heard: dict[int, list[Edits]] = field(default_factory=lambda: {floor: [] for floor in FLOORS})
    _utterances: list[Hashable] = field(default_factory=list)

    def add(self, heard: Mapping[int, Edits], utterance: Hashable) -> None:
        """Take one recording as it was heard at every floor of FLOORS; which utterance it records, of which voice."""
        self._utterances.append(utterance)
        for floor in FLOORS:
            self._heard[floor].append(heard[floor])

    def result(self) -> Calibrated:
        """Return what the recordings show. Raises CalibrationError without any, or where no word was said."""
        if not any(one.words for one in self._heard[WHOLE_FRAMES]):
            raise CalibrationError("Nothing is said in the recordings, so nothing can be measured on them")
        held, floor, may_go_on = [], WHOLE_FRAMES, True
        for shorter in FLOORS[1:]:
            one = self._held(shorter, may_go_on=may_go_on)
            held.append(one)
            floor = shorter if one.allowed else floor
            may_go_on = may_go_on and shows_parity(one.costs, one.saves, one.utterances)
        errors = tuple(self._error(floor) for floor in reversed(FLOORS))
        calibration = Calibration(recordings=len(self._heard[WHOLE_FRAMES]), floors=errors)
        return Calibrated(calibration=calibration, context_floor_frames=floor, held=tuple(held))

    def _error(self, floor: int) -> FloorError:
        heard = self._heard[floor]
        return FloorError(
            context_floor_frames=floor,
            word_error=sum(one.edits for one in heard) / sum(one.words for one in heard),
            sentence_error=sum(one.edits > 0 for one in heard) / len(heard),
        )

    def _held(self, floor: int, *, may_go_on: bool) -> Held:
        lost: Counter[Hashable] = Counter()
        for utterance, short, whole in zip(
            self._utterances, self._heard[floor], self._heard[WHOLE_FRAMES], strict=True
        ):
            lost[utterance] += (short.edits > 0) - (whole.edits > 0)
        costs, saves = sum(one > 0 for one in lost.values()), sum(one < 0 for one in lost.values())
        allowed, reason = judged(floor, costs, saves, len(lost), may_go_on=may_go_on)
        return Held(
            context_floor_frames=floor,
            utterances=len(lost),
            costs=costs,
            saves=saves,
            at_most=most_extra(costs, saves, len(lost)),
            allowed=allowed,
            reason=reason,
        )


def judged(floor: int, costs: int, saves: int, utterances: int, *, may_go_on: bool) -> tuple[bool, str]:
    """Return whether a floor is allowed, and why; `may_go_on` is whether parity was shown for all longer ones."""
    balance = f"costs {costs} of {utterances} utterances and saves {saves}"
    most = f"{most_extra(costs, saves, utterances):.2%}"
    if may_go_on and shows_parity(costs, saves, utterances):
        return True, f"{balance}: at most {most} more are wrong, with 95 % confidence"
    if floor == USUAL_FLOOR_FRAMES and sign_test(costs, saves) < FALSE_ALARM:
        return False, f"{balance}, which is more than chance: the model needs the whole context"
    if floor == USUAL_FLOOR_FRAMES:
        return True, f"{balance}: no loss is shown, and no parity ({_missing(costs, saves, utterances)})"
    if not may_go_on:
        return False, f"{balance}: not allowed, as parity was not shown for a longer one"
    return False, f"{balance}: {_missing(costs, saves, utterances)}"


def shows_parity(costs: int, saves: int, utterances: int) -> bool:
    """Return whether a floor that costs and saves so many utterances is shown to be as good as the whole context."""
    return most_extra(costs, saves, utterances) < TOLERANCE


def _missing(costs: int, saves: int, utterances: int) -> str:
    """Return what keeps parity from being shown."""
    if utterances < FEWEST_UTTERANCES:
        return f"{FEWEST_UTTERANCES} utterances at least are needed"
    return f"up to {most_extra(costs, saves, utterances):.2%} more may be wrong, and {TOLERANCE:.0%} is the most"


def most_extra(costs: int, saves: int, utterances: int) -> float:
    """Return the upper 95 % bound on the share that is lost on balance, of paired outcomes."""
    low, high = -1.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _score(costs, saves, utterances, middle) <= -_Z:
            high = middle
        else:
            low = middle
    return high


def sign_test(costs: int, saves: int) -> float:
    """Return how probable it is that chance alone costs so many of the utterances that differ."""
    differ = costs + saves
    return math.fsum(math.comb(differ, one) / 2**differ for one in range(costs, differ + 1))


def _score(costs: int, saves: int, utterances: int, extra: float) -> float:
    """Return Tango's score statistic: how far the counts are below a true loss of `extra`, in standard deviations."""
    n, b = utterances, -costs - saves + (2 * utterances - costs + saves) * extra
    c = -saves * extra * (1 - extra)
    root = math.sqrt(max(0.0, b * b - 8 * n * c))
    only_saved = max(0.0, (root - b) / (4 * n))
    variance = n * (2 * only_saved + extra * (1 - extra))
    distance = costs - saves - n * extra
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)
