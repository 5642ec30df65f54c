"""The stand-in itself: it hears, it refuses what the providers refuse, and it fails as told."""

import asyncio
import base64
import hashlib
import json
import ssl
import struct
import time
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .audio import Samples
from .faults import FAULTS
from .server import StandIn, stand_in

SAMPLES: Samples = (np.arange(16_000) % 1000).astype(np.int16)
JSON = {"Content-Type": "application/json"}


def wav(samples: Samples = SAMPLES, *, rate_hz: int = 16_000, tail: bytes = b"") -> bytes:
    data = samples.astype("<i2").tobytes()
    shape = struct.pack("<HHIIHH", 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + shape + tail + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def form(audio: bytes | None = None, *, name: str = "file", filename: str = "a.wav", **fields: str) -> aiohttp.FormData:
    built = aiohttp.FormData()
    for field, value in fields.items():
        built.add_field(field.replace("__", "[]"), value)
    built.add_field(name, wav() if audio is None else audio, filename=filename, content_type="audio/wav")
    return built


class Client:
    """Asks a stand-in by hand."""

    def __init__(self, cloud: StandIn, session: aiohttp.ClientSession) -> None:
        self.cloud, self.session = cloud, session

    async def ask(self, provider: str, path: str, **request: Any) -> tuple[int, Any]:
        """Return the status and the document, or the text."""
        async with self.session.post(f"{self.cloud.url(provider)}{path}", **request) as response:
            body = await response.text()
        try:
            return response.status, json.loads(body)
        except ValueError:
            return response.status, body

    async def deepgram(self, query: str = "model=nova-3", **request: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Token {self.cloud.key('deepgram')}", "Content-Type": "audio/wav"}
        sent = {"data": wav(), "headers": headers} | request
        return await self.ask("deepgram", f"/v1/listen?{query}", **sent)

    async def openai(self, built: aiohttp.FormData, *, key: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.cloud.key('openai') if key is None else key}"}
        return await self.ask("openai", "/audio/transcriptions", data=built, headers=headers)


@asynccontextmanager
async def asking(*, secure: bool = False) -> AsyncIterator[Client]:
    async with stand_in(secure=secure) as cloud:
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=cloud.ca_file))
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Client(cloud, session)


async def test_it_hears_what_was_registered_for_the_audio() -> None:
    async with asking() as client:
        client.cloud.hears(SAMPLES, "open the garage")
        assert (await client.openai(form(model="whisper-1")))[1]["text"] == "open the garage"
        _, heard = await client.deepgram()
        assert heard["results"]["channels"][0]["alternatives"][0]["transcript"] == "open the garage"
        assert (await client.openai(form(wav(SAMPLES[1:]), model="whisper-1")))[1][
            "text"
        ] == client.cloud.hearing.default
        client.cloud.hearing.listen = lambda samples, rate_hz: f"{len(samples)} at {rate_hz}"
        assert (await client.openai(form(model="whisper-1")))[1]["text"] == "16000 at 16000"
        assert client.cloud.recorder.refusals == []


