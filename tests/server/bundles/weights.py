"""The weights of a CTranslate2 model file, read and written, so that tests can ruin them by degrees."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

FLOAT32, INT8 = 0, 1
"""ctranslate2's own numbers for the types of a variable."""
_DTYPES = {FLOAT32: "<f4", INT8: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}

type Weights = npt.NDArray[np.int8]


def change_weights(file: Path, change: Callable[[str, Weights], Weights]) -> None:
    """Replace every int8 matrix by what `change` makes of it, its name given; everything else stays as it is."""
    source, target = io.BytesIO(file.read_bytes()), io.BytesIO()

    def copied(size: int) -> bytes:
        target.write(content := source.read(size))
        return content

    def text() -> str:
        return copied(struct.unpack("<H", copied(2))[0])[:-1].decode()

    copied(4)  # the format's version
    text()
    copied(4)  # the specification's revision
    for _ in range(struct.unpack("<I", copied(4))[0]):
        name = text()
        shape = struct.unpack(f"<{(rank := copied(1)[0])}I", copied(4 * rank))
        kind = copied(1)[0]
        content = source.read(struct.unpack("<I", copied(4))[0])
        if kind == INT8 and len(shape) > 1:
            weights = np.frombuffer(content, _DTYPES[kind]).reshape(shape)
            content = np.ascontiguousarray(change(name, weights), np.int8).tobytes()
        target.write(content)
    target.write(source.read())  # the aliases
    file.write_bytes(target.getvalue())


def read_weights(file: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Return every variable in full precision, what is stored as int8 with its scale applied."""
    source = io.BytesIO(file.read_bytes())

    def number(form: str) -> int:
        return int(struct.unpack(form, source.read(struct.calcsize(form)))[0])

    def text() -> str:
        return source.read(number("<H"))[:-1].decode()

    number("<I")
    text()
    number("<I")
    found: dict[str, npt.NDArray[np.float32]] = {}
    for _ in range(number("<I")):
        name = text()
        shape = [number("<I") for _ in range(number("<B"))]
        kind = number("<B")
        found[name] = np.frombuffer(source.read(number("<I")), _DTYPES[kind]).reshape(shape).astype(np.float32)
    for name in [one for one in found if f"{one}_scale" in found]:
        scale = found.pop(f"{name}_scale")
        found[name] = found[name] / scale.reshape(-1, *(1 for _ in found[name].shape[1:]))
    return found


def quantised(bits: int) -> Callable[[str, Weights], Weights]:
    """Return what keeps only so many bits of every weight: 8 change nothing, 1 keeps the sign."""

    def change(_: str, weights: Weights) -> Weights:
        step = 2.0 ** (8 - bits)
        kept = (np.floor(weights / step) + 0.5) * step
        return np.clip(np.rint(kept), -127, 127).astype(np.int8)

    return change


def noisy(scale: float, seed: int = 0) -> Callable[[str, Weights], Weights]:
    """Return what adds noise of so many steps (of 127) to every weight."""
    generator = np.random.default_rng(seed)

    def change(_: str, weights: Weights) -> Weights:
        noise = generator.normal(0.0, scale, weights.shape)
        return np.clip(np.rint(weights + noise), -127, 127).astype(np.int8)

    return change
