"""What all lanes over HTTP have in common: where they may connect, what they refuse, and what they leave behind."""

import asyncio
import gc
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from tests.server.cloud.faults import FAULTS
from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import SAID, asked, ending_of, lane_of, lane_to, speech
from wyoming_server import __version__
from wyoming_server.engines import cloud_http
from wyoming_server.engines.cloud_http import multipart
from wyoming_server.engines.cloud_refusals import patience
from wyoming_server.engines.cloud_trust import Reach
from wyoming_server.engines.lanes import make_lane
from wyoming_server.errors import (
    InvalidSettingsError,
    LaneCertificateError,
    LaneCredentialsError,
    LaneError,
    LaneFailedError,
    LaneNotPrivateError,
    LaneRedirectedError,
    LaneRefusedError,
    LaneUnreachableError,
)
from wyoming_server.pipeline.lanes import LaneSettings

SECRET_NAMES = ("Grandmother's lamp", "Schlafzimmer")
HTTP_PROVIDERS = ("openai", "groq", "deepgram", "assemblyai", "azure", "google", "elevenlabs", "home_assistant")
NOT_HERE = {"no-such-host"}
"""The plain stand-in has no encrypted address for it; it has a test of its own."""


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


@pytest.fixture
async def secure() -> AsyncIterator[StandIn]:
    async with stand_in(secure=True) as one:
        yield one


