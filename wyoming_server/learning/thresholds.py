"""One adaptive threshold per scorecard: log-odds of two models, or of two fits, do not compare."""

import logging
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ..pipeline.scorecard import Scorecard, write_scorecard
from .threshold import AdaptiveThreshold, ThresholdSettings

_LOGGER = logging.getLogger(__name__)
MOST_CARDS = 4
"""The starter, the chosen model, the one before it, and a fit of one's own; the one unused for longest goes."""
INDEX = "thresholds"
"""The snapshot that names the others."""


class Thresholds:
    """The thresholds of the scorecards that served last. Knows which one serves by being asked."""

    def __init__(self, settings: ThresholdSettings, snapshots: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Start afresh, or from snapshots by `name_of` a scorecard; one that cannot be used is left."""
        self._settings = settings
        self._snapshots = dict(snapshots or {})
        self._known: OrderedDict[str, AdaptiveThreshold] = OrderedDict()
        self._names: dict[int, tuple[Scorecard, str]] = {}

    def of(self, card: Scorecard) -> AdaptiveThreshold:
        """Return a scorecard's threshold."""
        name = self._name(card)
        known = self._known.get(name)
        if known is None:
            known = AdaptiveThreshold(
                self._settings, typical_logits=card.logits, snapshot=self._snapshots.pop(name, None)
            )
            if known.refusal is not None:
                _LOGGER.warning("%s", known.refusal)
            self._known[name] = known
            if len(self._known) > MOST_CARDS:
                self._known.popitem(last=False)
        self._known.move_to_end(name)
        return known

    def _name(self, card: Scorecard) -> str:
        """Return a scorecard's name, which takes a digest of all of it: worked out once for each that serves."""
        found = self._names.get(id(card))
        if found is None or found[0] is not card:
            if len(self._names) > 2 * MOST_CARDS:
                self._names.clear()
            found = self._names[id(card)] = (card, name_of(card))
        return found[1]

    @property
    def settings(self) -> ThresholdSettings:
        """What all of them work by; may be set anew at any time."""
        return self._settings

    @settings.setter
    def settings(self, settings: ThresholdSettings) -> None:
        self._settings = settings
        for known in self._known.values():
            known.settings = settings

    def snapshots(self) -> dict[str, Mapping[str, Any]]:
        """Return all that was learned, by snapshot name, with an index of them."""
        names = [*self._snapshots, *self._known][-MOST_CARDS:]
        images = {name: known.snapshot() for name, known in self._known.items()}
        return {INDEX: {"names": names}, **images}


def name_of(card: Scorecard) -> str:
    """Return what a scorecard's threshold is saved as."""
    digest = zlib.crc32(write_scorecard(card).encode())  # tells a handful of cards apart; hashlib costs 2 MB
    return f"threshold {card.model or 'generic'} {digest:08x}"


def names_in(index: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the names in an index; () for one that is damaged."""
    names = index.get("names") if index else None
    return tuple(one for one in names if isinstance(one, str))[-MOST_CARDS:] if isinstance(names, list) else ()
