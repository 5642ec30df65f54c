"""Pictures for the docs, small enough to be kept."""

from pathlib import Path

from PIL import Image


def compress(file: Path) -> None:
    """Write a picture again with 256 colours, which is all that flat pages need."""
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
