"""Decisions and late labels → up to which risk the hub answers by itself: AIPW-ACI over a plug-in risk curve.

Controlled is L = accepted · wrong, per (language, microphone class), where wrong means that the text's intent differs
from the cloud's: it counts the cloud's own mistakes and misses those that both make. Per cell, with x the scorecard's
log-odds and p̂ its recalibration (`calibration.py`):

    threshold   τ = max{s : (1/M) Σ_{x_i ≤ s} p̂(x_i) ≤ α_t} over the last M turns; α_t ≤ 0 accepts nothing
    accepted    L̂ = m + A/q · (Y − m), A ~ Bernoulli(q), m = p̂ updated by the proxy's likelihood ratio
    otherwise   L̂ = 0, and Y (the lane's text, a confirmation) is an exact label
    integrator  α_{t+1} = min(2α, α_t + γ(α − L̂))

**The bound.** α_1 = α, the clip only lowers α_t, and α_t ≤ 0 accepts nothing, so α_{T+1} ≥ −γ/q, and telescoping gives
(1/T) Σ L̂ ≤ α + (α/γ + 1/q)/T for any sequence of turns, drifting or adversarial. E[L̂ | past, m] = L because the audit's
draw A knows nothing of Y, so the mean number of real errors has the same bound in expectation over the audits; with
probability 1 − δ add √(2 v log(1/δ)/T), v ≈ α/q.

**It assumes** that audits are drawn independently with the stated probability *after* m is fixed. Turns accepted
without a draw add at most their share, and a drawn audit that is never answered counts as 1/q such turns. *Delay:* when
up to D accepted turns are open at once, α_t may fall that much further below 0 before they are all counted: add at most
D/(qT). *Checks:* α_t is looked at for every turn, so there is no slack for that; the curve may be older
(`refit_turns`), which the bound does not mind. Turns that are accepted above the threshold because no lane could be
asked are none of those that it speaks of. Without consent to audits there is no bound, and only proxies move α_t.

Sources: adaptive conformal inference (Gibbs and Candès, NeurIPS 2021, arXiv 2106.00170); online risk control (Feldman
et al., arXiv 2205.09095); conformal risk control (Angelopoulos et al., ICLR 2024, arXiv 2208.02814); intermittent
feedback (IM-OCP, arXiv 2503.10345); active inference (Zrnic and Candès, ICML 2024, arXiv 2403.03208); selective
classification with limited feedback (Gangrade et al., NeurIPS 2021).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from ..errors import SnapshotError
from ..pipeline.checked import Checked, ranged
from ..pipeline.policy import UNCALIBRATED, Calibration, Cell, MicrophoneClass, Threshold
from .calibration import Ridge, inherited
from .cell_state import FIELDS, CellState, rounded
from .snapshot import Snapshot, number, parts, read

_VERSION = 1
_RIDGE = Ridge()
_MOST_CELLS = 64
"""More than any home has; a peer that makes languages up must not fill the memory."""
_FIELDS = {
    "target_error": number(at_least=0.0, at_most=1.0),
    "cells": vol.All([parts(FIELDS)], vol.Length(max=_MOST_CELLS)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdSettings(Checked):
    """What the owner wants, and how fast to learn."""

    audits: bool = False
    """Whether accepted turns may be audited: the owner agreed to it and a lane is there."""
    target_error: float = ranged(0.03, at_least=0.001, at_most=0.5)
    """α: the share of turns that may be answered wrongly by the hub."""
    step: float = ranged(5e-4, at_least=1e-6, at_most=0.1)
    """γ: how far one turn moves the allowance."""
    early_audits: float = ranged(0.05, at_least=0.001, at_most=1.0)
    """Share of accepted turns that are audited in a cell's first turns."""
    late_audits: float = ranged(0.05, at_least=0.001, at_most=1.0)
    """Likewise after them. Rarer ones save nothing: at 0.02 the threshold scatters so much more that escalations and
    audits together rose from 40.6 % to 41.5 % of turns (43.5 instead of 40.7 % with a useless proxy)."""
    early_turns: int = ranged(2000, at_least=0, at_most=1_000_000)
    """How many turns are its first."""
    recent_turns: int = ranged(800, at_least=50, at_most=20_000)
    """M: turns that the risk curve is drawn from."""
    labels: int = ranged(1200, at_least=50, at_most=20_000)
    """Labelled turns that the calibration is fitted to."""
    refit_turns: int = ranged(10, at_least=1, at_most=1000)
    """Turns after which what was learned is worked out anew."""
    calibrated_after: int = ranged(200, at_least=0, at_most=1_000_000)
    """Labelled turns from which a cell counts as calibrated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLabel:
    """What a lane's text showed about an accepted one."""

    wrong: bool | None
    """None: the audit was drawn and never answered."""
    expected: float | None = None
    """`expected_loss` as it was when the audit was drawn; None when the label came at once."""


