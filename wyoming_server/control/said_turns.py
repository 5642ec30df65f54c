"""Texts of the last turns, in memory for minutes: what a correction is held against."""

from collections import OrderedDict
from dataclasses import dataclass

from ..pipeline.types import GrammarMatch, Outcome

MOST_TURNS = 50
KEPT_SECONDS = 600.0
"""As long as people still know what they said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidTurn:
    """What was made of a turn."""

    text: str
    language: str
    match: GrammarMatch | None
    satellite: str
    ended_s: float


class SaidTurns:
    """Never written, never logged, gone after ten minutes."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, SaidTurn] = OrderedDict()

    def add(self, outcome: Outcome, at_s: float) -> None:
        """Remember a turn."""
        self.expire(at_s)
        self._turns[outcome.turn_id] = SaidTurn(
            text=outcome.text,
            language=outcome.language,
            match=outcome.match,
            satellite=outcome.caller.satellite,
            ended_s=at_s,
        )

    def find(self, turn_id: str, at_s: float) -> SaidTurn | None:
        """Return a turn; None when it is not known, or no longer."""
        self.expire(at_s)
        return self._turns.get(turn_id)

    def clear(self, satellite: str | None = None) -> int:
        """Forget turns, of a satellite or all, and return how many that were."""
        gone = [key for key, turn in self._turns.items() if satellite in {None, turn.satellite}]
        for key in gone:
            del self._turns[key]
        return len(gone)

    def expire(self, at_s: float) -> None:
        """Forget what is too old; to be called now and then, as the next turn may come tomorrow."""
        while self._turns:
            oldest = next(iter(self._turns.values()))
            if len(self._turns) <= MOST_TURNS and at_s - oldest.ended_s <= KEPT_SECONDS:
                return
            self._turns.popitem(last=False)
