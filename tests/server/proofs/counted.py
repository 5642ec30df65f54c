"""Runs the command line, every connect and every DNS question counted: `python -m tests.server.proofs.counted FILE …`.

Python's own audit events see what any Python code does, inside libraries too; a line per event goes to FILE.
"""

import sys
from pathlib import Path

WATCHED = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"})


def main() -> None:
    """Watch, then serve."""
    output = Path(sys.argv.pop(1)).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115  # open while the process is

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in WATCHED:
            where = [one for one in arguments if isinstance(one, (str, int, bytes, tuple))]
            output.write(f"{event} {where}\n")

    sys.addaudithook(watch)
    from wyoming_server.__main__ import main as edge_voice  # watched from its first import on

    edge_voice()


if __name__ == "__main__":
    main()
