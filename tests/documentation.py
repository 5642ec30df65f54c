"""Blocks of commands in the documentation, and who runs them: docs/contributing.md says how they are marked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
QUICK, LONG = "run", "prove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Commands that somebody may copy."""

    place: str
    """Page and line."""
    marked: str
    """`run`, `prove`, or empty for what nobody runs."""
    text: str

    @property
    def commands(self) -> list[str]:
        """Its lines without their comments."""
        return [said for line in self.text.splitlines() if (said := re.split(r"(?:^|\s)#", line)[0].strip())]


def pages(root: Path = ROOT) -> list[Path]:
    """Return every page for people."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def blocks(root: Path = ROOT) -> Iterator[Block]:
    """Give the blocks of commands of all pages."""
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r"^```sh ?(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            place = f"{page.relative_to(root)}:{text.count('\n', 0, found.start()) + 1}"
            yield Block(place=place, marked=found[1], text=found[2])
