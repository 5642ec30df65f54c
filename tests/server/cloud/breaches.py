"""Faults of timing, connection and HTTP itself."""

import asyncio
import datetime as dt
import email.utils
from collections.abc import Awaitable, Callable

from .exchange import Exchange
from .protocol import Answer

PAGE = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
type Late = Callable[[Exchange, Answer], Awaitable[None]]


def _head(*lines: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: application/json", *lines, "", "")).encode()


async def busy_until(exchange: Exchange, answer: Answer) -> None:
    """429, with a date 20 s from now."""
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=20)
    failure = exchange.service.failure(429, "Too many requests.")
    when = email.utils.format_datetime(until, usegmt=True)
    await exchange.send(Answer(status=429, document=failure.document, text=failure.text, headers={"Retry-After": when}))


async def proxy_page(exchange: Exchange, answer: Answer) -> None:
    """A proxy's own error."""
    await exchange.send_slowly(502, "text/html", [PAGE.encode()])


async def too_large_at_once(exchange: Exchange) -> None:
    """As nginx does it."""
    await exchange.raw(b"HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    exchange.arrival.status = 413
    await exchange.end()


async def no_content(exchange: Exchange, answer: Answer) -> None:
    """204."""
    await exchange.raw(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    await exchange.end()


async def spent(exchange: Exchange, answer: Answer) -> None:
    """The provider's own words."""
    await exchange.send(exchange.service.spent())


def slow(seconds: float) -> Late:
    """Wait before the first byte."""

    async def late(exchange: Exchange, answer: Answer) -> None:
        await asyncio.sleep(seconds)
        await exchange.send(answer)

    return late


def dribble(pieces: int, pause_seconds: float) -> Late:
    """Send the honest answer in so many pieces, with a pause after each."""

    async def late(exchange: Exchange, answer: Answer) -> None:
        body = answer.body
        step = max(1, -(-len(body) // pieces))
        parts = [body[at : at + step] for at in range(0, len(body), step)]
        headers = {**answer.headers}
        await exchange.send_slowly(
            answer.status,
            answer.content_type,
            parts,
            headers=headers,
            pause_seconds=pause_seconds * pieces / len(parts),
        )

    return late


async def silent(exchange: Exchange, answer: Answer) -> None:
    """Say nothing."""
    await exchange.hang()


async def deaf(exchange: Exchange) -> None:
    """Read nothing, either."""
    await exchange.hang()


async def close(exchange: Exchange) -> None:
    """Close at once."""
    await exchange.end()


async def close_mid(exchange: Exchange) -> None:
    """Close while the body comes."""
    await exchange.read(1)
    await exchange.end()


async def reset_mid(exchange: Exchange) -> None:
    """Reset while the body comes."""
    await exchange.read(1)
    await exchange.reset()


async def close_after(exchange: Exchange, answer: Answer) -> None:
    """Close instead of answering."""
    await exchange.end()


async def reset_after(exchange: Exchange, answer: Answer) -> None:
    """Reset instead of answering."""
    await exchange.reset()


async def close_in_headers(exchange: Exchange, answer: Answer) -> None:
    """Break off in a header."""
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: applic")
    await exchange.end()


async def _half_body(exchange: Exchange, answer: Answer) -> None:
    body = answer.body
    await exchange.raw(_head(f"Content-Length: {len(body)}"), body[: len(body) // 2])
    await asyncio.sleep(0.02)  # the client shall have read what there is


async def close_in_body(exchange: Exchange, answer: Answer) -> None:
    """Break off in the body."""
    await _half_body(exchange, answer)
    await exchange.end()


async def reset_in_body(exchange: Exchange, answer: Answer) -> None:
    """Break off in the body, with a reset."""
    await _half_body(exchange, answer)
    await exchange.reset()


async def banana(exchange: Exchange, answer: Answer) -> None:
    """HTTP/1.0, but for the status."""
    await exchange.raw(b"HTTP/1.0 banana\r\n\r\nbanana")
    await exchange.end()


async def greeting(exchange: Exchange, answer: Answer) -> None:
    """Speak another protocol."""
    await exchange.raw(b"220 mail.example ESMTP ready\r\n")
    await exchange.end()


async def header_flood(exchange: Exchange, answer: Answer) -> None:
    """Send 20,000 headers."""
    lines = [f"X-Flood-{number}: {number:064d}" for number in range(20_000)]
    await exchange.raw(_head(*lines, f"Content-Length: {len(answer.body)}"), answer.body)
    await exchange.end()


async def long_header(exchange: Exchange, answer: Answer) -> None:
    """Send a header of 8 MB."""
    await exchange.raw(b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"x" * 65_536] * 128, b"\r\n\r\n")
    await exchange.end()


async def continues(exchange: Exchange, answer: Answer) -> None:
    """Say "continue" for ever."""
    while True:
        await exchange.raw(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.01)


async def switch(exchange: Exchange, answer: Answer) -> None:
    """Switch protocols unasked."""
    await exchange.raw(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: banana\r\n\r\nbanana")
    await exchange.end()


async def two_lengths(exchange: Exchange, answer: Answer) -> None:
    """Promise two lengths."""
    body = answer.body
    await exchange.raw(_head(f"Content-Length: {len(body)}", f"Content-Length: {len(body) + 7}"), body)
    await exchange.end()


async def bad_chunk(exchange: Exchange, answer: Answer) -> None:
    """Send a chunk whose size is no number."""
    await exchange.raw(_head("Transfer-Encoding: chunked"), b"banana\r\n", answer.body, b"\r\n0\r\n\r\n")
    await exchange.end()


async def no_last_chunk(exchange: Exchange, answer: Answer) -> None:
    """Send all but the end."""
    body = answer.body
    await exchange.raw(_head("Transfer-Encoding: chunked"), f"{len(body):x}\r\n".encode(), body, b"\r\n")
    await exchange.hang()


async def endless(exchange: Exchange, answer: Answer) -> None:
    """Send white space for ever, as fast as it is taken."""
    await exchange.raw(_head("Transfer-Encoding: chunked"))
    block = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    while True:
        await exchange.raw(block)
        await asyncio.sleep(0)


def redirect(status: int) -> Late:
    """Lead to another host."""

    async def late(exchange: Exchange, answer: Answer) -> None:
        target = f"{exchange.elsewhere}{exchange.request.rel_url}"
        await exchange.send(Answer(status=status, text="Moved.\n", headers={"Location": target}))

    return late


async def redirect_loop(exchange: Exchange, answer: Answer) -> None:
    """Lead to itself."""
    await exchange.send(Answer(status=307, text="Here.\n", headers={"Location": str(exchange.request.rel_url)}))
