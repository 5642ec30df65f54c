"""One line of JSON for each thing that each client does: `python -m tests.sdks [FAMILY …] < given.json`.

It exits with 1 when one of them is wrong.
"""

import importlib
import json
import sys
from importlib import metadata

from .given import Given

FAMILIES = ("openai_family", "deepgram_own", "assemblyai_own", "google_own", "elevenlabs_own")
PACKAGES = {"deepgram": "deepgram-sdk", "google": "google-cloud-speech"}
"""Where the distribution has another name."""


def main() -> int:
    """Run the families that were named, or all."""
    given = Given(**json.load(sys.stdin))
    right = True
    for family in sys.argv[1:] or FAMILIES:
        for case in importlib.import_module(f"{__package__}.{family}").cases(given):
            line = case.tried(given)
            line["version"] = metadata.version(PACKAGES.get(case.sdk, case.sdk))
            right = right and line["ok"]
            print(json.dumps(line), flush=True)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
