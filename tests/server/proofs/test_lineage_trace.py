"""The trace can fail: what a real program writes and reaches is seen, and what the register lacks is named."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.proofs.lineage_trace import Way, addresses_of, ended, files_of, log_of, way, whole_name, wrong
from tests.server.proofs.traced import STRACE, Seen, can_trace, seen_in
from wyoming_server.records.lineage_shape import Kind

PROGRAM = """
import os, pathlib, socket, sys, threading
folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
(folder / "data").mkdir()
(folder / "data" / ".identity.part").write_text("id")
os.replace(folder / "data" / ".identity.part", folder / "data" / "identity")
(folder / "data" / "identity").read_text()
worker = threading.Thread(target=(folder / "data" / "secret-notes").write_text, args=("x",))
worker.start()
worker.join()
socket.create_connection(("127.0.0.1", port)).close()
"""


async def test_a_real_program_is_seen_to_write_and_to_reach_out(tmp_path: Path) -> None:
    if not can_trace():
        pytest.skip("strace is not there, or may not look at a process here")
    trace, data = tmp_path / "trace", tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program = [sys.executable, "-c", PROGRAM, str(tmp_path), str(port)]
        await asyncio.to_thread(subprocess.run, [*STRACE, str(trace), *program], check=True)
    seen = seen_in(await ended(trace), tmp_path)
    assert files_of(seen, data).unknown == ("secret-notes",)
    assert {str(data / name) for name in (".identity.part", "identity", "secret-notes")} <= seen.written
    assert seen.reached == {("127.0.0.1", port)}
    assert addresses_of(seen.reached, {}).unknown == (f"127.0.0.1:{port}",)
    assert addresses_of(seen.reached, {("127.0.0.1", port): "ours"}).unknown == ()


def test_calls_that_were_interrupted_and_other_families_of_addresses_are_read(tmp_path: Path) -> None:
    to_name_server = 'sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "fe80::1", &sin6_addr)'
    lines = [
        '11 openat(AT_FDCWD</w>, "notes", O_WRONLY|O_CREAT, 0644 <unfinished ...>',
        '12 openat(AT_FDCWD</w>, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 4</etc/hosts>',
        "11 <... openat resumed>)             = 5</w/notes>",
        '11 openat(AT_FDCWD</w>, "/nowhere", O_RDWR) = -1 ENOENT (No such file or directory)',
        '12 connect(7<socket:[1]>, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT (…)',
        f'12 sendto(8<socket:[2]>, "…", 40, 0, {{sa_family=AF_INET6, {to_name_server}}}, 28) = 40',
        "12 +++ exited with 0 +++",
    ]
    trace = tmp_path / "trace"
    trace.write_text("\n".join(lines), "utf-8")
    seen = seen_in(trace, tmp_path)
    assert seen.written == {"/w/notes"}
    assert seen.reached == {("/run/nscd/socket", 0), ("fe80::1", 53)}


def test_a_file_is_judged_by_the_name_that_it_gets() -> None:
    assert whole_name("bundles/.state.json.part") == "bundles/state.json"
    assert whole_name("models/base/model.bin") == "models/base/model.bin"
    assert files_of(Seen(written={"/d/bundles/.state.json.part", "/d/records-key", "/dev/null"}), Path("/d")) == Way(
        seen=3, unknown=()
    )


def test_a_field_that_nobody_declared_is_named_and_so_is_a_way_that_was_not_seen() -> None:
    known, unknown = ("openai", "form:file"), ("openai", "form:room")
    assert way({known}, Kind.LANE) == Way(seen=1, unknown=())
    assert way({known, unknown}, Kind.LANE).unknown == ("openai: form:room",)
    ways = {"uploads": way({unknown}, Kind.LANE), "reports": way(set(), Kind.COHORT)}
    assert wrong(ways) == ["uploads: openai: form:room", "reports: nothing was seen"]


def test_a_log_s_line_is_held_to_its_event_and_its_module() -> None:
    good = '{"event": "turn", "logger": "wyoming_server.control.turn_log", "fields": {"action": "accept"}}'
    named = '{"event": "turn", "logger": "wyoming_server.control.turn_log", "fields": {"satellite": "kitchen"}}'
    assert log_of(good).unknown == ()
    assert log_of(named).unknown == ("turn: satellite",)
    assert log_of("Traceback (most recent call last):").unknown != ()
