"""Whole turns on a virtual clock: what is decoded when, when the listening ends, and what comes out."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.server.pipeline.doubles import (
    FRAME_SECONDS,
    Feed,
    ScriptedGrammar,
    ScriptedModel,
    ScriptedVad,
    Stream,
    in_one_burst,
    in_real_time,
    late_and_in_bursts,
    now_s,
    on_virtual_time,
    stream,
)
from tests.server.pipeline.lane_doubles import ListedLedger, ScriptedLane, judgement_of, lanes_of
from wyoming_server.errors import DecodeError, EdgeVoiceError, TurnTimeoutError
from wyoming_server.pipeline.audio import FrameQueue
from wyoming_server.pipeline.endpoint import PATIENCE, VAD_LAG_FRAMES, EndpointSettings, Sensitivity
from wyoming_server.pipeline.hedge import HedgeSettings
from wyoming_server.pipeline.interpret import TurnRequest
from wyoming_server.pipeline.keeping import RequestQueue
from wyoming_server.pipeline.listen import CHUNK_CAP_SECONDS, ListenSettings, Mode
from wyoming_server.pipeline.policy import Policy
from wyoming_server.pipeline.turn import Observer, Stages, TurnSettings, run_turn
from wyoming_server.pipeline.types import SAMPLE_RATE_HZ, Action, DecodeRequest, EndedBy, Hypothesis, Outcome

SENTENCE = "turn on the kitchen light"
VAD_LAG_SECONDS = VAD_LAG_FRAMES * FRAME_SECONDS
AREA_MAY_FOLLOW = "turn on the light"
ENDPOINT = EndpointSettings()
LISTEN = ListenSettings()
TURN = TurnSettings()
REQUEST = TurnRequest(turn_id="turn", language="en")


def unsure_of(text: str) -> Callable[[Hypothesis, DecodeRequest], Hypothesis]:
    """Make the model unsure of one text."""

    def shape(hypothesis: Hypothesis, _request: DecodeRequest) -> Hypothesis:
        if hypothesis.text != text:
            return hypothesis
        tokens = tuple(dataclasses.replace(token, log_probability=-1.0) for token in hypothesis.tokens)
        return dataclasses.replace(hypothesis, tokens=tokens)

    return shape


@dataclass
class Turn:
    """One run of a turn, with all that was seen of it."""

    script: str
    request: TurnRequest = REQUEST
    feed: Feed = in_real_time
    stops: bool = True
    endpoint: EndpointSettings = ENDPOINT
    delay_s: float = 0.05
    model: ScriptedModel = field(init=False)
    heard: Stream = field(init=False)
    lanes: Sequence[ScriptedLane] = ()
    client_lanes: Sequence[str] = ()
    ledger: ListedLedger = field(default_factory=ListedLedger)
    policy: Policy = field(default_factory=Policy)
    hedge: HedgeSettings = field(default_factory=HedgeSettings)
    log_probability: float = -0.001
    turn: TurnSettings = TURN
    left_alone: EdgeVoiceError | None = None
    queue: RequestQueue | None = None
    seen: list[str] = field(default_factory=list)
    started_s: float = 0.0
    ended_s: float = 0.0

    def __post_init__(self) -> None:
        self.heard = stream(self.script)
        self.model = ScriptedModel(heard=self.heard, delay_s=self.delay_s, log_probability=self.log_probability)
        self.vad = ScriptedVad(heard=self.heard)
        self.grammar = ScriptedGrammar(complete=frozenset({SENTENCE}), may_go_on=frozenset({AREA_MAY_FOLLOW}))

    def run(self) -> Outcome:
        return on_virtual_time(self._run())

    async def _run(self) -> Outcome:
        queue = FrameQueue(limit_frames=LISTEN.queue_frames)
        lanes = lanes_of(*self.lanes, ledger=self.ledger, clients=self.client_lanes)
        self.started_s = now_s()
        feeding = asyncio.create_task(self._feed(queue))
        stages = Stages(
            vad=self.vad,
            judgement=judgement_of(
                self.model,
                self.grammar,
                lanes,
                policy=self.policy,
                hedge=self.hedge,
                left_alone=self.left_alone,
            ),
            lanes=lanes,
            endpoint=self.endpoint,
            listen=LISTEN,
            turn=self.turn,
            clock=now_s,
            queue=self.queue,
        )
        observer = Observer(
            on_voice=lambda voice, _at: self.seen.append("voice" if voice else "silence"),
            on_text=lambda text: self.seen.append(f"text {text}"),
        )
        try:
            return await run_turn(queue, self.request, stages, observer)
        finally:
            self.ended_s = now_s()
            await lanes.aclose()  # losers are theirs to end
            left = asyncio.all_tasks() - {asyncio.current_task(), feeding}
            assert not left, "the turn left tasks behind"
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding

    async def _feed(self, queue: FrameQueue) -> None:
        await self.feed(queue, self.heard)
        if self.stops:
            queue.stop(now_s())

    @property
    def decodes(self) -> list[str]:
        return [call.ended for call in self.model.calls]


def live(script: str, **changes: object) -> Turn:
    return Turn(script, dataclasses.replace(REQUEST, **changes))


def hold_s(outcome: Outcome) -> float:
    """Return how long after the last voiced sample had arrived the turn was over."""
    return outcome.timeline.end_s - outcome.timeline.voiced_end_s


def frames_near(seconds: float) -> object:
    """Return what equals so many seconds, cut to whole frames."""
    return pytest.approx(seconds, abs=1.5 * FRAME_SECONDS)


def test_a_complete_sentence_is_answered_before_the_client_stops() -> None:
    turn = live(f"0.6 {SENTENCE} 3.0")
    outcome = turn.run()
    assert (outcome.text, outcome.ended_by, outcome.decision.action) == (SENTENCE, EndedBy.HOLD, Action.ACCEPT)
    assert hold_s(outcome) == frames_near(ENDPOINT.short_hold_seconds)
    assert turn.ended_s - turn.started_s < len(turn.heard.samples) / SAMPLE_RATE_HZ - 2.0


def test_the_decode_starts_in_the_pause_and_is_not_repeated_when_nothing_new_is_said() -> None:
    turn = live(f"0.6 {SENTENCE} 3.0", answer_early=False)
    outcome = turn.run()
    assert turn.decodes == ["done"]
    assert turn.model.calls[0].at_s - outcome.timeline.voiced_end_s == frames_near(ENDPOINT.speculate_seconds)
    assert outcome.ended_by is EndedBy.AUDIO_STOP


def test_a_decode_is_dropped_when_speech_resumes() -> None:
    turn = live("0.6 turn on 0.15 the kitchen light 3.0")
    turn.model.delay_s = 0.4
    outcome = turn.run()
    assert turn.decodes == ["cancelled", "done"]
    assert outcome.text == SENTENCE


def test_a_text_that_came_before_speech_resumed_is_not_used() -> None:
    turn = live(f"0.6 turn on the light {0.7 * ENDPOINT.medium_hold_seconds} in the hall 3.0")
    turn.model.delay_s = 0.01
    outcome = turn.run()
    assert outcome.text == "turn on the light in the hall"
    assert turn.decodes == ["done", "done"]


@pytest.mark.parametrize(
    ("words", "hold"),
    [
        (SENTENCE, ENDPOINT.short_hold_seconds),
        (AREA_MAY_FOLLOW, ENDPOINT.medium_hold_seconds),
        ("turn on the", ENDPOINT.long_hold_seconds),
    ],
)
@pytest.mark.parametrize("sensitivity", list(Sensitivity))
def test_the_hold_follows_the_text_and_the_satellites_patience(
    words: str, hold: float, sensitivity: Sensitivity
) -> None:
    outcome = live(f"0.6 {words} 4.0", sensitivity=sensitivity).run()
    assert outcome.ended_by is EndedBy.HOLD
    assert hold_s(outcome) == frames_near(max(VAD_LAG_SECONDS, hold * PATIENCE[sensitivity]))


def test_an_unsure_sentence_is_waited_for_as_long_as_an_unknown_one() -> None:
    turn = live(f"0.6 {SENTENCE} 4.0")
    turn.model.log_probability = -1.0
    outcome = turn.run()
    assert hold_s(outcome) == frames_near(ENDPOINT.long_hold_seconds)


def test_a_text_that_comes_after_its_hold_has_passed_ends_the_turn_at_once() -> None:
    turn = live(f"0.6 {SENTENCE} 4.0")
    turn.model.delay_s = ENDPOINT.short_hold_seconds + 0.2
    outcome = turn.run()
    assert outcome.timeline.end_s == outcome.timeline.hypothesis_s
    assert hold_s(outcome) < ENDPOINT.long_hold_seconds


def test_a_text_ends_the_turn_though_the_client_sends_nothing_more() -> None:
    turn = live(f"0.6 {SENTENCE} {ENDPOINT.short_hold_seconds + 0.05}")
    turn.stops = False
    turn.model.delay_s = 1.0
    outcome = turn.run()
    assert outcome.ended_by is EndedBy.HOLD
    assert outcome.timeline.end_s == outcome.timeline.hypothesis_s


def test_without_early_answers_the_turn_waits_for_audio_stop() -> None:
    outcome = live(f"0.6 {SENTENCE} 3.0", answer_early=False).run()
    assert outcome.ended_by is EndedBy.AUDIO_STOP
    assert hold_s(outcome) == frames_near(3.0)


def test_audio_stop_right_after_the_last_word_is_enough() -> None:
    turn = live(f"0.6 {SENTENCE}")
    outcome = turn.run()
    assert (outcome.text, outcome.ended_by) == (SENTENCE, EndedBy.AUDIO_STOP)
    assert turn.decodes == ["done"]


def test_endless_speech_ends_at_the_cap() -> None:
    endpoint = dataclasses.replace(ENDPOINT, cap_seconds=2.0)
    turn = Turn(f"0.6 {' '.join(f'word{count}' for count in range(20))} 1.0", endpoint=endpoint)
    outcome = turn.run()
    assert outcome.ended_by is EndedBy.CAP
    assert len(outcome.text.split()) == pytest.approx(2.0 / 0.256, abs=1)


def test_silence_ends_without_a_decode_after_the_longest_wait() -> None:
    endpoint = dataclasses.replace(ENDPOINT, wait_seconds=2.0)
    turn = Turn("5.0", endpoint=endpoint)
    outcome = turn.run()
    assert (outcome.text, outcome.decision.action, outcome.ended_by) == ("", Action.DISCARD, EndedBy.NO_SPEECH)
    assert turn.ended_s - turn.started_s == frames_near(2.0)
    assert turn.decodes == []


def test_a_stream_without_audio_is_a_turn_without_speech() -> None:
    outcome = live("0").run()
    assert (outcome.text, outcome.decision.action, outcome.ended_by) == ("", Action.DISCARD, EndedBy.AUDIO_STOP)


@pytest.mark.parametrize(("script", "text"), [("0.6 turn on the", "turn on the"), ("0.6", "")])
def test_a_client_that_goes_silent_without_audio_stop_ends_by_itself(script: str, text: str) -> None:
    turn = live(script)
    turn.stops = False
    outcome = turn.run()
    assert (outcome.text, outcome.ended_by) == (text, EndedBy.IDLE)
    assert turn.ended_s - turn.started_s < len(turn.heard.samples) / SAMPLE_RATE_HZ + LISTEN.idle_seconds + 0.5


def test_a_cough_is_no_turn_and_the_command_behind_it_is_heard() -> None:
    turn = live(f"0.6 * 1.5 {SENTENCE} 2.0")
    outcome = turn.run()
    assert (outcome.text, outcome.ended_by) == (SENTENCE, EndedBy.HOLD)
    assert len(turn.decodes) == 1
    assert turn.seen == ["voice", "silence", "voice", "silence", f"text {SENTENCE}"]


def test_listening_goes_on_after_a_text_that_was_made_up() -> None:
    turn = live(f"0.6 you 1.5 {SENTENCE} 2.0")
    turn.model.hallucination_phrases = {"en": ("you",)}
    turn.model.shape = unsure_of("you")
    outcome = turn.run()
    assert outcome.text == SENTENCE
    assert f"text {SENTENCE}" in turn.seen
    assert "text you" not in turn.seen


def test_a_made_up_text_alone_is_discarded_with_its_reason() -> None:
    turn = live("0.6 you 1.5")
    turn.model.hallucination_phrases = {"en": ("you",)}
    turn.model.shape = unsure_of("you")
    outcome = turn.run()
    assert (outcome.text, outcome.decision.action) == ("", Action.DISCARD)


@pytest.mark.parametrize("feed", [in_real_time, in_one_burst, late_and_in_bursts])
@pytest.mark.parametrize(
    "script", [f"0.6 {SENTENCE} 2.0", "0.6 turn on 0.3 the kitchen light 2.0", f"{SENTENCE} 2.0", f"0.6 {SENTENCE}"]
)
def test_the_text_does_not_depend_on_how_the_audio_arrives(feed: Feed, script: str) -> None:
    turn = live(script)
    turn.feed = feed
    assert turn.run().text == SENTENCE


def test_a_decode_that_takes_too_long_ends_in_an_error_within_the_budget() -> None:
    turn = live(f"0.6 {SENTENCE}")
    turn.model.delay_s = 60.0
    with pytest.raises(TurnTimeoutError):
        turn.run()
    assert turn.decodes == ["cancelled"]
    spoken_s = len(turn.heard.samples) / SAMPLE_RATE_HZ
    assert turn.ended_s - turn.started_s == pytest.approx(spoken_s + TURN.budget_seconds)


def test_a_grammar_that_hangs_ends_in_an_error_within_the_budget() -> None:
    turn = live(f"0.6 {SENTENCE}")
    turn.grammar.delay_s = 60.0
    with pytest.raises(TurnTimeoutError):
        turn.run()


def test_a_speculative_decode_that_failed_is_tried_again_at_the_end() -> None:
    turn = live(f"0.6 {SENTENCE} 3.0")
    turn.model.failures = 1
    outcome = turn.run()
    assert outcome.text == SENTENCE
    assert turn.decodes == ["failed", "done"]


def test_a_decode_that_fails_twice_is_the_turns_error() -> None:
    turn = live(f"0.6 {SENTENCE} 3.0")
    turn.model.failures = 2
    with pytest.raises(DecodeError):
        turn.run()


def test_a_turn_that_is_cancelled_ends_its_decode() -> None:
    turn = live(f"0.6 {SENTENCE} 9.0", answer_early=False)
    turn.model.delay_s = 60.0

    async def cancelled() -> None:
        async with asyncio.timeout(2.5):
            await turn._run()

    with pytest.raises(TimeoutError):
        on_virtual_time(cancelled())
    assert turn.decodes == ["cancelled"]


@pytest.mark.parametrize("script", [f"0.6 {SENTENCE} 2.0", f"0.6 {SENTENCE}", "0.6 turn on 2.0", "1.0"])
@pytest.mark.parametrize("feed", [in_real_time, in_one_burst, late_and_in_bursts])
def test_the_spans_tile_the_time_from_the_last_word_to_the_text(script: str, feed: Feed) -> None:
    turn = live(script)
    turn.feed = feed
    outcome = turn.run()
    spans = outcome.timeline.spans(turn.ended_s + 0.004)
    parts = spans.capture_ms + spans.inference_ms + spans.hold_ms + spans.post_ms + spans.transport_ms
    assert parts == pytest.approx(spans.last_word_to_text_ms, abs=1e-6)
    assert spans.transport_ms == pytest.approx(4.0, abs=1e-6)
    assert spans.end_to_text_ms <= spans.last_word_to_text_ms + 1e-6


def test_a_slow_decode_shows_as_inference_and_waiting_shows_as_hold() -> None:
    slow, fast = live(f"0.6 {SENTENCE} 2.0"), live(f"0.6 {AREA_MAY_FOLLOW} 2.0")
    slow.model.delay_s, fast.model.delay_s = 0.3, 0.02
    slow_spans = slow.run().timeline.spans(slow.ended_s)
    fast_spans = fast.run().timeline.spans(fast.ended_s)
    assert slow_spans.inference_ms == pytest.approx(300, abs=1)
    assert slow_spans.hold_ms < 1000 * FRAME_SECONDS
    assert fast_spans.hold_ms > 1000 * (ENDPOINT.medium_hold_seconds - 0.2)


def test_an_audio_stop_that_is_already_there_is_the_end_even_when_silence_is_found_later() -> None:
    turn = live("0.6 turn on 2.0")
    turn.feed = in_one_burst
    turn.vad.delay_s = 0.3
    outcome = turn.run()
    assert outcome.ended_by is EndedBy.HOLD
    assert outcome.timeline.end_s == turn.started_s
    assert outcome.timeline.spans(turn.ended_s).end_to_text_ms == pytest.approx(1000 * (turn.ended_s - turn.started_s))


def file(script: str, **changes: object) -> Turn:
    return live(script, mode=Mode.FILE, **changes)


def test_a_file_is_heard_to_its_end_and_its_chunks_are_told_as_they_come() -> None:
    turn = file("0.6 one two 1.5 three four 1.5 five 1.0")
    outcome = turn.run()
    assert outcome.text == "one two three four five"
    assert [one for one in turn.seen if one.startswith("text")] == ["text one two", "text three four", "text five"]
    assert outcome.ended_by is EndedBy.AUDIO_STOP


@pytest.mark.parametrize("feed", [in_real_time, in_one_burst])
def test_speech_without_a_pause_is_split_without_losing_or_doubling_a_sample(feed: Feed) -> None:
    words = " ".join(f"{chr(97 + number % 26)}{number * 7919 % 10007}" for number in range(280))
    turn = file(f"0.6 {words} 1.0")
    turn.feed = feed
    outcome = turn.run()
    requests = [call.request for call in turn.model.calls]
    assert len(requests) == 3
    assert all(len(one.samples) <= (CHUNK_CAP_SECONDS + 1) * SAMPLE_RATE_HZ for one in requests)
    joined = np.concatenate([one.samples for one in requests])
    at = turn.heard.spoken[0][0]
    lead = int(np.flatnonzero(np.abs(joined) > 1000)[0])
    end = turn.heard.last_voiced - at + lead
    assert np.array_equal(joined[lead:end], turn.heard.samples[at : turn.heard.last_voiced])
    # A word that lies across a split may be heard on neither side, never on both.
    assert outcome.text.split() == sorted(set(outcome.text.split()), key=turn.heard.words.index)
    assert turn.seen.count("voice") == turn.seen.count("silence") == 1


def test_long_speech_is_split_at_a_shorter_pause_than_a_sentence_takes() -> None:
    endpoint = dataclasses.replace(ENDPOINT, chunk_seconds=3.0)
    pause = (ENDPOINT.chunk_pause_seconds + ENDPOINT.long_hold_seconds) / 2
    short, long = " ".join(f"a{n}" for n in range(4)), " ".join(f"b{n}" for n in range(15))
    turn = file(f"0.6 {short} {pause} {long} {pause} end 1.0")
    turn.endpoint = endpoint
    turn.run()
    assert [one for one in turn.seen if one.startswith("text")] == [f"text {short} {long}", "text end"]


def test_no_word_is_heard_twice_when_the_padding_is_longer_than_the_pause() -> None:
    turn = file("0.6 one two 0.9 three 1.0")
    turn.endpoint = dataclasses.replace(ENDPOINT, pad_seconds=2.0)
    assert turn.run().text == "one two three"


def test_a_file_that_arrives_at_once_may_take_the_budget_for_every_chunk() -> None:
    turn = file("0.6 one two 1.5 three four 1.5 five six")
    turn.feed = in_one_burst
    turn.model.delay_s = 0.7 * TURN.budget_seconds
    assert turn.run().text == "one two three four five six"


def test_a_made_up_chunk_of_a_file_is_left_out() -> None:
    turn = file("0.6 one two 1.5 you 1.5 three 1.0")
    turn.model.hallucination_phrases = {"en": ("you",)}
    turn.model.shape = unsure_of("you")
    assert turn.run().text == "one two three"
    assert "text you" not in turn.seen


def test_a_file_of_silence_is_waited_for_to_its_end() -> None:
    turn = file("20.0")
    outcome = turn.run()
    assert (outcome.text, outcome.ended_by, turn.decodes) == ("", EndedBy.AUDIO_STOP, [])
