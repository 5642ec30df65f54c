"""Made-up homes whose turns come one by one: what each tells of every figure that is watched for drift."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ..learning.drift_figures import FIGURES, INDEX, UNSURE, Seen, wanted
from ..learning.drift_reference import numbers, reference
from ..learning.e_process import Values

type Marks = npt.NDArray[np.bool_]

_MEAN, _DEVIATION = -2.94, 2.0
"""Log-odds of a text being wrong, by the scorecard."""
_VOICE = 0.7
"""Of their deviation, what comes from how sure the model is; the rest from noise, grammar and chance."""
USUAL = 0.25
"""Of the turns, the hub is not sure of so many."""
_WRONG = (0.3, 0.8)
"""The scorecard is too sure of itself: true log-odds = 0.3 + 0.8 · its own."""
_OWN_MS, _OWN_SPREAD = 260.0, 0.3
_LANE_MS, _LANE_SPREAD = 450.0, 0.4
"""Medians and spreads of log-normal times."""
_EVENING, _EVENINGS = 15.0, 0.2
"""Turns of a loud spell on average, and the share of turns in one."""
_MANY = 200_000
_NORMAL = NormalDist()
_GRID = np.linspace(-6.0, 6.0, 2401)
_BELOW = np.array([_NORMAL.cdf(one) for one in _GRID.tolist()])
_LIMIT = _MEAN + _DEVIATION * _NORMAL.inv_cdf(1.0 - USUAL)


def harder(share: float) -> float:
    """Return by how much log-odds have to be higher for the hub to be unsure of this share of the turns."""
    return _DEVIATION * (_NORMAL.inv_cdf(share) - _NORMAL.inv_cdf(USUAL))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What turns are like."""

    risky: float | None = None
    """The share of turns that the hub is not sure of, by a coin of its own: all else stays as it is."""
    harder: float = 0.0
    """Added to the log-odds."""
    doubt: float = 0.0
    """Deviations by which the model is less sure."""
    wrong: float = 0.0
    """Added to the log-odds of being heard wrong, without the scorecard's noticing."""
    own: float = 1.0
    """Factor of the hub's times."""
    lane: float = 1.0
    """Factor of the waits for a lane."""
    is_moody: bool = False
    """Whether a fifth of the turns come in loud spells, some 15 at a time, in which the model is less sure."""


@dataclass(slots=True, kw_only=True, eq=False)
class Turn:
    """One turn of every home. Arrays (homes, figures)."""

    values: Values
    """NaN where it tells nothing."""
    yes: Values
    """0 or 1."""

    def seen(self, home: int) -> dict[str, Seen]:
        """Return what one home's tells, as the server is told it."""
        return {
            one.name: Seen(float(self.values[home, at]), bool(self.yes[home, at]))
            for at, one in enumerate(FIGURES)
            if not math.isnan(self.values[home, at])
        }


