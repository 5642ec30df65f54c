"""Slow changes for the worse, as turns come: each language's watch, what is told of it, and its memory."""

import asyncio
import datetime as dt
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Protocol

from ..errors import DiskError, EdgeVoiceError, SnapshotError
from ..learning.drift import LanguageDrift
from ..learning.drift_alarm import Alarm, message, settled_message
from ..learning.drift_causes import Witness, Witnesses
from ..learning.drift_figures import FIGURES, Metric, Seen
from ..learning.drift_snapshot import restored, snapshot_of
from ..learning.drift_values import told_by
from ..learning.knowledge import Knowledge, Snapshots
from ..learning.learner import scale_of
from ..pipeline.scorecard import Scorecard
from ..pipeline.types import Outcome
from ..records.turn_record import TurnLabel, TurnRecord
from ..settings import Settings
from .drift_told import told_alarm, told_standing
from .feed import Json

_LOGGER = logging.getLogger(__name__)
INDEX = "drift"
"""The snapshot that names the languages; each has one of its own, `drift/LANGUAGE`."""
MOST_LANGUAGES = 8
"""The one unheard for longest goes first."""
LABELLED = 512
"""Turns of which a label may still come."""
SAVE_SECONDS = 60.0
LEAST_SURE = 0.5
"""Of the language, where it was detected: less, and it may be another."""

type Happened = Callable[[str, str, str], None]
"""(kind, subject, message) writes down what its owner should know."""


class Memory(Snapshots, Protocol):
    """Keeps states, and drops them."""

    async def drop(self, name: str) -> None:
        """Forget a state."""


class Learned(Protocol):
    """What the hub has learned."""

    @property
    def knowledge(self) -> Knowledge:
        """All of it, as it is now."""

    def scorecard(self, model: str) -> Scorecard:
        """Return a model's."""


