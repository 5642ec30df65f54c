"""What strace saw a server do: files that it made or wrote, addresses that it connected to or listened on."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CALLS = ("open", "openat", "creat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
         "mkdir", "mkdirat", "mknod", "mknodat", "truncate", "connect", "bind", "sendto", "sendmsg",
         "sendmmsg")  # fmt: skip
STRACE = ("strace", "-D", "-f", "--seccomp-bpf", "-q", "-y", "-s", "4096", "-e", f"trace={','.join(CALLS)}", "-o")
"""-D: the server stays our own child, and gets our signals. -y: what a descriptor is of."""
_LINE = re.compile(r"(?P<pid>\d+) +(?P<rest>.*)")
_OPENED = re.compile(r"(?:open|openat|creat)\((?P<asked>.*)\) += \d+<(?P<path>[^>]*)>")
_MOVED = re.compile(r'(?:rename|renameat2?|link|linkat|symlink|symlinkat)\(.*"(?P<path>[^"]*)"[^"]*\) += 0')
_MADE = re.compile(r'(?:mkdir|mkdirat|mknod|mknodat|truncate)\([^"]*"(?P<path>[^"]*)".*\) += 0')
_WRITES = re.compile(r"O_(?:WRONLY|RDWR|CREAT|TRUNC|APPEND)")
_INET = re.compile(r'sin_port=htons\((?P<port>\d+)\), sin_addr=inet_addr\("(?P<host>[^"]+)"\)')
_INET6 = re.compile(r'sin6_port=htons\((?P<port>\d+)\),.*?inet_pton\(AF_INET6, "(?P<host>[^"]+)"')
_UNIX = re.compile(r'sa_family=AF_UNIX, sun_path=(?P<at>@?)"(?P<path>[^"]+)"')
_CALL = re.compile(r"(?P<name>\w+)\(")


@dataclass(slots=True, kw_only=True)
class Seen:
    """What was seen of one run."""

    written: set[str] = field(default_factory=set)
    """Absolute paths of files."""
    folders: set[str] = field(default_factory=set)
    reached: set[tuple[str, int]] = field(default_factory=set)
    """Addresses that were connected or sent to; of sockets of this machine their path and 0."""
    listened: set[tuple[str, int]] = field(default_factory=set)
    calls: int = 0
    processes: int = 0


def can_trace() -> bool:
    """Tell whether strace is there, and may look at a process here."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*STRACE, os.devnull, "true"], capture_output=True, check=False).returncode == 0


def seen_in(trace: Path, working_folder: Path) -> Seen:
    """Read a trace; paths that are relative are taken from a folder."""
    seen, processes = Seen(), set[str]()
    for pid, call in _whole_lines(trace.read_text("utf-8", "replace")):
        processes.add(pid)
        name = _CALL.match(call)
        if name is None:
            continue
        seen.calls += 1
        if name["name"] in {"connect", "bind", "sendto", "sendmsg", "sendmmsg"}:
            _note_address(call, seen.listened if name["name"] == "bind" else seen.reached)
            continue
        if (opened := _OPENED.match(call)) and (_WRITES.search(opened["asked"]) or name["name"] == "creat"):
            # A folder that is opened to be synchronised, or a file without a name, is none that is written.
            seen.written.add(opened["path"].removesuffix(" (deleted)"))
        elif moved := _MOVED.match(call):
            seen.written.add(_absolute(moved["path"], working_folder))
        elif made := _MADE.match(call):
            seen.folders.add(_absolute(made["path"], working_folder))
    seen.processes = len(processes)
    return seen


def _whole_lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield process and call, with what was interrupted put together again."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        pid, rest = found["pid"], found["rest"]
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest.removesuffix("<unfinished ...>").rstrip()
            continue
        if rest.startswith("<... "):
            rest = begun.pop(pid, "") + rest.partition(" resumed>")[2]
        yield pid, rest


def _note_address(call: str, found: set[tuple[str, int]]) -> None:
    for pattern in (_INET, _INET6):
        found.update((one["host"], int(one["port"])) for one in pattern.finditer(call))
    found.update((f"{one['at']}{one['path']}", 0) for one in _UNIX.finditer(call))


def _absolute(path: str, folder: Path) -> str:
    return path if path.startswith("/") else str(folder / path)
