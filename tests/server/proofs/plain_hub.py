"""A plain Linux hub as docs/install.md makes one: its commands in a Debian root, then the unit's command as its user.

`python -m tests.server.proofs.plain_hub`; needs root, overlayfs and Debian's packages. systemd itself does not run
here: what the unit says of user, environment, folders and rights is done by hand, its system call filter is not.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.server.peer import KITCHEN, connected, kitchen
from tests.server.proofs.addon import OWN_MOUNTS, ROOT
from tests.server.proofs.addon_root import PATH, Build, Stage, cached_root

UNIT = ROOT / "addon" / "systemd" / "edge-voice.service"
OWN_NETWORK = ("unshare", "--net", *OWN_MOUNTS[1:])
PATIENCE_SECONDS = 60.0
NEEDS_SYSTEMD = ("systemctl", "journalctl")


def commands() -> list[str]:
    """Return the page's commands that make the hub, but for what only systemd can do."""
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    (block,) = (one for one in re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL) if "useradd" in one)
    block = re.sub(r"git clone \S+ ", "cp -r /clone ", re.sub(r"\bsudo ", "", block))  # the clone is this one
    lines = (line.partition("#")[0].strip() for line in block.splitlines())
    return [line for line in lines if line and not line.startswith(NEEDS_SYSTEMD)]


def unit() -> dict[str, str]:
    """Return the unit's settings."""
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def made(folder: Path) -> Stage:
    """Run the commands in a root of their own; return it."""
    build = Build(folder, folder, {})
    build.take("FROM debian")
    hub = build.stages[-1]
    _clone(hub.root / "clone")
    wanted = "/clone/addon/edge_voice/requirements-uv.txt"
    hub.run(["python3", "-m", "pip", "install", "--quiet", "--require-hashes", "--target", "/uv", "-r", wanted])
    (hub.root / "usr/local/bin/uv").symlink_to("/uv/bin/uv")
    for place in ("root", "root/.cache", "root/.cache/edge-voice"):  # where the Python that stands in for Debian's is
        (hub.root / place).chmod(0o755)
    (hub.root / "etc/systemd/system").mkdir(parents=True, exist_ok=True)
    for command in commands():
        start_s = time.monotonic()
        hub.run(["sh", "-c", f"cd /clone && {command}"])
        print(f"ok     {command[:70]:72} {time.monotonic() - start_s:.0f} s", flush=True)
    return hub


def _clone(to: Path) -> None:
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, files.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "training/", "docs/pictures")):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def confined(root: Path) -> tuple[list[str], dict[str, str]]:
    """Return the unit's command, as its user without rights over a disk that takes nothing, and its environment."""
    says = unit()
    own = [f"/var/lib/{says['StateDirectory']}", f"/var/cache/{says['CacheDirectory']}"]
    subprocess.run(["chroot", str(root), "install", "-d", "-m", "0700", "-o", says["User"], *own], check=True)
    for command in (
        *(["mount", "--bind", f"{root}{one}", f"{root}{one}"] for one in own),
        ["mount", "-t", "tmpfs", "tmpfs", str(root / "tmp")],
        ["mount", "-o", "remount,bind,ro", str(root)],
        ["ip", "link", "set", "lo", "up"],
        ["mount", "--bind", "/proc", str(root / "proc")],  # a new one is for root alone on some sandboxed kernels
    ):
        subprocess.run(command, check=True)
    user = [f"--reuid={says['User']}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    environ = dict(one.split("=", 1) for one in says["Environment"].split())
    inside = (
        f"umask {says['UMask']} && cd {says['WorkingDirectory']} && exec setpriv {' '.join(user)} {says['ExecStart']}"
    )
    return ["chroot", str(root), "sh", "-c", inside], environ | {"PATH": PATH}


async def hears() -> str:
    """Return what a server on this machine hears."""
    async with connected("tcp://127.0.0.1:10300") as peer:
        return (await peer.turn(kitchen().pcm, {"language": "en"})).text


def answers() -> bool:
    """Ask as the page does."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:10380/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def served(name: str, command: list[str], environ: dict[str, str]) -> int:
    """Start it, ask it, stop it; return how many rows do not hold."""
    start_s = time.monotonic()
    failed = 0
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as server:
        while not answers():
            if server.poll() is not None or time.monotonic() - start_s > PATIENCE_SECONDS:
                server.kill()
                print(f"FAILED it does not answer: {(server.stderr.read() if server.stderr else '')[-2000:]}")
                return 1
        print(f"ok     {name + ': answers after':72} {time.monotonic() - start_s:.1f} s")
        text = asyncio.run(hears())
        failed += text != KITCHEN
        print(f"{'ok    ' if text == KITCHEN else 'FAILED'} {'… a sentence is heard':72} {text}")
        status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
        rights = re.findall(r"^CapEff:\s+(\w+)$", status, re.MULTILINE)
        failed += rights != ["0" * 16]
        print(f"{'ok    ' if rights == ['0' * 16] else 'FAILED'} {'… its rights':72} {', '.join(rights)}")
        server.terminate()
        ended = server.wait(PATIENCE_SECONDS)
    failed += ended != 0
    print(f"{'ok    ' if not ended else 'FAILED'} {'… stopped: status':72} {ended}", flush=True)
    return failed


def main() -> int:
    """Prove it in namespaces of its own: mounts for the making, and a network for the serving."""
    if os.geteuid():
        print("not run: this needs root, for a Debian root of its own")
        return 1
    module = [sys.executable, "-m", "tests.server.proofs.plain_hub"]
    match sys.argv[1:]:
        case ["make", folder]:
            hub = made(Path(folder))
            return subprocess.run([*OWN_NETWORK, *module, "serve", str(hub.root)], cwd=ROOT, check=False).returncode
        case ["serve", root]:
            command, environ = confined(Path(root))
            first = served("as its own user, over a disk that is read-only but for its own", command, environ)
            return int(bool(first + served("a second time", command, environ)))
    cached_root()
    with tempfile.TemporaryDirectory() as folder:  # removed from out here, where nothing is mounted in it
        return subprocess.run([*OWN_MOUNTS, *module, "make", folder], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
