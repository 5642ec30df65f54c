"""Control: what the owner sees and changes while the server runs. It satisfies the control API's `Surface`."""

import asyncio
import contextlib
import datetime as dt
import itertools
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..bundles.hub import STARTER
from ..bundles.supply import SupplyStatus
from ..engines.decode_queue import DecodeQueue
from ..engines.lanes import known_services
from ..errors import EdgeVoiceError, InvalidRequestError, UnknownSatelliteError, UnknownTurnError
from ..learning.comparison import compare
from ..learning.learner import Learner
from ..learning.satellite_told import microphone_warning, told
from ..learning.satellites import Satellites
from ..learning.sessions import Signal
from ..listeners.connection import Services
from ..listeners.ears import OnTurn
from ..pipeline.grammar import Grammar, Vocabulary
from ..pipeline.interpret import TurnRequest
from ..pipeline.lanes import LaneSettings, Upload
from ..pipeline.policy import Caller, RoutingMode
from ..pipeline.timeline import Spans
from ..pipeline.transcript import NO_SPEECH
from ..pipeline.types import Outcome, WakeHit
from ..records.choices import POLICY, Choices
from ..records.ledger_rows import LaneTotal
from ..records.recent import RecentTurns
from ..resilience.degraded import Condition, Edge, Facts, Mode, condition_of
from ..routing import Brain
from ..saturation import Saturation
from ..settings import Settings
from .choices import policy_of, with_lanes, with_policy
from .feed import Feed, Json
from .lane_book import LaneBook
from .lane_test import tested
from .memory_of_turns import SaidTurns
from .recorded import samples_of, transcribed
from .satellite_book import SatelliteBook
from .status import (
    API,
    NAME,
    cloud_fields,
    disagreement_fields,
    edge_of,
    lanes_fields,
    model_fields,
    rates_fields,
    server_fields,
    threshold_fields,
    warnings_of,
    word_fields,
)
from .turns import failed_turn, turn_of

