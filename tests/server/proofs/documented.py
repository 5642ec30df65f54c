"""Every block of the documentation that is marked as one to run, run in a real clone: a row each.

python -m tests.server.proofs.documented [--only README.md]
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from ...documentation import blocks
from .typed import clone_into, typed


def main() -> int:
    """Run them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="pages whose name begins so")
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        clone = clone_into(Path(folder))
        path = f"{clone / 'bin'}{os.pathsep}{os.environ['PATH']}"
        (clone / "bin").mkdir()
        (clone / "bin" / "edge-voice").symlink_to(clone / "script/run")
        for block in blocks(clone):
            if not block.marked or not block.place.startswith(arguments.only):
                continue
            start_s = time.monotonic()
            status = typed(block.text, clone, {**os.environ, "PATH": path})
            failed += status != 0
            took_s = time.monotonic() - start_s
            print(f"{'ran' if status == 0 else f'FAILED ({status})':12}{took_s:6.1f} s  {block.place:32}", end="")
            print("; ".join(block.commands), flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
