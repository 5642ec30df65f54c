"""Runs the long proofs and keeps their figures in docs/measured.md: `python -m tests.prove [NAME …]`.

A proof is a program that prints its figures, as one JSON object in its last line or as tables for people; it fails by
its exit status.
"""

import argparse
import datetime as dt
import json
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".prove"
REPORT = ROOT / "docs" / "measured.md"
HEAD = """# Measured

Written by `script/prove`; each section says when and where. Machines are shared and noisy: trust ratios, medians and
counts more than milliseconds. Nothing here is asserted by a test.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One long proof."""

    title: str
    argv: tuple[str, ...]
    """What is run, from the repository's root."""


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.server.{name}", *arguments)


PROOFS = {
    "compute": Proof(title="Inference compute at base size", argv=_module("benchmarks.compute", "--threads", "1")),
    "wake": Proof(title="Wake words: cost, detections", argv=_module("benchmarks.wake")),
    "false-wakes": Proof(title="False wakes in 30 minutes", argv=_module("proofs.false_wakes", "--minutes", "30")),
    "phantom-text": Proof(title="Text from silence, noise, hum and babble", argv=_module("proofs.phantom_text")),
    "last-word": Proof(title="Last voiced sample to text", argv=_module("benchmarks.last_word", "--rendered", "60")),
    "cut-offs": Proof(
        title="Sentences cut off early, and what it buys", argv=_module("benchmarks.cutoffs", "--all-holds")
    ),
    "peers": Proof(title="Beside wyoming-faster-whisper", argv=("script/bench-peers", "--repeat", "2")),
    "home-assistant": Proof(title="Through Home Assistant's own pipeline", argv=_module("benchmarks.pipeline")),
    "integration": Proof(
        title="Through our own integration in a real Home Assistant",
        argv=_module("benchmarks.pipeline", "--integration"),
    ),
    "page": Proof(title="The status page", argv=(sys.executable, "-m", "tests.browser.page_figures")),
    "recoveries": Proof(
        title="Broken and back, in a real Home Assistant",
        argv=_module("benchmarks.at_home", "tests.home_assistant.recoveries"),
    ),
    "home-assistant-memory": Proof(
        title="Memory that the integration adds to Home Assistant",
        argv=_module("benchmarks.at_home", "tests.home_assistant.benchmark_memory"),
    ),
    "events": Proof(
        title="A turn on the server to the event entity",
        argv=_module("benchmarks.at_home", "tests.integration.benchmark_events", "--json"),
    ),
    "entity-overhead": Proof(
        title="What the speech-to-text entity adds to Wyoming",
        argv=_module("benchmarks.at_home", "pytest", "-qs", "tests/integration/voice/benchmark_voice.py"),
    ),
    "concurrency": Proof(title="Eight turns at once", argv=_module("benchmarks.concurrency")),
    "describe": Proof(title="Describe under load", argv=_module("benchmarks.describe")),
    "footprint": Proof(title="Memory and cold start", argv=_module("benchmarks.footprint")),
    "grammar": Proof(title="Complete sentences told from prefixes", argv=_module("benchmarks.grammar")),
    "fuzz": Proof(title="Fuzzed event streams", argv=_module("proofs.fuzz", "--minutes", "5")),
    "control-api": Proof(title="The control API held to its own description", argv=_module("proofs.control_api")),
    "soak": Proof(title="Soak", argv=_module("proofs.soak", "--minutes", "8")),
    "no-connects": Proof(title="Nothing is reached in mode edge", argv=_module("proofs.no_connects")),
    "lane-faults": Proof(title="A thousand turns over every fault of every lane", argv=_module("proofs.lane_faults")),
    "escalation": Proof(title="What asking a lane adds", argv=_module("benchmarks.escalation")),
    "decision": Proof(title="What a decision costs", argv=_module("benchmarks.decision")),
    "evaluation": Proof(title="Risk against average log-probability", argv=_module("evaluation.figures")),
    "simulate": Proof(
        title="The threshold's bound on streams", argv=(sys.executable, "-m", "wyoming_server", "simulate", "threshold")
    ),
    "drift": Proof(
        title="Drift: false alarms, and how soon changes are told of",
        argv=(sys.executable, "-m", "wyoming_server", "simulate", "drift"),
    ),
    "drift-runs": Proof(title="Drift in whole homes, and its causes", argv=_module("proofs.drift_runs")),
    "ledger": Proof(title="What writing an upload down costs", argv=_module("benchmarks.ledger")),
    "rollout": Proof(
        title="Staged rollout of good and bad bundles to 100,000 hubs",
        argv=(sys.executable, "-m", "wyoming_server", "simulate", "rollout"),
    ),
    "false-rollbacks": Proof(title="Good bundles rolled back, and bad ones", argv=_module("proofs.false_rollbacks")),
    "ledger-kills": Proof(title="The ledger, killed", argv=_module("proofs.ledger_kills")),
    "erasure": Proof(title="Purged or past its window, looked for in every byte", argv=_module("proofs.erasure")),
    "backup": Proof(title="Backups without keys, put back and served from", argv=_module("proofs.backup")),
    "sdks": Proof(title="The providers' own clients at the stand-in cloud", argv=_module("proofs.sdks")),
    "convert": Proof(title="Hugging Face checkpoints built into bundles", argv=_module("proofs.whisper_conversion")),
    "browser": Proof(title="An owner's way, in a real browser", argv=(sys.executable, "-m", "tests.browser")),
    "bundle-attacks": Proof(title="Attacks on a hub's models", argv=_module("proofs.bundle_attacks")),
    "bundle-kills": Proof(title="Killed while bundles come and go", argv=_module("proofs.bundle_kills")),
    "rollback": Proof(title="A bundle that is subtly worse, and leaves by itself", argv=_module("proofs.rollback")),
    "shadow": Proof(title="What unheard decoding costs the turns that are heard", argv=_module("benchmarks.shadow")),
    "activation": Proof(title="Models that change under load", argv=_module("benchmarks.activation")),
    "update-memory": Proof(title="Memory of the server while it updates", argv=_module("benchmarks.update_memory")),
    "bundle-server-kills": Proof(
        title="The whole server, killed while it updates", argv=_module("proofs.bundle_server_kills")
    ),
    "record-kills": Proof(title="Turns written down, killed", argv=_module("proofs.record_kills")),
    "queue-kills": Proof(title="Requests that wait, both halves killed", argv=_module("proofs.queue_kills")),
    "store-year": Proof(title="A year's records, and how fast they answer", argv=_module("benchmarks.store_year")),
    "recording-cost": Proof(
        title="What writing a turn down costs the event loop", argv=_module("benchmarks.recording_cost")
    ),
    "lineage-trace": Proof(
        title="A whole run, traced and held to the register of data", argv=_module("proofs.lineage_trace")
    ),
    "lineage-trace-home": Proof(
        title="What the integration leaves in a real Home Assistant, traced",
        argv=_module("benchmarks.at_home", "tests.home_assistant.trace_lineage"),
    ),
    "docs": Proof(title="What the documentation says to run, run", argv=_module("proofs.documented")),
    "newcomer": Proof(title="A newcomer's first minutes, by the README", argv=_module("proofs.newcomer")),
    "addon": Proof(
        title="The add-on's image made and run in a Debian root, beside a stand-in Supervisor",
        argv=_module("proofs.addon"),
    ),
    "fault-matrix": Proof(
        title="Every fault of a home at every moment of a turn",
        argv=_module("benchmarks.at_home", "tests.home_assistant.fault_matrix"),
    ),
    "plain-hub": Proof(
        title="A plain Linux hub made by docs/install.md in a Debian root", argv=_module("proofs.plain_hub")
    ),
    "confirmations": Proof(
        title="How often a home is asked back", argv=_module("proofs.confirmations", "--sentences", "160")
    ),
    "critical": Proof(
        title="10,000 simulated turns about doors, and what was done of them",
        argv=_module("benchmarks.at_home", "tests.integration.voice.prove_critical", "--turns", "10000"),
    ),
    "critical-pipelines": Proof(
        title="Doors in real pipelines of a real Home Assistant, by every way in",
        argv=_module("benchmarks.at_home", "tests.home_assistant.critical_pipelines"),
    ),
    "blueprints": Proof(
        title="Every blueprint in a real Home Assistant with a real hub",
        argv=_module("benchmarks.at_home", "tests.home_assistant.prove_blueprints"),
    ),
    "kill": Proof(title="Killed and started again", argv=_module("proofs.kill")),
}


