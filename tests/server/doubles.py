"""Small real implementations of the pipeline's protocols, whose behaviour a test writes down."""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from wyoming_server.errors import DecodeError, OverloadedError
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.types import Continuation, DecodeRequest, Frame, GrammarMatch, Hypothesis, Token

SAID = "turn on the kitchen light"


def hypothesis(text: str = SAID) -> Hypothesis:
    """Return what a model that is sure of itself would answer."""
    tokens = tuple(Token(text=word, log_probability=-0.01, entropy=0.01, margin=0.99) for word in text.split())
    return Hypothesis(
        text=text, language="en", model="scripted", tokens=tokens, end_probability=0.99, tokens_per_second=3.0
    )


class EnergyVad:
    """Takes everything above a level for speech; may take its time."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        """Sleep so long over each batch of frames."""
        self._seconds = seconds

    def open(self) -> EnergyVad:
        """Return itself: it keeps no state."""
        return self

    async def probabilities(self, frames: list[Frame]) -> list[float]:
        """Return 1 for loud frames."""
        await asyncio.sleep(self._seconds)
        return [float(np.abs(frame.samples.astype(np.int32)).max() > 1000) for frame in frames]


class ScriptedModel:
    """Answers SAID after a while, or fails."""

    name = "scripted"
    languages = ("en",)
    hallucination_phrases: Mapping[str, Sequence[str]] = {}

    def __init__(self, *, seconds: float = 0.0, failure: Exception | None = None, limit: int = 1000) -> None:
        """Take so long, then raise `failure` if there is one; refuse what is beyond `limit` at once."""
        self.seconds, self.failure, self.limit = seconds, failure, limit
        self.at_once = 0
        self.asked = asyncio.Event()
        """Set when it was first asked to decode."""

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        """Return SAID."""
        if self.at_once >= self.limit:
            raise OverloadedError(f"{self.at_once} decodes wait already")
        self.at_once += 1
        self.asked.set()
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_once -= 1
        if self.failure:
            raise self.failure
        return hypothesis()


class PlainGrammar:
    """Takes every text for a complete sentence; may take its time."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        """Sleep so long over each text."""
        self._seconds = seconds

    async def match(self, text: str, language: str, vocabulary: Vocabulary) -> GrammarMatch:
        """Return a match after which nothing follows."""
        await asyncio.sleep(self._seconds)
        return GrammarMatch(continuation=Continuation.NONE, intent="HassTurnOn")


FAILED = DecodeError("the model failed, as the test wants it")
