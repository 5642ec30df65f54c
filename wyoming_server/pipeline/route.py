"""What was heard, how likely it is wrong, who asks and what the owner allows → what becomes of it: a table.

The first row that fits decides. The threshold is a constraint: above it nothing is accepted while a lane is ready.
Costs choose between asking back and asking a lane, the budget's dual price among them (Balseiro, Lu and Mirrokni, arXiv
2011.10124); that confidence alone does not suffice there is known (Jitkrittum et al., NeurIPS 2023).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .policy import (
    Caller,
    History,
    LaneHealth,
    Policy,
    Price,
    RoutingMode,
    Threshold,
    Workload,
    WorkloadClass,
)
from .types import Action, Decision, Hypothesis, Risk
from .weighing import ENOUGH_RETRIES, Case, mode_of, weigh


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    when: str
    """The condition, for people."""
    fits: Callable[[Case], bool]
    action: Action
    because: Callable[[Case], str]
    """The reason, for the home's people."""


MADE_UP = {
    "crowd": "many talk at once, and nobody to this satellite",
    "known-phrase": "models invent this phrase, and this one was unsure of it",
    "no-end": "it has no end",
    "no-speech": "the model itself doubts that anybody spoke",
    "prompt-echo": "it repeats the names that the model was told to expect",
    "repetition": "it runs in circles",
    "short-speech": "there was too little speech for it",
}
"""What the rules that discard say, for people."""

BY_MODE = "mode cloud"
"""The row by which everything goes to a lane, whatever its risk."""
ROWS = (
    Row(
        name="nothing heard",
        when="No words were recognised.",
        fits=lambda case: not case.hypothesis.text.strip(),
        action=Action.DISCARD,
        because=lambda _: "no words were recognised",
    ),
    Row(
        name="made up",
        when="A rule says that nobody said this: too little speech, silence, a crowd, a text that runs in circles.",
        fits=lambda case: bool(case.made_up),
        action=Action.DISCARD,
        because=lambda case: f"made-up text: {MADE_UP[min(case.made_up)]} ({min(case.made_up)})",
    ),
    Row(
        name="microphone unusable",
        when="The risk is above the threshold, the satellite's microphone has been unusable for many turns, the owner "
        "wants typed text then, and the caller can ask for it.",
        fits=lambda case: (
            case.is_risky and not case.history.microphone_usable and case.policy.ask_text and case.caller.can_confirm
        ),
        action=Action.ASK_TEXT,
        because=lambda case: (
            "please type it: this microphone cannot be used now" + _in_brackets(case.history.microphone_reason)
        ),
    ),
    Row(
        name=BY_MODE,
        when="The mode is `cloud`, and a lane is ready.",
        fits=lambda case: _mode(case) is RoutingMode.CLOUD and case.lane is not None,
        action=Action.ESCALATE,
        because=lambda case: f"asking {_lane(case)}: the mode is cloud, so everything goes there",
    ),
    Row(
        name="clear answer",
        when="It answers a yes-or-no question in a few words that are no critical command, at a risk within the "
        "threshold once the points for being short are taken off.",
        fits=lambda case: case.is_answer and case.is_clear_answer,
        action=Action.ACCEPT,
        because=lambda _: "a clear, short answer",
    ),
    Row(
        name="unclear answer",
        when="It answers a yes-or-no question in such words, less clearly.",
        fits=lambda case: case.is_answer,
        action=Action.CONFIRM,
        because=lambda case: f"the answer was not clear enough, so the question stands: {_risk(case)}",
    ),
    Row(
        name="third try",
        when="The same was just said twice before, or it begins as a correction does, and a lane is ready.",
        fits=lambda case: case.lane is not None and (case.history.retries >= ENOUGH_RETRIES or case.history.correction),
        action=Action.ESCALATE,
        because=lambda case: f"asking {_lane(case)}: the hub has just heard this wrongly",
    ),
    Row(
        name="dictation kept",
        when="It is dictation without anything critical, and the owner leaves dictation to the hub.",
        fits=lambda case: _is_dictation(case) and case.policy.edge_dictation and not case.workload.critical,
        action=Action.ACCEPT,
        because=lambda case: f"dictation stays on the hub, as its owner wants: {_risk(case)}",
    ),
    Row(
        name="dictation",
        when="It is dictation, and a lane is ready.",
        fits=lambda case: _is_dictation(case) and not case.policy.edge_dictation and case.lane is not None,
        action=Action.ESCALATE,
        because=lambda case: f"asking {_lane(case)}: the hub's small model is not made for dictation",
    ),
    Row(
        name="risky, asked back",
        when="The risk is above the threshold, the action is critical, somebody can be asked, and no lane is ready, or "
        "a lane costs more than a question.",
        fits=lambda case: case.is_risky and case.workload.critical and case.asking_is_cheapest,
        action=Action.CONFIRM,
        because=lambda case: f"please confirm: {_matter(case)}, and {_risk(case)}{_alone(case)}",
    ),
    Row(
        name="risky",
        when="The risk is above the threshold, and a lane is ready.",
        fits=lambda case: case.is_risky and case.lane is not None,
        action=Action.ESCALATE,
        because=lambda case: f"asking {_lane(case)}: {_risk(case)}",
    ),
    Row(
        name="risky, refused",
        when="The risk is above the threshold, the action is critical, no lane is ready, and the owner refuses what "
        "nobody confirmed: said back where the caller can, else an error, `needs-confirmation`.",
        fits=lambda case: case.is_risky and case.workload.critical and case.policy.refuse_unconfirmed,
        action=Action.CONFIRM,
        because=lambda case: f"not without a yes: {_matter(case)}, and {_risk(case)}{_alone(case)}",
    ),
    Row(
        name="risky, waits",
        when="The risk is above the threshold, it is a list, a note or a reminder, the owner lets those wait, the "
        "caller does them later, and a lane that the hub asks will come back.",
        fits=lambda case: (
            case.is_risky
            and case.workload.can_wait
            and case.policy.defer
            and case.caller.keeps_queue
            and not case.unkept
            and case.is_worth_waiting
        ),
        action=Action.DEFER,
        because=lambda case: f"kept until a speech service is back: {_risk(case)}{_alone(case)}",
    ),
    Row(
        name="risky, accepted",
        when="The risk is above the threshold, and no lane is ready.",
        fits=lambda case: case.is_risky,
        action=Action.ACCEPT,
        because=lambda case: f"the hub's text, though {_risk(case)}{_alone(case)}{_not_waiting(case)}",
    ),
    Row(
        name="critical, asked back",
        when="The risk is within the threshold, the action is critical, somebody can be asked, and a question costs "
        "less than an error, weighed by its risk, and than a lane.",
        fits=lambda case: case.workload.critical and case.asking_is_cheapest,
        action=Action.CONFIRM,
        because=lambda case: (
            f"please confirm: {_matter(case)}, and risk {_percent(case.risk.value)} is too much for that"
        ),
    ),
    Row(
        name="critical",
        when="The risk is within the threshold, the action is critical, and a lane costs less than an error, weighed "
        "by its risk.",
        fits=lambda case: case.workload.critical and case.cost_of_lane < case.cost_of_accepting,
        action=Action.ESCALATE,
        because=lambda case: (
            f"asking {_lane(case)}: {_matter(case)}, and risk {_percent(case.risk.value)} is too much for that"
        ),
    ),
    Row(
        name="sure",
        when="Everything else: the risk is within the threshold.",
        fits=lambda _: True,
        action=Action.ACCEPT,
        because=lambda case: f"the hub is sure enough: {_risk(case)}{_not_there(case)}",
    ),
)
"""Read from above; the last one fits everything."""


