"""Everything that goes wrong with speech services, by name."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from . import breaches, contents
from .exchange import Exchange
from .protocol import Answer

ANSWERED, BUSY, CERTIFICATE, CREDENTIALS = "answered", "lane-busy", "lane-certificate", "lane-credentials"
EMPTY, FAILED, FORBIDDEN, LANGUAGE = "lane-empty", "lane-failed", "lane-forbidden", "lane-language"
MALFORMED, REDIRECTED, REFUSED = "lane-malformed", "lane-redirected", "lane-refused"
TIMEOUT, UNREACHABLE = "lane-timeout", "lane-unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    name: str = ""
    says: str
    """For people."""
    endings: tuple[str, ...]
    """What a good client makes of it: codes of its errors, and `answered` where the text may be taken."""
    where: str = "request"
    """`request`, or `listener` when it has an address of its own."""
    early: Callable[[Exchange], Awaitable[None]] | None = None
    """Done once the headers are read."""
    late: Callable[[Exchange, Answer], Awaitable[None]] | None = None
    """Done instead of sending the honest answer."""
    heard: str | None = None
    """Heard instead."""
    language: str | None = None
    """Said instead."""
    providers: tuple[str, ...] = ()
    """() for all."""
    lasts: bool = False
    """Whether nothing but the client's own deadline ends it."""

    def fits(self, provider: str) -> bool:
        """Tell whether it can happen to a provider."""
        return not self.providers or provider in self.providers


def _status(status: int, *endings: str, **headers: str) -> Fault:
    async def late(exchange: Exchange, answer: Answer) -> None:
        failure = exchange.service.failure(status, f"The stand-in answers {status}.")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await exchange.send(replace(failure, headers={**failure.headers, **named}))

    return Fault(says=f"answers {status} {headers or ''}".strip(), endings=endings, late=late)


