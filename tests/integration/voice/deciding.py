"""A hub whose words are a test's and whose decisions are real: the server's own grammar, classes and routing table.

What it "hears" is given, with its risk; what becomes of that is decided by the server's own code from what our
integration really tells it: who speaks, whether it can be asked back, and which names of the home matter.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wyoming.event import Event

from tests.integration.voice.ear import Ear
from wyoming_server.engines.class_vocabulary import class_words
from wyoming_server.engines.grammar_hassil import HassilGrammar
from wyoming_server.pipeline.classify import classify
from wyoming_server.pipeline.critical import critical_of
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.policy import (
    FIRST_TRY,
    UNCALIBRATED,
    Caller,
    LaneHealth,
    LaneState,
    Policy,
    Price,
    Threshold,
    Trust,
)
from wyoming_server.pipeline.route import decide
from wyoming_server.pipeline.types import Action, Decision, GrammarMatch, Hypothesis, Risk, Token

THRESHOLD = Threshold(logit=-2.0, value=1.0 / (1.0 + math.exp(2.0)), calibration=UNCALIBRATED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Utterance:
    """What is heard next."""

    text: str
    logit: float = -6.0
    """Of its risk."""
    lane: LaneState | None = None
    """A cloud lane's; None: there is none."""
    answers: bool = True
    """Whether that lane answers when it is asked."""
    truth: str = ""
    """What it answers."""
    policy: Policy = field(default_factory=Policy)
    rules: tuple[str, ...] = ()

    @property
    def is_risky(self) -> bool:
        """Whether its risk is above the threshold."""
        return bool(self.rules) or self.logit > THRESHOLD.logit


class DecidingEar(Ear):
    """Answers each turn as the server would."""

    def __init__(self, grammar: HassilGrammar, home: Callable[[], Mapping[str, Any]]) -> None:
        """`home` is what the integration has told of the home."""
        self._grammar, self._home = grammar, home
        self._next, self._language = Utterance(text=""), "en"
        self._matches: dict[tuple[str, str], GrammarMatch] = {}
        self.decision: Decision | None = None
        """The last one."""
        self.by_lane = False
        """Whether the last text was a lane's."""
        super().__init__()

    @property
    def home(self) -> Vocabulary:
        """The home's names, as the integration tells them."""
        told = self._home()
        return Vocabulary(names=told["names"], areas=told["areas"], critical=told.get("critical") or ())

    async def hears(self, utterance: Utterance, language: str) -> None:
        """Prepare what is heard next: the grammar reads it in a thread of its own."""
        self._next, self._language = utterance, language
        if (utterance.text, language) not in self._matches:
            read = await self._grammar.match(utterance.text, language, self.home)
            self._matches[utterance.text, language] = read

    def _decide(self, *, lane: LaneState | None) -> Decision:
        one, told = self._next, self.told
        match = self._matches[one.text, self._language]
        token = Token(text=one.text, log_probability=-0.1, entropy=0.1, margin=0.5)
        return decide(
            Hypothesis(text=one.text, language=self._language, model="m", tokens=(token,), rules=one.rules),
            Risk(value=1.0 / (1.0 + math.exp(-one.logit)), reason="", logit=one.logit, rules=one.rules),
            workload=classify(
                one.text,
                match,
                language=self._language,
                speech_seconds=2.0,
                words=class_words(self._language),
                critical=critical_of(tuple(self.home.critical)),
            ),
            threshold=THRESHOLD,
            lanes=() if lane is None else (LaneHealth(name="cloud", trust=Trust.CLOUD, state=lane),),
            policy=one.policy,
            caller=Caller(
                trusted=True,
                can_confirm=told.get("can_confirm") is True,
                keeps_queue=told.get("keeps_queue") is True,
                expect_confirmation=told.get("expect") == "confirm",
            ),
            history=FIRST_TRY,
            price=Price(per_second=0.0),
            audio_seconds=2.0,
        )

    @property
    def answer(self) -> tuple[Event, ...]:
        """What the hub says to the turn that has just been heard."""
        decision, text = self._decide(lane=self._next.lane), self._next.text
        self.by_lane = decision.action is Action.ESCALATE and self._next.answers
        if self.by_lane:
            text = self._next.truth
        elif decision.action is Action.ESCALATE:
            decision = self._decide(lane=LaneState.BROKEN)
        self.decision = decision
        if decision.action is Action.CONFIRM and self.told.get("can_confirm") is not True:
            return (Event(type="error", data={"code": "needs-confirmation", "text": decision.reason}),)
        if decision.action is Action.DISCARD:
            text = ""
        fields = {"schema": 1, "turn_id": "t1", "action": decision.action.value, "route": "edge", "critical": False}
        if decision.action is Action.DEFER:
            fields["queued"] = {"id": "r1", "expires_at": "2026-11-23T10:00:00+00:00"}
        return (Event(type="transcript", data={"text": text, "context": {"edge_voice": fields}}),)

    @answer.setter
    def answer(self, _: object) -> None:
        """Take none: it is decided."""
