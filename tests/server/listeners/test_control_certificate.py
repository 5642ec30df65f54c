"""TLS beyond loopback: one certificate, kept, and known by its fingerprint."""

import asyncio
import datetime as dt
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from wyoming_server.errors import DiskError
from wyoming_server.listeners.control_certificate import CERTIFICATE_FILE, KEY_FILE, certificate_of

from .control_home import NOW, control

NAMES = ("localhost", "hub.local", "192.168.1.7", "::1", "hub.local", "", "bücher")
FAR = "0.0.0.0:0"


def parsed(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / CERTIFICATE_FILE).read_bytes())


def test_the_certificate_is_what_clients_can_pin(tmp_path: Path) -> None:
    made = certificate_of(tmp_path, NAMES, NOW)
    certificate = parsed(tmp_path)
    assert made.fingerprint == certificate.fingerprint(hashes.SHA256()).hex()
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "hub.local"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["192.168.1.7", "::1"]
    assert certificate.not_valid_before_utc < NOW < NOW + dt.timedelta(days=3649) < certificate.not_valid_after_utc


def test_both_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    certificate_of(tmp_path / "data", NAMES, NOW)
    for name in (CERTIFICATE_FILE, KEY_FILE):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600
    assert len(list((tmp_path / "data").iterdir())) == 2


def test_it_is_kept_for_years(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = certificate_of(tmp_path, NAMES, NOW)
    later = certificate_of(tmp_path, ("other.local",), NOW + dt.timedelta(days=3600))
    assert first.fingerprint == later.fingerprint
    assert caplog.text == ""


def test_one_that_its_owner_has_put_there_is_used_until_it_expires(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = certificate_of(tmp_path, NAMES, NOW)
    file = tmp_path / CERTIFICATE_FILE
    file.write_text("Bag Attributes\n" + file.read_text().partition("\n")[2])
    assert certificate_of(tmp_path, NAMES, NOW).fingerprint == first.fingerprint
    assert caplog.text == ""
    assert certificate_of(tmp_path, NAMES, NOW + dt.timedelta(days=3651)).fingerprint != first.fingerprint
    assert "expired" in caplog.text


@pytest.mark.parametrize("when", ["soon", "2036-01-01T00:00:00", "2036-13-01T00:00:00+00:00"])
def test_a_date_that_is_none_is_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture, when: str) -> None:
    certificate_of(tmp_path, NAMES, NOW)
    file = tmp_path / CERTIFICATE_FILE
    file.write_text(f"Expires: {when}\n" + file.read_text().partition("\n")[2])
    certificate_of(tmp_path, NAMES, NOW)
    assert "damaged" in caplog.text


def test_a_later_start_does_without_what_makes_certificates(tmp_path: Path) -> None:
    certificate_of(tmp_path, NAMES, NOW)
    program = (
        "import datetime as dt, pathlib, sys\n"
        "from wyoming_server.listeners.control_certificate import certificate_of\n"
        f"certificate_of(pathlib.Path({str(tmp_path)!r}), (), dt.datetime.now(dt.UTC))\n"
        "print('cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"


def test_an_expired_one_is_made_anew_and_the_log_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = certificate_of(tmp_path, NAMES, NOW)
    later = certificate_of(tmp_path, NAMES, NOW + dt.timedelta(days=3651))
    assert first.fingerprint != later.fingerprint
    assert "the certificate has expired, so a new one was made: clients have to pair again" in caplog.text


@pytest.mark.parametrize("name", [CERTIFICATE_FILE, KEY_FILE])
@pytest.mark.parametrize("content", [None, b"", b"\x00" * 100, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END"])
def test_a_damaged_one_is_made_anew_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, content: bytes | None
) -> None:
    first = certificate_of(tmp_path, NAMES, NOW)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    second = certificate_of(tmp_path, NAMES, NOW)
    assert first.fingerprint != second.fingerprint
    assert "damaged" in caplog.text
    caplog.clear()
    assert certificate_of(tmp_path, NAMES, NOW).fingerprint == second.fingerprint
    assert caplog.text == ""


def test_a_key_of_another_certificate_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificate_of(tmp_path / "one", NAMES, NOW)
    certificate_of(tmp_path / "two", NAMES, NOW)
    (tmp_path / "two" / KEY_FILE).replace(tmp_path / "one" / KEY_FILE)  # as a crash between two writes leaves it
    certificate_of(tmp_path / "one", NAMES, NOW)
    assert "damaged" in caplog.text


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError, match=CERTIFICATE_FILE):
        certificate_of(tmp_path / "file", NAMES, NOW)


async def test_whoever_pins_the_certificate_gets_in(tmp_path: Path) -> None:
    async with control(tmp_path, address=FAR) as caller:
        assert caller.door.url.startswith("https://")
        assert not caller.door.is_loopback
        assert (await caller.ask("GET", "/api/v1/status")).status == 200
        assert caller.behind.admitted == ["127.0.0.1"]
        assert caller.door.fingerprint == parsed(tmp_path).fingerprint(hashes.SHA256()).hex()


async def test_whoever_pins_another_sends_nothing(tmp_path: Path) -> None:
    async with control(tmp_path, address=FAR) as caller:
        other = aiohttp.Fingerprint(bytes(32))
        async with aiohttp.ClientSession() as session:
            url = f"https://127.0.0.1:{caller.door.port}/api/v1/status"
            with pytest.raises(aiohttp.ServerFingerprintMismatch):
                await session.get(url, ssl=other, headers={"Authorization": f"Bearer {caller.door.token}"})
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(url)
        assert caller.behind.admitted == []


async def test_plain_http_finds_no_answer_beyond_loopback(tmp_path: Path) -> None:
    async with control(tmp_path, address=FAR) as caller, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{caller.door.port}/health")
        assert (await caller.ask("GET", "/health")).status == 200


async def test_a_restart_keeps_the_certificate_and_a_websocket_works_over_it(tmp_path: Path) -> None:
    async with control(tmp_path, address=FAR) as first:
        fingerprint = first.door.fingerprint
    async with control(tmp_path, address=FAR) as second:
        assert second.door.fingerprint == fingerprint
        headers = {"Authorization": f"Bearer {second.door.token}"}
        async with second.session.ws_connect("/api/v1/events", headers=headers) as events:
            assert (await events.receive_json(timeout=10))["type"] == "hello"


async def test_pairing_shows_the_fingerprint_here_and_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with control(tmp_path, address=FAR) as caller:
        started = await caller.ask("POST", "/api/v1/pair/start", token="")
        assert started.body["fingerprint"] == caller.door.fingerprint
        shown = re.search(r"certificate ([0-9A-F:]{95})", caplog.text)
        assert shown
        assert shown[1].replace(":", "").lower() == caller.door.fingerprint


async def test_loopback_needs_no_certificate(tmp_path: Path) -> None:
    async with control(tmp_path, address="localhost:0") as caller:
        assert (caller.door.fingerprint, caller.door.is_loopback) == (None, True)
        assert caller.door.url.startswith("http://")
    assert await asyncio.to_thread(os.listdir, tmp_path) == ["control-token"]