class Homes:
    """Homes, and the chance that makes their turns. Mutable."""

    def __init__(self, homes: int, chance: np.random.Generator) -> None:
        """Begin on a quiet day."""
        self.size, self._chance = homes, chance
        self._is_loud: Marks = np.zeros(homes, dtype=bool)

    def turn(self, world: World) -> Turn:
        """Return the next turn of every home."""
        chance, size = self._chance, self.size
        voice = chance.normal(size=size) + world.doubt + self._mood(world)
        rest = chance.normal(size=size)
        logits = _MEAN + _DEVIATION * (_VOICE * voice + math.sqrt(1.0 - _VOICE**2) * rest) + world.harder
        risky = logits > _LIMIT
        told = logits
        if world.risky is not None:
            risky = chance.random(size) < world.risky
            place = chance.random(size)
            told = np.where(risky, 1.0 - USUAL + USUAL * place, (1.0 - USUAL) * place)
        wrong = chance.random(size) < 1.0 / (1.0 + np.exp(-(_WRONG[0] + _WRONG[1] * logits + world.wrong)))
        doubt = np.interp(voice, _GRID, _BELOW)
        values = np.empty((size, len(FIGURES)))
        yes = np.zeros((size, len(FIGURES)))
        for name, column in {
            "risky": told,
            "risk": 1.0 / (1.0 + np.exp(-logits)),
            "doubt": doubt,
            "unsure": doubt >= UNSURE,
            "differs": np.where(risky, logits, np.nan),
            "own_time": world.own * _OWN_MS * np.exp(_OWN_SPREAD * chance.normal(size=size)),
            "lane_time": np.where(
                risky, world.lane * _LANE_MS * np.exp(_LANE_SPREAD * chance.normal(size=size)), np.nan
            ),
        }.items():
            values[:, INDEX[name]] = column
        yes[:, INDEX["risky"]], yes[:, INDEX["differs"]] = risky, wrong
        return Turn(values=values, yes=yes)

    def _mood(self, world: World) -> Values:
        if world.is_moody:
            ends, begins = 1.0 / _EVENING, _EVENINGS / (1.0 - _EVENINGS) / _EVENING
            drawn = self._chance.random(self.size)
            self._is_loud = np.where(self._is_loud, drawn >= ends, drawn < begins)
        return np.where(self._is_loud, 1.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class References:
    """What was usual in each home: arrays (homes, figures)."""

    mean: Values
    deviation: Values
    turns: Values
    clumping: Values
    limit: Values
    intercept: Values
    slope: Values

    def numbers(self, turn: Turn) -> Values:
        """Return what is held against the means."""
        found = np.empty_like(turn.values)
        for at, one in enumerate(FIGURES):
            line = self.intercept[:, at], self.slope[:, at]
            found[:, at] = numbers(one, turn.values[:, at], turn.yes[:, at], self.limit[:, at], line)
        unsaid = np.isnan(turn.values)
        found[unsaid] = np.nan
        return found


@dataclass(slots=True, kw_only=True)
class Gathered:
    """Turns of which references are made. Mutable."""

    turns: list[Turn] = field(default_factory=list)

    def references(self, reference_turns: int) -> References:
        """Return every home's, by the function that makes the server's."""
        values = np.stack([one.values for one in self.turns])
        yes = np.stack([one.yes for one in self.turns])
        homes = values.shape[1]
        fields = {name: np.zeros((homes, len(FIGURES))) for name in References.__slots__}
        for at, one in enumerate(FIGURES):
            needed = wanted(one, reference_turns)
            for home in range(homes):
                said = np.flatnonzero(~np.isnan(values[:, home, at]))[:needed]
                rows = zip(values[said, home, at].tolist(), yes[said, home, at].tolist(), strict=True)
                found = reference(one, [Seen(value, bool(so)) for value, so in rows], "")
                for name, array in fields.items():
                    array[home, at] = getattr(found, name)
        return References(**fields)


def gathered(homes: Homes, world: World, reference_turns: int) -> References:
    """Return what is usual in homes: of as many turns as the figure that is told of most rarely needs."""
    most = max(wanted(one, reference_turns) / (1.0 if one.share == 1.0 else USUAL) for one in FIGURES)
    book = Gathered(turns=[homes.turn(world) for _ in range(round(1.5 * most))])
    return book.references(reference_turns)


def known(homes: int, world: World, chance: np.random.Generator) -> References:
    """Return what is usual as if it were known: of very many turns of one home, for all; of those that stand alone."""
    many = Homes(_MANY // 100, chance)
    turns = [many.turn(world) for _ in range(100)]
    shape = (-1, 1, len(FIGURES))
    one = Turn(
        values=np.concatenate([turn.values for turn in turns]).reshape(shape),
        yes=np.concatenate([turn.yes for turn in turns]).reshape(shape),
    )
    rows = [Turn(values=values, yes=yes) for values, yes in zip(one.values, one.yes, strict=True)]
    found = Gathered(turns=rows).references(_MANY)
    everybody = {name: np.repeat(getattr(found, name), homes, axis=0) for name in References.__slots__}
    size = (homes, len(FIGURES))
    return References(**{**everybody, "turns": np.full(size, 1e12), "clumping": np.ones(size)})