_LOGGER = logging.getLogger(__name__)
ADMITTED_SECONDS = 86_400.0
"""How long an address counts as its owner's after it has shown the token."""
STATUS_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""How often model and mode are looked at: their change is told at once."""
BOOKS_SECONDS = 60.0
"""How often the ledger's sums are read when nothing leaves."""
OURS = {"intent", "sentence_trigger", "follow_up"}
"""Outcomes that say that the text was of use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a server is made of, as far as its owner sees or steers it."""

    server_id: str
    settings: Settings
    """As the settings file, the environment and the flags say."""
    brain: Brain
    edge: DecodeQueue
    supply_status: Callable[[], SupplyStatus]
    grammar: Grammar
    warm: Callable[[str, Vocabulary], Any]
    """(language, names) → a coroutine that has the grammar ready."""
    choices: Choices
    lane_book: LaneBook
    clock: Callable[[], float]
    """Monotonic seconds."""
    wall: Callable[[], dt.datetime]
    """With its zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """One that a client makes."""

    lane: str
    turn_id: str
    seconds: float
    number: int


class Control:
    """The owner's hand on the server. `run` is its one task."""

    def __init__(self, parts: Parts, settings: Settings, services: Services, on_turn: OnTurn | None = None) -> None:
        """Begin with the settings that hold (`chosen` makes them) and the services made of them.

        `on_turn` hears of every turn, instead of the log.
        """
        self._parts, self._settings, self._on_turn = parts, settings, on_turn or _log_turn
        self._satellite_book = SatelliteBook(parts.choices, parts.server_id)
        self._satellites, self._announced = Satellites(), dict[str, None]()
        self._recent, self._said = RecentTurns(), SaidTurns()
        self._feed, self._saturation = Feed(), Saturation(parts.clock)
        self._admitted: dict[str, float] = {}
        self._uploads: dict[int, _Upload] = {}
        self._handles = itertools.count(1)
        self._books: tuple[Sequence[LaneTotal], Sequence[LaneTotal]] = (), ()
        self._books_due_s = 0.0
        self._started_s, self._started_at = parts.clock(), parts.wall().isoformat(timespec="seconds")
        self._changing, self._warming = asyncio.Lock(), set[asyncio.Task[None]]()
        self._ports: Callable[[], int | None] = lambda: None
        self._services = replace(
            services,
            defaults=replace(services.defaults, is_admitted=self._is_admitted, satellite=self._satellite_book.of),
            on_turn=self._turn_ended,
            on_failure=self._turn_failed,
            on_asking=self._asking,
            on_wake=self._woke,
        )

    def services(self) -> Services:
        """Return the services as they are now."""
        return self._services

    def at_port(self, port: Callable[[], int | None]) -> None:
        """Learn how to tell the Wyoming port."""
        self._ports = port

    # Turns, as they come.

    @property
    def _learner(self) -> Learner:
        return self._parts.brain.learner

    def _turn_ended(self, outcome: Outcome, spans: Spans) -> None:
        self._learner.take(outcome)
        now_s = self._parts.clock()
        self._said.add(outcome, now_s)
        turn = turn_of(outcome, spans, self._parts.wall(), with_text=self._settings.control.keep_transcripts)
        if outcome.caller.trusted:
            speech = outcome.interpretation.speech if outcome.interpretation else None
            self._satellites.heard(
                outcome.caller.satellite,
                began_s=outcome.began_s,
                at_s=now_s,
                spoke=outcome.decision is not NO_SPEECH,
                starts_at_edge=speech is not None and speech.starts_at_edge,
                microphone_class=outcome.caller.microphone_class,
            )
        self._tell(turn)
        if outcome.answer is not None:
            self._books_due_s = 0.0
        self._on_turn(outcome, spans)

    def _turn_failed(self, request: TurnRequest, failure: EdgeVoiceError) -> None:
        self._learner.failed(request.turn_id, request.caller, request.language or "")
        if request.caller.trusted:
            now_s = self._parts.clock()
            self._satellites.heard(request.caller.satellite, began_s=request.began_s, at_s=now_s, spoke=None)
        self._tell(failed_turn(request, failure, self._parts.wall()))

    def _tell(self, turn: Json) -> None:
        self._recent.add(turn)
        self._feed.publish({"type": "turn", "turn": turn})

    def _asking(self, request: TurnRequest, lane: str) -> None:
        satellite = request.caller.satellite
        self._feed.publish({"type": "asking", "turn_id": request.turn_id, "satellite": satellite, "lane": lane})

    def _woke(self, caller: Caller, hit: WakeHit) -> None:
        self._satellites.woke(caller.satellite, hit.score, self._parts.clock())
        at = self._parts.wall().isoformat(timespec="milliseconds")
        self._feed.publish(
            {
                "type": "wake",
                "satellite": caller.satellite,
                "word": hit.name,
                "score": round(hit.score, 4),
                "at": at,
            }
        )

    # What is seen.

    def health(self) -> Json:
        """Return what anybody may know."""
        status, recogniser = self._parts.supply_status(), self._services.recogniser()
        states = {Edge.SERVING: "ok", Edge.STARTING: "starting", Edge.MISSING: "unavailable"}
        return {
            "status": "ok" if self._mode()[0].mode is Mode.CLOUD_ONLY else states[edge_of(status)],
            "id": self._parts.server_id,
            "name": NAME,
            "version": server_fields("", "", 0.0)["version"],
            "api": API,
            "wyoming_port": self._ports(),
            "model": recogniser.model,
            "languages": sorted(recogniser.languages),
        }

    def _mode(self) -> tuple[Condition, Facts]:
        status, settings = self._parts.supply_status(), self._settings
        facts = Facts(
            edge=edge_of(status),
            edge_reason=status.error_text,
            starter=status.serving == STARTER,
            lanes=self._parts.brain.lanes.states(),
            cloud_allowed=settings.cloud.allowed,
            routing_mode=settings.routing.mode,
            waiting=self._parts.edge.waiting,
            most_waiting=settings.asr.waiting,
        )
        return condition_of(facts), facts

    def status(self) -> Json:
        """Return the whole status."""
        parts, settings = self._parts, self._settings
        known, supply = self._learner.knowledge, parts.supply_status()
        recogniser = self._services.recogniser()
        (mode, facts), now_s = self._mode(), parts.clock()
        lanes = self._lanes_fields()
        cloud = cloud_fields(facts.lanes, settings.ledger, parts.brain.ledger.remaining(), *self._books)
        warnings = warnings_of(facts, supply, lanes, cloud, str(parts.brain.store.failure or ""))
        for satellite in known.microphones.satellites():
            if warning := microphone_warning(satellite, known.microphones.evidence(satellite, now_s)):
                warnings.append(warning)
        return {
            "schema": 1,
            "server": server_fields(parts.server_id, self._started_at, now_s - self._started_s),
            "mode": mode.mode.value,
            "mode_reason": mode.reason,
            "model": model_fields(supply, recogniser.languages, recogniser.note, starter=STARTER),
            "wake_words": word_fields(self._services.wake.words),
            "policy": policy_of(settings),
            "lanes": lanes,
            "cloud": cloud,
            "figures": {**self._recent.figures(), **rates_fields(known)},
            "last_turn": self._recent.last_turn,
            "thresholds": threshold_fields(known.thresholds.of(self._services.stages.judgement.scorecard())),
            "disagreement": disagreement_fields(known),
            "resources": self._saturation.sample().told(),
            "satellites": list(self.satellites()),
            "warnings": warnings,
        }

    def _lanes_fields(self) -> list[Json]:
        from_file = frozenset(one.name for one in self._parts.settings.cloud.lanes)
        return lanes_fields(self._parts.brain.lanes, from_file)

    def admit(self, address: str) -> None:
        """Hear that a peer at an address has shown the token."""
        now_s = self._parts.clock()
        self._admitted = {key: until for key, until in self._admitted.items() if until > now_s}
        self._admitted[address] = now_s + ADMITTED_SECONDS

    def _is_admitted(self, address: str) -> bool:
        return self._admitted.get(address, 0.0) > self._parts.clock()

    def events(self) -> AsyncGenerator[Json]:
        """Yield messages from now on, the status first."""
        return self._feed.listen(lambda: {"type": "status", "status": self.status()})

    def turns(self, most: int) -> Sequence[Json]:
        """Return the last turns, the newest first."""
        return self._recent.last(most)

    # What the owner changes.

    def policy(self) -> Json:
        """Return every choice."""
        return policy_of(self._settings)

    async def change_policy(self, changes: Mapping[str, Any]) -> Json:
        """Take some and return all. Raises InvalidSettingsError, DiskError."""
        async with self._changing:
            settings = with_policy(self._settings, changes)
            kept = self._parts.choices.get(POLICY, {})
            await self._parts.choices.save(POLICY, {**(kept if isinstance(kept, dict) else {}), **changes})
            await self._adopt(settings)
        if "wake_threshold" in changes:
            self._satellites.threshold_changed()
        return self.policy()

    async def reset_policy(self) -> Json:
        """Return to the settings file. Raises DiskError."""
        async with self._changing:
            settings = with_lanes(self._parts.settings, self._parts.lane_book.lanes)
            await self._parts.choices.drop(POLICY)
            await self._adopt(settings)
        return self.policy()

    async def _adopt(self, settings: Settings, home: Vocabulary | None = None) -> None:
        """Let other settings hold for all turns that begin from now on. Raises UsageError."""
        home = home or self._services.defaults.vocabulary
        await self._parts.brain.adopt(settings, home)
        now = self._services
        judgement = replace(now.stages.judgement, policy=settings.routing, hedge=settings.hedge)
        if self._settings.control.keep_transcripts and not settings.control.keep_transcripts:
            self._recent.forget_texts()
        self._settings = settings
        self._services = replace(
            now,
            stages=replace(now.stages, judgement=judgement),
            wake_settings=settings.wake,
            defaults=replace(now.defaults, vocabulary=home, answer_early=settings.asr.early_answers),
        )
        self._changed()

    def _changed(self) -> None:
        self._feed.publish({"type": "status", "status": self.status()})

    def lanes(self) -> Json:
        """Return the lanes, and what lanes there can be."""
        return {"lanes": self._lanes_fields(), "providers": known_services()}

    async def change_lanes(self, lanes: Sequence[Mapping[str, Any]]) -> Json:
        """Replace those that are not from the settings file. Raises UsageError, DiskError."""
        async with self._changing:
            book = self._parts.lane_book
            taken = book.taken(lanes)
            settings = self._with_lanes(taken)
            before = book.lanes
            await book.keep(taken)
            try:
                await self._adopt(settings)
            except EdgeVoiceError:
                await book.keep(before)
                raise
        return self.lanes()

    def _with_lanes(self, lanes: Sequence[LaneSettings]) -> Settings:
        ours = self._parts.settings.cloud.lanes
        bare = replace(self._settings, cloud=replace(self._settings.cloud, lanes=ours))
        return with_lanes(bare, lanes)

    async def test_lane(self, lane: Mapping[str, Any]) -> Json:
        """Send a packaged recording to a lane. Raises LaneError, UsageError."""
        (made,) = self._parts.lane_book.taken([lane])
        ledger = self._parts.brain.ledger
        self._books_due_s = 0.0
        return await tested(made, ledger, clock=self._parts.clock)

    async def change_vocabulary(self, vocabulary: Mapping[str, Sequence[str]]) -> Json:
        """Take the home's names; return how many of each."""
        home = Vocabulary(**{key: tuple(value) for key, value in vocabulary.items()})
        async with self._changing:
            if home != self._services.defaults.vocabulary:
                await self._adopt(self._settings, home)
                self._warm(home)
        return {key: len(getattr(home, key)) for key in ("names", "areas", "floors", "terms")}

    def _warm(self, home: Vocabulary) -> None:
        language = self._settings.asr.language or "en"
        task = asyncio.create_task(self._parts.warm(language, home), name="grammar")
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)

    # What is told of turns.

    def told_outcome(self, turn_id: str, result: str, intent: str | None) -> Json:  # noqa: ARG002  # the intent is for the records, which are to come
        """Hear what the conversation made of a turn's text. Raises UnknownTurnError."""
        self._recent.find(turn_id)
        if result in OURS:
            return {"counted": True}
        return {"counted": self._learner.told(turn_id, Signal.NO_INTENT)}

    def told_correction(self, turn_id: str, text: str) -> Json:
        """Hear what was really said. Raises UnknownTurnError."""
        said = self._said.find(turn_id, self._parts.clock())
        if said is None:
            raise UnknownTurnError("That turn is not known, or was more than ten minutes ago: its text is forgotten")
        if compare(said.text, text, said.language or "en").exact:
            return {"counted": False, "was_right": True}
        return {"counted": self._learner.told(turn_id, Signal.CORRECTED), "was_right": False}

    async def begin_upload(self, turn_id: str, lane: str, seconds: float) -> Json:
        """Write down that the client is about to ask its own lane. Raises LaneError, ControlError, DiskError."""
        said = self._said.find(turn_id, self._parts.clock())
        caller = Caller(trusted=True, client_lane=True, satellite=said.satellite if said else "")
        number = await self._parts.brain.lanes.begin(lane, turn_id, seconds, caller)
        handle = next(self._handles)
        self._uploads[handle] = _Upload(lane=lane, turn_id=turn_id, seconds=seconds, number=number)
        return {"upload": handle}

    async def end_upload(self, turn_id: str, upload: int, ended: Mapping[str, Any]) -> Json:
        """Hear how that ended. Raises UnknownTurnError."""
        found = self._uploads.get(upload)
        if found is None or found.turn_id != turn_id:
            raise UnknownTurnError("No upload of that number is under way for that turn")
        del self._uploads[upload]
        self._books_due_s = 0.0
        took_ms = float(ended.get("took_ms") or 0.0)
        await self._parts.brain.lanes.end(found.lane, found.number, str(ended["ending"]), took_ms / 1000.0)
        self._add_attempt(found, str(ended["ending"]), took_ms)
        counted = await self._learner.client_answered(turn_id, str(ended.get("text") or ""))
        return {"counted": counted}

    def _add_attempt(self, upload: _Upload, ending: str, took_ms: float) -> None:
        """Have the turn show its upload, as if the hub had made it."""
        attempt = {
            "lane": upload.lane,
            "ending": ending,
            "seconds": round(upload.seconds, 2),
            "took_ms": round(took_ms, 1),
            "cost": round(self._parts.brain.lanes.cost_of(upload.lane, upload.seconds), 6),
        }
        with contextlib.suppress(UnknownTurnError):  # purged meanwhile, or told of before the turn was
            turn = self._recent.find(upload.turn_id)
            self._recent.amend(upload.turn_id, lanes=[*turn["lanes"], attempt])

    # Satellites.

    def satellites(self) -> Sequence[Json]:
        """Return each that was heard, or told of."""
        heard = self._satellites.known()
        return [self._satellite(one) for one in dict.fromkeys((*self._announced, *heard))]

    def _satellite(self, satellite: str) -> Json:
        now_s, settings = self._parts.clock(), self._satellite_book.of(satellite)
        home = self._services.wake_settings.threshold
        threshold = home if settings.wake_threshold is None else settings.wake_threshold
        return told(
            satellite,
            counts=self._satellites.counts(satellite, now_s),
            evidence=self._learner.knowledge.microphones.evidence(satellite, now_s),
            settings=settings,
            answer_early=self._settings.asr.early_answers,
            suggestion=self._satellites.suggestion(satellite, now_s, threshold=threshold),
        )

    async def change_satellite(self, satellite: str, changes: Mapping[str, Any]) -> Json:
        """Change some of a satellite's settings and return it. Raises InvalidSettingsError, DiskError."""
        await self._satellite_book.change(satellite, changes)
        if "wake_threshold" in changes:
            self._satellites.threshold_changed(satellite)
        is_new = satellite not in self._announced and satellite not in self._satellites.known()
        self._announced[satellite] = None
        if changes or is_new:
            self._changed()
        return self._satellite(satellite)

    async def forget_satellite(self, satellite: str) -> None:
        """Forget its settings and evidence. Raises UnknownSatelliteError, DiskError."""
        had_settings = await self._satellite_book.forget(satellite)
        was_told = self._announced.pop(satellite, "") is None
        if not (self._satellites.forget(satellite) or had_settings or was_told):
            raise UnknownSatelliteError("No satellite of that name was heard since the server started")
        self._changed()

    # Ledger, recordings, purge.

    async def ledger(self, most: int, before: int | None) -> Json:
        """Return rows and sums. Raises DiskError."""
        ledger = self._parts.brain.ledger
        today, month = await ledger.today(), await ledger.this_month()
        rows = [
            {
                "number": row.number,
                "at": row.at.isoformat(timespec="milliseconds"),
                "lane": row.lane,
                "turn_id": row.turn_id,
                "reason": row.reason,
                "consent": row.consent,
                "seconds": round(row.seconds, 3),
                "bytes": row.bytes,
                "cost": row.cost,
                "currency": row.currency,
                "ending": row.ending,
                "took_seconds": row.took_seconds,
            }
            for row in await ledger.rows(most, before=before)
        ]
        return {"rows": rows, "today": [_total(one) for one in today], "this_month": [_total(one) for one in month]}

    async def write_ledger(self, rows: Sequence[Mapping[str, Any]]) -> Json:
        """Write down uploads that a client made while the server was away. Raises DiskError, InvalidRequestError."""
        by_name = {one.settings.name: one.settings for one in self._parts.brain.lanes.guarded}
        for row in rows:
            settings = by_name.get(str(row["lane"])) or LaneSettings(name=str(row["lane"]), provider="client")
            seconds = float(row["seconds"])
            upload = Upload(
                lane=settings.name,
                trust=settings.trust_class,
                turn_id=str(row.get("turn_id") or ""),
                reason="away",
                consent=settings.consent,
                seconds=seconds,
                bytes=round(seconds * 32_000),
                cost=settings.cost(seconds),
            )
            took_s = float(row.get("took_ms") or 0.0) / 1000.0
            await self._parts.brain.ledger.record(upload, _moment(str(row["at"])), str(row["ending"]), took_s)
        self._books_due_s = 0.0
        return {"written": len(rows)}

    async def transcribe(self, wav: bytes, *, language: str | None, lane: str, prompt: Sequence[str]) -> Json:
        """Return a turn's fields with its text. Raises EdgeVoiceError."""
        services = self._services
        samples = await asyncio.to_thread(samples_of, wav)
        home = services.defaults.vocabulary
        request = TurnRequest(
            turn_id="",
            language=language or services.defaults.language,
            languages=services.defaults.languages,
            vocabulary=home,
            prompt=(*prompt, *home.names, *home.areas),
        )
        mode = None if lane == "auto" else RoutingMode(lane)
        outcome, spans = await transcribed(samples, services.stages, request, lane=mode)
        turn = turn_of(outcome, spans, self._parts.wall(), with_text=True)
        return {**turn, "seconds": round(len(samples) / 16_000, 3)}

    async def purge(self, what: Sequence[str]) -> Json:
        """Erase, and return how much of each. Raises DiskError."""
        erasers: Mapping[str, Callable[[], Any]] = {
            "turns": self._purge_turns,
            "learned": lambda: self._parts.brain.forget(self._settings),
            "satellites": self._purge_satellites,
            "ledger": self._parts.brain.ledger.purge,
            "choices": self._purge_choices,
            "lanes": self._purge_lanes,
        }
        chosen = list(erasers) if "everything" in what else [one for one in erasers if one in what]
        async with self._changing:
            erased = {one: await erasers[one]() for one in chosen}
        self._books_due_s = 0.0
        self._changed()
        return {"erased": erased}

    async def _purge_turns(self) -> int:
        self._said.clear()
        return self._recent.clear()

    async def _purge_satellites(self) -> int:
        self._announced.clear()
        return self._satellites.clear() + await self._satellite_book.clear()

    async def _purge_choices(self) -> int:
        found = await self._parts.choices.drop(POLICY)
        await self._adopt(with_lanes(self._parts.settings, self._parts.lane_book.lanes))
        return int(found)

    async def _purge_lanes(self) -> int:
        settings = self._with_lanes(())  # first: a mode that needs a lane must be changed before
        found = await self._parts.lane_book.erase()
        await self._adopt(settings)
        return found

    # Its task.

    async def run(self) -> None:
        """Tell listeners what changes by itself, until cancelled."""
        last: object = None
        status_s = 0.0
        try:
            while True:
                now_s = self._parts.clock()
                if now_s >= self._books_due_s:
                    await self._read_books(now_s)
                supply, mode = self._parts.supply_status(), self._mode()[0]
                seen = (supply.state, supply.serving, round(supply.progress, 2), mode)
                if self._feed.is_heard and (seen != last or now_s - status_s >= STATUS_SECONDS):
                    last, status_s = seen, now_s
                    self._changed()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in tuple(self._warming):
                task.cancel()
            await asyncio.gather(*self._warming, return_exceptions=True)

    async def _read_books(self, now_s: float) -> None:
        self._books_due_s = now_s + BOOKS_SECONDS
        with contextlib.suppress(EdgeVoiceError):  # the store's own failure is a warning of the status
            ledger = self._parts.brain.ledger
            self._books = await ledger.today(), await ledger.this_month()