class DriftWatch:
    """Watches every trusted turn: a `Hearer`, and the control API's `Drift`."""

    def __init__(
        self,
        *,
        learner: Learned,
        snapshots: Memory,
        settings: Callable[[], Settings],
        publish: Callable[[Json], None],
        happened: Happened,
    ) -> None:
        """Begin without any turn; `publish` tells whoever listens, `happened` writes incidents down."""
        self._learner, self._snapshots, self._settings = learner, snapshots, settings
        self._publish, self._happened = publish, happened
        self._languages = OrderedDict[str, LanguageDrift]()
        self._witnesses = Witnesses()
        self._labelled = OrderedDict[str, Witness]()
        self._listening = ""
        self._seen: object = None
        self._changed = set[str]()
        self._due = asyncio.Event()

    # Its memory.

    async def begin(self) -> None:
        """Take up what was known before; never raises for the disk."""
        found = await self._loaded(INDEX)
        names = found.get("languages", []) if found else []
        for language in names[-MOST_LANGUAGES:] if isinstance(names, list) else []:
            state = await self._loaded(_name(language))
            if state is not None:
                self._take_up(state)
        self._listening = _listening(self._settings())
        if found and found.get("listening") != self._listening:
            self._listening_changed()

    async def _loaded(self, name: str) -> Mapping[str, object] | None:
        try:
            return await self._snapshots.load(name)
        except EdgeVoiceError as error:
            _LOGGER.warning("what was usual (%s) cannot be read: %s", name, error.code)
            return None

    def _take_up(self, state: Mapping[str, object]) -> None:
        try:
            drift = restored(dict(state), self._settings().drift)
        except SnapshotError as error:
            _LOGGER.warning("%s", error)
        else:
            self._languages[drift.language] = drift

    async def run(self) -> None:
        """Save what has changed, each minute and at once after an alarm, until cancelled; then once more."""
        try:
            while True:
                try:
                    async with asyncio.timeout(SAVE_SECONDS):
                        await self._due.wait()
                except TimeoutError:
                    pass
                self._due.clear()
                await self.save()
        finally:
            await self.save()

    async def save(self) -> None:
        """Keep what has changed; a full disk costs the memory of this, and nothing else."""
        changed, self._changed = self._changed, set[str]()
        if not changed:
            return
        try:
            await self._save(changed)
        except BaseException as error:
            self._changed |= changed  # also of a save that the server's end cuts short: the last one has it then
            if not isinstance(error, DiskError | ValueError):
                raise
            _LOGGER.warning("what is usual is not saved: %s", error)

    async def _save(self, changed: Iterable[str]) -> None:
        """Keep languages, or drop those that have gone. Raises DiskError, ValueError."""
        for language in changed:
            if (drift := self._languages.get(language)) is not None:  # looked up late: one may go while another is kept
                await self._snapshots.save(_name(language), snapshot_of(drift))
            else:
                await self._snapshots.drop(_name(language))
        known = {"version": 1, "languages": list(self._languages), "listening": self._listening}
        await self._snapshots.save(INDEX, known)

    # What it hears.

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        """Watch a turn; of one that taught nothing, or in which a service answered all, only that it was."""
        if outcome is None or record.spans is None or not record.trusted or record.is_baseline or not record.spoke:
            return
        hypothesis = outcome.hypothesis
        if hypothesis is None or not record.language:
            return
        self._look_at_settings()
        window = self._learner.knowledge.percentiles.frozen(scale_of(hypothesis))
        told = told_by(outcome, record.spans, self._learner.scorecard(hypothesis.model), window)
        if not told:
            return
        probability = hypothesis.language_probability
        witness = Witness(
            at_s=record.at.timestamp(),
            language=record.language,
            satellite=record.satellite,
            model=hypothesis.model,
            lane=record.lane,
            snr_db=record.snr_db,
            is_foreign=probability is not None and probability < LEAST_SURE,
            told=told,
        )
        self._witnesses.add(witness)
        self._labelled[record.turn_id] = witness
        if len(self._labelled) > LABELLED:
            self._labelled.popitem(last=False)
        self._take(witness, told, record.at)

    def label(self, label: TurnLabel) -> None:
        """Watch what a service says of a turn."""
        witness = self._labelled.get(label.turn_id)
        if witness is None or label.disagreed is None or "risky" not in witness.told:
            return
        seen = Seen(witness.told["risky"].value, label.disagreed)
        witness.told["differs"] = seen
        self._take(witness, {"differs": seen}, label.at)

    def woke(self, satellite: str, word: str) -> None:
        """Wake words do not drift here."""

    def _take(self, witness: Witness, told: Mapping[str, Seen], at: dt.datetime) -> None:
        drift = self._of(witness.language)
        raised, settled = drift.take(told, witness.model, at.timestamp())
        self._changed.add(witness.language)
        for alarm in raised:
            self._alarm(drift, alarm)
        for alarm in settled:
            self._tell("settled", alarm)
            self._happened("drift", alarm.language, settled_message(alarm))

    def _of(self, language: str) -> LanguageDrift:
        drift = self._languages.pop(language, None) or LanguageDrift(language, self._settings().drift)
        self._languages[language] = drift
        if len(self._languages) > MOST_LANGUAGES:
            gone, _ = self._languages.popitem(last=False)
            self._changed.add(gone)
        return drift

    def _alarm(self, drift: LanguageDrift, alarm: Alarm) -> None:
        explained = self._witnesses.explained(alarm, drift.references[alarm.figure])
        drift.raised[alarm.figure].alarm = explained
        self._tell("alarm", explained)
        self._happened("drift", alarm.language, message(explained.public()))
        _LOGGER.warning("drift: %s of %s, cause %s", alarm.metric.value, alarm.language, explained.cause.value)

    def _look_at_settings(self) -> None:
        now = self._settings()
        if self._seen == (seen := (now.endpoint, now.asr.early_answers, now.hedge)):
            return
        self._seen = seen
        if (listening := _listening(now)) != self._listening:
            self._listening = listening
            self._listening_changed()

    def _listening_changed(self) -> None:
        """Gather how long turns take anew: the owner has changed how long is waited, for silence or for a lane."""
        times = [one.name for one in FIGURES if one.metric is Metric.LATENCY]
        for drift in self._languages.values():
            self._accepted(drift.restart(times))
            self._changed.add(drift.language)

    # What is told.

    def status(self) -> Json:
        """Return what of the status is ours."""
        alarms = self._alarms()
        to_go = [one.turns_to_go for one in self._languages.values()] or [self._settings().drift.reference_turns]
        state = "drifted" if alarms else "steady" if min(to_go) == 0 else "learning"
        return {
            "state": state,
            "turns_to_go": min(to_go) if state == "learning" else 0,
            "alarms": [told_alarm(one) for one in alarms],
        }

    def warnings(self) -> list[Json]:
        """Return what its owner should look at: a language's newest alarm, and how many more it has."""
        found = {}
        for alarm in self._alarms():
            found[alarm.language] = {"code": "drift", "message": message(alarm), "subject": alarm.language}
        return list(found.values())

    def told(self) -> Json:
        """Return state, alarms, and each figure beside its reference."""
        rows = [told_standing(drift.language, one) for drift in self._languages.values() for one in drift.standings()]
        return {**self.status(), "metrics": rows}

    async def accept(self, language: str | None) -> Json:
        """Take what is as the new reference, for one language or all; return the same. Raises DiskError."""
        for drift in self._languages.values():
            if language in {None, drift.language} and drift.accept():
                self._changed.add(drift.language)
                self._accepted([None])
                self._happened("drift", drift.language, f"What is, was taken as usual for '{drift.language}'.")
        await self.save()
        return self.told()

    def forget_learned(self) -> None:
        """Forget what was usual: it is learned anew."""
        self._changed |= self._languages.keys()
        self._languages.clear()
        self.forget_satellites()

    def forget_satellites(self, satellite: str | None = None) -> None:
        """Forget who said the last turns: a satellite's, or all."""
        self._witnesses.forget(satellite)
        for drift in self._languages.values():
            for raised in drift.raised.values():
                if satellite in {None, raised.alarm.subject}:
                    raised.alarm = raised.alarm.public()
        self._labelled = OrderedDict(
            (turn_id, one)
            for turn_id, one in self._labelled.items()
            if satellite is not None and one.satellite != satellite
        )

    def _alarms(self) -> list[Alarm]:
        return sorted((one for drift in self._languages.values() for one in drift.alarms), key=lambda one: one.at_s)

    def _accepted(self, ended: Iterable[Alarm | None]) -> None:
        for _ in ended:
            self._publish({"type": "drift", "event": "accepted", "alarm": None})
            self._due.set()

    def _tell(self, event: str, alarm: Alarm) -> None:
        self._publish({"type": "drift", "event": event, "alarm": told_alarm(alarm)})
        self._due.set()


def _listening(settings: Settings) -> str:
    """Return what of the settings moves how long turns take, as it is compared over restarts."""
    parts = asdict(settings.endpoint), settings.asr.early_answers, asdict(settings.hedge)
    return json.dumps(parts, default=str, sort_keys=True)


def _name(language: object) -> str:
    return f"{INDEX}/{language}"
