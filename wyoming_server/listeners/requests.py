"""Wyoming requests → what a turn needs to know. Unknown fields are ignored, wrong ones refused."""

import enum
import ipaddress
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wyoming.event import Event

from ..errors import MalformedEventError, UnknownModelError, UnsupportedLanguageError
from ..pipeline.endpoint import Sensitivity
from ..pipeline.grammar import Vocabulary
from ..pipeline.interpret import TurnRequest
from ..pipeline.listen import Mode
from ..pipeline.policy import Caller, MicrophoneClass, Network, RoutingMode, SatelliteSettings
from .replies import CONTEXT_KEY

TEXT_LIMIT = 200
"""Characters of one name or code."""
NAMES_LIMIT = 2000
"""Names or terms of one request; more would only be slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds when the client does not say."""

    language: str | None
    languages: tuple[str, ...]
    vocabulary: Vocabulary
    answer_early: bool
    trusted: tuple[Network, ...] = ()
    """Networks whose peers are believed, and may use lanes."""
    is_admitted: Callable[[str], bool] = lambda _address: False
    """Tells whether a peer at an address has shown the owner's token."""
    satellite: Callable[[str], SatelliteSettings] = lambda _satellite: SatelliteSettings()
    """What the owner has set for a satellite; it outranks what the client says."""

    def trusts(self, address: str) -> bool:
        """Tell whether a peer is believed; one without an address speaks through a socket of this machine."""
        return (
            not address
            or any(ipaddress.ip_address(address) in network for network in self.trusted)
            or self.is_admitted(address)
        )


def turn_request(
    event: Event, *, defaults: Defaults, model: str, known: tuple[str, ...], address: str, connection: str
) -> TurnRequest:
    """Return what a `transcribe` asks for; `connection` stands for a session that the client does not name.

    Raises MalformedEventError, UnknownModelError, UnsupportedLanguageError.
    """
    name = _text(event.data, "name")
    if name and name not in {model, "edge-voice"}:
        raise UnknownModelError(f"There is no model '{name}' here; leave the name out or use '{model}'")
    context = _context(event.data)
    names, terms = _texts(event.data, "transcript_names"), _texts(event.data, "transcript_terms")
    caller = caller_of(event, defaults=defaults, address=address, connection=connection)
    return TurnRequest(
        turn_id=uuid.uuid4().hex,
        language=_language(_text(event.data, "language"), defaults, known),
        languages=defaults.languages,
        vocabulary=Vocabulary(names=names, terms=terms, critical=defaults.vocabulary.critical)
        if names or terms
        else defaults.vocabulary,
        prompt=(names + terms) or (tuple(defaults.vocabulary.names) + tuple(defaults.vocabulary.areas)),
        mode=Mode.FILE if context.get("mode") == "file" else Mode.LIVE,
        answer_early=_answers_early(defaults, caller) and context.get("answer_early") is not False,
        sensitivity=_sensitivity(_text(event.data, "vad_sensitivity")),
        caller=caller,
    )


def _answers_early(defaults: Defaults, caller: Caller) -> bool:
    chosen = defaults.satellite(caller.satellite).answer_early
    return defaults.answer_early if chosen is None else chosen


def caller_of(event: Event, *, defaults: Defaults, address: str, connection: str) -> Caller:
    """Return who asks. What a peer that is not trusted says of itself is not believed. Raises MalformedEventError."""
    context = _context(event.data)
    if not defaults.trusts(address):
        return Caller(session=connection, satellite=address)
    satellite = _text(context, "satellite_id") or address
    said, settings = _one_of(MicrophoneClass, context, "microphone_class"), defaults.satellite(satellite)
    return Caller(
        trusted=True,
        session=_text(context, "session_id") or connection,
        satellite=satellite,
        microphone_class=settings.microphone_class or said or MicrophoneClass.FAR_FIELD,
        mode=_mode(_one_of(RoutingMode, context, "lane"), settings.routing_mode),
        can_confirm=context.get("can_confirm") is True,
        keeps_queue=context.get("keeps_queue") is True and context.get("mode") != "file",
        device=_text(context, "device_id") or "",
        client_lane=context.get("client_lane") is True,
        expect_confirmation=context.get("expect") == "confirm",
    )


def _one_of[E: enum.StrEnum](kind: type[E], context: Mapping[str, Any], key: str) -> E | None:
    """Return a choice that the client made. Raises MalformedEventError for one that there is not."""
    said = _text(context, key)
    if not said:
        return None
    if said not in set(kind):
        raise MalformedEventError(f"The field '{key}' must be one of {', '.join(kind)}")
    return kind(said)


def _mode(asked: RoutingMode | None, owners: RoutingMode | None) -> RoutingMode | None:
    """Return the mode of a turn: what stays on the hub by either's word stays there."""
    return RoutingMode.EDGE if RoutingMode.EDGE in {asked, owners} else owners or asked


def satellite_of(event: Event) -> str | None:
    """Return the satellite that a request names."""
    satellite = _context(event.data).get("satellite_id")
    return satellite if isinstance(satellite, str) else None


def wanted_words(event: Event) -> tuple[str, ...]:
    """Return the words that a `detect` asks for; () for any. Raises MalformedEventError."""
    return _texts(event.data, "names")


def _language(asked: str | None, defaults: Defaults, known: tuple[str, ...]) -> str | None:
    """Return the code that the model uses: `en` for `en-GB`."""
    if not asked or asked == "auto":
        return defaults.language
    code = asked.replace("_", "-").split("-")[0].lower()
    if code not in known:
        raise UnsupportedLanguageError(
            f"The language '{asked}' is not known to the model that serves now; it knows {', '.join(known)}"
        )
    return code


def _sensitivity(asked: str | None) -> Sensitivity:
    return Sensitivity(asked) if asked in set(Sensitivity) else Sensitivity.DEFAULT


def _context(data: Mapping[str, Any]) -> Mapping[str, Any]:
    context = data.get("context")
    ours = context.get(CONTEXT_KEY) if isinstance(context, dict) else None
    return ours if isinstance(ours, dict) else {}


def _text(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > TEXT_LIMIT:
        raise MalformedEventError(f"The field '{key}' must be a text of at most {TEXT_LIMIT} characters")
    return _whole(value)


def _texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise MalformedEventError(f"The field '{key}' must be a list of texts")
    return tuple(_whole(one[:TEXT_LIMIT]) for one in value[:NAMES_LIMIT])


def _whole(text: str) -> str:
    """Return a text without halves of characters: JSON can carry them, tokenizers and sockets cannot."""
    return text.encode(errors="replace").decode()


def audio_format(event: Event) -> tuple[int, int, int]:
    """Return rate in Hz, width in bytes and channels of an audio event. Raises MalformedEventError."""
    numbers = tuple(event.data.get(key) for key in ("rate", "width", "channels"))
    if not all(isinstance(one, int) and not isinstance(one, bool) and abs(one) < 2**31 for one in numbers):
        raise MalformedEventError(f"'{event.type}' must carry whole numbers of 32 bits as rate, width and channels")
    rate, width, channels = numbers
    return rate, width, channels  # type: ignore[return-value]  # checked to be ints just above
