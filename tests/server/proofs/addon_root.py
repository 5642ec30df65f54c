"""A Debian root in which a Dockerfile's steps are taken: what can be proved of an image without a container engine.

The root stands for the image that FROM names: Debian's own packages, and the Python that this very program runs on at
its own path. Each stage is an overlay over it. Needs root, overlayfs and Debian's packages.
"""

import os
import re
import shutil
import stat
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SUITE = "trixie"
PACKAGES = "ca-certificates,netbase,tzdata"
"""As in the official images of Python."""
PYTHON = Path(sys.base_prefix).resolve()
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def cached_root() -> Path:
    """Return a minimal Debian root, made once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "edge-voice" / "addon"
    root = cache / f"debian-{SUITE}"
    if not root.is_dir():
        part = cache / f"debian-{SUITE}.part"
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(parents=True)
        _bootstrap(cache, part)
        _add_python(part)
        part.rename(root)
    return root


def _bootstrap(cache: Path, root: Path) -> None:
    _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "debootstrap"], cwd=cache)
    _run(["dpkg-deb", "-x", str(next(cache.glob("debootstrap_*.deb"))), str(cache / "tool")])
    listed = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages"])
    mirror = next(line for line in listed.splitlines() if line.endswith("/debian/"))
    environ = {**os.environ, "DEBOOTSTRAP_DIR": str(cache / "tool/usr/share/debootstrap")}
    tool = [str(cache / "tool/usr/sbin/debootstrap"), "--variant=minbase", f"--include={PACKAGES}"]
    _run([*tool, SUITE, str(root), mirror], environ=environ)


def _add_python(root: Path) -> None:
    """Put this interpreter there, with pip, as `python3`."""
    there = root / PYTHON.relative_to("/")
    shutil.copytree(PYTHON, there, symlinks=True)
    for name in ("python3", "python3.14"):
        (root / "usr/local/bin" / name).symlink_to(PYTHON / "bin/python3.14")
    wheel = next((PYTHON / "share/python-wheels").glob("pip-*.whl"))
    shutil.unpack_archive(wheel, there / "lib/python3/dist-packages", "zip")


def _run(argv: Sequence[str], *, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a Dockerfile."""

    kind: str
    rest: str


def steps_in(text: str) -> Iterator[Step]:
    """Yield a Dockerfile's instructions."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    whole = re.sub(r"\\\s*\n", " ", "\n".join(lines))
    for line in filter(None, (one.strip() for one in whole.splitlines())):
        kind, _, rest = line.partition(" ")
        yield Step(kind.upper(), " ".join(rest.split()))


@dataclass(slots=True)
class Stage:
    """One stage's root, and what is known of it."""

    root: Path
    name: str
    arguments: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    taken: int = 0

    def run(self, argv: Sequence[str], **environ: str) -> str:
        """Run a command within. Raises RuntimeError."""
        own = {"PATH": PATH, "HOME": "/root", "SSL_CERT_FILE": str(CERTIFICATES)}
        return _run(["chroot", str(self.root), *argv], environ=own | self.arguments | self.environ | environ)


class Build:
    """Takes a Dockerfile's steps in a mount namespace of its own, with which its mounts end.

    Its folder is for whoever began that namespace to remove, from outside: not while anything is mounted in it.
    """

    def __init__(self, folder: Path, context: Path, arguments: Mapping[str, str]) -> None:
        """Build in a folder, with a context and --build-arg."""
        self._folder, self._context, self._given = folder, context, arguments
        self.stages: list[Stage] = []

    def take(self, dockerfile: str) -> Stage:
        """Take all steps; return the last stage."""
        for step in steps_in(dockerfile):
            getattr(self, f"_{step.kind.lower()}")(step.rest)
            self.stages[-1].taken += 1
        return self.stages[-1]

    def _from(self, rest: str) -> None:
        _image, _, name = rest.partition(" AS ")
        place = self._folder / f"stage-{len(self.stages)}"
        root = place / "root"
        for one in ("upper", "work", "root"):
            (place / one).mkdir(parents=True)
        layers = f"lowerdir={cached_root()},upperdir={place / 'upper'},workdir={place / 'work'}"
        _run(["mount", "-t", "overlay", "overlay", "-o", layers, str(root)])
        _make_devices(root / "dev")
        _run(["mount", "-t", "proc", "proc", str(root / "proc")])
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        self.stages.append(Stage(root, name))

    def _arg(self, rest: str) -> None:
        name, _, default = rest.partition("=")
        stage = self.stages[-1]
        stage.arguments[name] = self._given.get(name, string.Template(default).substitute(stage.arguments))

    def _add(self, rest: str) -> None:
        source, to = self._filled(rest).split()
        if source.startswith("https://"):
            raise RuntimeError(f"{source} is not fetched here: give an archive of the context")
        target = self.stages[-1].root / to.lstrip("/")
        target.mkdir(parents=True)
        shutil.unpack_archive(self._context / source, target, "gztar", filter="tar")

    def _copy(self, rest: str) -> None:
        option, source, to = rest.split()
        stage = next(one for one in self.stages if f"--from={one.name}" == option)
        target = self.stages[-1].root / to.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(stage.root / source.lstrip("/"), target, symlinks=True)

    def _run(self, rest: str) -> None:
        self.stages[-1].run(["sh", "-c", rest])

    def _env(self, rest: str) -> None:
        self.stages[-1].environ |= dict(one.split("=", 1) for one in rest.split())

    def _label(self, rest: str) -> None:
        self.stages[-1].labels |= dict(one.replace('"', "").split("=", 1) for one in self._filled(rest).split())

    def _healthcheck(self, rest: str) -> None:
        self.stages[-1].health = _exec_form(rest.partition("CMD ")[2])

    def _cmd(self, rest: str) -> None:
        self.stages[-1].command = _exec_form(rest)

    def _filled(self, rest: str) -> str:
        return string.Template(rest).substitute(self.stages[-1].arguments)


def _make_devices(folder: Path) -> None:
    """Give a root devices of its own: never this machine's, which whoever tidies up would take along."""
    _run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder)])
    for name, minor in {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}.items():
        os.mknod(folder / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        (folder / name).chmod(0o666)
    for link, target in {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        (folder / link).symlink_to(f"/proc/self/{target}")
    (folder / "shm").mkdir(mode=0o1777)


def _exec_form(rest: str) -> tuple[str, ...]:
    return tuple(re.findall(r'"([^"]*)"', rest))