STATUSES = {
    "http-400": _status(400, REFUSED),
    "http-401": _status(401, CREDENTIALS),
    "http-402": _status(402, BUSY, CREDENTIALS, FORBIDDEN),
    "http-403": _status(403, FORBIDDEN),
    "http-404": _status(404, REFUSED),
    "http-408": _status(408, TIMEOUT, FAILED, REFUSED),
    "http-413": _status(413, REFUSED),
    "http-415": _status(415, REFUSED),
    "http-422": _status(422, REFUSED),
    "http-429": _status(429, BUSY),
    "http-429-seconds": _status(429, BUSY, Retry_After="7"),
    "http-429-date": Fault(says="answers 429 with a date to retry after", endings=(BUSY,), late=breaches.busy_until),
    "http-429-nonsense": _status(429, BUSY, Retry_After="soon"),
    "http-429-next-year": _status(429, BUSY, Retry_After="31536000"),
    "http-500": _status(500, FAILED),
    "http-502": _status(502, FAILED),
    "http-503": _status(503, FAILED, BUSY),
    "http-503-seconds": _status(503, FAILED, BUSY, Retry_After="3"),
    "http-504": _status(504, FAILED, TIMEOUT),
    "http-502-html": Fault(says="a proxy's 502 in HTML", endings=(FAILED,), late=breaches.proxy_page),
    "http-413-early": Fault(
        says="refuses with 413 before it has read the audio, and closes",
        endings=(REFUSED, FAILED),
        early=breaches.too_large_at_once,
    ),
    "http-204": Fault(says="no content at all", endings=(EMPTY, MALFORMED, FAILED), late=breaches.no_content),
    "quota-spent": Fault(
        says="the account's quota is spent, in the provider's own words",
        endings=(BUSY, CREDENTIALS, FORBIDDEN, FAILED),  # Home Assistant says no more than that it failed
        late=breaches.spent,
    ),
}
TIMING = {
    "slow": Fault(says="400 ms to the first byte", endings=(ANSWERED, TIMEOUT), late=breaches.slow(0.4)),
    "slow-between-bytes": Fault(
        says="20 pieces, 15 ms after each",
        endings=(ANSWERED, TIMEOUT),  # the second where the deadline is short or the machine busy
        late=breaches.dribble(20, 0.015),
    ),
    "too-slow": Fault(says="20 s to the first byte", endings=(TIMEOUT,), late=breaches.slow(20.0), lasts=True),
    "dribbles": Fault(
        says="a few bytes each 150 ms for 20 s", endings=(TIMEOUT,), late=breaches.dribble(135, 0.15), lasts=True
    ),
    "never-answers": Fault(says="reads all, says nothing", endings=(TIMEOUT,), late=breaches.silent, lasts=True),
    "never-reads": Fault(says="reads no body, says nothing", endings=(TIMEOUT,), early=breaches.deaf, lasts=True),
}
CONTENTS = {
    "empty-text": Fault(says="heard nothing", endings=(EMPTY,), heard=""),
    "blank-text": Fault(says="heard white space", endings=(EMPTY,), heard=" \n\t "),
    "other-language": Fault(
        says="answers in French",
        endings=(LANGUAGE, ANSWERED),
        heard="allume la lumière de la cuisine",
        language="fr",
    ),
    "control-characters": Fault(
        says="a text with NUL, escapes and line ends",
        endings=(ANSWERED, MALFORMED),
        heard="turn on\x00 the\x1b[2J kitchen\r\nlight\u202e",
    ),
    "lone-surrogate": Fault(
        says="a text that cannot be UTF-8", endings=(ANSWERED, MALFORMED), late=contents.lone_surrogate
    ),
    "very-long-text": Fault(says="a text of 120 kB", endings=(ANSWERED, MALFORMED), heard="light " * 20_000),
    "empty-object": Fault(says="{}", endings=(MALFORMED, EMPTY), late=contents.empty_object),
    "empty-lists": Fault(says="every list and text is empty", endings=(EMPTY, MALFORMED), late=contents.empty_lists),
    "null-fields": Fault(says="every value is null", endings=(MALFORMED, EMPTY), late=contents.nulls),
    "wrong-types": Fault(says="every value has another type", endings=(MALFORMED,), late=contents.wrong_types),
    "json-list": Fault(says="a list instead of an object", endings=(MALFORMED,), late=contents.listed),
    "json-text": Fault(says="a bare JSON string", endings=(MALFORMED,), late=contents.quoted),
    "half-json": Fault(says="the first half of the document", endings=(MALFORMED,), late=contents.half),
    "json-too-deep": Fault(says="200,000 brackets", endings=(MALFORMED,), late=contents.too_deep),
    "json-huge-number": Fault(says="a number of 9,000 digits", endings=(MALFORMED,), late=contents.huge_number),
    "invalid-utf-8": Fault(says="bytes that are no UTF-8", endings=(MALFORMED,), late=contents.no_utf_8),
    "no-body": Fault(says="200 and nothing", endings=(MALFORMED, EMPTY), late=contents.nothing),
    "html": Fault(says="200 and a log-in page", endings=(MALFORMED,), late=contents.page),
    "html-10-mb": Fault(says="200 and 10 MB of HTML", endings=(MALFORMED,), late=contents.long_page),
    "gzip-bomb": Fault(says="100 MB that were 100 kB", endings=(MALFORMED, FAILED), late=contents.bomb),
    "gzip-garbage": Fault(says="gzip that is none", endings=(MALFORMED, FAILED), late=contents.no_gzip),
    "half-stream": Fault(
        says="half of the events, then the end",
        endings=(MALFORMED, FAILED),
        late=contents.half_stream,
        providers=("openai",),
    ),
    "stream-without-end": Fault(
        says="all deltas, then nothing more",
        endings=(TIMEOUT,),
        late=contents.stream_without_end,
        providers=("openai",),
        lasts=True,
    ),
    "stream-error": Fault(
        says="an error event after a few deltas",
        endings=(FAILED, MALFORMED),
        late=contents.stream_error,
        providers=("openai",),
    ),
    "stream-garbage": Fault(
        says="events that are no JSON", endings=(MALFORMED,), late=contents.stream_garbage, providers=("openai",)
    ),
}
BREACHES = {
    "closes-at-once": Fault(says="closes when the headers are read", endings=(FAILED,), early=breaches.close),
    "closes-mid-request": Fault(says="closes while the audio comes", endings=(FAILED,), early=breaches.close_mid),
    "resets-mid-request": Fault(says="resets while the audio comes", endings=(FAILED,), early=breaches.reset_mid),
    "closes-before-answer": Fault(says="reads all and closes", endings=(FAILED,), late=breaches.close_after),
    "resets-before-answer": Fault(says="reads all and resets", endings=(FAILED,), late=breaches.reset_after),
    "closes-mid-headers": Fault(
        says="closes in the headers", endings=(FAILED, MALFORMED), late=breaches.close_in_headers
    ),
    "closes-mid-body": Fault(
        says="closes in the middle of the body", endings=(FAILED, MALFORMED), late=breaches.close_in_body
    ),
    "resets-mid-body": Fault(
        says="resets in the middle of the body", endings=(FAILED, MALFORMED), late=breaches.reset_in_body
    ),
    "garbage": Fault(says="HTTP/1.0 banana", endings=(MALFORMED, FAILED), late=breaches.banana),
    "not-http": Fault(says="another protocol's greeting", endings=(MALFORMED, FAILED), late=breaches.greeting),
    "header-flood": Fault(says="20,000 headers", endings=(MALFORMED, FAILED), late=breaches.header_flood),
    "header-8-mb": Fault(says="one header of 8 MB", endings=(MALFORMED, FAILED), late=breaches.long_header),
    "continue-flood": Fault(
        says="100 Continue without end", endings=(TIMEOUT, FAILED, MALFORMED), late=breaches.continues, lasts=True
    ),
    "switches-protocols": Fault(
        says="101, to a protocol that nobody asked for",
        endings=(MALFORMED, FAILED, REFUSED),
        late=breaches.switch,
    ),
    "two-lengths": Fault(says="two Content-Lengths", endings=(MALFORMED, FAILED), late=breaches.two_lengths),
    "bad-chunk": Fault(says="a chunk whose size is no number", endings=(MALFORMED, FAILED), late=breaches.bad_chunk),
    "chunked-without-end": Fault(
        says="the whole document and no last chunk", endings=(TIMEOUT,), late=breaches.no_last_chunk, lasts=True
    ),
    "endless-body": Fault(says="chunks without end, fast", endings=(MALFORMED, TIMEOUT), late=breaches.endless),
    **{
        f"redirect-{status}": Fault(
            says=f"{status} to another host", endings=(REDIRECTED,), late=breaches.redirect(status)
        )
        for status in (301, 302, 307, 308)
    },
    "redirect-loop": Fault(says="307 to itself", endings=(REDIRECTED,), late=breaches.redirect_loop),
}
LISTENERS = {
    "refuses-connection": Fault(says="nobody listens", endings=(UNREACHABLE,)),
    "never-speaks": Fault(
        says="accepts connections and says nothing, no TLS handshake either",
        endings=(TIMEOUT, UNREACHABLE),
        lasts=True,
    ),
    "no-such-host": Fault(says="a name that does not exist", endings=(UNREACHABLE,)),
    "no-tls": Fault(says="plain HTTP where TLS is expected", endings=(CERTIFICATE, UNREACHABLE, FAILED, MALFORMED)),
    "certificate-expired": Fault(says="its certificate has expired", endings=(CERTIFICATE,)),
    "certificate-not-yet-valid": Fault(says="its certificate is of the future", endings=(CERTIFICATE,)),
    "certificate-self-signed": Fault(says="it vouches for itself", endings=(CERTIFICATE,)),
    "certificate-unknown-authority": Fault(says="a stranger vouches for it", endings=(CERTIFICATE,)),
    "certificate-wrong-host": Fault(says="its certificate names another host", endings=(CERTIFICATE,)),
}
FAULTS = {
    name: replace(fault, name=name, where="listener" if name in LISTENERS else "request")
    for name, fault in {**STATUSES, **TIMING, **CONTENTS, **BREACHES, **LISTENERS}.items()
}
"""Name → fault."""
