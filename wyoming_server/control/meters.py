"""Counters for Prometheus: a turn costs a few additions, and what they come to is written off the event loop."""

import asyncio
import contextlib
import importlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ..errors import EdgeVoiceError, ModelMissingError, TurnError
from ..learning.drift_figures import Metric
from ..learning.satellites import WakeTotals
from ..pipeline.lanes import Upload
from ..pipeline.policy import MicrophoneClass, Trust
from ..pipeline.types import Action, EndedBy, Outcome, Route
from ..records.recent import STAGES
from ..records.turn_record import ERROR, TurnLabel, TurnRecord
from ..saturation import Saturation
from ..settings import Settings
from . import meter_families as of
from .feed import Json
from .meter_families import Family
from .meter_labels import UNKNOWN, Admitted, Languages, Namers, error_codes, one_of
from .meter_status import drift_samples, load_samples, status_samples, wake_samples
from .meter_tally import Image, Labels, Sample, Tally, by_family
from .meter_windows import Spoken, Summed, Window, WindowCell, Windows, window_samples
from .parts import Parts

_LOGGER = logging.getLogger(__name__)
FRESH_SECONDS = 1.0
"""So long one text serves all who ask."""
ACTIONS = frozenset({*(one.value for one in Action), ERROR})
ROUTES = frozenset(one.value for one in Route)
MICROPHONES = frozenset(one.value for one in MicrophoneClass)
ENDED_BY = frozenset(one.value for one in EndedBy)
DRIFT_METRICS = tuple(one.value for one in Metric)
REASONS = ("risk", "mode", "hedge", "audit", "away", "test")
RESULTS = frozenset({"intent", "sentence_trigger", "no_intent", "error", "follow_up"})
BY_HUB = frozenset({Action.ACCEPT.value, Action.CONFIRM.value})
SIGNALS = ("retried", "corrected", "abandoned", "no_intent")
NO_ROUTE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is read at each scrape, on the event loop: each is quick."""

    status: Callable[[], Json]
    drift: Callable[[], Json]
    wakes: Callable[[], WakeTotals]
    decode_seconds: Callable[[], float]


class Meters:
    """Counts turns, labels, uploads and wake words: a `Hearer`, and the control API's `Metrics`."""

    sources: Sources
    """Set once the server is put together."""

    def __init__(
        self,
        saturation: Saturation,
        *,
        languages: Callable[[], Collection[str]],
        lanes: Callable[[], Mapping[str, Trust]],
        currency: Callable[[], str],
        on_strain: Callable[[str, str], None],
        clock: Callable[[], float],
    ) -> None:
        """Count from now on; the callables tell what is known now, and the clock is monotonic, in seconds."""
        self._saturation, self._on_strain, self._clock, self._currency = saturation, on_strain, clock, currency
        self._tally, self._windows, self._summed = Tally(), Windows(), Summed()
        self._lanes, self._language, self._lane = lanes, Languages(languages), Admitted(lanes)
        self._word = Admitted(lambda: [one["id"] for one in self.sources.status()["wake_words"]])
        self._money = Admitted(lambda: [currency()])
        self._codes = error_codes()
        self._endings = self._codes | {"answered", "cancelled"}
        self._writing: asyncio.Task[bytes] | None = None
        self._text, self._text_s = b"", -FRESH_SECONDS
        self._unreadable: set[str] = set()
        likely: list[type[EdgeVoiceError]] = [*TurnError.__subclasses__(), ModelMissingError]
        for kind in likely:
            self._tally.add(of.FAILED, kind.code, by=0.0)

    # What happens.

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        """Count a turn."""
        add = self._tally.add
        language = self._language(record.language, trusted=record.trusted)
        microphone = one_of(MICROPHONES, record.microphone_class)
        if record.error:
            add(of.FAILED, one_of(self._codes, record.error))
        if outcome is not None:
            self._count_attempts(outcome)
        if record.is_baseline:
            add(of.BASELINE_TURNS)
            return
        add(of.TURNS, language, microphone, one_of(ACTIONS, record.action))
        add(of.ENDINGS, one_of(ENDED_BY, record.ended_by, UNKNOWN))
        add(of.SPEECH, by=record.speech_seconds)
        if record.spoke or record.error:
            add(of.SPOKEN, language, microphone)
            self._count_spoken(record, language, microphone)

    def _count_spoken(self, record: TurnRecord, language: str, microphone: str) -> None:
        route, spans = one_of(ROUTES, record.route, NO_ROUTE), record.spans
        self._tally.add(of.ROUTES, route)
        by_hub = record.route == Route.EDGE.value and record.action in BY_HUB
        turn = Spoken(escalated=record.action == Action.ESCALATE.value, by_hub=by_hub, spans=spans)
        self._windows.add(language, microphone, turn)
        if spans is None:
            return
        observe = self._tally.observe
        for stage in STAGES:
            observe(of.STAGE, stage, language, seconds=getattr(spans, f"{stage}_ms") / 1000.0)
        observe(of.LAST_WORD, language, route, seconds=spans.last_word_to_text_ms / 1000.0)
        observe(of.END, language, route, seconds=spans.end_to_text_ms / 1000.0)

    def _count_attempts(self, outcome: Outcome) -> None:
        for attempt in outcome.answer.attempts if outcome.answer else ():
            lane = self._lane(attempt.lane)
            self._tally.add(of.ATTEMPTS, lane, one_of(self._endings, attempt.ending, UNKNOWN))
            if attempt.ending == "answered":
                self._tally.observe(of.ATTEMPT, lane, seconds=attempt.took_ms / 1000.0)

    def label(self, label: TurnLabel) -> None:
        """Count what came to be known of one."""
        add, language = self._tally.add, self._language(label.language)
        if label.result is not None:
            add(of.RESULTS, one_of(RESULTS, label.result))
        if label.disagreed is not None:
            audited = "true" if label.audited else "false"
            add(of.PAIRS, language, audited)
            add(of.DISAGREED, language, audited, by=label.disagreed)
        if label.retried is not None:
            add(of.JUDGED, language)
            add(of.WRONG, language, by=bool(label.wrong))
            for signal in SIGNALS:
                add(of.SIGNALS, language, signal, by=bool(getattr(label, signal)))

    def woke(self, satellite: str, word: str) -> None:
        """Count a wake word."""
        del satellite  # whose it was is nobody's business here
        self._tally.add(of.WAKES, self._word(word))

    def uploaded(self, upload: Upload) -> None:
        """Count what went to a lane."""
        lane = self._lane(upload.lane)
        labels = lane, upload.trust.value, one_of(REASONS, upload.reason)
        self._count_uploads(labels, uploads=1, seconds=upload.seconds, size=upload.bytes)
        self._tally.add(of.UPLOAD_COST, lane, self._money(self._currency()), by=upload.cost)

    def _count_uploads(self, labels: Labels, *, uploads: int, seconds: float, size: int) -> None:
        self._tally.add(of.UPLOADS, *labels, by=uploads)
        self._tally.add(of.UPLOAD_SECONDS, *labels, by=seconds)
        self._tally.add(of.UPLOAD_BYTES, *labels, by=size)

    def forget(self) -> None:
        """Forget single turns; counters stay."""
        self._windows.clear()

    async def run(self) -> None:
        """Watch the hub's load, until cancelled."""
        await self._saturation.run(self._on_strain)

    # What is told.

    async def exposition(self) -> bytes:
        """Return all in Prometheus's text format 0.0.4, made off the loop; changes nothing."""
        if self._writing is None and self._clock() - self._text_s < FRESH_SECONDS:
            return self._text
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="metrics")
        return await asyncio.shield(self._writing)  # whoever hangs up takes nothing from the others

    async def _write(self) -> bytes:
        try:
            image, windows = Image(values=self._values(), histograms=self._tally.histograms()), self._windows.turns()
            self._text = await asyncio.to_thread(self._written, image, windows)
            self._text_s = self._clock()
            return self._text
        finally:
            self._writing = None

    def _written(self, image: Image, windows: Mapping[WindowCell, Window]) -> bytes:
        """Sum up and write; runs in a thread, one at a time."""
        figures = self._summed.figures(windows)
        whole = Image(values={**image.values, **by_family(window_samples(figures))}, histograms=image.histograms)
        # Not before somebody asks: a server that nobody watches does not load the library.
        text: bytes = importlib.import_module(".meter_text", __package__).text_of(whole)
        return text

    def _values(self) -> dict[Family, Mapping[Labels, float]]:
        """Read all sources; one that fails takes nothing from the others: what watches the server fails last."""
        self._tally.drop("lane", self._lane.left())  # its name was its owner's word, and goes with it
        for name, trust in self._lanes().items():  # Prometheus sees no growth in a series that begins with its first
            for reason in REASONS:
                self._count_uploads((self._lane(name), trust.value, reason), uploads=0, seconds=0.0, size=0)
        namers = Namers(language=self._language, lane=self._lane)
        sources = self.sources
        read: Mapping[str, Callable[[], Iterable[Sample]]] = {
            "status": lambda: self._status(namers),
            "drift": lambda: drift_samples(sources.drift(), DRIFT_METRICS, namers),
            "load": lambda: load_samples(self._saturation.sample(), sources.decode_seconds()),
            "wakes": lambda: wake_samples(sources.wakes()),
        }
        found = [sample for name, samples in read.items() for sample in self._read(name, samples)]
        found += [(of.UNREADABLE, (name,), name in self._unreadable) for name in read]
        return {**self._tally.counters(), **by_family(found)}

    def _status(self, namers: Namers) -> Iterable[Sample]:
        status = self.sources.status()
        for one in status["wake_words"]:
            self._tally.add(of.WAKES, self._word(one["id"]), by=0.0)
        return status_samples(status, namers)

    def _read(self, name: str, samples: Callable[[], Iterable[Sample]]) -> list[Sample]:
        try:
            found = list(samples())
        except Exception:
            if name not in self._unreadable:
                _LOGGER.exception("the metrics of %s cannot be read", name)
            self._unreadable.add(name)
            return []
        self._unreadable.discard(name)
        return found


def meters_of(
    parts: Parts, saturation: Saturation, settings: Callable[[], Settings], happened: Callable[[str, str, str], None]
) -> Meters:
    """Return a server's meters; `happened` (kind, subject, message) hears when it strains."""

    def languages() -> set[str]:
        asr = settings().asr
        known = {asr.language, *asr.languages}
        with contextlib.suppress(EdgeVoiceError):  # while there is no model
            known.update(parts.edge.languages)
        return known

    meters = Meters(
        saturation,
        languages=languages,
        lanes=lambda: {one.settings.name: one.settings.trust_class for one in parts.brain.lanes.guarded},
        currency=lambda: settings().ledger.currency,
        on_strain=lambda code, message: happened("load", code, message),
        clock=parts.clock,
    )
    parts.brain.ledger.on_upload = meters.uploaded
    return meters
