"""OpenAI's transcriptions at the control port: its own request and answer, from any client of that API."""

import asyncio
import io
import json
import wave
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import av
import jsonschema
import numpy as np
import pytest

from tests.server.cloud.schemas import check, schema, typed
from tests.server.engines.cloud_requests import asked, lane_of
from wyoming_server.engines.cloud_openai import events
from wyoming_server.listeners.control_audio import MOST_AT_ONCE
from wyoming_server.listeners.control_schemas import OPENAI, SPEECH_FORM
from wyoming_server.listeners.control_values import checked

from .control_surfaces import RecordingSurface, opened

PATH = "/v1/audio/transcriptions"
WAV = (Path(__file__).parents[3] / "wyoming_server/recordings/kitchen.wav").read_bytes()
DURATION = {"type": "object", "required": ["type", "seconds"],
            "properties": {"type": {"const": "duration"}, "seconds": {"type": "number"}}}  # fmt: skip
PUBLISHED = {
    # OpenAI's published description, schemas CreateTranscriptionResponseJson and …VerboseJson.
    "json": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}, "usage": DURATION}},
    "verbose_json": {
        "type": "object",
        "required": ["language", "duration", "text"],
        "properties": {
            "language": {"type": "string"},
            "duration": {"type": "number"},
            "text": {"type": "string"},
            "usage": DURATION,
        },
    },
    # TranscriptTextDeltaEvent and TranscriptTextDoneEvent.
    "transcript.text.delta": {"type": "object", "required": ["type", "delta"]},
    "transcript.text.done": {"type": "object", "required": ["type", "text"]},
}


@pytest.fixture
def surface() -> RecordingSurface:
    return RecordingSurface()


@pytest.fixture
async def session(surface: RecordingSurface, tmp_path: Path) -> AsyncGenerator[aiohttp.ClientSession]:
    async with opened(surface, tmp_path) as (_, one):
        yield one


def form(fields: Mapping[str, str] | None = None, *, file: bytes | None = WAV, name: str = "speech.wav") -> Any:
    """Return the form that an OpenAI client sends."""
    made = aiohttp.FormData({"model": "whisper-1"} | dict(fields or {}), default_to_multipart=True)
    if file is not None:
        made.add_field("file", io.BytesIO(file), filename=name)
    return made


async def refused(session: aiohttp.ClientSession, body: Any, **more: Any) -> tuple[int, str, str]:
    async with session.post(PATH, data=body, **more) as response:
        told = await response.json()
    return response.status, told["code"], told["message"]


def seconds_heard(surface: RecordingSurface) -> object:
    [(_, seconds, *_)] = surface.asked
    return seconds


