"""The home's resolver: it knows one name, and can lose it or fall silent."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from typing import Literal, cast

NAME = "speech.test"
_HEADER = struct.Struct(">HHHHHH")
_A = 1


class Resolver(asyncio.DatagramProtocol):
    """Answers questions for addresses at port 53 of a loopback address of its own."""

    def __init__(self) -> None:
        """Know the name."""
        self.does: Literal["answer", "deny", "ignore"] = "answer"
        """`deny`: there is no such name; `ignore`: nothing comes back."""
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        if self.does != "ignore" and len(data) > _HEADER.size:
            self._transport.sendto(self.answer(data), addr)

    def answer(self, asked: bytes) -> bytes:
        """Return the reply to one question."""
        number, flags, *_ = _HEADER.unpack_from(asked)
        name, end = _name_of(asked)
        (kind,) = struct.unpack_from(">H", asked, end)
        known = name == NAME and self.does == "answer"
        records = b"\xc0\x0c" + struct.pack(">HHIH", _A, 1, 0, 4) + bytes((127, 0, 0, 1)) if kind == _A else b""
        head = _HEADER.pack(number, 0x8180 | (0 if known else 3) | (flags & 0x0100), 1, int(known and kind == _A), 0, 0)
        return head + asked[_HEADER.size : end + 4] + (records if known else b"")


def _name_of(asked: bytes) -> tuple[str, int]:
    """Return the name that a question is for, and where it ends."""
    at, labels = _HEADER.size, list[str]()
    while (length := asked[at]) != 0:
        labels.append(asked[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels).lower(), at + 1


@contextlib.asynccontextmanager
async def resolver(address: str) -> AsyncIterator[Resolver | None]:
    """Answer at a loopback address; None where this user may not listen there."""
    loop = asyncio.get_running_loop()
    try:
        transport, one = await loop.create_datagram_endpoint(Resolver, local_addr=(address, 53))
    except OSError:
        yield None
        return
    try:
        yield one
    finally:
        transport.close()
