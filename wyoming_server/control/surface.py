"""Control: the owner's hand on the running server. It satisfies the control API's `Surface`."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..bundles.hub import STARTER
from ..engines.lanes import known_services
from ..errors import EdgeVoiceError
from ..learning.comparison import Comparison
from ..learning.satellites import Satellites
from ..learning.sessions import ClosedTurn
from ..listeners.connection import Services
from ..listeners.ears import OnTurn
from ..logs import set_level
from ..pipeline.interpret import TurnRequest
from ..pipeline.policy import RoutingMode
from ..pipeline.timeline import Spans
from ..pipeline.turn import Stages
from ..pipeline.types import SAMPLE_RATE_HZ, Outcome
from ..records.recent import WINDOW
from ..resilience.degraded import Condition, Edge, Facts, Mode, condition_of
from ..resilience.modes import Held, Modes
from ..saturation import Saturation
from ..settings import Settings
from ..updates.book import Happened
from ..updates.update_told import message_of, status_of
from ..updates.update_told import warnings_of as bundle_warnings
from .books import Books
from .bundle_desk import BundleDesk
from .choices import policy_of
from .drift_watch import DriftWatch
from .erasers import Erasers
from .feed import Feed, Json
from .history import TurnHistory
from .lane_test import tested
from .meters import Meters, Sources
from .months import MonthBook
from .parts import Parts
from .past import kept_up, past_of
from .privacy import Keeper
from .queue_desk import QueueDesk, queue_of
from .queue_told import incident_of
from .recorded import samples_of, transcribed
from .rooms import Rooms
from .satellite_book import SatelliteBook
from .status import (
    API,
    NAME,
    SCHEMA,
    VERSION,
    cloud_fields,
    disagreement_fields,
    edge_ends_of,
    edge_of,
    lanes_fields,
    model_fields,
    rates_fields,
    server_fields,
    threshold_fields,
    warnings_of,
    word_fields,
)
from .steering import Steering
from .turns import turn_of
from .watch import Watch

ADMITTED_SECONDS = 86_400.0
"""How long an address counts as its owner's after it has shown the token."""
STATUS_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""How often model and mode are looked at: their change is told at once."""


class Control:
    """What the owner sees and steers. `run` is its one task."""

    def __init__(self, parts: Parts, settings: Settings, services: Services, on_turn: OnTurn | None = None) -> None:
        """Begin with the settings that hold (`chosen` makes them) and the services made of them.

        `on_turn` hears of every turn, instead of the log.
        """
        self._parts, learner = parts, parts.brain.learner
        self._feed, self._saturation = Feed(), Saturation(parts.clock, parts.edge)
        self._modes = Modes()
        self._past = past_of(
            parts,
            self._saturation,
            lambda: [one["id"] for one in self._rooms.all()],
            lambda: self._steering.settings,
            self._condition,
            self._feed.publish,
        )
        self._satellites = Satellites()
        book = SatelliteBook(parts.choices, parts.server_id)
        self._watch = Watch(
            learner,
            self._satellites,
            self._feed,
            keeps_texts=lambda: self._steering.settings.control.keep_transcripts,
            clock=parts.clock,
            wall=parts.wall,
            on_turn=on_turn,
            recorder=self._past.recorder,
            is_baseline=self._past.months.is_baseline,
        )
        self._rooms = Rooms(
            book,
            self._satellites,
            learner,
            settings=lambda: self._steering.settings,
            clock=parts.clock,
            wall=parts.wall,
        )
        self._books = Books(parts.brain, self._watch, parts.clock)
        self._admitted: dict[str, float] = {}
        self._started_s, self._started_at = parts.clock(), parts.wall().isoformat(timespec="seconds")
        self._port: Callable[[], int | None] = lambda: None
        self._is_about_to_tell = False
        self._queue = queue_of(
            parts,
            self._past.privacy.keys,
            services=self.services,
            settings=lambda: self._steering.settings,
            publish=self._queue_moved,
        )
        heard = replace(
            services,
            stages=replace(services.stages, queue=self._queue),
            defaults=replace(services.defaults, is_admitted=self._is_admitted, satellite=book.of),
            begin_turn=self._begin_turn,
            on_turn=self._turn_ended,
            on_failure=self._turn_failed,
            on_asking=self._watch.asking,
            on_wake=self._watch.woke,
        )
        self._steering = Steering(parts, settings, heard, on_change=self._steered)
        erasers = Erasers(
            parts, self._past, self._watch, self._rooms, self._steering, forget_requests=self._queue.forget
        )
        self._past.privacy.erase_by(erasers.by_name())
        self._bundles = BundleDesk(parts.updates, parts.plain_models, self._changed)
        self._past.metrics.sources = Sources(
            status=self.status,
            drift=self._past.drift.told,
            wakes=self._satellites.totals,
            decode_seconds=lambda: parts.edge.busy_seconds,
        )
        parts.arms.swap = self._steering.swap
        parts.updates.book.on_step = self._bundle_moved

    async def begin(self) -> None:
        """Take up what an earlier run left; never raises for the disk."""
        level = self._steering.settings.server.log_level
        if level != self._parts.settings.server.log_level:  # its owner's choice, which the start did not know of
            set_level(level)
        await self._past.begin()
        await self._queue.begin()
        with suppress(EdgeVoiceError):  # the store's own failure is a warning of the status
            self._watch.recent.take_up(await self._past.history.last_spoken(WINDOW))

    def services(self) -> Services:
        """Return the services as they are now."""
        return self._steering.services

    def at_port(self, port: Callable[[], int | None]) -> None:
        """Learn how to tell the Wyoming port."""
        self._port = port

    def admit(self, address: str) -> None:
        """Hear that a peer at an address has shown the token."""
        now_s = self._parts.clock()
        self._admitted = {key: until_s for key, until_s in self._admitted.items() if until_s > now_s}
        self._admitted[address] = now_s + ADMITTED_SECONDS

    def _is_admitted(self, address: str) -> bool:
        return self._admitted.get(address, 0.0) > self._parts.clock()

    def _begin_turn(self, request: TurnRequest, stages: Stages) -> tuple[Stages, Callable[[], None]]:
        return self._past.months.begin_turn(request, *self._parts.arms.begin_turn(request, stages))

    def _turn_ended(self, outcome: Outcome, spans: Spans) -> None:
        self._watch.ended(outcome, spans)
        self._parts.arms.turn_ended(outcome, spans)
        if outcome.answer is not None:
            self._books.moved()

    def _turn_failed(self, request: TurnRequest, failure: EdgeVoiceError) -> None:
        self._watch.failed(request, failure)
        self._parts.arms.turn_failed(request, failure)

    def _steered(self, before: Settings) -> None:
        now = self._steering.settings
        if before.control.keep_transcripts and not now.control.keep_transcripts:
            self._watch.recent.forget_texts()
        if before.wake.threshold != now.wake.threshold:
            self._satellites.threshold_changed()
        if before.server.log_level != now.server.log_level:
            set_level(now.server.log_level)
        if before.bundles != now.bundles:
            self._parts.updates.adopt(now.bundles)
        self._changed()

    def _bundle_moved(self, happened: Happened) -> None:
        self._feed.publish(message_of(happened))
        if happened.code:
            self._past.history.happened("bundle", happened.label, happened.message)
        self._changed()

    def _queue_moved(self, message: Json) -> None:
        self._feed.publish(message)
        if (what := incident_of(message)) is not None:
            self._past.history.happened("queue", *what)
        if not self._is_about_to_tell:  # once for all that move together, and after a turn has its transcript
            self._is_about_to_tell = True
            asyncio.get_running_loop().call_soon(self._requests_moved)

    def _requests_moved(self) -> None:
        self._is_about_to_tell = False
        self._changed()

    def _changed(self) -> None:
        self._feed.publish({"type": "status", "status": self.status()})

    def judged(self, closed: ClosedTurn) -> None:
        """Hear what its session says of a turn."""
        self._watch.judged(closed)

    def compared(self, turn_id: str, language: str, comparison: Comparison, chance: float | None) -> None:
        """Hear how far a service's text is from the hub's."""
        self._watch.compared(turn_id, language, comparison, chance)

    # What is asked of parts of their own.

    @property
    def bundles(self) -> BundleDesk:
        """Signed models."""
        return self._bundles

    @property
    def history(self) -> TurnHistory:
        """Turns as the records have them."""
        return self._past.history

    @property
    def privacy(self) -> Keeper:
        """What is kept, and its end."""
        return self._past.privacy

    @property
    def drift(self) -> DriftWatch:
        """Slow changes for the worse."""
        return self._past.drift

    @property
    def months(self) -> MonthBook:
        """Scorecards and baselines."""
        return self._past.months

    @property
    def queue(self) -> QueueDesk:
        """Requests that wait for a speech service."""
        return self._queue

    @property
    def metrics(self) -> Meters:
        """Counters for Prometheus."""
        return self._past.metrics

    # What is seen.

    def health(self) -> Json:
        """Return what anybody may know."""
        recogniser = self.services().recogniser()
        states = {Edge.SERVING: "ok", Edge.STARTING: "starting", Edge.MISSING: "unavailable"}
        condition, facts = self._condition()
        return {
            "status": "ok" if condition.mode is Mode.CLOUD_ONLY else states[facts.edge],
            "id": self._parts.server_id,
            "name": NAME,
            "version": VERSION,
            "api": API,
            "wyoming_port": self._port(),
            "model": recogniser.model,
            "languages": sorted(recogniser.languages),
        }

    def status(self) -> Json:
        """Return the whole status."""
        parts, settings, services = self._parts, self._steering.settings, self.services()
        known, supply, recogniser = parts.brain.learner.knowledge, parts.supply_status(), services.recogniser()
        facts = self._facts()
        held, lanes = self._held(facts), self._lanes_fields()
        remaining = parts.brain.ledger.remaining()
        cloud = cloud_fields(facts.lanes, settings.ledger, remaining, self._books.today, self._books.this_month)
        disk = str(parts.brain.store.failure or "")
        return {
            "schema": SCHEMA,
            "server": server_fields(parts.server_id, self._started_at, parts.clock() - self._started_s),
            "mode": held.condition.mode.value,
            "mode_reason": held.condition.reason,
            "mode_since": held.since.isoformat(timespec="seconds"),
            "mode_ends": held.condition.ends,
            "model": model_fields(supply, recogniser.languages, recogniser.note, starter=STARTER),
            "wake_words": word_fields(services.wake.words),
            "policy": policy_of(settings),
            "lanes": lanes,
            "cloud": cloud,
            "figures": {**self._watch.recent.figures(), **rates_fields(known)},
            "last_turn": self._watch.recent.last_turn,
            "thresholds": threshold_fields(known.thresholds.of(services.stages.judgement.scorecard(""))),
            "disagreement": disagreement_fields(known),
            "resources": self._saturation.sample().told(),
            "satellites": list(self._rooms.all()),
            "bundles": status_of(parts.updates),
            "drift": self._past.drift.status(),
            "records": self._past.privacy.status(),
            "queue": self._queue.status(),
            **self._past.months.status(),
            "warnings": [
                *warnings_of(facts, supply, lanes, cloud, disk),
                *self._rooms.warnings(),
                *bundle_warnings(parts.updates),
                *self._saturation.warnings(),
                *self._past.privacy.warnings(),
                *self._past.drift.warnings(),
            ],
        }

    def _condition(self) -> tuple[Condition, Facts]:
        """Return the mode that is shown, and what it rests on."""
        facts = self._facts()
        return self._held(facts).condition, facts

    def _held(self, facts: Facts) -> Held:
        return self._modes.look(condition_of(facts), self._parts.clock(), self._parts.wall())

    def _facts(self) -> Facts:
        status, settings = self._parts.supply_status(), self._steering.settings
        return Facts(
            edge=edge_of(status),
            edge_reason=status.error_text.rstrip("."),
            edge_ends=edge_ends_of(status),
            starter=status.serving == STARTER,
            crashes=self._parts.crashes(),
            lanes=self._parts.brain.lanes.states(),
            cloud_allowed=settings.cloud.allowed,
            routing_mode=settings.routing.mode,
            waiting=self._parts.edge.waiting,
            most_waiting=self._parts.edge.most_waiting,
        )

    def _lanes_fields(self) -> list[Json]:
        from_file = frozenset(one.name for one in self._parts.settings.cloud.lanes)
        return lanes_fields(self._parts.brain.lanes, from_file)

    def events(self) -> AsyncGenerator[Json]:
        """Yield messages from now on, the status first."""
        return self._feed.listen(lambda: {"type": "status", "status": self.status()})

    def turns(self, most: int) -> Sequence[Json]:
        """Return the last turns, the newest first."""
        return self._watch.recent.last(most)

    def satellites(self) -> Sequence[Json]:
        """Return each that was heard, or told of."""
        return self._rooms.all()

    async def ledger(self, most: int, before: int | None) -> Json:
        """Return rows and sums. Raises DiskError."""
        return await self._books.read(most, before)

    # What the owner changes.

    def policy(self) -> Json:
        """Return every choice."""
        return policy_of(self._steering.settings)

    async def change_policy(self, changes: Mapping[str, Any]) -> Json:
        """Take some and return all. Raises InvalidSettingsError, DiskError."""
        await self._steering.change_policy(changes)
        return self.policy()

    async def reset_policy(self) -> Json:
        """Return to the settings file. Raises DiskError."""
        await self._steering.reset_policy()
        return self.policy()

    def lanes(self) -> Json:
        """Return the lanes, and what lanes there can be."""
        return {"lanes": self._lanes_fields(), "providers": known_services()}

    async def change_lanes(self, lanes: Sequence[Mapping[str, Any]]) -> Json:
        """Replace those that are not from the settings file. Raises UsageError, DiskError."""
        await self._steering.change_lanes(lanes)
        return self.lanes()

    async def test_lane(self, lane: Mapping[str, Any]) -> Json:
        """Send a packaged recording to a lane. Raises LaneError, UsageError."""
        (made,) = self._parts.lane_book.taken([lane])
        self._books.moved()
        return await tested(made, self._parts.brain.ledger, clock=self._parts.clock)

    async def change_satellite(self, satellite: str, changes: Mapping[str, Any]) -> Json:
        """Change some of a satellite's settings and return it. Raises InvalidSettingsError, DiskError."""
        if await self._rooms.change(satellite, changes):
            self._changed()
        return self._rooms.one(satellite)

    async def forget_satellite(self, satellite: str) -> None:
        """Forget its settings and evidence. Raises UnknownSatelliteError, DiskError."""
        await self._rooms.forget(satellite)
        self._changed()

    # What clients tell, and what they have heard.

    async def change_vocabulary(self, vocabulary: Mapping[str, Sequence[str]], country: str | None = None) -> Json:
        """Take the home's names; return how many of each. `country` says where it is; None: nothing about that."""
        if country is not None:
            self._parts.updates.chooser.country = country
        return await self._steering.change_vocabulary(vocabulary)

    def told_outcome(self, turn_id: str, result: str, intent: str | None) -> Json:
        """Hear what the conversation made of a turn's text. Raises UnknownTurnError."""
        return self._watch.outcome(turn_id, result, intent)

    def told_correction(self, turn_id: str, text: str) -> Json:
        """Hear what was really said. Raises UnknownTurnError."""
        told = self._watch.correction(turn_id, text)
        self._past.privacy.corrected(turn_id, text)
        return told

    async def begin_upload(self, turn_id: str, lane: str, seconds: float) -> Json:
        """Write down that the client is about to ask its own lane. Raises LaneError, ControlError, DiskError."""
        return await self._books.begin(turn_id, lane, seconds)

    async def end_upload(self, turn_id: str, upload: int, ended: Mapping[str, Any]) -> Json:
        """Hear how that ended. Raises UnknownTurnError."""
        return await self._books.end(turn_id, upload, ended)

    async def write_ledger(self, rows: Sequence[Mapping[str, Any]]) -> Json:
        """Write down uploads that a client made while the server was away. Raises DiskError, InvalidRequestError."""
        return await self._books.write(rows)

    async def transcribe(self, wav: bytes, *, language: str | None, lane: str, prompt: Sequence[str]) -> Json:
        """Return a turn's fields with its text. Raises EdgeVoiceError."""
        defaults, stages = self.services().defaults, self.services().stages
        samples = await asyncio.to_thread(samples_of, wav)
        home = defaults.vocabulary
        request = TurnRequest(
            turn_id="",
            language=language or defaults.language,
            languages=defaults.languages,
            vocabulary=home,
            prompt=(*prompt, *home.names, *home.areas),
        )
        mode = None if lane == "auto" else RoutingMode(lane)
        outcome, spans = await transcribed(samples, stages, request, lane=mode)
        turn = turn_of(outcome, spans, self._parts.wall(), with_text=True)
        return {**turn, "seconds": round(len(samples) / SAMPLE_RATE_HZ, 3)}

    # Its task.

    def _past_now(self) -> tuple[object, ...]:
        """Return what of the past is to be told at once."""
        past = self._past
        return past.months.is_running, past.drift.status()["state"], past.privacy.status()["key"]

    async def run(self) -> None:
        """Keep the past, and tell listeners what changes by itself, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._past.run(), name="past")
                tasks.create_task(kept_up(type(self._queue).__name__, self._queue.run), name="queue")
                tasks.create_task(kept_up(type(self).__name__, self._look), name="control")
        finally:
            await self._steering.aclose()

    async def _look(self) -> None:
        last: object = None
        told_s = 0.0
        while True:
            self._watch.said.expire(self._parts.clock())
            await self._books.refresh()
            supply, now_s = self._parts.supply_status(), self._parts.clock()
            of_supply = (supply.state, supply.serving, round(supply.progress, 2))
            seen = (*of_supply, self._condition()[0], *self._past_now())
            if self._feed.is_heard and (seen != last or now_s - told_s >= STATUS_SECONDS):
                last, told_s = seen, now_s
                self._changed()
            await asyncio.sleep(LOOK_SECONDS)