def decide(
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
) -> Decision:
    """Return what becomes of a hypothesis, by the first row that fits. Raises nothing.

    `unkept` says why it cannot wait for a service, whatever the owner's choice; empty: it can.
    CONFIRM for a caller that cannot be asked stands for refusing: the turn makes it a NeedsConfirmationError.
    """
    case = weigh(
        hypothesis,
        risk,
        workload=workload,
        threshold=threshold,
        lanes=lanes,
        policy=policy,
        caller=caller,
        history=history,
        price=price,
        audio_seconds=audio_seconds,
        unkept=unkept,
    )
    row = next(one for one in ROWS if one.fits(case))
    return Decision(
        action=row.action,
        reason=row.because(case),
        threshold=threshold,
        to_client=row.action is Action.ESCALATE and case.lane is not None and case.lane.is_client,
        lane=case.lane.name if row.action is Action.ESCALATE and case.lane is not None else "",
        by_mode=row.name == BY_MODE,
    )


def _mode(case: Case) -> RoutingMode:
    return mode_of(case.policy, case.caller)


def _is_dictation(case: Case) -> bool:
    return case.workload.kind is WorkloadClass.DICTATION


def _lane(case: Case) -> str:
    return case.lane.name if case.lane else "nobody"


def _matter(case: Case) -> str:
    return f"this matters ({case.workload.reason})" if case.workload.reason else "this matters"


def _alone(case: Case) -> str:
    return "" if case.lane else f"; no lane: {case.no_lane}"


def _not_there(case: Case) -> str:
    """Return why what ought to go to a lane did not."""
    return f"; no lane, though the mode is cloud: {case.no_lane}" if _mode(case) is RoutingMode.CLOUD else ""


def _not_waiting(case: Case) -> str:
    """Return why a list or a note that might have waited does not."""
    if not (case.workload.can_wait and case.policy.defer):
        return ""
    if case.unkept:
        return f"; it does not wait: {case.unkept}"
    return "; it does not wait, because " + (
        "no speech service will come back by itself" if case.caller.keeps_queue else "the caller keeps no queue"
    )


def _risk(case: Case) -> str:
    """Return the risk beside the threshold, and what it is made of."""
    relation = "is above" if case.is_risky else "is within"
    figures = f"risk {_percent(case.risk.value)} {relation} {_percent(case.threshold.value)}"
    return figures + _in_brackets(case.risk.reason)


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"
