"""OpenAI's transcription API, and the servers that are compatible with some of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.server.cloud.faults import FAULTS
from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import SAID, asked, ending_of, lane_to
from wyoming_server.engines.cloud_openai import events, forms_for
from wyoming_server.errors import LaneError, LaneLanguageError

STREAMING = "gpt-4o-mini-transcribe"


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


async def test_a_model_that_streams_is_asked_for_events_and_log_probabilities(cloud: StandIn) -> None:
    async with lane_to(cloud, "openai", model=STREAMING) as lane:
        heard = await lane.transcribe(asked("en-GB", prompt=("Ida's room", "Küche")))
    fields = cloud.recorder.of("transcribe")[0].fields
    assert fields["stream"] == ["true"]
    assert fields["include[]"] == ["logprobs"]
    assert fields["language"] == ["en"]
    assert fields["prompt"] == ["Ida's room, Küche"]
    assert (heard.text, heard.language) == (SAID, None)
    assert heard.confidence == pytest.approx(0.9512, abs=1e-4)
    assert cloud.recorder.refusals == []


async def test_the_newest_model_gets_names_as_keywords(cloud: StandIn) -> None:
    async with lane_to(cloud, "openai", model="gpt-transcribe") as lane:
        assert (await lane.transcribe(asked(prompt=("Ida's room", "Küche")))).text == SAID
    fields = cloud.recorder.of("transcribe")[0].fields
    assert fields["keywords[]"] == ["Ida's room", "Küche"]
    assert "prompt" not in fields
    assert cloud.recorder.refusals == []


@pytest.mark.parametrize("provider", ["openai", "groq"])
async def test_whisper_says_its_language_and_how_sure_it_is(cloud: StandIn, provider: str) -> None:
    async with lane_to(cloud, provider) as lane:
        heard = await lane.transcribe(asked(None))
    assert heard.language == "en"
    assert heard.confidence == pytest.approx(0.8869, abs=1e-4)
    assert "language" not in cloud.recorder.of("transcribe")[0].fields


async def test_another_language_than_was_asked_for_is_no_answer(cloud: StandIn) -> None:
    cloud.always("groq", "other-language")
    async with lane_to(cloud, "groq") as lane:
        with pytest.raises(LaneLanguageError, match="'fr' when asked for 'en'"):
            await lane.transcribe(asked("en"))
        assert (await lane.transcribe(asked("fr"))).language == "fr"


async def test_a_server_that_refuses_the_rich_form_is_asked_plainly_from_then_on(cloud: StandIn) -> None:
    cloud.script("openai", "http-422")
    async with lane_to(cloud, "openai", model=STREAMING) as lane:
        first = await lane.transcribe(asked())
        second = await lane.transcribe(asked())
    uploads = cloud.recorder.of("transcribe")
    assert [("stream" in one.fields, one.status) for one in uploads] == [(True, 422), (False, 200), (False, 200)]
    assert first.bytes_sent == len(uploads[0].body) + len(uploads[1].body)
    assert second.bytes_sent == len(uploads[2].body)


async def test_questions_that_overlap_learn_it_together(cloud: StandIn) -> None:
    cloud.script("openai", "http-422", "http-422", "http-422")
    async with lane_to(cloud, "openai", model=STREAMING) as lane:
        heard = await asyncio.gather(*(lane.transcribe(asked()) for _ in range(3)))
        await lane.transcribe(asked())
    assert {one.text for one in heard} == {SAID}
    assert "stream" not in cloud.recorder.of("transcribe")[-1].fields


async def test_a_refusal_of_both_forms_teaches_nothing(cloud: StandIn) -> None:
    cloud.script("openai", "http-400", "http-400", None)
    async with lane_to(cloud, "openai", model=STREAMING) as lane:
        with pytest.raises(LaneError):
            await lane.transcribe(asked())
        await lane.transcribe(asked())
    assert "stream" in cloud.recorder.of("transcribe")[-1].fields


async def test_a_wrong_key_is_shown_once(cloud: StandIn) -> None:
    async with lane_to(cloud, "openai", model=STREAMING, key="sk-wrong") as lane:
        with pytest.raises(LaneError, match="key"):
            await lane.transcribe(asked())
    assert len(cloud.recorder.arrivals) == 1


async def test_a_server_of_the_home_needs_no_key_and_may_answer_plain_json(cloud: StandIn) -> None:
    async with lane_to(cloud, "compatible") as lane:
        heard = await lane.transcribe(asked())
    assert (heard.text, heard.confidence) == (SAID, None)
    assert cloud.recorder.arrivals[0].header("Authorization") is None


@pytest.mark.parametrize("model", ["gpt-transcribe", STREAMING])
async def test_a_home_with_many_names_sends_the_first_of_them(cloud: StandIn, model: str) -> None:
    names = tuple(f"room number {number}" for number in range(400))
    async with lane_to(cloud, "openai", model=model) as lane:
        await lane.transcribe(asked(prompt=names))
    fields = cloud.recorder.of("transcribe")[0].fields
    sent = fields.get("keywords[]") or fields["prompt"][0].split(", ")
    assert 20 < len(sent) <= 100
    assert sent == list(names[: len(sent)])
    assert len(", ".join(sent)) <= 896


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
async def test_the_address_may_end_as_each_project_writes_it(cloud: StandIn, ending: str) -> None:
    async with lane_to(cloud, "openai", url=cloud.origin + ending) as lane:
        assert (await lane.transcribe(asked())).text == SAID


@pytest.mark.parametrize("name", [name for name, one in FAULTS.items() if one.providers or name == "half-json"])
async def test_half_a_stream_is_never_taken_for_the_whole(cloud: StandIn, name: str) -> None:
    cloud.always("openai", name)
    async with lane_to(cloud, "openai", model=STREAMING) as lane:
        ending, _ = await ending_of(lane, asked(), 0.2 if FAULTS[name].lasts else 10.0)
    assert ending in FAULTS[name].endings
    assert [one.fault for one in cloud.recorder.of("transcribe")] == [name]


async def test_a_server_that_streams_in_a_form_of_its_own_is_not_asked_to_again(cloud: StandIn) -> None:
    cloud.script("openai", "half-stream", None)
    async with lane_to(cloud, "openai", model=STREAMING) as lane:
        with pytest.raises(LaneError):
            await lane.transcribe(asked())
        assert (await lane.transcribe(asked())).text == SAID
    assert ["stream" in one.fields for one in cloud.recorder.of("transcribe")] == [True, False]


def test_an_event_that_the_end_cuts_off_does_not_count() -> None:
    stream = ': hello\r\nevent: x\r\ndata: {"a":\r\ndata: 1}\r\n\r\nid: 7\n\ndata:2\n\ndata: 3\n'
    assert list(events(stream)) == ['{"a":\n1}', "2"]


def test_forms_follow_what_is_documented_of_a_model() -> None:
    assert forms_for("gpt-4o-transcribe")[0].log_probabilities
    assert not forms_for("gpt-4o-transcribe-diarize")[0].log_probabilities
    assert forms_for("Systran/faster-whisper-small")[0].response_format == "verbose_json"
    assert forms_for("parakeet") == forms_for("parakeet")[-1:]
