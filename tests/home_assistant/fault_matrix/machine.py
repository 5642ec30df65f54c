"""What a fault needs of this machine: mounts, a wall clock that can be moved, threads that can be held."""

import contextlib
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

CLOCK = Path(__file__).with_name("clock.c")
FREEZER = Path("/sys/fs/cgroup/freezer")


@contextlib.contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Have a folder on a disk of its own, small enough to fill; False where this user may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "fault-matrix", folder]
    mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)


def fill(file: Path) -> None:
    """Take all that is free on a disk."""
    output = os.open(file, os.O_WRONLY | os.O_CREAT)
    try:
        free = os.statvfs(file.parent)
        with contextlib.suppress(OSError):
            os.posix_fallocate(output, 0, free.f_bavail * free.f_frsize)
        os.lseek(output, 0, os.SEEK_END)
        with contextlib.suppress(OSError):
            while True:
                os.write(output, bytes(4096))
    finally:
        os.close(output)


class Clock:
    """A wall clock for programs that are started with its environment."""

    def __init__(self, folder: Path) -> None:
        """Build what they preload; without a C compiler the clock stays where it is."""
        self._file, library = folder / "clock-ahead", folder / "clock.so"
        self.move(0)
        compiler = shutil.which("cc")
        built = compiler and subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, CLOCK], check=False)
        self.environment: dict[str, str] = {}
        if built and built.returncode == 0:
            self.environment = {"LD_PRELOAD": str(library), "FAULT_CLOCK": str(self._file)}

    def move(self, seconds: float) -> None:
        """Set by how much the wall is ahead of the true time."""
        if not self._file.exists():
            self._file.write_bytes(bytes(8))
        with self._file.open("r+b") as file:  # in place: programs have it mapped
            file.write(struct.pack("q", round(seconds)))


class Threads:
    """The threads of a server that decode, held still and let go: the model alone stands, the server runs on."""

    def __init__(self, name: str) -> None:
        """Have a group of that name; raises OSError where the kernel does not offer freezing single threads."""
        self._group = FREEZER / name
        self._group.mkdir(exist_ok=True)

    def decoding(self, process: int) -> list[int]:
        """Return the native threads of the recogniser: they have the name of the one that loaded it."""
        found = []
        for task in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(OSError):
                if (task / "comm").read_text().startswith("model"):
                    found.append(int(task.name))
        return sorted(found)

    def hold(self, threads: list[int]) -> None:
        """Stop them where they are."""
        for one in threads:
            with contextlib.suppress(OSError):
                (self._group / "tasks").write_text(str(one))
        (self._group / "freezer.state").write_text("FROZEN")

    def release(self) -> None:
        """Let them go on."""
        (self._group / "freezer.state").write_text("THAWED")
        for one in (self._group / "tasks").read_text().split():
            with contextlib.suppress(OSError):
                (FREEZER / "tasks").write_text(one)

    def close(self) -> None:
        """Let them go on, and leave no group."""
        self.release()
        with contextlib.suppress(OSError):
            self._group.rmdir()
