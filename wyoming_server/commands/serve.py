"""Answer Wyoming peers until stopped."""

import argparse

from ..logs import tell_crashes
from ..serve import serve_until_stopped
from ..settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments; each is a setting."""
    parser.add_argument(
        "--uri",
        dest="server.uris",
        action="append",
        metavar="URI",
        help="tcp://HOST:PORT, unix://PATH or stdio://, more than once if wanted (tcp://0.0.0.0:10300)",
    )
    parser.add_argument(
        "--http",
        dest="control.address",
        metavar="HOST:PORT|off",
        help="the control API, for Home Assistant and the status page; beyond loopback it speaks TLS (127.0.0.1:10380)",
    )
    parser.add_argument(
        "--allow", dest="server.allow", action="append", metavar="NETWORK", help="let in more than private networks"
    )
    parser.add_argument(
        "--model", dest="asr.model", metavar="NAME|DIR", help="starter, a faster-whisper name, a folder"
    )
    parser.add_argument(
        "--language", dest="asr.language", metavar="xx", help="language of the speech when the client names none"
    )


async def run(arguments: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001  # all is in the settings
    """Serve; return the exit status."""
    tell_crashes()
    return await serve_until_stopped(settings)