class AdaptiveThreshold:
    """Learns one threshold per cell. Labels may come late and in any order; each turn is counted once, when it closes.

    Not thread-safe: it lives on the event loop. A snapshot that cannot be used is left, `refusal` says why, and
    learning starts afresh.
    """

    def __init__(
        self,
        settings: ThresholdSettings,
        *,
        prior: Calibration = UNCALIBRATED,
        typical_logits: Sequence[float] = (),
        snapshot: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin with the bundle's line and its typical log-odds, or where a snapshot left off."""
        self._settings = settings
        self._prior = prior
        self._typical = tuple(rounded(one) for one in typical_logits)
        self._cells: dict[Cell, CellState] = {}
        self.refusal: SnapshotError | None = None
        """Why the snapshot was refused; None when it was not."""
        if snapshot is not None:
            self._restore(snapshot)

    @property
    def settings(self) -> ThresholdSettings:
        """What it works by; may be set anew at any time. Another target, or audits anew, begin the bound anew."""
        return self._settings

    @settings.setter
    def settings(self, settings: ThresholdSettings) -> None:
        moved = settings.target_error != self._settings.target_error
        self._settings = settings
        self._begin_anew(moved=moved)

    def _begin_anew(self, *, moved: bool) -> None:
        """Begin the bound's tally anew where the target moved or audits stopped; what is known of the risk stays."""
        for state in self._cells.values():
            if moved:
                state.allowance = self._settings.target_error
            if moved or not self._settings.audits:
                state.watched, state.unaudited = 0, 0.0
                state.least_audit = 1.0

    def reading(self, cell: Cell) -> Threshold:
        """Return the threshold for the next turn of a cell. Changes nothing."""
        state = self._cells.get(cell) or self._fresh(cell)
        line = state.fit.calibration
        highest = state.curve.highest(state.allowance)
        return Threshold(
            logit=highest,
            value=line.probability(highest) if highest > float("-inf") else 0.0,
            calibration=line,
            guaranteed=self._settings.audits,
            reason=self._reason(state, accepts=highest > float("-inf")),
        )

    def _reason(self, state: CellState, *, accepts: bool) -> str:
        target = f"{100 * self._settings.target_error:g} %"
        labels = len(state.labelled)
        parts = []
        if labels < self._settings.calibrated_after:
            parts.append(f"uncalibrated, {self._settings.calibrated_after - labels} turns to go")
        if state.allowance <= 0.0:
            parts.append(f"nothing is accepted for now: more than {target} were wrong")
        elif not accepts:
            parts.append(f"nothing is safe enough to keep errors at {target}")
        if not self._settings.audits:
            parts.append("no guarantee: no consent to audits")
        return "; ".join(parts) or f"at most {target} wrong in the long run, as {labels} labelled turns show"

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells that have heard a turn."""
        return tuple(self._cells)

    def turns_to_go(self, cell: Cell) -> int:
        """Return how many labelled turns a cell lacks to count as calibrated."""
        state = self._cells.get(cell)
        return max(0, self._settings.calibrated_after - (len(state.labelled) if state else 0))

    def allowance(self, cell: Cell) -> float:
        """Return α_t: the risk that is spent on accepted turns now; at most twice the target, 0 or less for none."""
        state = self._cells.get(cell)
        return self._settings.target_error if state is None else state.allowance

    def audit_probability(self, cell: Cell) -> float:
        """Return the probability with which the next accepted turn is to be audited; 0 without consent."""
        if not self._settings.audits:
            return 0.0
        state = self._cells.get(cell)
        early = state is None or state.decided < self._settings.early_turns
        return self._settings.early_audits if early else self._settings.late_audits

    def expected_loss(self, cell: Cell, logit: float, *, proxy: bool | None) -> float:
        """Return m: how probably an accepted text is wrong, after what its proxy says (None: nothing is known)."""
        state = self._cells.get(cell) or self._fresh(cell)
        probability = state.fit.calibration.probability(rounded(logit))
        if proxy is None:
            return probability
        weighed = probability * state.proxies.ratio(proxy=proxy)
        return weighed / (weighed + 1.0 - probability)

    def decided(self, cell: Cell, logit: float) -> None:
        """Hear of every turn that was routed by its risk, whatever became of it."""
        state = self._state(cell)
        state.decided += 1
        state.recent.append(rounded(logit))

    def accepted(
        self,
        cell: Cell,
        logit: float,
        *,
        proxy: bool | None = None,
        audit: AuditLabel | None = None,
        audit_probability: float,
    ) -> float:
        """Count a turn accepted within the threshold, once its retry window closed and its audit, if any, is answered.

        One that was accepted above it, because no lane could be asked, is told to `decided` alone.
        `audit_probability` is what the audit was drawn with; 0 for a turn without a draw, which weakens the bound.
        Returns L̂. Raises ValueError for an audit that had no probability.
        """
        if not 0.0 <= audit_probability <= 1.0 or (audit is not None and audit_probability == 0.0):
            raise ValueError(f"an audit cannot be drawn with probability {audit_probability}")
        state = self._state(cell)
        before = None if audit is None else audit.expected
        loss = self.expected_loss(cell, logit, proxy=proxy) if before is None else before
        if audit is not None and audit.wrong is not None:
            loss += (float(audit.wrong) - loss) / audit_probability
            state.label(logit, wrong=audit.wrong, weight=1.0 / audit_probability)
            if proxy is not None:
                state.proxies.learn(proxy=proxy, wrong=audit.wrong)
        self._watch(state, audit_probability)
        if audit is not None and audit.wrong is None and self._settings.audits:
            state.unaudited += 1.0 / audit_probability
        self._close(cell, state, loss)
        return loss

    def escalated(self, cell: Cell, logit: float, *, wrong: bool | None) -> None:
        """Count a turn that was not accepted (asked, confirmed, deferred) once its label is known; None: never."""
        state = self._state(cell)
        if wrong is not None:
            state.label(logit, wrong=wrong)
        self._watch(state, None)
        self._close(cell, state, 0.0)

    def _watch(self, state: CellState, audit_probability: float | None) -> None:
        """Keep the tally that the bound rests on."""
        if not self._settings.audits:
            return
        if state.watched == 0:  # the bound begins at α or below, whatever proxies alone made of the allowance
            state.allowance = min(state.allowance, self._settings.target_error)
        state.watched += 1
        if audit_probability:
            state.least_audit = min(state.least_audit, audit_probability)
        elif audit_probability is not None:
            state.unaudited += 1.0

    def _close(self, cell: Cell, state: CellState, loss: float) -> None:
        target = self._settings.target_error
        state.allowance = min(2.0 * target, state.allowance + self._settings.step * (target - loss))
        state.closed += 1
        if state.closed % self._settings.refit_turns == 0:
            state.learn(self._inherited(cell), _RIDGE, self._typical)

    def bound(self, cell: Cell) -> float | None:
        """Return the bound on the mean of L over the watched turns, in expectation over audits; None for none."""
        state = self._cells.get(cell)
        if state is None or not self._settings.audits or not state.watched:
            return None
        target = self._settings.target_error
        slack = target / self._settings.step + 1.0 / state.least_audit + state.unaudited
        return min(1.0, target + slack / state.watched)

    def _inherited(self, cell: Cell) -> Calibration:
        fits = {other: state.fit for other, state in self._cells.items()}
        return inherited(cell, fits, bundle=self._prior, ridge=_RIDGE)

    def _fresh(self, cell: Cell) -> CellState:
        settings = self._settings
        state = CellState(
            allowance=settings.target_error,
            prior=self._inherited(cell),
            recent=settings.recent_turns,
            labels=settings.labels,
        )
        state.draw(self._typical)
        return state

    def _state(self, cell: Cell) -> CellState:
        state = self._cells.get(cell)
        if state is None:
            state = self._fresh(cell)
            if len(self._cells) >= _MOST_CELLS:
                del self._cells[min(self._cells, key=lambda one: self._cells[one].decided)]
            self._cells[cell] = state
        return state

    def snapshot(self) -> Snapshot:
        """Return all that was learned, as JSON-able values."""
        cells = [
            {"language": cell.language, "microphone_class": cell.microphone_class.value, **state.image()}
            for cell, state in self._cells.items()
        ]
        return {"version": _VERSION, "target_error": self._settings.target_error, "cells": cells}

    def _restore(self, snapshot: Mapping[str, Any]) -> None:
        try:
            fields = read(_FIELDS, snapshot, of="the thresholds", version=_VERSION)
        except SnapshotError as error:
            self.refusal = error
            return
        self._cells = {_cell(image): self._of(image) for image in fields["cells"]}
        if not math.isclose(fields["target_error"], self._settings.target_error):
            self._begin_anew(moved=True)

    def _of(self, image: Mapping[str, Any]) -> CellState:
        settings = self._settings
        return CellState.of(image, typical=self._typical, recent=settings.recent_turns, labels=settings.labels)


def _cell(image: Mapping[str, Any]) -> Cell:
    return Cell(language=image["language"], microphone_class=MicrophoneClass(image["microphone_class"]))
