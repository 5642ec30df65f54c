"""Runs the command line, every connect and every DNS question counted: `python -m tests.server.proofs.counted FILE …`.

Python's own audit events see what any Python code does, inside libraries too; a line per event goes to FILE.
"""

import socket
import sys
from pathlib import Path

QUESTIONS = frozenset({f"socket.{one}" for one in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo")})
CALLS = frozenset({f"socket.{one}" for one in ("connect", "sendto", "sendmsg")})


def main() -> None:
    """Watch, then serve."""
    output = Path(sys.argv.pop(1)).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115  # open while the process is

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in QUESTIONS or (event in CALLS and _leaves(*arguments[:2])):
            output.write(f"{event} {arguments[event in CALLS :]}\n")

    sys.addaudithook(watch)
    from wyoming_server.__main__ import main as edge_voice  # watched from its first import on

    edge_voice()


def _leaves(link: object, address: object) -> bool:
    """Tell whether a call names an address beyond this machine's files; an answer on a peer's connection names none."""
    return address is not None and isinstance(link, socket.socket) and link.family != socket.AF_UNIX


if __name__ == "__main__":
    main()
