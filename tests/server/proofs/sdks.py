"""The speech providers' own clients against the stand-in cloud: a table of what each did, and its figures.

Long form: `python -m tests.server.proofs.sdks`. It makes the clients' environments where they are missing, and fails
when a client does not transcribe, or takes an error for another than it is, or when the stand-in judges a header for
Home Assistant otherwise than Home Assistant does.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..cloud.clients import ROOT, run_clients
from ..cloud.home_assistant import complaint

HEADERS: list[str | None] = [
    None,
    "",
    "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en-US",
    "format=wav;codec=pcm;sample_rate=16000;bit_rate=16;channel=1;language=",
    "language=de_de;format=ogg; codec=opus; sample_rate=48000; bit_rate=32; channel=2",
    "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1",
    "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en; rate=3",
    "format=wav; codec=pcm; sample_rate=16k; bit_rate=16; channel=1; language=en",
    "format=wav; codec=pcm; sample_rate=16001; bit_rate=16; channel=1; language=en",
    "format=wav; codec=pcm; sample_rate=16000; bit_rate=12; channel=1; language=en",
    "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=3; language=en",
    "format=mp3; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en",
    "FORMAT=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en",
    "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en;",
    "format = wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en",
    "format=wav, codec=pcm, sample_rate=16000, bit_rate=16, channel=1, language=en",
]


def bootstrapped(kind: str) -> Path:
    """Make an environment; return its python."""
    made = subprocess.run(["script/bootstrap", kind], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Path(made.stdout.strip().splitlines()[-1])


def judged_otherwise(python: Path) -> list[str]:
    """Return the headers that Home Assistant and the stand-in do not agree on."""
    argv = [str(python), "-m", "tests.contract.speech_content"]
    finished = subprocess.run(argv, cwd=ROOT, input=json.dumps(HEADERS), stdout=subprocess.PIPE, text=True, check=True)
    real: list[str | None] = json.loads(finished.stdout)
    pairs = zip(HEADERS, real, strict=True)
    return [f"{header}: {theirs}" for header, theirs in pairs if bool(theirs) != bool(complaint(header))]


async def proved() -> dict[str, Any]:
    """Run everything; return the figures."""
    home_assistant = bootstrapped("home-assistant")
    lines, cloud = await run_clients(bootstrapped("sdks"), "tests.sdks")
    more, other = await run_clients(home_assistant, "tests.sdks", "nabu_casa")
    lines += more
    for line in lines:
        verdict = "right" if line["ok"] else "WRONG"
        came = line.get("raised", "the text")
        row = f"{verdict}  {line['sdk']:13} {line['version']:8} {line['case']:35} {came} {line.get('status') or ''}"
        print(row.rstrip())
    arrivals = [*cloud.recorder.arrivals, *other.recorder.arrivals]
    return {
        "cases": len(lines),
        "right": sum(line["ok"] for line in lines),
        "clients": sorted({f"{line['sdk']} {line['version']}" for line in lines}),
        "requests": len(arrivals),
        "requests to no known path": sum(not one.provider for one in arrivals),
        "headers judged": len(HEADERS),
        "headers judged otherwise than by Home Assistant": judged_otherwise(home_assistant),
    }


def main() -> int:
    """Print the figures; return 1 when anything was wrong."""
    figures = asyncio.run(proved())
    print()
    for name, value in figures.items():
        print(f"{name}: {json.dumps(value)}")
    wrong = figures["cases"] - figures["right"] + figures["requests to no known path"]
    return int(bool(wrong or figures["headers judged otherwise than by Home Assistant"]))


if __name__ == "__main__":
    sys.exit(main())
