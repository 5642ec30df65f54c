"""Which recogniser one turn gets while a candidate answers a share of them; no turn is lost to a candidate."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ..errors import DecodeError, EdgeVoiceError, ModelMissingError, UnsupportedLanguageError
from ..pipeline.types import DecodeRequest, Hypothesis


class Recogniser(Protocol):
    """A recogniser as turns see it."""

    @property
    def name(self) -> str:
        """What the model is called."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes that it knows."""

    @property
    def hallucination_phrases(self) -> Mapping[str, Sequence[str]]:
        """Language → texts that it is known to make up."""

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        """Return what it hears. Raises TurnError."""


class CandidateArm:
    """One turn's recogniser: the candidate, and the incumbent where that fails or has gone meanwhile."""

    def __init__(
        self, candidate: Recogniser, incumbent: Recogniser, *, on_error: Callable[[EdgeVoiceError], None]
    ) -> None:
        """Begin with the candidate; `on_error` hears once that it has failed on this turn."""
        self._serves, self._incumbent, self._on_error = candidate, incumbent, on_error

    @property
    def name(self) -> str:
        """What the model is called that decodes for this turn."""
        return self._now().name

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes that it knows."""
        return self._now().languages

    @property
    def hallucination_phrases(self) -> Mapping[str, Sequence[str]]:
        """Language → texts that it is known to make up."""
        return self._now().hallucination_phrases

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        """Return what is heard. Raises TurnError: only of the incumbent, or because too many wait."""
        try:
            return await self._serves.decode(request)
        except (DecodeError, UnsupportedLanguageError, ModelMissingError) as error:
            if self._serves is self._incumbent:
                raise
            self._serves = self._incumbent
            if not isinstance(error, ModelMissingError):  # which means that it was rolled back just now
                self._on_error(error)
        return await self._serves.decode(request)

    def _now(self) -> Recogniser:
        try:
            _ = self._serves.name
        except ModelMissingError:
            self._serves = self._incumbent
        return self._serves
