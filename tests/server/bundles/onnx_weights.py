"""Changes the weights inside an .onnx file, whose structure stays: a walk over the four messages that hold tensors."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _TENSOR = "model", "graph", "node", "attribute", "tensor"
_INTO: Mapping[str, Mapping[int, str]] = {
    _MODEL: {7: _GRAPH},
    _GRAPH: {1: _NODE, 5: _TENSOR},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH},
}
"""Message → number of a field → the message in it, as onnx.proto has them."""
_RAW_DATA = 9
_LENGTH_DELIMITED = 2
_FIXED = {1: 8, 5: 4}
"""Wire type → bytes."""


def change_onnx(file: Path, change: Callable[[bytes], bytes], *, at_least: int = 1024) -> None:
    """Replace the raw data of each tensor of so many bytes by what `change` makes of it: as many bytes."""
    content = bytearray(file.read_bytes())
    for start, end in _tensors(content, _MODEL, 0, len(content)):
        if end - start >= at_least:
            content[start:end] = change(bytes(content[start:end]))
    file.write_bytes(content)


def _tensors(content: bytearray, message: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for number, first, last in _fields(content, start, end):
        if message == _TENSOR and number == _RAW_DATA:
            yield first, last
        elif within := _INTO.get(message, {}).get(number):
            yield from _tensors(content, within, first, last)


def _fields(content: bytearray, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield each length-delimited field's number and place."""
    while at < end:
        tag, at = _varint(content, at)
        if (wire := tag & 7) == _LENGTH_DELIMITED:
            length, at = _varint(content, at)
            yield tag >> 3, at, at + length
            at += length
        elif wire in _FIXED:
            at += _FIXED[wire]
        else:
            _, at = _varint(content, at)


def _varint(content: bytearray, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return value, at