@pytest.mark.parametrize("response_format", ["json", "verbose_json"])
async def test_an_answer_is_what_openai_publishes(
    response_format: str, session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    async with session.post(PATH, data=form({"response_format": response_format, "language": "en"})) as response:
        told = await response.json()
    assert (response.status, told["text"]) == (200, surface.text)
    jsonschema.validate(told, PUBLISHED[response_format])
    assert checked(OPENAI.answer, told) == told
    assert told["usage"]["seconds"] == pytest.approx(seconds_heard(surface), abs=0.06)
    assert told.get("language") == (None if response_format == "json" else "en")


async def test_plain_text_is_the_text_alone(session: aiohttp.ClientSession, surface: RecordingSurface) -> None:
    async with session.post(PATH, data=form({"response_format": "text"})) as response:
        assert (response.content_type, await response.text()) == ("text/plain", f"{surface.text}\n")


@pytest.mark.parametrize("text", ["turn on the kitchen light", ""])
async def test_a_stream_is_openais_events(text: str, session: aiohttp.ClientSession, surface: RecordingSurface) -> None:
    surface.text = text
    async with session.post(PATH, data=form({"stream": "true"})) as response:
        assert response.content_type == "text/event-stream"
        told = [json.loads(one) for one in events(await response.text())]
    for one in told:
        jsonschema.validate(one, PUBLISHED[one["type"]])
    assert [one["type"] for one in told] == [*(["transcript.text.delta"] if text else []), "transcript.text.done"]
    assert "".join(one.get("delta", "") for one in told) == told[-1]["text"] == text


async def test_names_come_from_the_prompt_and_from_keywords(
    session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    body = form({"prompt": "Ida's room, Küche;\n Loft,", "temperature": "0.2", "chunking_strategy": "auto"})
    body.add_field("keywords[]", "Attic")
    body.add_field("languages[]", "de")
    async with session.post(PATH, data=body) as response:
        assert response.status == 200
    [(_, _, *told)] = surface.asked
    assert told == ["de", "auto", ("Attic", "Ida's room", "Küche", "Loft")]


def test_every_field_that_openai_publishes_is_known_here_or_refused_by_name() -> None:
    known = {str(key) for key in SPEECH_FORM.schema} | {"file", "keywords", "languages"}
    refused_by_name = {"include", "timestamp_granularities", "known_speaker_names", "known_speaker_references"}
    assert known | refused_by_name == set(schema("openai")["properties"])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"response_format": "srt"}, "response_format: allowed is json, text, verbose_json"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities[]: timestamps are not offered; leave it out"),
        ({"include[]": "logprobs"}, "include[]: log-probabilities are not offered; leave it out"),
        ({"known_speaker_names[]": "Ida"}, "is not known here; known: chunking_strategy, file"),
        ({"temperature": "hot"}, "temperature: must be 0 to 1"),
        ({"stream": "yes"}, "stream: allowed is true, false"),
        ({"model": ""}, "model: must be 1 to 255 characters long"),
        ({"prompt": "x" * 70_000}, "'prompt' is longer than"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_field_that_cannot_be_followed_is_refused(
    fields: dict[str, str], sentence: str, session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    status, code, message = await refused(session, form(fields))
    assert (status, code, surface.asked) == (400, "invalid-request", [])
    assert sentence in message


async def test_a_form_without_its_parts_is_refused(session: aiohttp.ClientSession) -> None:
    assert await refused(session, form(file=None)) == (400, "invalid-request", "file: send a recording")
    two = form()
    two.add_field("file", io.BytesIO(WAV), filename="again.wav")
    assert await refused(session, two) == (400, "invalid-request", "file: send one")
    many = form()
    for number in range(101):
        many.add_field(f"field-{number}", "x")
    assert (await refused(session, many))[2] == "more than 100 parts"
    assert (await refused(session, b"{}", headers={"Content-Type": "application/json"}))[:2] == (
        415,
        "wrong-content-type",
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nno end'),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: \xff\xfe;;==\r\n\r\n\xff\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--\r\n--x--\r\n",
        ),
        ("multipart/form-data; boundary=" + "x" * 80, b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"a" * 100_000 + b"\r\n\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: a\r\n" * 1000 + b"\r\n\r\n--x--\r\n"),
    ],
)
async def test_a_damaged_form_is_refused(kind: str, body: bytes, session: aiohttp.ClientSession) -> None:
    status, code, _ = await refused(session, body, headers={"Content-Type": kind})
    assert (status, code) == (400, "invalid-request")


def encoded(container: str, codec: str, *, rate: int = 48_000, layout: str = "stereo") -> bytes:
    """Return two seconds of sound in a format."""
    written = io.BytesIO()
    samples = np.random.default_rng(3).normal(0, 3000, (1, 2 * 16_000)).astype(np.int16)
    with av.open(written, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.rate = 16_000
        for one in (frame, None):
            for piece in av.AudioResampler(stream.format, layout, rate).resample(one) if one else [None]:
                for packet in stream.encode(piece):
                    file.mux(packet)
    return written.getvalue()


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("flac", "flac"),
        ("mp3", "libmp3lame"),
        ("ogg", "libopus"),
        ("webm", "libopus"),
        ("mp4", "aac"),
        ("adts", "aac"),
        ("wav", "pcm_f32le"),
    ],
)
async def test_other_formats_are_decoded(
    container: str, codec: str, session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    body = form(file=encoded(container, codec), name=f"speech.{container}")
    async with session.post(PATH, data=body) as response:
        assert (response.status, (await response.json()).get("text")) == (200, surface.text)
    assert seconds_heard(surface) == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "unsupported-audio"),
        (b"#EXTM3U\n/etc/passwd\n", "unsupported-audio"),
        (b"<html>", "unsupported-audio"),
        (b"RIFF\0\0\0\0WAVE", "malformed-audio"),
        (b"OggS" + bytes(1000), "malformed-audio"),
        (b"\xff\xfb" + b"\x07" * 3000, "malformed-audio"),
        (encoded("mp4", "aac")[:700], "malformed-audio"),
        (WAV[:44], "malformed-audio"),
    ],
    ids=["empty", "playlist", "page", "wav", "ogg", "mp3", "mp4", "no samples"],
)
async def test_what_is_no_recording_is_refused(file: bytes, code: str, session: aiohttp.ClientSession) -> None:
    assert (await refused(session, form(file=file)))[:2] == (400, code)