def _log_turn(outcome: Outcome, spans: Spans) -> None:
    """Log a turn without its text."""
    _LOGGER.info(
        "turn %s: %s by %s, %.0f ms from the last word, %.0f ms from the end, ended by %s",
        outcome.turn_id[:8],
        outcome.decision.action,
        outcome.route,
        spans.last_word_to_text_ms,
        spans.end_to_text_ms,
        outcome.ended_by,
    )


def chosen(settings: Settings, choices: Choices, lanes: Sequence[LaneSettings]) -> Settings:
    """Return the settings with what the owner chose at runtime; what no longer fits them is left, and said.

    Where choices cannot be read, the cloud stays off: the owner may have forbidden it.
    """
    kept = choices.get(POLICY, {})
    policy = kept if isinstance(kept, dict) else {}
    try:
        settings = with_lanes(settings, lanes)
        settings = with_policy(settings, policy)
    except EdgeVoiceError as error:
        _LOGGER.warning("what was chosen at runtime does not fit the settings, and the rest of it is left: %s", error)
    if choices.failure is not None or POLICY in choices.unread:
        settings = replace(settings, cloud=replace(settings.cloud, allowed=False))
    return settings


def _total(one: LaneTotal) -> Json:
    return {
        "lane": one.lane,
        "trust": one.trust.value,
        "uploads": one.uploads,
        "seconds": round(one.seconds, 3),
        "cost": round(one.cost, 6),
    }


def _moment(text: str) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequestError(f"'at' is {text!r}: write a time such as 2026-11-22T10:00:00+00:00") from error
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
