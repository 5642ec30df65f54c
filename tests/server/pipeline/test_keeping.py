"""Turns that wait for a lane: on the disk before it is said, and decided anew where they cannot be."""

import asyncio
import dataclasses
from dataclasses import dataclass, field

import pytest
from wyoming.event import Event

from tests.server.pipeline.lane_doubles import ScriptedLane, lane_error
from tests.server.pipeline.test_turn import REQUEST, Turn
from wyoming_server.errors import DiskError, EdgeVoiceError, LaneUnreachableError, QueueFullError
from wyoming_server.listeners.replies import outcome_fields
from wyoming_server.listeners.requests import Defaults, caller_of
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.policy import Caller, Policy, WaitKind
from wyoming_server.pipeline.types import Action, Interpretation, Kept

MILK = "add milk to the shopping list"
SOFA = Caller(trusted=True, session="s", satellite="sofa", device="d", keeps_queue=True)
UNREACHABLE = lane_error(LaneUnreachableError)


@dataclass(kw_only=True)
class ScriptedQueue:
    """Keeps after a while, or refuses."""

    seconds: float = 0.01
    failure: EdgeVoiceError | None = None
    kept: list[tuple[Interpretation, str, Caller]] = field(default_factory=list)
    cut: int = 0

    async def keep(self, one: Interpretation, *, turn_id: str, caller: Caller, language: str | None) -> Kept:
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        if self.failure is not None:
            raise self.failure
        assert language == "en"
        self.kept.append((one, turn_id, caller))
        return Kept(id="an id", expires_at="2026-11-23T12:00:00+00:00")


def risky(queue: ScriptedQueue | None, *, policy: Policy | None = None, **changes: object) -> Turn:
    """Return a turn that the hub is unsure of, while its only lane cannot be reached."""
    return Turn(
        f"0.8 {MILK} 1.2",
        dataclasses.replace(REQUEST, caller=SOFA, **changes),
        lanes=[ScriptedLane(failures=(UNREACHABLE,), delays_s=(0.1,))],
        policy=policy or Policy(defer=True),
        log_probability=-1.0,
        queue=queue,
    )


def test_what_waits_is_kept_before_it_is_said() -> None:
    queue = ScriptedQueue()
    outcome = risky(queue).run()
    assert outcome.decision.action is Action.DEFER
    assert outcome_fields(outcome)["queued"] == {"id": "an id", "expires_at": "2026-11-23T12:00:00+00:00"}
    ((one, turn_id, caller),) = queue.kept
    assert (one.workload.waits, turn_id, caller) == (WaitKind.LIST, "turn", SOFA)
    assert len(one.speech.samples) > 0


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (QueueFullError("50 requests wait, as many as may"), "it does not wait: 50 requests wait"),
        (DiskError("the disk is full"), "it does not wait: the disk is full"),
    ],
)
def test_what_cannot_be_kept_is_decided_as_if_it_could_not_wait(failure: EdgeVoiceError, says: str) -> None:
    outcome = risky(ScriptedQueue(failure=failure)).run()
    assert (outcome.decision.action, outcome.text) == (Action.ACCEPT, MILK)
    assert says in outcome.decision.reason
    assert outcome_fields(outcome)["queued"] is None


def test_a_disk_that_hangs_costs_the_budget_and_no_more_and_nothing_is_promised() -> None:
    queue = ScriptedQueue(seconds=60.0)
    turn = risky(queue)
    outcome = turn.run()
    assert outcome.decision.action is Action.ACCEPT
    assert "the disk was too slow to keep it" in outcome.decision.reason
    assert queue.cut == 1
    spans = outcome.timeline.spans(turn.ended_s)
    assert spans.end_to_text_ms <= 3000.0


def test_without_a_queue_nothing_waits() -> None:
    assert risky(None).run().decision.action is Action.ACCEPT


def test_a_file_never_waits() -> None:
    defaults = Defaults(language="en", languages=("en",), vocabulary=Vocabulary(), answer_early=True)
    for mode, keeps in (("live", True), ("file", False)):
        event = Event("transcribe", {"context": {"edge_voice": {"keeps_queue": True, "mode": mode}}})
        assert caller_of(event, defaults=defaults, address="", connection="c").keeps_queue is keeps
