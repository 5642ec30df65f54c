"""What may stand in a label: values that are known, and not too many of them."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from ..errors import EdgeVoiceError

OTHER = "other"
UNKNOWN = "unknown"
"""Of what was never told."""
MOST = 16
"""Values of a label that is not of a fixed list; the next are OTHER."""


class Admitted:
    """The first so many values that are known; one that was admitted stays until `left` lets it go."""

    def __init__(self, known: Callable[[], Collection[str]], most: int = MOST) -> None:
        self._known, self._most = known, most
        self._admitted: set[str] = set()

    def __call__(self, value: str, *, may_claim: bool = True) -> str:
        """Return the value where it is admitted, or may be now, else OTHER; `may_claim`: it may become so."""
        if value in self._admitted:
            return value
        if not may_claim or len(self._admitted) >= self._most or value in {"", OTHER} or value not in self._known():
            return OTHER
        self._admitted.add(value)
        return value

    def left(self) -> frozenset[str]:
        """Return the admitted that are not known any more, and admit them no longer."""
        gone = frozenset(self._admitted.difference(self._known()))
        self._admitted -= gone
        return gone


class Languages:
    """Languages that the model and the home know. A peer that is not trusted claims no place among them."""

    def __init__(self, known: Callable[[], Collection[str]]) -> None:
        self._admitted = Admitted(known)

    def __call__(self, language: str, *, trusted: bool = True) -> str:
        """Return a language's label; a region's way to speak it counts as the language."""
        if not language:
            return UNKNOWN
        found = self._admitted(language, may_claim=trusted)
        return found if found != OTHER else self._admitted(language.partition("-")[0].lower(), may_claim=trusted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Namers:
    """What stands for a value that is somebody's word. OTHER has no gauge: several would share it."""

    language: Callable[[str], str]
    lane: Callable[[str], str]


def one_of(known: Collection[str], value: str, missing: str = OTHER) -> str:
    """Return a value of a fixed list, OTHER for one that is not, and `missing` for none."""
    return (value if value in known else OTHER) if value else missing


def error_codes() -> frozenset[str]:
    """Return every code that a refusal can have."""
    return frozenset(_codes(EdgeVoiceError))


def _codes(kind: type[EdgeVoiceError]) -> Iterator[str]:
    yield kind.code
    for below in kind.__subclasses__():
        yield from _codes(below)
