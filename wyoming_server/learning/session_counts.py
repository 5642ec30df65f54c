"""How often turns are said again, put right or given up, per language."""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import voluptuous as vol

from .snapshot import Snapshot, name, parts, read, several, whole

WINDOW = 500
"""Turns that a rate speaks of."""
MAX_LANGUAGES = 64
"""The one unheard for longest goes first."""
_KINDS = ("retried", "corrected", "undone", "no_intent", "abandoned", "failed")


@dataclass(slots=True, kw_only=True)
class Counts:
    """Closed turns since the counting began, by what became of them; one turn may be several of these."""

    turns: int = 0
    retried: int = 0
    corrected: int = 0
    undone: int = 0
    no_intent: int = 0
    abandoned: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Shares of a language's last 500 turns."""

    turns: int = 0
    retried: float = 0.0
    corrected: float = 0.0
    undone: float = 0.0
    no_intent: float = 0.0
    abandoned: float = 0.0
    failed: float = 0.0


@dataclass(slots=True)
class _Language:
    counts: Counts
    recent: deque[int]
    """One number a turn, a bit for each of _KINDS."""


class SessionCounts:
    """Counters per language; no session, satellite or text is in them."""

    def __init__(self) -> None:
        self._languages: OrderedDict[str, _Language] = OrderedDict()

    def count(self, language: str, became: Sequence[str]) -> None:
        """Count a closed turn of which all these came true."""
        known = self._languages.pop(language, None) or _Language(Counts(), deque(maxlen=WINDOW))
        self._languages[language] = known
        if len(self._languages) > MAX_LANGUAGES:
            self._languages.popitem(last=False)
        known.counts.turns += 1
        known.recent.append(sum(1 << bit for bit, kind in enumerate(_KINDS) if kind in became))
        for kind in became:
            setattr(known.counts, kind, getattr(known.counts, kind) + 1)

    def languages(self) -> tuple[str, ...]:
        """Return the languages with turns, the one heard last at the end."""
        return tuple(self._languages)

    def totals(self, language: str) -> Counts:
        """Return a language's counters; they only ever grow."""
        known = self._languages.get(language)
        return Counts(**{one.name: getattr(known.counts, one.name) for one in fields(Counts)}) if known else Counts()

    def rates(self, language: str | None = None) -> Rates:
        """Return the shares of recent turns, of one language or of all together."""
        chosen = [one for key, one in self._languages.items() if language in {None, key}]
        recent = [flags for one in chosen for flags in one.recent]
        if not recent:
            return Rates()
        shares = {kind: sum(flags >> bit & 1 for flags in recent) / len(recent) for bit, kind in enumerate(_KINDS)}
        return Rates(turns=len(recent), **shares)

    def snapshot(self) -> Snapshot:
        """Return the counters."""
        languages = {
            key: {"recent": list(one.recent), **{kind: getattr(one.counts, kind) for kind in ("turns", *_KINDS)}}
            for key, one in self._languages.items()
        }
        return {"version": 1, "languages": languages}

    @classmethod
    def restored(cls, snapshot: object) -> Self:
        """Take up a snapshot exactly. Raises SnapshotError."""
        self = cls()
        for key, one in read(_FIELDS, snapshot, of="the sessions' counters", version=1)["languages"].items():
            counts = Counts(**{kind: one[kind] for kind in ("turns", *_KINDS)})
            self._languages[key] = _Language(counts, deque(one["recent"], maxlen=WINDOW))
        return self


_LANGUAGE = parts(
    {
        **{kind: whole() for kind in ("turns", *_KINDS)},
        "recent": several(whole(at_most=2 ** len(_KINDS) - 1), at_most=WINDOW),
    }
)
_FIELDS = {"languages": vol.All(vol.Schema({name: _LANGUAGE}), vol.Length(max=MAX_LANGUAGES))}
