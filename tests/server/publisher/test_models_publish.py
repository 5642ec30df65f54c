"""A publisher at the shell, from the first key to a withdrawn bundle."""

import asyncio
import datetime as dt
import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.server.bundles.publishing import a_bundle
from wyoming_server.__main__ import _parser
from wyoming_server.commands import models
from wyoming_server.errors import EdgeVoiceError, PortBusyError, PublisherKeyError, RepositoryStateError
from wyoming_server.publisher.keys import key_in
from wyoming_server.publisher.repository import Repository
from wyoming_server.settings import Settings


class Shell:
    """Runs `edge-voice models …` in one folder, as the program itself does."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        (folder / "passphrase").write_text("open sesame\n")
        (folder / "passphrase").chmod(0o600)

    async def __call__(self, line: str, status: int = 0) -> str:
        """Run a line whose words `@x` stand for paths below the folder; return what it prints."""
        argv = ["models", *(str(self.folder / word[1:]) if word.startswith("@") else word for word in line.split())]
        assert await models.run(_parser(argv).parse_args(argv), Settings()) == status
        return self._capsys.readouterr().out

    async def init(self, flags: str = "--unencrypted online --passphrase-file @passphrase") -> str:
        places = "--root-keys @r1 @r2 @r3 --offline-keys @off --online-keys @on"
        return await self(f"init-repository @repo {places} {flags}")

    @property
    def repository(self) -> Repository:
        return Repository(self.folder / "repo")


ALL = "--keys @off --keys @on --passphrase-file @passphrase"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


async def test_keys_are_made_apart_and_encrypted_unless_it_is_said(shell: Shell) -> None:
    out = await shell.init()
    assert "models trust URL --root" in out
    encrypted = {
        file.stem: b"ENCRYPTED" in file.read_bytes()
        for file in shell.folder.rglob("*.pem")
        if file.parent.name != "repo"
    }
    assert encrypted == dict.fromkeys(("root-1", "root-2", "root-3", "targets", "stable"), True) | dict.fromkeys(
        ("beta", "snapshot", "timestamp"), False
    )
    root = shell.repository.root()
    assert root is not None
    assert (len(root.signed.roles["root"].keyids), root.signed.roles["root"].threshold) == (3, 2)
    assert root.signed.consistent_snapshot
    days = (root.signed.expires - dt.datetime.now(dt.UTC)).days
    assert days in {364, 365}
    assert not list((shell.folder / "repo").rglob("*.pem"))


async def test_a_bundle_from_the_first_tenth_to_its_withdrawal(shell: Shell) -> None:
    await shell.init()
    for version in ("1.0.0", "1.1.0"):
        a_bundle(shell.folder, version=version)
        out = await shell(f"publish @repo @home-en@{version} {ALL}")
        assert f"home-en@{version} in stable: 10 %\n" in out
    (shell.folder / "notes.md").write_text("Better at night.")
    terms = "--percent 50 --regions DE,AT --hub-classes pi5 --not-before 2026-12-01T03:00+00:00 --notes @notes.md"
    out = await shell(f"roll-out @repo home-en@1.1.0 {terms} {ALL}")
    assert "home-en@1.1.0 in stable: 50 % in DE, AT on pi5 from 2026-12-01 03:00 UTC\n" in out
    await shell(f"pause @repo home-en@1.1.0 {ALL}")
    assert shell.repository.offers("stable")["home-en@1.1.0"].rollout.paused
    await shell(f"roll-out @repo home-en@1.1.0 --regions all --hub-classes all {ALL}")
    offer = shell.repository.offers("stable")["home-en@1.1.0"]
    assert (offer.rollout.paused, offer.rollout.regions, offer.rollout.hub_classes) == (False, (), ())
    assert (offer.rollout.percent, offer.notes) == (50, "Better at night.")
    out = await shell(f"withdraw @repo home-en@1.1.0 --rollback-to 1.0.0 {ALL}")
    assert "home-en@1.1.0 in stable: withdrawn, back to 1.0.0\n" in out
    told = json.loads(await shell("status @repo --json"))
    assert [(one["label"], one["withdrawn"], one["rollback_to"]) for one in told["bundles"]] == [
        ("home-en@1.1.0", True, "1.0.0"),
        ("home-en@1.0.0", False, ""),
    ]
    assert {one["state"] for one in told["roles"]} == {"good"}
    out = await shell("status @repo")
    assert "withdrawn, back to 1.0.0" in out
    assert "timestamp" in out


async def test_a_bundle_that_is_stopped_in_one_channel_is_said_to_be_in_the_other(shell: Shell) -> None:
    await shell.init("--unencrypted all")
    a_bundle(shell.folder)
    keys = "--keys @off --keys @on"
    for channel in ("beta", "stable"):
        await shell(f"publish @repo @home-en@1.0.0 --channel {channel} {keys}")
    still = "It is offered in beta still; `--channel beta` stops it there."
    assert still in await shell(f"withdraw @repo home-en@1.0.0 {keys}")
    assert "still" not in await shell(f"withdraw @repo home-en@1.0.0 --channel beta {keys}")


async def test_what_an_offline_key_must_sign_waits_and_is_shown_before(shell: Shell) -> None:
    await shell.init()
    a_bundle(shell.folder)
    out = await shell("publish @repo @home-en@1.0.0 --keys @on")
    assert "Waits: stable 2 has 0 of 1 signatures; stable may sign (`models sign`)\n" in out
    assert "stable 2:\n  home-en@1.0.0 is new: 10 %\n" in await shell("sign @repo --show")
    assert "Waits: stable 2, 0 of 1 signatures; stable may sign (`models sign`)\n  home-en@1.0.0 is new" in await shell(
        "status @repo"
    )
    out = await shell("sign @repo --keys @off --passphrase-file @passphrase")
    assert "snapshot may sign (`models refresh`)" in out
    assert "stable 2" in await shell("refresh @repo --keys @on")
    assert not list((shell.folder / "repo" / "drafts").glob("*.json"))
    await shell("refresh @repo --keys @off", status=1)  # as a job that runs daily must notice


async def test_a_root_key_that_never_comes_here_signs_elsewhere(shell: Shell) -> None:
    for number in (2, 3):
        key_in(shell.folder / f"r{number}", f"root-{number}", passphrase=lambda _: None)
        away = shell.folder / f"away{number}"
        away.mkdir()
        (shell.folder / f"r{number}" / f"root-{number}.pem").rename(away / f"root-{number}.pem")
    out = await shell.init("--unencrypted all")
    assert "Waits: root 1 has 1 of 2 signatures; root-2 or root-3 may sign" in out
    out = await shell("status @repo", status=1)
    assert "Hubs are offered nothing yet" in out
    assert "Waits: targets 1, signed; it goes out with what it belongs to" in out
    assert shell.repository.root() is None
    await shell("sign @repo --keys @away3 --keys @on")
    assert shell.repository.root() is not None


async def test_a_key_is_rotated_by_two_people_with_sticks(shell: Shell) -> None:
    await shell.init()
    keys = "--keys @r1 --keys @on --passphrase-file @passphrase"
    out = await shell(f"rotate-keys @repo timestamp --new @on --unencrypted {keys}")
    assert "timestamp-2 signs for timestamp in place of timestamp." in out
    assert "Waits: root 2 has 1 of 2 signatures; root-2 or root-3 may sign" in out
    away = shell.folder / "root.json"
    away.write_bytes((shell.folder / "repo" / "drafts" / "root.json").read_bytes())
    out = await shell("sign --draft @root.json --show")
    assert "key timestamp-2 comes for timestamp" in out
    out = await shell("sign --draft @root.json --keys @r3 --passphrase-file @passphrase")
    assert "Signed by root-3" in out
    out = await shell("sign @repo --draft @root.json --keys @on")
    assert "Signatures of root-3 are taken up." in out
    root = shell.repository.root()
    assert root is not None
    assert root.signed.version == 2


async def test_a_root_key_is_replaced(shell: Shell) -> None:
    await shell.init()
    keys = "--keys @r1 --keys @r3 --keys @on --passphrase-file @passphrase"
    told = json.loads(await shell(f"rotate-keys @repo root --old root-2 --new @r4 {keys} --json"))
    assert (told["old"], told["new"], told["waiting"], told["versions"]["root"]) == ("root-2", "root-4", [], 2)
    assert (shell.folder / "r4" / "root-4.pem").exists()


@pytest.mark.parametrize(
    ("line", "kind", "match"),
    [
        (
            "init-repository @repo --root-keys @a @a @b --offline-keys @c --online-keys @d",
            PublisherKeyError,
            "different",
        ),
        (
            "init-repository @repo --root-keys @a @b @repo/public/k --offline-keys @c --online-keys @d",
            PublisherKeyError,
            "would be uploaded",
        ),
        (
            "init-repository @repo --root-keys @a @b @c --offline-keys @c --online-keys @d",
            PublisherKeyError,
            "nobody is",
        ),
        ("publish @repo @bundle --keys @missing", PublisherKeyError, "neither a folder"),
        ("refresh @repo --keys @passphrase", PublisherKeyError, "neither a folder"),
        ("status @repo", RepositoryStateError, "is no repository"),
        ("status @repo --act", PublisherKeyError, "must be signed"),
        ("sign", RepositoryStateError, "Nothing is there to sign"),
        ("sign --draft @passphrase", RepositoryStateError, "is no draft"),
        ("receive-reports @repo", RepositoryStateError, "is no repository"),
    ],
)
async def test_a_refusal_names_its_cure(shell: Shell, line: str, kind: type[EdgeVoiceError], match: str) -> None:
    with pytest.raises(kind, match=match):
        await shell(line)


@pytest.mark.parametrize(
    "flags",
    [
        "--percent 101",
        "--percent ten",
        "--regions Germany",
        "--hub-classes Pi5",
        "--not-before tomorrow",
        "--reports-url x",
    ],
)
async def test_impossible_terms_are_refused_before_anything_is_read(
    shell: Shell, flags: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        await shell(f"roll-out @repo home-en@1.0.0 --keys @on {flags}")
    assert "error: argument" in capsys.readouterr().err


async def test_a_repository_is_begun_once_and_its_keys_are_kept(shell: Shell) -> None:
    await shell.init()
    before = {file: file.read_bytes() for file in shell.folder.rglob("*.p*")}
    with pytest.raises(RepositoryStateError, match="is a repository already"):
        await shell.init()
    assert {file: file.read_bytes() for file in shell.folder.rglob("*.p*")} == before


async def test_a_passphrase_that_others_can_read_is_none(shell: Shell) -> None:
    (shell.folder / "passphrase").chmod(0o644)
    with pytest.raises(PublisherKeyError, match="`chmod 600` it"):
        await shell.init()
    (shell.folder / "passphrase").chmod(0o600)
    (shell.folder / "passphrase").write_text("\n")
    with pytest.raises(PublisherKeyError, match="is empty"):
        await shell.init()


def test_whoever_sits_there_is_shown_what_is_signed_and_asked(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """In a terminal of its own, as a key holder has one."""
    asyncio.run(shell.init("--unencrypted all"))
    a_bundle(shell.folder)
    asyncio.run(shell("publish @repo @home-en@1.0.0 --keys @on"))
    argv = [sys.executable, "-m", "wyoming_server", "models", "sign", str(shell.folder / "repo")]
    argv += [f"--keys={shell.folder / 'off'}", f"--keys={shell.folder / 'on'}"]
    status, said = in_a_terminal(argv, "n\n")
    assert status == 1
    assert said.index("home-en@1.0.0 is new: 10 %") < said.index("Sign this? [y/N]")
    assert "publisher-key: Nothing was signed" in said
    assert shell.repository.draft("stable") is not None
    status, said = in_a_terminal(argv, "y\n")
    assert (status, shell.repository.draft("stable")) == (0, None)


def in_a_terminal(argv: list[str], typed: str) -> tuple[int, str]:
    """Run a program in a pseudo-terminal; return its status and what it wrote."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        said = b""
        with suppress(OSError):  # the terminal's end is an error on Linux
            while chunk := os.read(ours, 4096):
                said += chunk
        os.close(ours)
        return process.wait(timeout=60), said.decode()


async def test_reports_are_taken_in_until_it_is_stopped(shell: Shell) -> None:
    await shell.init("--unencrypted all")
    argv = [sys.executable, "-m", "wyoming_server", "models", "receive-reports", str(shell.folder / "repo"), "--port=0"]
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    url = line.split()[4].rstrip(";")
    try:
        async with aiohttp.ClientSession() as session, session.post(url, data=b"{}") as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (400, "report-refused")
        port = urlsplit(url).port
        with pytest.raises(PortBusyError, match="cannot be listened on"):
            await shell(f"receive-reports @repo --port {port}")
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


def test_the_program_says_it_in_one_line(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "wyoming_server", "models", "status", str(tmp_path / "none")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("edge-voice: repository-state: ")
    assert len(done.stderr.splitlines()) == 1
