"""What one decision rests on: whether the risk is too high, which lane can be asked, and what each choice costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .policy import Caller, History, LaneHealth, LaneState, Policy, Price, RoutingMode, Threshold, Trust, Workload
from .types import UNSURE_LOG_PROBABILITY, Hypothesis, Risk

DISCARDED_RULES = frozenset({"short-speech", "no-speech", "prompt-echo", "crowd", "repetition", "no-end"})
"""Rules that say that nobody spoke to us, or that the text runs in circles; the others leave one that may be right."""
DISCARDED_WHEN_UNSURE = frozenset({"known-phrase"})
"""People do say "thank you": only an unsure one is made up."""
ENOUGH_RETRIES = 2
"""Who says the same for the third time was misheard twice."""
ANSWER_WORDS = 3
"""What is no longer, and no command, was meant as a yes or no; longer ones are judged like any other."""
SHORTNESS = "length_short"
"""The scorecard's feature for being short."""
POINT = math.log(2.0) / 10.0
"""Ten points double the odds."""
RETURNING = frozenset({LaneState.BROKEN, LaneState.CAPPED})
"""A lane in these states comes back by itself, so that what can wait may wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that one decision rests on."""

    hypothesis: Hypothesis
    risk: Risk
    workload: Workload
    threshold: Threshold
    policy: Policy
    caller: Caller
    history: History
    price: Price
    audio_seconds: float
    lane: LaneHealth | None
    """The first that can be asked, in the owner's order."""
    no_lane: str
    """Why none can be, for people."""
    is_worth_waiting: bool
    """A lane that the hub cannot ask now will be able to answer it later."""
    unkept: str = ""
    """Why it could not be kept until then; empty: that was not tried, or nothing is in the way."""

    @property
    def made_up(self) -> frozenset[str]:
        """The tripped rules that say that the text was never spoken."""
        unsure = self.hypothesis.mean_log_probability < UNSURE_LOG_PROBABILITY
        rules = DISCARDED_RULES | DISCARDED_WHEN_UNSURE if unsure else DISCARDED_RULES
        return rules.intersection(self.hypothesis.rules)

    @property
    def is_risky(self) -> bool:
        """The risk is above the threshold; one that is no number is, too."""
        return bool(self.risk.rules) or self.risk.value >= 1.0 or not self.risk.logit <= self.threshold.logit

    @property
    def is_answer(self) -> bool:
        """It answers a yes-or-no question, perhaps misheard; "open the gate" is no answer, but another command."""
        is_short = len(self.hypothesis.text.split()) <= ANSWER_WORDS and not self.workload.is_known
        is_answer = (self.workload.is_answer or is_short) and not self.workload.critical
        return self.caller.expect_confirmation and is_answer

    @property
    def is_clear_answer(self) -> bool:
        """It says yes or no, and would not be risky if short texts were not."""
        forgiven = max(0.0, self.risk.points.get(SHORTNESS, 0.0))
        rules = self.risk.rules or self.hypothesis.rules
        is_sure = not rules and self.risk.logit - forgiven * POINT <= self.threshold.logit
        return self.workload.is_answer and is_sure

    @property
    def can_ask(self) -> bool:
        """Somebody can be asked whether a text is right, and the owner wants that."""
        return self.caller.can_confirm and self.policy.confirm_critical

    @property
    def error_cost(self) -> float:
        """What acting on a wrong text costs."""
        return self.policy.costs.critical_error if self.workload.critical else self.policy.costs.error

    @property
    def cost_of_accepting(self) -> float:
        """The error's cost, as often as it is one."""
        return self.error_cost * self.risk.value

    @property
    def cost_of_asking(self) -> float:
        """The bother of a question, and the errors that it lets through."""
        costs = self.policy.costs
        return costs.confirm + costs.confirm_miss * self.cost_of_accepting

    @property
    def cost_of_lane(self) -> float:
        """The wait, the lane's own errors, and its price; without a lane infinite. What stays at home is free."""
        if self.lane is None:
            return math.inf
        price = self.price.per_second * self.audio_seconds if self.lane.trust is Trust.CLOUD else 0.0
        return self.policy.costs.cloud_wait + self.error_cost * self.policy.costs.cloud_error + price

    @property
    def asking_is_cheapest(self) -> bool:
        """A question back costs less than accepting (where that is allowed) and than a lane."""
        is_cheaper = self.is_risky or self.cost_of_asking < self.cost_of_accepting
        return self.can_ask and is_cheaper and self.cost_of_asking < self.cost_of_lane


def weigh(
    hypothesis: Hypothesis,
    risk: Risk,
    *,
    workload: Workload,
    threshold: Threshold,
    lanes: Sequence[LaneHealth],
    policy: Policy,
    caller: Caller,
    history: History,
    price: Price,
    audio_seconds: float,
    unkept: str = "",
) -> Case:
    """Return a case with the lane that it may go to: the first that is ready, in the owner's order."""
    shut = _shut(policy, caller)
    lane = None if shut else next((one for one in lanes if _is_open(one, caller)), None)
    return Case(
        hypothesis=hypothesis,
        risk=risk,
        workload=workload,
        threshold=threshold,
        policy=policy,
        caller=caller,
        history=history,
        price=price,
        audio_seconds=audio_seconds,
        lane=lane,
        no_lane="" if lane else shut or _why_none(lanes),
        is_worth_waiting=not shut and any(one.state in RETURNING and not one.is_client for one in lanes),
        unkept=unkept,
    )


def mode_of(policy: Policy, caller: Caller) -> RoutingMode:
    """Return the mode that holds for a turn: the owner's `edge` is a promise that no caller can lift."""
    if not caller.trusted or policy.mode is RoutingMode.EDGE:
        return RoutingMode.EDGE
    return caller.mode or policy.mode


def _shut(policy: Policy, caller: Caller) -> str:
    """Return why no lane at all may be asked in this turn; empty when one may."""
    if mode_of(policy, caller) is not RoutingMode.EDGE:
        return ""
    if policy.mode is RoutingMode.EDGE:
        return "the owner keeps all speech on the hub"
    return "this turn stays on the hub, as was asked" if caller.trusted else "an unknown caller gets the hub only"


def _is_open(lane: LaneHealth, caller: Caller) -> bool:
    return lane.state is LaneState.READY and (caller.client_lane or not lane.is_client)


_STATES = {
    LaneState.READY: "can be asked by Home Assistant only",  # a client lane, and this caller has none
    LaneState.BROKEN: "failed just now",
    LaneState.NOT_CONSENTED: "has no consent",
    LaneState.CAPPED: "has used up its budget",
    LaneState.WRONG_LANGUAGE: "is not for this language",
}


def _why_none(lanes: Sequence[LaneHealth]) -> str:
    reasons = [one.reason or f"{one.name} {_STATES[one.state]}" for one in lanes]
    return "; ".join(dict.fromkeys(reasons)) or "no speech service is set up"
