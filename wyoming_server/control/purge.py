"""Erasing at the owner's word: a class, all of one satellite, or everything; at once, and so that it can be seen."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from ..errors import EdgeVoiceError, InvalidRequestError, RecordsKeyError
from ..records import kept_rows
from ..records.data_keys import IDENTIFIERS, DataKeys
from ..records.erasure import Erasure
from ..records.kept_rows import KeptRows
from ..records.pseudonyms import SATELLITE, Pseudonyms
from ..records.store import Store
from .feed import Json

OF_SATELLITES = ("turns", "transcripts", "recordings", "corrections", "queue", "satellites")
"""What can be erased of a single satellite."""
ERASED: Mapping[str, tuple[KeptRows, ...]] = {
    "turns": (kept_rows.TURNS,),
    "transcripts": (kept_rows.TEXTS,),
    "recordings": (kept_rows.SOUNDS,),
    "corrections": (kept_rows.CORRECTED,),
    "queue": (kept_rows.QUEUE,),
    "aggregates": (
        kept_rows.DAY_SUMS,
        kept_rows.SCORECARDS,
        kept_rows.BASELINES,
        kept_rows.INCIDENTS,
        kept_rows.LOAD,
    ),
}
"""What is erased here; all else by its eraser."""
COUNTED: Mapping[str, tuple[KeptRows, ...]] = {
    **ERASED,
    "learned": (kept_rows.LEARNED,),
    "ledger": (kept_rows.LEDGER,),
    "satellites": (kept_rows.SATELLITES,),
    "choices": (kept_rows.CHOICES,),
    "lanes": (kept_rows.LANES,),
}
OF_TURNS = (kept_rows.TEXTS, kept_rows.CORRECTED, kept_rows.SOUNDS)
"""What goes with its turn: nobody could find it any more."""

type Eraser = Callable[[str | None], Coroutine[Any, Any, int]]
"""Erases what it is for, of a satellite or altogether, and returns how much. Raises UsageError, DiskError."""


class Purge:
    """Purges. One at a time: its caller sees to that."""

    def __init__(self, store: Store, keys: DataKeys, erasure: Erasure) -> None:
        self._store, self._keys, self._erasure = store, keys, erasure
        self.erasers: Mapping[str, Eraser] = {}
        """Of what is kept elsewhere, also in memory."""

    async def run(self, what: Sequence[str], satellite: str | None) -> Json:
        """Erase, of one satellite or altogether; return how much went, and what is left, counted anew.

        Raises UsageError, RecordsKeyError, DiskError; what could go has gone then.
        """
        chosen = [one for one in what if satellite is None or one in OF_SATELLITES]
        if not chosen:
            raise InvalidRequestError(
                f"Of a single satellite, only {', '.join(OF_SATELLITES)} can be erased; leave 'satellite' out for all"
            )
        await self._store.flush()
        # What the disk has refused is written once it does not any more: then it has to be purged again.
        refusals: list[EdgeVoiceError] = [one for one in (self._store.refused,) if one is not None]
        erased = dict[str, int]()
        names = await self._names_of(satellite) if satellite is not None else None
        await self._erasure.begin()
        for one in sorted(chosen, key=lambda one: one == "turns"):  # last: with them goes what was said
            try:
                erased[one] = await self._erase(one, satellite, names)
            except EdgeVoiceError as error:
                refusals.append(error)
        await self._erasure.remove_damaged()
        await self._erasure.finish(wholly=True)
        if refusals:
            raise refusals[0]
        return {
            "erased": {one: erased[one] for one in chosen},
            "left": {one: await self._left(one, names) for one in chosen},
        }

    async def _erase(self, what: str, satellite: str | None, names: Sequence[str] | None) -> int:
        elsewhere = await self.erasers[what](satellite) if what in self.erasers else 0
        for one in OF_TURNS if what == "turns" else ():
            await self._erasure.erase(one, satellites=names)
        erased = sum([await self._erasure.erase(one, satellites=names) for one in ERASED.get(what, ())])
        if what == "turns" and names is None:
            await self._erasure.forget_names()
        return erased if what in ERASED else elsewhere

    async def _left(self, what: str, names: Sequence[str] | None) -> int:
        of = names if what in ERASED else None
        return sum([await self._erasure.count(one, of) for one in COUNTED.get(what, ())])

    async def _names_of(self, satellite: str) -> list[str]:
        """Return what a satellite is called in the records. Raises RecordsKeyError where that cannot be known."""
        if not await self._store.read(partial(self._keys.opens_all, IDENTIFIERS)):
            raise RecordsKeyError(
                "Which records are of that satellite cannot be told for all of them, because the key file has changed:"
                " purge turns altogether"
            )
        return await self._store.read(partial(Pseudonyms(self._keys).every, SATELLITE, satellite))