async def test_a_wav_without_a_length_is_heard_to_its_end(
    session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    piped = WAV[:4] + b"\xff\xff\xff\xff" + WAV[8:40] + b"\xff\xff\xff\xff" + WAV[44:] + b"\0"
    async with session.post(PATH, data=form(file=piped)) as response:
        assert response.status == 200
    with wave.open(io.BytesIO(WAV)) as file:
        assert seconds_heard(surface) == round(file.getnframes() / file.getframerate(), 1)


async def test_a_recording_that_decodes_to_hours_is_refused(session: aiohttp.ClientSession) -> None:
    hour = io.BytesIO()
    with av.open(hour, "w", format="flac") as file:
        stream = file.add_stream("flac", rate=8000, layout="mono")
        for _ in range(1100):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            frame.rate = 8000
            for packet in stream.encode(frame):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    status, code, message = await refused(session, form(file=hour.getvalue()))
    assert (status, code) == (400, "unsupported-audio")
    assert "longer than 1000 s" in message


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe", "gpt-transcribe", "whatever"])
async def test_our_own_lane_gets_its_text_from_our_own_endpoint(
    model: str, surface: RecordingSurface, tmp_path: Path
) -> None:
    async with opened(surface, tmp_path) as (door, _):
        settings = {"provider": "openai", "url": f"{door.url}/v1", "key": door.token, "trust": "home", "model": model}
        async with lane_of(**settings) as lane:
            heard = await lane.transcribe(asked(prompt=("Ida's room", "Küche"), seconds=1.0))
            again = await lane.transcribe(asked(prompt=("Ida's room", "Küche"), seconds=1.0))
    assert heard.text == again.text == surface.text
    assert [one[1:] for one in surface.asked] == [(1.0, "en", "auto", ("Ida's room", "Küche"))] * 2


async def test_what_clients_send_is_what_openai_publishes(surface: RecordingSurface, tmp_path: Path) -> None:
    """The forms above are no invention of ours: each fits the published request."""
    names = {"prompt": ["Küche"], "keywords[]": ["Attic"], "language": ["en"], "model": ["whisper-1"]}
    fields = names | {"response_format": ["json"], "temperature": ["0.2"], "chunking_strategy": ["auto"]}
    check("openai", typed("openai", fields | {"file": ["…"]}, brackets=True))
    async with opened(surface, tmp_path) as (_, session):
        body = aiohttp.FormData(default_to_multipart=True)
        for name, [value] in fields.items():
            body.add_field(name, value)
        body.add_field("file", io.BytesIO(WAV), filename="speech.wav")
        async with session.post(PATH, data=body) as response:
            assert response.status == 200


async def test_recordings_heard_at_once_do_not_mix(session: aiohttp.ClientSession, surface: RecordingSurface) -> None:
    async def heard(seconds: float) -> float:
        written = io.BytesIO()
        with wave.open(written, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(bytes(round(seconds * 32_000)))
        async with session.post(PATH, data=form({"response_format": "verbose_json"}, file=written.getvalue())) as got:
            duration: float = (await got.json())["duration"]
        return duration

    assert await asyncio.gather(heard(0.5), heard(1.5), heard(1.0)) == [0.5, 1.5, 1.0]


async def test_recordings_wait_in_their_clients_while_others_are_heard(
    session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    async def status_of(path: str, **sent: Any) -> int:
        async with session.post(path, **sent) as response:
            return response.status

    surface.may_answer.clear()
    wav = {"data": WAV, "headers": {"Content-Type": "audio/wav"}}
    asking = [asyncio.create_task(status_of(PATH, data=form())) for _ in range(4)]
    asking += [asyncio.create_task(status_of("/api/v1/transcribe", **wav)) for _ in range(4)]
    async with asyncio.timeout(10):
        while surface.hearing < MOST_AT_ONCE:  # noqa: ASYNC110  # what is waited for happens inside the server
            await asyncio.sleep(0.01)
    assert await status_of(PATH, data=b"{}", headers={"Content-Type": "application/json"}) == 415
    assert (surface.hearing, sum(one.done() for one in asking)) == (MOST_AT_ONCE, 0)
    surface.may_answer.set()
    assert await asyncio.gather(*asking) == [200] * 8
