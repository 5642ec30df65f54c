"""Run a real Home Assistant on loopback until interrupted, with Wyoming servers added."""

import argparse
import asyncio
import signal
import tempfile
from pathlib import Path

from tests.home_assistant.hass_process import home_assistant


async def run(config: Path, port: int, wyoming: list[int]) -> None:
    """Run until a signal, or until Home Assistant ends by itself."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with home_assistant(config, port) as hass:
        print(f"{hass.url}  (token: {config / 'token'}; log: {hass.log})", flush=True)
        for one in wyoming:
            print(f"{await hass.add_wyoming(one)} is the Wyoming server at port {one}", flush=True)
        waits = {asyncio.create_task(stopped.wait()), asyncio.create_task(hass.process.wait())}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, nargs="?", help="configuration folder, written anew (a temporary one)")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--wyoming", type=int, action="append", default=[], metavar="PORT", help="a server to add")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(arguments.config or Path(folder), arguments.port, arguments.wyoming))


if __name__ == "__main__":
    main()
