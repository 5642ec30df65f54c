"""The flags that every command takes."""

import argparse
from pathlib import Path


def add_shared(parser: argparse.ArgumentParser, *, default: object = None) -> None:
    """Add them; below a command that took them already, the default is argparse.SUPPRESS, which keeps what it took."""
    parser.add_argument("--config", type=Path, metavar="FILE", default=default, help="settings, as YAML")
    parser.add_argument(
        "--data-dir",
        dest="server.data_dir",
        metavar="DIR",
        default=default,
        help="where fetched models, the ledger and what was learned lie (data)",
    )
    parser.add_argument(
        "--log-level",
        dest="server.log_level",
        metavar="LEVEL",
        default=default,
        help="debug, info, warning or error (info)",
    )
