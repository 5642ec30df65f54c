"""Requests in every order that a peer may think of."""

import asyncio

import pytest

from ..home import Home
from ..peer import KITCHEN, Peer, audio, chunk, connected, event, kitchen

SILENCE = b"\0" * 64_000


async def test_no_audio_at_all_is_a_turn_in_which_nobody_spoke(served: Home) -> None:
    async with connected(served.uri) as peer:
        answer = await peer.turn(b"")
        assert (answer.kind, answer.text, answer.detail["action"]) == ("transcript", "", "discard")
        await peer.say(event("transcribe", {}), event("audio-stop"))
        assert (await peer.answer()).text == ""
        await peer.serves()


async def test_turns_follow_each_other_on_one_connection(served: Home) -> None:
    async with connected(served.uri) as peer:
        for pcm, text in ((kitchen().pcm, KITCHEN), (SILENCE, ""), (kitchen().pcm, KITCHEN)):
            assert (await peer.turn(pcm)).text == text


async def test_turns_that_are_sent_on_before_the_answers_are_answered_in_order(served: Home) -> None:
    async with connected(served.uri) as peer:
        for pcm in (kitchen().pcm, SILENCE, kitchen().pcm):
            await peer.say(event("transcribe", {}), *audio(pcm))
        await peer.say(event("transcribe", {"language": "xx"}))
        assert [(await peer.answer()).text for _ in range(3)] == [KITCHEN, "", KITCHEN]
        assert (await peer.until("error")).code == "unsupported-language"


async def test_a_second_transcribe_ends_the_first_as_its_audio_stop_would(served: Home) -> None:
    async with connected(served.uri) as peer:
        start, *chunks, _ = audio(kitchen().pcm)
        await peer.say(event("transcribe", {}), event("transcribe", {}))
        assert (await peer.answer()).text == ""
        await peer.say(start, *chunks, event("transcribe", {}), *audio(SILENCE))
        assert [(await peer.answer()).text for _ in range(2)] == [KITCHEN, ""]


async def test_a_wrong_transcribe_in_mid_turn_loses_nothing_that_was_said(served: Home) -> None:
    async with connected(served.uri) as peer:
        start, *chunks, _ = audio(kitchen().pcm)
        await peer.say(event("transcribe", {}), start, *chunks, event("transcribe", {"name": "nobody"}))
        assert (await peer.answer()).text == KITCHEN
        assert (await peer.until("error")).code == "unknown-model"
        await peer.serves()


async def test_detect_then_transcribe_and_back_on_one_connection(served: Home) -> None:
    async with connected(served.uri) as peer:
        await peer.say(event("detect", {}), *audio(SILENCE))
        await peer.until("not-detected")
        await peer.serves()
        start, *chunks, _ = audio(kitchen().pcm)
        await peer.say(event("transcribe", {}), start, *chunks, event("detect", {}), *audio(SILENCE))
        assert (await peer.answer()).text == KITCHEN
        await peer.until("not-detected")


async def test_transcribe_may_follow_detect_within_one_stream(served: Home) -> None:
    async with connected(served.uri) as peer:
        start, *chunks, stop = audio(kitchen().pcm)
        await peer.say(event("detect", {}), start, *[chunk(SILENCE[:2048])] * 10)
        await peer.say(event("transcribe", {}), *chunks, stop)
        assert (await peer.answer()).text == KITCHEN


async def test_transcribe_may_follow_audio_start(served: Home) -> None:
    async with connected(served.uri) as peer:
        start, *rest = audio(kitchen().pcm)
        await peer.say(start, event("transcribe", {}), *rest)
        assert (await peer.answer()).text == KITCHEN


@pytest.mark.parametrize("stops", [True, False])
async def test_audio_after_an_early_answer_is_nobodys_fault(served: Home, stops: bool) -> None:
    pcm = kitchen().pcm + SILENCE * 3
    async with connected(served.uri) as peer:
        start, *chunks, stop = audio(pcm)
        await peer.say(event("transcribe", {}), start, *chunks)
        answer = await peer.answer()
        assert (answer.text, answer.detail["ended_by"]) == (KITCHEN, "hold")
        await peer.say(*[chunk(kitchen().pcm[:2048])] * 50, *([stop, stop] if stops else []))
        await peer.serves()
        assert "error" not in {one.kind for one in peer.heard}


async def test_audio_stop_twice_and_out_of_place_is_no_error(served: Home) -> None:
    async with connected(served.uri) as peer:
        stop = event("audio-stop")
        await peer.say(stop, stop, event("transcribe", {}), *audio(kitchen().pcm), stop, stop)
        assert (await peer.answer()).text == KITCHEN
        await peer.serves()
        assert "error" not in {one.kind for one in peer.heard}


async def test_ping_and_describe_are_answered_in_mid_turn(served: Home) -> None:
    async with connected(served.uri) as peer:
        start, *chunks, stop = audio(kitchen().pcm)
        await peer.say(event("transcribe", {}), start, *chunks[:10], event("ping", {"text": "there?"}))
        assert (await peer.until("pong")).text == "there?"
        await peer.say(*chunks[10:20], event("describe"))
        info = await peer.until("info")
        assert info.data["asr"][0]["installed"]
        assert info.data["asr"][0]["models"][0]["installed"]
        await peer.say(*chunks[20:], stop)
        assert (await peer.answer()).text == KITCHEN


async def test_voice_events_and_chunks_come_in_their_order(served: Home) -> None:
    async with connected(served.uri) as peer:
        await peer.turn(kitchen().pcm)
        kinds = [one.kind for one in peer.heard]
        assert kinds == [
            "voice-started", "voice-stopped", "transcript-start", "transcript-chunk", "transcript", "transcript-stop",
        ]  # fmt: skip


async def _ten_minutes(peer: Peer, asked: dict[str, object], sentences: int) -> None:
    """Send ten minutes: so many sentences, silence between them."""
    pcm = kitchen().pcm
    gap = bytes(600 * 32_000 // sentences - len(pcm))
    await peer.say(event("transcribe", asked), event("audio-start", {"rate": 16_000, "width": 2, "channels": 1}))
    for _ in range(sentences):
        for part in (pcm, gap):
            for at in range(0, len(part), 32_000):
                await peer.say(chunk(part[at : at + 32_000]))
    await peer.say(event("audio-stop"))


async def test_ten_minutes_of_a_file_come_as_chunks_and_as_one_text(served: Home) -> None:
    async with connected(served.uri) as peer, connected(served.uri) as other:
        sending = asyncio.create_task(_ten_minutes(peer, {"context": {"edge_voice": {"mode": "file"}}}, 20))
        await peer.until("voice-started")
        await other.serves()
        assert not sending.done()
        answer = await peer.answer()
        await sending
        assert answer.text == " ".join([KITCHEN] * 20)
        chunks = [one.text for one in peer.heard if one.kind == "transcript-chunk"]
        assert chunks == [KITCHEN] * 20
        await peer.serves()


async def test_ten_minutes_in_a_live_turn_are_answered_after_the_first_sentence(served: Home) -> None:
    async with connected(served.uri) as peer:
        sending = asyncio.create_task(_ten_minutes(peer, {}, 20))
        answer = await peer.answer()
        assert (answer.text, answer.detail["ended_by"]) == (KITCHEN, "hold")
        await sending
        await peer.serves()
