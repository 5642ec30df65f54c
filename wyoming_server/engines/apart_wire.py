"""What a model's own process and the server say to each other: a JSON header, and bytes behind it."""

import asyncio
import dataclasses
import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from ..pipeline.types import DecodeRequest, Hypothesis, Token

_LENGTHS = struct.Struct("<II")
"""Of the header and of what follows it."""
LONGEST_HEADER = 1 << 22
LONGEST_PAYLOAD = 1 << 22
"""Above 30 s of 16-bit audio, and a hypothesis of some hundred tokens: a child that says more has lost its mind."""


class WireError(Exception):
    """The other side said what nobody understands."""


type Message = tuple[dict[str, Any], bytes]


def packed(header: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """Return a message as bytes."""
    text = json.dumps(header).encode()
    return _LENGTHS.pack(len(text), len(payload)) + text + payload


def read_from(stream: BinaryIO) -> Message | None:
    """Return the next message; None when the other side has gone. Blocks. Raises WireError."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header, payload = _checked(lengths)
    return _header(stream.read(header)), stream.read(payload)


async def read_soon(stream: asyncio.StreamReader) -> Message:
    """Return the next message. Raises WireError, and IncompleteReadError when the other side has gone."""
    header, payload = _checked(await stream.readexactly(_LENGTHS.size))
    return _header(await stream.readexactly(header)), await stream.readexactly(payload)


def _checked(lengths: bytes) -> tuple[int, int]:
    header, payload = _LENGTHS.unpack(lengths)
    if header > LONGEST_HEADER or payload > LONGEST_PAYLOAD:
        raise WireError(f"a message of {header} and {payload} bytes")
    return header, payload


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"no JSON: {error}") from error
    if not isinstance(header, dict):
        raise WireError("no JSON object")
    return header


def request_fields(request: DecodeRequest) -> Message:
    """Return an utterance as a message's parts."""
    header = {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}
    del header["samples"]
    return header, request.samples.astype("<i2").tobytes()


def request_of(header: Mapping[str, Any], payload: bytes) -> DecodeRequest:
    """Return the utterance of a message."""
    return DecodeRequest(
        samples=np.frombuffer(payload, "<i2").astype(np.int16),
        language=header["language"],
        languages=tuple(header["languages"]),
        prompt=tuple(header["prompt"]),
        speech_seconds=header["speech_seconds"],
        full_context=header["full_context"],
    )


def hypothesis_of(fields: Mapping[str, Any]) -> Hypothesis:
    """Return what was heard, from `dataclasses.asdict` of it. Raises WireError."""
    try:
        tokens = tuple(Token(**one) for one in fields["tokens"])
        return Hypothesis(**{**fields, "tokens": tokens, "rules": tuple(fields["rules"])})
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"no hypothesis: {error}") from error