def main() -> int:
    """Run what was asked for, or everything that this commit has not proved yet."""
    parser = argparse.ArgumentParser(prog="script/prove", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROOFS))
    parser.add_argument("--again", action="store_true", help="also what has passed at this commit")
    parser.add_argument("--list", action="store_true", help="name the proofs and whether this commit has passed them")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in PROOFS]:
        parser.error(f"no proof {', '.join(unknown)}; there are {', '.join(PROOFS)}")
    names = arguments.names or list(PROOFS)
    if arguments.list:
        for name in names:
            print(f"{'passed' if _passed(name) else 'open  '}  {name:14} {PROOFS[name].title}")
        return 0
    todo = [name for name in names if arguments.again or not _passed(name)]
    failed = [name for name in tqdm(todo, unit="proof") if not _prove(name)]
    for name in failed:
        print(f"failed: {name}; its output is in {STATE / name}.log", file=sys.stderr)
    return int(bool(failed))


def _prove(name: str) -> bool:
    """Run one proof and keep its figures; return whether it passed."""
    STATE.mkdir(exist_ok=True)
    log = STATE / f"{name}.log"
    start = time.monotonic()
    with log.open("w") as output:
        argv = PROOFS[name].argv
        finished = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=output, text=True, check=False)
        output.write(finished.stdout)
    passed = finished.returncode == 0 and bool(finished.stdout.strip())
    if finished.stdout.strip():
        _write_section(name, _shown(finished.stdout), time.monotonic() - start, passed=passed)
    if passed:
        (STATE / f"{name}.passed").write_text(_revision())
    return passed


