"""Every attack on a hub's models, done to the real updater's process: one line of JSON.

Long form: `python -m tests.server.proofs.bundle_attacks`. A hub serves home-en@1.0.0 when the attack comes; it must be
refused by its own code, the bundle that serves must be untouched to the byte, and where the host was at fault, the
update must come through once it is honest again. Each row says how many attacks of a kind were refused, and how.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.server.updates.attacks import ATTACKS
from tests.server.updates.scene import LIMITS, NEWER, Runner, a_scene
from wyoming_server.errors import EdgeVoiceError
from wyoming_server.updates.jobs import Limits, run_job

PATIENT = replace(LIMITS, timeout_s=2.0, patience_s=1.5)
"""On a machine that others use, too."""


def run_apart(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do a job as the server has it done: in a process of its own."""
    return asyncio.run(run_job(job))


def outcome(name: str, run: Runner, limits: Limits = PATIENT) -> tuple[str, str]:
    """Do one attack; return the code that refused it, and what went wrong besides, which is nothing."""
    attack = ATTACKS[name]
    with tempfile.TemporaryDirectory() as space, a_scene(Path(space), run=run) as scene:
        scene.limits = limits
        attack.act(scene)
        before = scene.serving()
        try:
            return f"accepted {scene.take_up(attack.wanted)}", "it was accepted"
        except EdgeVoiceError as error:
            code, sentence = error.code, str(error)
        try:
            scene.untouched(before)
            if attack.heals:
                scene.host.heal()
                assert scene.take_up() == NEWER
        except (AssertionError, EdgeVoiceError) as error:
            return code, f"afterwards: {error!r}"
        return code, "" if sentence else "it says nothing"


def prove(names: Iterable[str], run: Runner) -> tuple[dict[str, Counter[str]], list[str]]:
    """Do the attacks; return kind → code → how many, and what was not as it should be."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: list[str] = []
    for name in names:
        attack = ATTACKS[name]
        code, fault = outcome(name, run)
        table[attack.group][code] += 1
        if code != attack.code or fault:
            wrong.append(f"{attack.group}, {name}: {code} instead of {attack.code}. {fault}")
            print(wrong[-1], file=sys.stderr)
    return table, wrong


def main() -> int:
    """Print the table; return 1 when an attack was not refused as it should be, or left a trace."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    start_s = time.monotonic()
    table, wrong = prove(ATTACKS, run_apart)
    rows = {
        group: ", ".join(f"`{code}` ({count})" for code, count in codes.most_common()) for group, codes in table.items()
    }
    seconds = round(time.monotonic() - start_s)
    print(json.dumps({"attacks": len(ATTACKS), "refused as they should be": len(ATTACKS) - len(wrong)} | rows
                     | {"seconds": seconds}))  # fmt: skip
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