async def test_it_keeps_everything_that_arrived() -> None:
    async with asking(secure=True) as client:
        await client.deepgram("model=nova-3&keyterm=hall&keyterm=attic")
        await client.deepgram(data=wav(tail=b"LIST\x04\x00\x00\x00INFO"))
        first, second = client.cloud.recorder.arrivals
        assert first.fields["keyterm"] == ["hall", "attic"]
        assert first.sound is not None
        assert first.sound.digest == hashlib.sha256(SAMPLES.astype("<i2").tobytes()).hexdigest()
        assert first.sound.chunks == ("fmt ", "data")
        assert second.sound is not None
        assert second.sound.chunks == ("fmt ", "LIST", "data")  # so that metadata in a file shows
        assert (first.reused, second.reused) == (False, True)
        assert first.header("authorization") == f"Token {client.cloud.key('deepgram')}"
        assert first.arrived_s <= first.first_byte_s <= first.read_s <= first.answered_s
        assert b"attic" in client.cloud.recorder.everything
        assert len(client.cloud.recorder.connections) == client.cloud.recorder.connects == 1


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (404, {"model": "whisper-9"}),
        (400, {}),
        (400, {"model": "whisper-1", "lanuage": "en"}),
        (400, {"model": "whisper-1", "language": "en-GB"}),
        (400, {"model": "whisper-1", "temperature": "warm"}),
        (400, {"model": "whisper-1", "include__": "logprobs"}),
        (400, {"model": "gpt-4o-transcribe", "include": "logprobs"}),
        (400, {"model": "gpt-4o-transcribe", "response_format": "verbose_json"}),
        (400, {"model": "whisper-1", "timestamp_granularities__": "word"}),
        (400, {"model": "whisper-1", "stream": "yes"}),
        (400, {"model": "whisper-1", "filename": "speech"}),
        (400, {"model": "whisper-1", "name": "audio"}),
        (400, {"model": "whisper-1", "audio": b"RIFF1234WAVE"}),
        (400, {"model": "whisper-1", "audio": wav()[:-2]}),
        (400, {"model": "whisper-1", "audio": wav(SAMPLES[:1599])}),
    ],
)
async def test_openai_refuses_what_is_not_documented(status: int, fields: dict[str, Any]) -> None:
    async with asking() as client:
        answered, document = await client.openai(form(**fields))
        assert answered == status
        assert set(document["error"]) == {"message", "type", "param", "code"}
        assert client.cloud.recorder.arrivals[0].refusal


async def test_openai_streams_and_gives_log_probabilities() -> None:
    async with asking() as client:
        wanted = {"model": "gpt-4o-transcribe", "include__": "logprobs", "stream": "true", "language": "en"}
        status, body = await client.openai(form(**wanted))
        events = [json.loads(line.removeprefix("data: ")) for line in body.split("\n\n") if line]
        assert (status, events[-1]["type"]) == (200, "transcript.text.done")
        assert "".join(one["delta"] for one in events[:-1]) == events[-1]["text"] == client.cloud.hearing.default
        assert all(one["logprob"] < 0 for one in events[-1]["logprobs"])
        assert (await client.openai(form(model="whisper-1"), key=""))[0] == 401
        assert (await client.openai(form(model="whisper-1"), key="sk-other"))[1]["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("status", "query", "more"),
    [
        (200, "model=nova-3&language=multi&smart_format=true&mip_opt_out=true", {}),
        (200, "encoding=linear16&sample_rate=16000&model=nova-3", {"data": SAMPLES.tobytes()}),
        (400, "model=nova-9", {}),
        (400, "model=nova-3&smart_format=yes", {}),
        (400, "model=nova-3&keyterms=hall", {}),
        (400, "model=nova-2&keyterm=hall", {}),
        (400, "model=nova-3", {"data": SAMPLES.tobytes()}),
        (400, "model=nova-3&encoding=linear16&sample_rate=16000", {}),
        (401, "model=nova-3", {"headers": {"Authorization": "Bearer x", "Content-Type": "audio/wav"}}),
        (415, "model=nova-3", {"headers": {"Authorization": "Token", "Content-Type": "text/plain"}}),
    ],
)
async def test_deepgram_refuses_what_is_not_documented(status: int, query: str, more: dict[str, Any]) -> None:
    async with asking() as client:
        if status == 415:
            more["headers"] = more["headers"] | {"Authorization": f"Token {client.cloud.key('deepgram')}"}
        answered, document = await client.deepgram(query, **more)
        assert answered == status, document
        assert (status == 200) == (client.cloud.recorder.refusals == [])


@pytest.mark.parametrize(
    ("status", "path", "parts", "headers"),
    [
        (200, "/transcribe", ["audio"], {}),
        (200, "/v1/transcribe/live", ["config", "audio"], {}),
        (400, "/v1/transcribe/live", ["audio", "config"], {}),
        (400, "/v1/transcribe/live", ["audio"], {}),
        (400, "/v1/transcribe", ["audio"], {"X-AAI-Model": "best"}),
        (401, "/v1/transcribe", ["audio"], {"Authorization": "Bearer x"}),
        (400, "/v1/transcribe", ["config", "config", "audio"], {}),
        (415, "/v1/transcribe", ["mp3"], {}),
    ],
)
async def test_assemblyai_refuses_what_is_not_documented(
    status: int, path: str, parts: list[str], headers: dict[str, str]
) -> None:
    async with asking() as client:
        built = aiohttp.FormData()
        for part in parts:
            if part == "config":
                built.add_field("config", '{"language_code": "en"}', content_type="application/json")
            else:
                kind = "audio/wav" if part == "audio" else "audio/mpeg"
                built.add_field("audio", wav(), filename="a.wav", content_type=kind)
        sent = {"Authorization": client.cloud.key("assemblyai"), "X-AAI-Model": "universal-3-5-pro"} | headers
        answered, document = await client.ask("assemblyai", path, data=built, headers=sent)
        assert answered == status, document
        assert ("text" if status == 200 else "title") in document


