"""A stream + seeds → what the adaptive threshold made of it. The threshold is the server's own, not a copy."""

import json
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..learning.threshold import AdaptiveThreshold, AuditLabel, ThresholdSettings
from ..pipeline.policy import Cell, MicrophoneClass
from .simulate_streams import RECOVERS_WITHIN, TARGET, Stream, Turns, Values, draw, oracle_escalation

WINDOW = 500
RECOVERED = TARGET + 0.01
ESCALATION_SLACK = 0.06
FULL_SEEDS = 10
_SIBLING_TURNS = 2000
type _OpenTurn = tuple[float, bool, bool, float, bool]
"""Log-odds, wrong, proxy, the audit's draw, accepted."""
_CELLS = tuple(Cell(language="en", microphone_class=one) for one in MicrophoneClass)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What one seed gave, per turn."""

    errors: Values
    """1 where a wrong text was accepted."""
    escalated: Values
    allowances: Values
    """α_t."""
    estimated: float
    """The sum of L̂."""
    variance: float
    """Of that sum about the sum of errors: what the draws of the audits add."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StreamResult:
    """The mean of a stream's seeds, and whether it is within what is promised."""

    stream: Stream
    seeds: int
    error: float
    deviation: float
    """Of the error between seeds."""
    estimated: float
    """Mean L̂: what the server itself believes its error to be."""
    bound: float | None
    """α + (α/γ + 1/q)/T; None where none is claimed."""
    sigma: float
    """Of the mean error, by the audits' draws."""
    escalation: float
    oracle_escalation: float
    recovery_turns: int | None
    """From the drift to the end of the first window that is back; None without a drift, or when none is."""
    first_error: float
    """Over the first 400 turns."""
    errors: Values
    escalations: Values
    allowances: Values

    @property
    def is_full(self) -> bool:
        """Whether this is enough to judge more than the bound: fewer or shorter runs scatter by more than the slack."""
        return self.seeds >= FULL_SEEDS and self.stream.share >= 1.0

    @property
    def misses(self) -> list[str]:
        """What is promised and not held, as sentences."""
        if self.bound is None:
            return []
        found = []
        if self.error > self.bound + 3.0 * self.sigma:
            found.append(f"error {self.error:.4f} is above the bound {self.bound:.4f} + 3 · {self.sigma:.4f}")
        if not self.is_full:
            return found
        if self.stream.late_audits is None and self.escalation > self.oracle_escalation + ESCALATION_SLACK:
            found.append(f"escalation {self.escalation:.3f} is above the oracle's + {ESCALATION_SLACK}")
        if self._could_recover and (self.recovery_turns is None or self.recovery_turns > RECOVERS_WITHIN):
            found.append(f"not back under {RECOVERED:.0%} within {RECOVERS_WITHIN} turns of the drift")
        return found

    @property
    def _could_recover(self) -> bool:
        changes = self.stream.changes
        return bool(changes) and self.stream.turns - math.ceil(changes[0] * self.stream.turns) >= RECOVERS_WITHIN


def simulate(stream: Stream, seeds: Iterable[int], after_each: Callable[[Stream], None] | None = None) -> StreamResult:
    """Return what the seeds of a stream gave on average; `after_each` is called after every seed and may raise."""
    runs = []
    for seed in seeds:
        runs.append(run(stream, seed))
        if after_each:
            after_each(stream)
    errors = np.mean([one.errors for one in runs], axis=0)
    per_seed = [float(one.errors.mean()) for one in runs]
    settings = _settings(stream)
    least = settings.late_audits if stream.turns > settings.early_turns else settings.early_audits
    slack = (settings.target_error / settings.step + 1.0 / least) / stream.turns
    return StreamResult(
        stream=stream,
        seeds=len(runs),
        error=float(np.mean(per_seed)),
        deviation=float(np.std(per_seed)),
        estimated=sum(one.estimated for one in runs) / (len(runs) * stream.turns),
        bound=settings.target_error + slack if stream.audits else None,
        sigma=math.sqrt(sum(one.variance for one in runs)) / (len(runs) * stream.turns),
        escalation=float(np.mean([one.escalated.mean() for one in runs])),
        oracle_escalation=oracle_escalation(stream),
        recovery_turns=recovery(stream, errors),
        first_error=float(errors[:400].mean()),
        errors=errors,
        escalations=np.mean([one.escalated for one in runs], axis=0),
        allowances=np.mean([one.allowances for one in runs], axis=0),
    )


