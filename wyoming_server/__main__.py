"""Edge Voice: a home's voice assistant, answered on the hub.

Results go to standard output, logs and refusals to standard error. Exit status: 0 done, 1 failed, 2 bad usage.
"""

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Sequence

from . import __version__
from .commands.shared_flags import add_shared
from .errors import EdgeVoiceError, UsageError
from .settings import Raw, read_settings, set_up_logging

COMMANDS = {
    "serve": "answer Wyoming peers until stopped",
    "demo": "speak packaged recordings to a real server and show where the time goes",
    "transcribe": "transcribe WAV files",
    "bench": "measure latency, beside any other Wyoming STT server",
    "evaluate": "measure, on recordings whose words are known, whether the risk knows which texts are wrong",
    "simulate": "run the server's own learning on made-up streams and hold it to what it promises",
    "tune": "measure this machine and choose the model, threads and context that fit it",
    "token": "print the token that the control API asks for, or make a new one",
    "privacy": "show what is known, kept and sent, and erase it for good",
    "queue": "show requests that wait for a speech service; hurry, repeat and drop them",
    "models": "install, explain, verify and roll back signed models, or publish them",
    "scorecard": "show a month: how fast, how often the cloud was asked, what it cost, and what to do next",
    "baseline": "record for some days what a cloud-only assistant would be like here",
}


def main() -> None:
    """Run one command and exit with its status."""
    try:
        status = _run(sys.argv[1:])
    except EdgeVoiceError as error:
        print(f"edge-voice: {error.code}: {error}", file=sys.stderr)  # noqa: T201  # refusals are part of the interface
        status = 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter's own last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)


def _run(argv: Sequence[str]) -> int:
    arguments = _parser(argv).parse_args(argv)
    settings = read_settings(arguments.config, _flags(arguments))
    set_up_logging(settings)
    # Imported only now: `--help` and a wrong flag need no model library.
    command = importlib.import_module(f".commands.{arguments.command}", __package__)
    status: int = asyncio.run(command.run(arguments, settings))
    return status


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the command that is named brings its own arguments."""
    parser = argparse.ArgumentParser(
        prog="edge-voice", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"edge-voice {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    named = next((word for word in argv if word in COMMANDS), None)
    for name, summary in COMMANDS.items():
        one = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        add_shared(one)
        if name == named:
            importlib.import_module(f".commands.{name}", __package__).add_arguments(one)
    return parser


def _flags(arguments: argparse.Namespace) -> Raw:
    """Return the flags that are settings: their destination is section.key."""
    raw: Raw = {}
    for name, value in vars(arguments).items():
        section, _, key = name.partition(".")
        if key and value is not None:
            raw.setdefault(section, {})[key] = value
    return raw


if __name__ == "__main__":
    main()