async def test_every_fault_ends_as_it_may_and_tells_no_secret(cloud: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    """With Deepgram; what only streams can do wrong is tested with OpenAI."""
    provider, wrong = "deepgram", {}
    for name, fault in FAULTS.items():
        if not fault.fits(provider) or name in NOT_HERE:
            continue
        cloud.well()
        if fault.where == "request":
            cloud.always(provider, name)
        own_address = name if fault.where == "listener" else None
        async with lane_to(cloud, provider, fault=own_address) as lane:
            ending, said = await ending_of(lane, asked(prompt=SECRET_NAMES), 0.15 if fault.lasts else 10.0)
        if ending not in fault.endings or (said and f"'{provider}'" not in said) or len(said) > 400:
            wrong[name] = (ending, said)
        for secret in (cloud.key(provider), SAID, *SECRET_NAMES):
            assert secret not in said + caplog.text
    assert wrong == {}
    assert cloud.elsewhere.connects == 0


@pytest.mark.parametrize("provider", HTTP_PROVIDERS)
async def test_a_lane_answers_and_keeps_its_connection(cloud: StandIn, provider: str) -> None:
    async with lane_to(cloud, provider) as lane:
        cloud.hears(speech(), "open the curtains")
        first = await lane.transcribe(asked())
        second = await lane.transcribe(asked("en-GB" if provider != "home_assistant" else "en", prompt=("Ida's room",)))
    assert first.text == second.text == "open the curtains"
    assert cloud.recorder.refusals == []
    assert len(cloud.recorder.connections) == (2 if provider == "google" else 1)  # its token is given elsewhere
    assert first.bytes_sent == len(cloud.recorder.of("transcribe")[0].body)
    assert {one.sound.chunks for one in cloud.recorder.of("transcribe") if one.sound} <= {("fmt ", "data"), ()}


@pytest.mark.parametrize("provider", [*HTTP_PROVIDERS, "compatible"])
async def test_a_name_that_no_form_can_hold_does_no_harm(cloud: StandIn, provider: str) -> None:
    names = ("a\r\n--b", 'say "hi"', "\ud800", "\x00", "Küche; filename=x", "%0d%0a&model=other")
    async with lane_to(cloud, provider) as lane:
        assert (await lane.transcribe(asked(prompt=names))).text == SAID
    assert cloud.recorder.refusals == []


@pytest.mark.parametrize("provider", HTTP_PROVIDERS)
async def test_what_arrives_holds_the_speech_and_nothing_else_of_the_home(cloud: StandIn, provider: str) -> None:
    async with lane_to(cloud, provider) as lane:
        await lane.warm()
        await lane.transcribe(asked())
    allowed = {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "authorization"}
    allowed |= {"x-aai-model", "xi-api-key", "ocp-apim-subscription-key", "x-speech-content"}
    for one in cloud.recorder.arrivals:
        assert {name.decode().lower() for name, _ in one.raw_headers} <= allowed
        assert one.header("User-Agent") == f"edge-voice/{__version__}"


@pytest.mark.parametrize("provider", HTTP_PROVIDERS)
async def test_without_a_key_nothing_is_sent(cloud: StandIn, provider: str) -> None:
    async with lane_to(cloud, provider, key=" \n") as lane:
        await lane.warm()
        with pytest.raises(LaneCredentialsError, match="set its key"):
            await lane.transcribe(asked())
    assert cloud.recorder.connects == 0


@pytest.mark.parametrize("provider", HTTP_PROVIDERS)
async def test_a_warmed_connection_carries_the_next_words(secure: StandIn, provider: str) -> None:
    async with lane_to(secure, provider) as lane:
        await lane.warm()
        assert secure.recorder.of("transcribe") == []
        await lane.transcribe(asked())
        uploads = secure.recorder.of("transcribe")
        assert [one.reused for one in uploads] == [True]
        assert len(secure.recorder.connections) == (2 if provider == "google" else 1)


@pytest.mark.parametrize("fault", ["refuses-connection", "certificate-expired"])
async def test_warming_never_raises(secure: StandIn, fault: str) -> None:
    async with lane_to(secure, "deepgram", fault=fault) as lane:
        await lane.warm()


async def test_a_certificate_is_verified_and_an_authority_can_only_be_added(secure: StandIn) -> None:
    async with lane_to(secure, "deepgram", ca_file="") as lane:
        with pytest.raises(LaneCertificateError, match="ca_file"):
            await lane.transcribe(asked())
    async with lane_to(secure, "deepgram") as lane:
        assert (await lane.transcribe(asked())).text == SAID
    async with lane_to(secure, "compatible") as lane:  # a server of the home, with a certificate made at home
        assert (await lane.transcribe(asked())).text == SAID
    assert len(secure.recorder.arrivals) == 2


async def test_no_setting_turns_verification_off() -> None:
    lane = make_lane(LaneSettings(name="x", provider="deepgram", key="k"))
    tls = lane._provider._service._tls
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_a_redirect_names_its_target_and_is_not_followed(cloud: StandIn) -> None:
    cloud.always("deepgram", "redirect-307")
    async with lane_to(cloud, "deepgram") as lane:
        with pytest.raises(LaneRedirectedError, match="localhost"):
            await lane.transcribe(asked())
    assert cloud.elsewhere.connects == 0


async def test_what_a_service_asks_for_in_patience_is_passed_on(cloud: StandIn) -> None:
    async with lane_to(cloud, "deepgram") as lane:
        cloud.script("deepgram", "http-429-seconds", "http-429", "http-503-seconds")
        waits = []
        for _ in range(3):
            with pytest.raises(LaneError) as refused:
                await lane.transcribe(asked())
            waits.append(refused.value.retry_after_s)
    assert waits == [7.0, None, 3.0]


async def test_a_proxy_of_the_environment_is_not_used(cloud: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with lane_to(cloud, "deepgram") as lane:
        assert (await lane.transcribe(asked())).text == SAID


async def test_a_home_lane_that_leads_out_of_the_home_is_not_connected_to() -> None:
    for host in ("1.1.1.1", "[2606:4700::1111]", "100.64.0.9", "[::ffff:8.8.8.8]"):
        async with lane_of(provider="openai", url=f"http://{host}:9", trust="home") as lane:
            with pytest.raises(LaneNotPrivateError, match="private address"):
                await lane.transcribe(asked())


async def test_a_home_name_that_moves_is_noticed_at_the_next_connect(
    cloud: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, leads_to = asyncio.get_running_loop(), ["127.0.0.1"]
    resolve = loop.getaddrinfo

    async def moving(host: str, port: int, **more: int) -> object:
        return await resolve(leads_to[0] if host == "gpu.lan" else host, port, **more)

    monkeypatch.setattr(loop, "getaddrinfo", moving)
    settings = cloud.lane("compatible")
    async with lane_of(**settings | {"url": settings["url"].replace("127.0.0.1", "gpu.lan")}) as lane:
        assert (await lane.transcribe(asked())).text == SAID
        cloud.always("compatible", "closes-before-answer")  # so that the next one must connect anew
        with pytest.raises(LaneError):
            await lane.transcribe(asked())
        leads_to[0] = "1.1.1.1"
        with pytest.raises(LaneNotPrivateError):
            await lane.transcribe(asked())


@pytest.mark.parametrize(
    ("addresses", "reached"),
    [
        (("1.1.1.1", "127.0.0.1"), True),
        (("2606:4700::1111", "127.0.0.1", "1.0.0.1"), True),
        (("1.1.1.1", "2606:4700::1111", "1.0.0.1"), False),
    ],
)
async def test_of_several_addresses_only_those_of_the_home_are_tried(
    cloud: StandIn, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...], reached: bool
) -> None:
    loop, tried = asyncio.get_running_loop(), list[str]()
    resolve, connect = loop.getaddrinfo, loop.sock_connect

    async def several(host: str, port: int, **more: int) -> list[object]:
        return [answer for one in addresses for answer in await resolve(one, port, **more)]

    async def watched(sock: socket.socket, address: tuple[str, int]) -> None:
        tried.append(address[0])
        await connect(sock, address)

    monkeypatch.setattr(loop, "getaddrinfo", several)
    monkeypatch.setattr(loop, "sock_connect", watched)
    settings = cloud.lane("compatible")
    async with lane_of(**settings | {"url": settings["url"].replace("127.0.0.1", "gpu.lan")}) as lane:
        ending, _ = await ending_of(lane, asked(), 10.0)
    assert ending == ("answered" if reached else "lane-not-private")
    assert tried == (["127.0.0.1"] if reached else [])


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("10.1.2.3", True),
        ("172.31.0.1", True),
        ("172.32.0.1", False),
        ("192.168.0.9", True),
        ("169.254.3.4", True),
        ("127.0.0.2", True),
        ("fd12::1", True),
        ("fe80::1%eth0", True),
        ("::1", True),
        ("::ffff:192.168.0.9", True),
        ("::ffff:1.1.1.1", False),
        ("2002:c0a8:1::1", False),
        ("64:ff9b::c0a8:1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("8.8.8.8", False),
    ],
)
def test_home_is_what_no_router_forwards(address: str, home: bool) -> None:
    assert Reach.HOME.permits(address) is home


def test_a_cloud_lane_in_the_open_is_refused_when_it_is_made() -> None:
    for url in ("http://speech.example", "http://192.168.1.4:8000", "ftp://speech.example", "speech.example", ""):
        with pytest.raises(InvalidSettingsError):
            make_lane(LaneSettings(name="x", provider="elevenlabs", key="k", url=url or "http://"))


def test_a_url_with_a_password_in_it_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        make_lane(LaneSettings(name="x", provider="deepgram", url="https://me:hunter2@speech.example"))
    assert "hunter2" not in str(refused.value)


def test_a_key_in_the_open_is_allowed_at_home_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        make_lane(LaneSettings(name="gpu", provider="openai", trust="home", url="http://192.168.1.4", key="sk-1234567"))
    assert [one.name for one in caplog.records] == ["wyoming_server.engines.lanes"]
    assert "sk-1234567" not in caplog.text
    assert "'gpu'" in caplog.text


async def test_a_key_file_is_read_once_and_stripped(cloud: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "deepgram.key"
    file.write_text(f"  {cloud.key('deepgram')}\n")
    async with lane_to(cloud, "deepgram", key="", key_file=str(file)) as lane:
        file.unlink()
        assert (await lane.transcribe(asked())).text == SAID


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe\x00"])
def test_a_key_file_that_gives_no_key_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "my.key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSettingsError, match=r"my\.key"):
        make_lane(LaneSettings(name="x", provider="deepgram", key_file=str(file)))


def test_a_key_that_no_header_can_hold_is_refused_without_repeating_it() -> None:
    for key in ("secret\r\nX-Evil: 1", "sécret", "two words"):
        with pytest.raises(InvalidSettingsError) as refused:
            make_lane(LaneSettings(name="x", provider="deepgram", key=key))
        assert key[:3] not in str(refused.value)


def test_an_authority_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    for file in (tmp_path / "ca.pem", tmp_path / "absent.pem"):
        with pytest.raises(InvalidSettingsError, match=file.name):
            make_lane(LaneSettings(name="x", provider="deepgram", key="k", ca_file=str(file)))


async def test_a_name_that_does_not_exist_is_unreachable() -> None:
    async with lane_of(provider="deepgram", key="k", url="https://no-such-host.invalid") as lane:
        with pytest.raises(LaneUnreachableError, match=r"no-such-host\.invalid"):
            await lane.transcribe(asked())


async def test_a_handshake_that_does_not_end_is_unreachable(secure: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_http, "CONNECT_SECONDS", 0.05)
    async with lane_to(secure, "deepgram", fault="never-speaks") as lane:
        with pytest.raises(LaneUnreachableError):
            await lane.transcribe(asked())


async def test_a_refusal_that_quotes_the_key_or_the_homes_names_is_not_passed_on(cloud: StandIn) -> None:
    async with lane_to(cloud, "openai", model="no-such-model") as lane:
        with pytest.raises(LaneRefusedError, match="no-such-model"):  # OpenAI's own words
            await lane.transcribe(asked())
    async with lane_to(cloud, "openai", model="Schlafzimmer") as lane:
        with pytest.raises(LaneRefusedError) as refused:
            await lane.transcribe(asked(prompt=("schlafzimmer",)))
    assert "chlafz" not in str(refused.value)


async def test_cancelling_at_any_moment_leaves_nothing_behind(secure: StandIn) -> None:
    """Cancelled after each of the first turns of the event loop, through connect, TLS, upload and answer."""
    secure.delay_seconds = 0.002
    loop_steps, answered = 0, 0
    before = psutil.Process().num_fds()
    async with lane_to(secure, "deepgram") as lane:
        while answered < 3:
            asking = asyncio.create_task(lane.transcribe(asked(seconds=2.0)))
            for _ in range(loop_steps):
                await asyncio.sleep(0)
            asking.cancel()
            answered += (await asyncio.gather(asking, return_exceptions=True))[0].__class__.__name__ == "LaneText"
            loop_steps += 1 + loop_steps // 8
            assert loop_steps < 100_000
        names = {task.get_name() for task in asyncio.all_tasks() if "lane" in task.get_name()}
        assert names == set()
        assert (await lane.transcribe(asked())).text == SAID
    for _ in range(200):
        if psutil.Process().num_fds() <= before:
            break
        await asyncio.sleep(0.01)
    gc.collect()
    assert psutil.Process().num_fds() <= before


async def test_closing_ends_what_is_under_way_and_what_comes_after(cloud: StandIn) -> None:
    cloud.always("deepgram", "never-answers")
    async with lane_to(cloud, "deepgram") as lane:
        asking = asyncio.create_task(lane.transcribe(asked()))
        for _ in range(1000):
            if cloud.recorder.arrivals:
                break
            await asyncio.sleep(0.005)
        await lane.aclose()
        with pytest.raises(LaneFailedError):
            await asking
        await lane.warm()
        with pytest.raises(LaneFailedError, match="closed"):
            await lane.transcribe(asked())
    assert cloud.recorder.connects == 1


async def test_two_questions_at_once_do_not_wait_for_each_other(cloud: StandIn) -> None:
    cloud.delay_seconds = 0.05
    async with lane_to(cloud, "deepgram") as lane:
        await asyncio.gather(*(lane.transcribe(asked()) for _ in range(5)))
    assert len(cloud.recorder.connections) == 5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("99999999999", 86_400.0),
        ("Sun, 22 Nov 2026 12:00:20 GMT", 20.0),
        ("Sun, 22 Nov 2026 11:59:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("٣", None),
        ("", None),
        ("Sun, 99 Nov 2026 11:59:00 GMT", None),
    ],
)
def test_patience_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert patience(header, now_s=1_795_348_800.0) == seconds


def test_a_form_is_not_broken_by_what_is_in_it() -> None:
    kind, body = multipart([("prompt", "--a\r\nb: ü\r\n")], file=("file", "speech.wav", "audio/wav", b"\r\n--x\r\n"))
    boundary = kind.partition("boundary=")[2].encode()
    assert body.count(b"--" + boundary) == 3
    assert "--a\r\nb: ü\r\n".encode() in body


def test_a_lane_does_not_show_its_key() -> None:
    lane = make_lane(LaneSettings(name="x", provider="deepgram", key="sk-very-secret"))
    assert "sk-very-secret" not in repr(lane) + repr(lane.settings) + str(lane)
