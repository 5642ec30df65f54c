"""Puts the register into docs/privacy.md, between its marks: `python -m tests.server.records.write_privacy`."""

from pathlib import Path

from wyoming_server.commands.privacy_lineage import page_of
from wyoming_server.records import lineage

PAGE = Path(__file__).parents[3] / "docs" / "privacy.md"
BEGIN, END = "<!-- begin: edge-voice privacy lineage --markdown -->", "<!-- end -->"


def with_register(text: str) -> str:
    """Return a page with the register as it is now."""
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    return f"{head}{BEGIN}\n{page_of(lineage.told())}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(with_register(PAGE.read_text("utf-8")), "utf-8")
