"""Texts and sound of turns, where their owner wants them kept: under seal, in the store's own thread."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial

from ..pipeline.types import Outcome, Samples
from ..records.data_keys import CORRECTIONS, RECORDINGS, TRANSCRIPTS, DataKeys
from ..records.pseudonyms import SATELLITE, TURN, Pseudonyms
from ..records.seals import Seals, ToSeal, text_bytes
from ..records.store import Store
from ..records.turn_record import TurnRecord
from ..settings import Settings
from .feed import Json
from .recorded import wav_of

SOUNDS_WAITING = 16
"""Recordings that are held in memory for a disk that refuses them: 1.6 MB."""


class Keepsakes:
    """Keeps what is wanted. Nothing in it blocks, and nothing is written that is not sealed."""

    def __init__(
        self, store: Store, keys: DataKeys, *, settings: Callable[[], Settings], today: Callable[[], date]
    ) -> None:
        """Keep by the settings of now; `today` is the home's day."""
        self._store, self._settings, self._today = store, settings, today
        self._names, self._seals = Pseudonyms(keys), Seals(keys)
        self._sounds = 0

    def turn(self, record: TurnRecord, outcome: Outcome) -> None:
        """Keep what of a turn is wanted."""
        settings = self._settings()
        if settings.control.keep_transcripts and outcome.text:
            self._store.later(partial(self._seal, TRANSCRIPTS, record, text_bytes(outcome.text)))
        if settings.records.keep_recordings and outcome.interpretation is not None:
            most_bytes = settings.records.most_recording_mb * 1_000_000
            sound = partial(self._seal_sound, record, outcome.interpretation.speech.samples, most_bytes)
            self._sounds = (self._sounds + 1) % SOUNDS_WAITING
            self._store.later(sound, key=("recording", self._sounds))

    def corrected(self, turn_id: str, text: str) -> None:
        """Keep what was really said, where texts are kept."""
        if self._settings().control.keep_transcripts and text:
            self._store.later(partial(self._seal_correction, turn_id, text_bytes(text)))

    def _seal(self, kind: str, record: TurnRecord, content: bytes, connection: sqlite3.Connection) -> None:
        self._seals.put(self._to_seal(kind, record, content, connection), connection)

    def _seal_sound(
        self, record: TurnRecord, samples: Samples, most_bytes: int, connection: sqlite3.Connection
    ) -> None:
        content = samples.astype("<i2", copy=False).tobytes()
        self._seals.put_recording(self._to_seal(RECORDINGS, record, content, connection), most_bytes, connection)

    def _to_seal(self, kind: str, record: TurnRecord, content: bytes, connection: sqlite3.Connection) -> ToSeal:
        day = record.at.date()
        name = self._names.at(day, connection)
        return ToSeal(
            kind=kind,
            day=day,
            turn=name(TURN, record.turn_id),
            satellite=name(SATELLITE, record.satellite),
            content=content,
        )

    def _seal_correction(self, turn_id: str, content: bytes, connection: sqlite3.Connection) -> None:
        """Keep a correction beside its turn, as long as that is there."""
        hashes = json.dumps(self._names.every(TURN, turn_id, connection))
        found = connection.execute(
            "SELECT turn, satellite FROM turn WHERE turn IN (SELECT value FROM json_each(?))", (hashes,)
        ).fetchone()
        if found is not None:
            turn, satellite = found
            self._seals.put(
                ToSeal(kind=CORRECTIONS, day=self._today(), turn=turn, satellite=satellite, content=content), connection
            )

    def of_turns(self, turns: Sequence[str], connection: sqlite3.Connection) -> dict[str, Json]:
        """Return, by a turn's hash, `text`, `correction` and `recording`: what is kept and opens. For queries."""
        return self._seals.of_turns(turns, connection)

    async def recording(self, number: int) -> bytes:
        """Return a turn's sound as WAV. Raises NotKeptError, RecordsKeyError, DiskError."""
        await self._store.flush()
        pcm = await self._store.read(partial(self._sound_of, number))
        return await asyncio.to_thread(wav_of, pcm)

    def _sound_of(self, number: int, connection: sqlite3.Connection) -> bytes:
        row = connection.execute("SELECT turn FROM turn WHERE number = ?", (number,)).fetchone()
        return self._seals.recording(row[0] if row else "", connection)