def _shown(output: str) -> str:
    """Return a program's figures as Markdown."""
    try:
        figures = json.loads(output.strip().splitlines()[-1])
    except ValueError:
        return f"```\n{output.strip(chr(10)).rstrip()}\n```\n"
    rows = "\n".join(f"| {key} | {_cell(value)} |" for key, value in figures.items())
    return f"| figure | value |\n|---|---|\n{rows}\n"


def _passed(name: str) -> bool:
    stamp = STATE / f"{name}.passed"
    return stamp.exists() and stamp.read_text() == _revision()


def _revision() -> str:
    """Return what the code is: the commit without documentation, so that writing the report changes nothing."""
    listing = subprocess.run(
        ["git", "ls-tree", "HEAD", "wyoming_server", "custom_components", "tests", "pyproject.toml",
         "requirements-test.txt"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return listing.stdout


def _write_section(name: str, figures: str, seconds: float, *, passed: bool) -> None:
    sections = _sections()
    verdict = "passed" if passed else "FAILED"
    when = dt.datetime.now(dt.UTC).date().isoformat()
    sections[PROOFS[name].title] = (
        f"`script/prove {name}`: {verdict} on {when} in {seconds:.0f} s, on {_machine()}.\n\n{figures}"
    )
    REPORT.parent.mkdir(exist_ok=True)
    order = [proof.title for proof in PROOFS.values()]
    known = sorted(sections, key=lambda title: order.index(title) if title in order else len(order))
    REPORT.write_text(HEAD + "".join(f"\n## {title}\n\n{sections[title]}" for title in known))


def _sections() -> dict[str, str]:
    if not REPORT.exists():
        return {}
    parts = re.split(r"^## (.+)\n\n", REPORT.read_text(), flags=re.MULTILINE)
    return {title: text.rstrip("\n") + "\n" for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def _cell(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    version = platform.python_version()
    return f"{platform.machine()}, {psutil.cpu_count()} shared cores, {memory:.0f} GiB, Python {version}"


if __name__ == "__main__":
    sys.exit(main())