def _settings(stream: Stream) -> ThresholdSettings:
    settings = ThresholdSettings(audits=stream.audits, target_error=TARGET)
    return settings if stream.late_audits is None else replace(settings, late_audits=stream.late_audits)


def recovery(stream: Stream, errors: Values) -> int | None:
    """Return the turns from the drift to the end of the first window below what counts as recovered."""
    if not stream.changes:
        return None
    after = errors[math.ceil(stream.changes[0] * stream.turns) :]
    if len(after) < WINDOW:
        return None
    sums = np.cumsum(np.concatenate(([0.0], after)))
    back = np.flatnonzero((sums[WINDOW:] - sums[:-WINDOW]) / WINDOW <= RECOVERED)
    return int(back[0]) + WINDOW if len(back) else None


def run(stream: Stream, seed: int) -> Run:
    """Run one seed of a stream through the threshold."""
    generator = stream.generator(seed)
    threshold = AdaptiveThreshold(_settings(stream))
    for cell in _CELLS[1 : 1 + stream.siblings]:
        _Drive(stream, threshold, cell).over(draw(stream, _SIBLING_TURNS, generator))
    drive = _Drive(stream, threshold, _CELLS[0])
    return drive.over(draw(stream, stream.turns, generator), restarts=stream.restarts)


class _Drive:
    """One cell's turns, decided one by one and closed as late as the stream says."""

    def __init__(self, stream: Stream, threshold: AdaptiveThreshold, cell: Cell) -> None:
        self._stream = stream
        self._threshold = threshold
        self._cell = cell
        self._open: deque[_OpenTurn] = deque()
        self._estimated = 0.0
        self._variance = 0.0

    def over(self, turns: Turns, *, restarts: int = 0) -> Run:
        """Run turns through the threshold; a restart loses the turns that are open."""
        count = len(turns.logits)
        accepted, allowances = np.zeros(count), np.zeros(count)
        stops = {count * (at + 1) // (restarts + 1) for at in range(restarts)}
        for at, (logit, wrong, proxy, drawn) in enumerate(turns):
            if at in stops:
                self._restart()
            allowances[at] = self._threshold.allowance(self._cell)
            is_accepted = logit <= self._threshold.reading(self._cell).logit
            accepted[at] = is_accepted
            self._threshold.decided(self._cell, logit)
            self._open.append((logit, wrong, proxy, drawn, is_accepted))
            if len(self._open) > self._stream.delay:
                self._close(*self._open.popleft())
        while self._open:
            self._close(*self._open.popleft())
        return Run(
            errors=accepted * turns.wrong,
            escalated=1.0 - accepted,
            allowances=allowances,
            estimated=self._estimated,
            variance=self._variance,
        )

    def _restart(self) -> None:
        written = json.dumps(self._threshold.snapshot(), allow_nan=False)
        self._threshold = AdaptiveThreshold(_settings(self._stream), snapshot=json.loads(written))
        if self._threshold.refusal is not None:
            raise self._threshold.refusal
        self._open.clear()

    def _close(self, logit: float, wrong: bool, proxy: bool, drawn: float, is_accepted: bool) -> None:
        threshold, cell = self._threshold, self._cell
        if not is_accepted:
            threshold.escalated(cell, logit, wrong=wrong if self._stream.labels else None)
            return
        probability = threshold.audit_probability(cell)
        expected = threshold.expected_loss(cell, logit, proxy=proxy)
        label = AuditLabel(wrong=wrong, expected=expected) if drawn < probability else None
        self._estimated += threshold.accepted(cell, logit, proxy=proxy, audit=label, audit_probability=probability)
        if probability:
            self._variance += (1.0 - probability) / probability * (wrong - expected) ** 2
