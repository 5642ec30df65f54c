"""Looks for secrets in every byte of a folder, in the forms that programs write them in."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wyoming_server.pipeline.types import Samples

WINDOW_SAMPLES = 24
"""So many in a row are nobody else's."""
WINDOWS = 8
SHORTEST = 8
"""Bytes that are not there by chance."""


def forms_of_text(text: str) -> dict[str, bytes]:
    """Return how a text of at least eight bytes may lie on a disk."""
    plain = text.encode()
    assert len(plain) >= SHORTEST, "what is shorter is there by chance"
    return {
        "plain": plain,
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
        "reversed": plain[::-1],
        **_encoded(plain),
    }


def forms_of_sound(samples: Samples) -> dict[str, bytes]:
    """Return how some places of a recording may lie on a disk."""
    found = dict[str, bytes]()
    for place in np.linspace(0, len(samples) - WINDOW_SAMPLES, WINDOWS).astype(int):
        window = samples[place : place + WINDOW_SAMPLES]
        raw = window.astype("<i2").tobytes()
        forms = {
            "pcm-le": raw,
            "pcm-be": window.astype(">i2").tobytes(),
            "float32": (window.astype("<f4") / np.float32(32768.0)).tobytes(),
            "int32": window.astype("<i4").tobytes(),
            **_encoded(raw),
        }
        found |= {f"{name} at {place}": form for name, form in forms.items()}
    return found


def forms_of_bytes(content: bytes) -> dict[str, bytes]:
    """Return how a key or a sealed text may lie on a disk; of a longer one, its beginning, middle and end."""
    middle = len(content) // 2
    parts = {"begin": content[:32], "middle": content[middle : middle + 32], "end": content[-32:]}
    return {
        f"{where} {name}": form
        for where, part in parts.items()
        for name, form in {"raw": part, **_encoded(part)}.items()
    }


def _encoded(plain: bytes) -> dict[str, bytes]:
    """Return a content as text. Base64 in the middle of something else begins in three ways."""
    forms = {"hex": plain.hex().encode(), "HEX": plain.hex().upper().encode()}
    for shift in range(3):
        padded = bytes(shift) + plain
        encoded = base64.b64encode(padded[: len(padded) // 3 * 3])[4 if shift else 0 :]
        if len(encoded) >= SHORTEST:
            forms[f"base64+{shift}"] = encoded
    return forms


def found_in(folder: Path, wanted: Iterable[dict[str, bytes]]) -> Counter[str]:
    """Return how often each form of any secret is there."""
    return Counter(name.partition(" at ")[0] for _, name in _hits(folder, list(wanted)))


def count_in(folder: Path, wanted: Iterable[dict[str, bytes]]) -> int:
    """Return how many of the secrets are there, in whatever form."""
    return len({which for which, _ in _hits(folder, list(wanted))})


def _hits(folder: Path, wanted: Sequence[dict[str, bytes]]) -> Iterator[tuple[int, str]]:
    """Yield which secret was found, in which form. All are looked for at once, by their first eight bytes."""
    by_head: dict[int, list[tuple[int, str, bytes]]] = {}
    for which, forms in enumerate(wanted):
        for name, form in forms.items():
            head = int.from_bytes(form[:SHORTEST].ljust(SHORTEST, b"\0"), "little")
            by_head.setdefault(head, []).append((which, name, form))
    heads = np.sort(np.fromiter(by_head, np.uint64, len(by_head)))
    for content in _contents(folder):
        for place in _places(content, heads):
            head = int.from_bytes(content[place : place + SHORTEST], "little")
            yield from ((which, name) for which, name, form in by_head.get(head, ()) if content.startswith(form, place))


def _places(content: bytes, heads: npt.NDArray[np.uint64]) -> Iterator[int]:
    """Yield where one of some eight bytes begins."""
    for shift in range(SHORTEST):
        count = (len(content) - shift) // SHORTEST
        if count <= 0:
            continue
        words = np.frombuffer(content, "<u8", count, shift)
        nearest = heads[np.minimum(np.searchsorted(heads, words), len(heads) - 1)] if len(heads) else words + 1
        yield from (int(at) * SHORTEST + shift for at in np.nonzero(nearest == words)[0])


def _contents(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.name.encode() + b"\0" + path.read_bytes() + bytes(SHORTEST)