@pytest.mark.parametrize(
    ("status", "query", "headers"),
    [
        (200, "language=en-US&format=detailed", {}),
        (400, "format=detailed", {}),
        (400, "language=en", {}),
        (400, "language=en-US&format=long", {}),
        (415, "language=en-US", {"Content-Type": "audio/wav"}),
        (406, "language=en-US", {"Accept": "*/*"}),
        (401, "language=en-US", {"Ocp-Apim-Subscription-Key": "wrong"}),
    ],
)
async def test_azure_refuses_what_is_not_documented(status: int, query: str, headers: dict[str, str]) -> None:
    async with asking() as client:
        right = {
            "Ocp-Apim-Subscription-Key": client.cloud.key("azure"),
            "Content-Type": "audio/wav; codecs=audio/pcm; samplerate=16000",
            "Accept": "application/json",
        }
        path = f"/speech/recognition/conversation/cognitiveservices/v1?{query}"
        answered, document = await client.ask("azure", path, data=wav(), headers=right | headers)
        assert answered == status, document
        if status == 200:
            assert document["NBest"][0]["Display"] == client.cloud.hearing.default


def assertion(account: dict[str, str], key: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:
    """Return a service account's JWT, made by hand."""
    now = int(time.time())
    scope = "https://www.googleapis.com/auth/cloud-platform"
    said = {"iss": account["client_email"], "scope": scope, "aud": account["token_uri"], "iat": now, "exp": now + 3600}
    pieces = [{"alg": "RS256", "typ": "JWT", "kid": account["private_key_id"]}, said | claims]
    signing = ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in pieces)
    signer = key or serialization.load_pem_private_key(account["private_key"].encode(), None)
    assert isinstance(signer, rsa.RSAPrivateKey)
    signature = signer.sign(signing.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signing}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def google_token(client: Client, jwt: str) -> tuple[int, Any]:
    data = urllib.parse.urlencode({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": jwt})
    sent = {"data": data, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    return await client.ask("google", "/token", **sent)


async def test_google_checks_tokens_and_refuses_what_is_not_documented() -> None:
    async with asking() as client:
        account = json.loads(client.cloud.key("google"))
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert (await google_token(client, assertion(account, stranger)))[1]["error"] == "invalid_grant"
        for wrong in (
            {"aud": "https://x"},
            {"iss": "x"},
            {"exp": int(time.time()) + 7200},
            {"iat": 1.5},
            {"scope": "x"},
        ):
            assert (await google_token(client, assertion(account, **wrong)))[0] == 400, wrong
        status, issued = await google_token(client, assertion(account))
        assert status == 200
        headers = {"Authorization": f"Bearer {issued['access_token']}", **JSON}
        path = "/v2/projects/stand-in-project/locations/global/recognizers/_:recognize"
        config = {"autoDecodingConfig": {}, "model": "short", "languageCodes": ["en-US"]}
        content = base64.b64encode(wav()).decode()

        async def recognise(**body: Any) -> tuple[int, Any]:
            return await client.ask("google", path, json={"config": config, "content": content} | body, headers=headers)

        status, document = await recognise()
        assert document["results"][0]["alternatives"][0]["transcript"] == client.cloud.hearing.default
        assert (await recognise(config=config | {"languageCode": "en-US"}))[0] == 400
        assert (await recognise(config={"autoDecodingConfig": {}}))[0] == 400
        assert (await recognise(content=wav().hex()))[0] == 400
        assert (await recognise(audio={"content": content}))[0] == 400
        client.cloud.services["google"].expire()
        assert (await recognise())[1]["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (200, {"model_id": "scribe_v2", "language_code": "en"}),
        (200, {"model_id": "scribe_v2", "file_format": "pcm_s16le_16", "audio": SAMPLES.tobytes()}),
        (400, {"model_id": "scribe_v2", "file_format": "pcm_s16le_16"}),
        (422, {"model_id": "scribe_v9"}),
        (422, {"model": "scribe_v2"}),
        (422, {"model_id": "scribe_v2", "diarise": "true"}),
        (422, {"model_id": "scribe_v2", "num_speakers": "none"}),
    ],
)
async def test_elevenlabs_refuses_what_is_not_documented(status: int, fields: dict[str, Any]) -> None:
    async with asking() as client:
        headers = {"xi-api-key": client.cloud.key("elevenlabs")}
        answered, document = await client.ask("elevenlabs", "/v1/speech-to-text", data=form(**fields), headers=headers)
        assert answered == status, document
        assert (await client.ask("elevenlabs", "/v1/speech-to-text", data=form(**fields)))[0] == 401


@pytest.mark.parametrize(
    ("status", "said", "entity"),
    [
        (200, "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en-US", "stt.stand_in"),
        (415, "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en", "stt.stand_in"),
        (415, "format=wav; codec=pcm; sample_rate=48000; bit_rate=16; channel=1; language=en-US", "stt.stand_in"),
        (400, "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; language=en-US", "stt.stand_in"),
        (404, "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en-US", "stt.other"),
    ],
)
async def test_home_assistant_refuses_what_its_view_refuses(status: int, said: str, entity: str) -> None:
    async with asking() as client:
        headers = {"Authorization": f"Bearer {client.cloud.key('home_assistant')}", "X-Speech-Content": said}
        sent = {"data": SAMPLES.tobytes(), "headers": headers}
        assert (await client.ask("home_assistant", f"/api/stt/{entity}", **sent))[0] == status
        sent["headers"] = headers | {"Authorization": "Bearer x"}
        assert (await client.ask("home_assistant", f"/api/stt/{entity}", **sent))[0] == 401


async def test_faults_follow_a_script_and_then_it_is_well_again() -> None:
    async with asking() as client:
        client.cloud.script("deepgram", "http-429-seconds", None, "http-500")
        client.cloud.always("openai", "http-403")
        assert [(await client.deepgram())[0] for _ in range(4)] == [429, 200, 500, 200]
        assert (await client.openai(form(model="whisper-1")))[0] == 403
        client.cloud.well("openai")
        assert (await client.openai(form(model="whisper-1")))[0] == 200


async def test_a_client_that_goes_away_is_noticed() -> None:
    async with asking() as client:
        client.cloud.always("deepgram", "never-answers")
        with pytest.raises(TimeoutError):
            await client.deepgram(timeout=aiohttp.ClientTimeout(total=0.1))
        (arrival,) = client.cloud.recorder.arrivals
        for _ in range(200):
            if arrival.disconnected:
                break
            await asyncio.sleep(0.01)
        assert arrival.disconnected


FAILING = sorted(name for name, fault in FAULTS.items() if fault.fits("deepgram") and not fault.lasts)


async def test_every_fault_shows_at_the_client() -> None:
    async with asking(secure=True) as client:
        _, well = await client.deepgram()
        for name in FAILING:
            origin = client.cloud.set("deepgram", name)
            headers = {"Authorization": f"Token {client.cloud.key('deepgram')}", "Content-Type": "audio/wav"}
            patience = aiohttp.ClientTimeout(total=5.0 if name != "endless-body" else 0.3)
            request = client.session.post(
                f"{origin}/v1/listen?model=nova-3", data=wav(), headers=headers, timeout=patience, allow_redirects=False
            )
            try:
                async with request as response:
                    body = await response.read()
                    document = json.loads(body)
                    document["metadata"] = well["metadata"]
                    same = response.status == 200 and document == well
            except TimeoutError, aiohttp.ClientError, OSError, ValueError, TypeError, KeyError, RecursionError:
                same = False
            assert same == (name in ("slow", "slow-between-bytes")), name
            client.cloud.well()
        assert client.cloud.recorder.refusals == []
        assert client.cloud.elsewhere.connects == 0
