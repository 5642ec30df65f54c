"""Whether a satellite's microphone is worth listening to: clipping and noise over its last turns, with hysteresis."""

import enum
from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import voluptuous as vol

from ..pipeline.checked import Checked, ranged
from ..pipeline.policy import History
from ..pipeline.types import Quality
from .snapshot import Snapshot, name, number, parts, read

MAX_SATELLITES = 256
"""The one unheard for longest goes first; far more than any home has."""
MAX_TURNS = 200


class MicrophoneState(enum.StrEnum):
    """What a satellite's microphone is good for."""

    GOOD = "good"
    NOISY = "noisy"
    TEXT_ONLY = "text_only"
    """Unusable: whoever can is asked for typed text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrophoneSettings(Checked):
    """When a microphone is called noisy, or unusable, and when it is good again."""

    turns: int = ranged(20, at_least=5, at_most=MAX_TURNS)
    """How many of its last turns count."""
    least_turns: int = ranged(10, at_least=3, at_most=MAX_TURNS)
    """With fewer there is no verdict but good."""
    unusable_clipping: float = ranged(0.05, at_least=0.0, at_most=1.0)
    """Share of clipped samples: an overdrive of about 12 dB (3 to 45 % of our recordings' samples clip then)."""
    unusable_snr_db: float = ranged(3.0, at_least=-20.0, at_most=40.0)
    noisy_clipping: float = ranged(0.001, at_least=0.0, at_most=1.0)
    noisy_snr_db: float = ranged(10.0, at_least=-20.0, at_most=40.0)
    enters_share: float = ranged(0.8, at_least=0.0, at_most=1.0)
    """Share of those turns that must be bad for a worse state."""
    leaves_share: float = ranged(0.5, at_least=0.0, at_most=1.0)
    """Share of bad turns at which it is left again."""
    good_turns: int = ranged(5, at_least=1, at_most=MAX_TURNS)
    """So many good ones on end leave it at once: somebody has moved the satellite, or mended it."""
    forget_seconds: float = ranged(21_600.0, at_least=60.0)
    """Older turns say nothing about now; who was told to type would otherwise never be heard again."""

    def __post_init__(self) -> None:
        """Check that states are left below where they are entered."""
        super(MicrophoneSettings, self).__post_init__()
        if self.leaves_share >= self.enters_share:
            raise ValueError("MicrophoneSettings.leaves_share must be below enters_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a satellite's last turns say about its microphone."""

    state: MicrophoneState = MicrophoneState.GOOD
    reason: str = ""
    """With figures, for people; empty while it is good."""
    since_s: float | None = None
    """When it came into that state, by the clock of its turns; None while it was never in another."""
    ends: str = ""
    """What ends it: a sentence, empty while it is good."""
    turns: int = 0
    """How many turns that rests on."""
    snr_db: float | None = None
    """Median over those in which it could be measured."""
    clipping: float = 0.0
    """Median share of clipped samples."""
    clipped_turns: int = 0
    """How many of them were clipped as badly as its state says."""
    noisy_turns: int = 0

    def told(self, history: History) -> History:
        """Return what the session knew, with what is known of the microphone."""
        usable = self.state is not MicrophoneState.TEXT_ONLY
        return replace(history, microphone_usable=usable, microphone_reason="" if usable else self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    at_s: float
    clipping: float
    snr_db: float | None

    def is_bad(self, clipping: float, snr_db: float) -> bool:
        return self.clipping >= clipping or (self.snr_db is not None and self.snr_db < snr_db)


@dataclass(slots=True, kw_only=True)
class _Satellite:
    turns: deque[_Turn]
    state: MicrophoneState = field(default=MicrophoneState.GOOD)
    since_s: float | None = None

    def enter(self, state: MicrophoneState, at_s: float) -> None:
        """Be in a state from now on."""
        if state is not self.state:
            self.state, self.since_s = state, at_s


class Microphones:
    """Evidence per satellite, for at most 256 of them. Times are a clock's that goes on over restarts."""

    def __init__(self, settings: MicrophoneSettings | None = None) -> None:
        """Start with no evidence."""
        self._settings = settings or MicrophoneSettings()
        self._satellites: OrderedDict[str, _Satellite] = OrderedDict()

    def observe(self, satellite: str, quality: Quality, at_s: float) -> None:
        """Take in the quality of a turn in which somebody spoke. Without a name there is no satellite to judge."""
        if not satellite:
            return
        known = self._satellites.pop(satellite, None) or _Satellite(turns=deque(maxlen=self._settings.turns))
        self._satellites[satellite] = known
        if len(self._satellites) > MAX_SATELLITES:
            self._satellites.popitem(last=False)
        if not self._fresh(known, at_s):
            known.enter(MicrophoneState.GOOD, at_s)
        known.turns.append(_Turn(at_s=at_s, clipping=quality.clipping, snr_db=quality.snr_db))
        known.enter(self._next_state(known.state, self._fresh(known, at_s)), at_s)

    def evidence(self, satellite: str, at_s: float) -> Evidence:
        """Return what is known of a satellite's microphone; changes nothing."""
        known = self._satellites.get(satellite)
        if known is None:
            return Evidence()
        return self._described(known, self._fresh(known, at_s))

    def satellites(self) -> tuple[str, ...]:
        """Return the satellites with evidence, the one heard last at the end."""
        return tuple(self._satellites)

    def snapshot(self) -> Snapshot:
        """Return all evidence. It holds the satellites as they were named here: hashed, when it goes to a disk."""
        satellites = [
            {
                "satellite": key,
                "state": str(one.state),
                "since_s": one.since_s,
                "turns": [[t.at_s, t.clipping, t.snr_db] for t in one.turns],
            }
            for key, one in self._satellites.items()
        ]
        return {"version": 1, "satellites": satellites}

    @classmethod
    def restored(cls, snapshot: object, settings: MicrophoneSettings | None = None) -> Self:
        """Take up a snapshot exactly. Raises SnapshotError."""
        fields = read(_FIELDS, snapshot, of="the microphones", version=1)
        self = cls(settings)
        for one in fields["satellites"]:
            turns = (_Turn(at_s=at_s, clipping=clipping, snr_db=snr_db) for at_s, clipping, snr_db in one["turns"])
            self._satellites[one["satellite"]] = _Satellite(
                turns=deque(turns, maxlen=self._settings.turns),
                state=MicrophoneState(one["state"]),
                since_s=one["since_s"],
            )
        return self

    def _fresh(self, known: _Satellite, at_s: float) -> list[_Turn]:
        return [turn for turn in known.turns if at_s - turn.at_s <= self._settings.forget_seconds]

    def _next_state(self, state: MicrophoneState, turns: list[_Turn]) -> MicrophoneState:
        """Return the worst state that the turns bring about, or that they do not yet end."""
        for worse in (MicrophoneState.TEXT_ONLY, MicrophoneState.NOISY):
            limits = self._limits(worse)
            bad = [turn.is_bad(*limits) for turn in turns]
            # A microphone that is unusable is noisy, too: it does not leap from there to good by one share.
            within = state is worse or state is MicrophoneState.TEXT_ONLY
            if self._stays(bad) if within else self._enters(bad):
                return worse
        return MicrophoneState.GOOD

    def _enters(self, bad: list[bool]) -> bool:
        return len(bad) >= self._settings.least_turns and sum(bad) >= self._settings.enters_share * len(bad)

    def _stays(self, bad: list[bool]) -> bool:
        last = bad[-self._settings.good_turns :]
        mended = len(last) == self._settings.good_turns and not any(last)
        return not mended and sum(bad) > self._settings.leaves_share * len(bad)

    def _limits(self, state: MicrophoneState) -> tuple[float, float]:
        """Return from which clipping on, and below which SNR in dB, a turn speaks for a state."""
        settings = self._settings
        if state is MicrophoneState.TEXT_ONLY:
            return settings.unusable_clipping, settings.unusable_snr_db
        return settings.noisy_clipping, settings.noisy_snr_db

    def _described(self, known: _Satellite, turns: list[_Turn]) -> Evidence:
        state = known.state
        if not turns:
            return Evidence(since_s=self._forgotten_s(known))
        clipping, snr_db = self._limits(state)
        clipped = sum(turn.clipping >= clipping for turn in turns)
        measured = [turn.snr_db for turn in turns if turn.snr_db is not None]
        noisy = sum(one < snr_db for one in measured)
        evidence = Evidence(
            state=state,
            since_s=known.since_s,
            turns=len(turns),
            snr_db=float(np.median(measured)) if measured else None,
            clipping=float(np.median([turn.clipping for turn in turns])),
            clipped_turns=clipped,
            noisy_turns=noisy,
        )
        if state is MicrophoneState.GOOD:
            return evidence
        return replace(evidence, reason=_reason(evidence), ends=self._ends())

    def _forgotten_s(self, known: _Satellite) -> float | None:
        """Return when a satellite whose turns are all too old came to be called good."""
        if known.state is MicrophoneState.GOOD or not known.turns:
            return known.since_s
        return known.turns[-1].at_s + self._settings.forget_seconds

    def _ends(self) -> str:
        settings = self._settings
        hours = settings.forget_seconds / 3600.0
        return (
            f"Ends when {settings.good_turns} turns on end are clear, when no more than "
            f"{settings.leaves_share:.0%} of its last {settings.turns} are bad, or when nobody has spoken to it for "
            f"{hours:g} hours."
        )


def _reason(evidence: Evidence) -> str:
    """Return a sentence such as "clipped in 17 of its last 20 turns (12.0 % of the samples in the median one)"."""
    causes = []
    if evidence.clipped_turns:
        share = f"{100 * evidence.clipping:.1f} % of the samples in the median one"
        causes.append(f"clipped in {evidence.clipped_turns} of its last {evidence.turns} turns ({share})")
    if evidence.noisy_turns and evidence.snr_db is not None:
        snr = f"speech {evidence.snr_db:.0f} dB above it in the median one"
        causes.append(f"drowned in noise in {evidence.noisy_turns} of its last {evidence.turns} turns ({snr})")
    return "; ".join(causes) or "no better turns yet"


def _turn(value: object) -> list[float | None]:
    if not isinstance(value, list) or len(value) != 3:
        raise vol.Invalid("must be [time, clipping, SNR]")
    at_s, clipping, snr_db = value
    return [number()(at_s), number(at_least=0.0, at_most=1.0)(clipping), None if snr_db is None else number()(snr_db)]


_SATELLITE = parts(
    {
        "satellite": name,
        "state": vol.In([str(one) for one in MicrophoneState]),
        "since_s": vol.Maybe(number()),
        "turns": vol.All([_turn], vol.Length(max=MAX_TURNS)),
    }
)
_FIELDS = {"satellites": vol.All([_SATELLITE], vol.Length(max=MAX_SATELLITES))}
