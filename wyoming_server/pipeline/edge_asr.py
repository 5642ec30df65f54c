"""Speech → Hypothesis on the hub, with the rules that catch made-up text and a second look when one is tripped."""

import dataclasses
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from .types import MIN_SPEECH_SECONDS, UNSURE_LOG_PROBABILITY, DecodeRequest, Hypothesis, Speech
from .wording import normalise

MIN_SPEECH_RATIO = 0.1
TOKENS_PER_SECOND = (0.7, 10.0)
COMPRESSION_LIMIT = 2.4
COMPRESSION_MIN_CHARACTERS = 30
REPEATS_LIMIT = 3
NO_SPEECH_LIMIT = 0.6
WHOLE_CONTEXT_FRAMES = 3000
CROWD_SECONDS = 4.0
CROWD_SPEECH_RATIO = 0.95
"""One talker leaves gaps, and is silent before the first word; a room full of them is and does not."""

SECOND_LOOK_RULES = frozenset({"no-end", "repetition", "token-rate", "known-phrase"})
"""Rules that a short encoder context can trip by itself; the others hold at any context."""


class EdgeModel(Protocol):
    """A recogniser on this hub."""

    @property
    def name(self) -> str:
        """What the model is called."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes that it knows."""

    @property
    def hallucination_phrases(self) -> Mapping[str, Sequence[str]]:
        """Language → normalised texts that it is known to make up."""

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        """Return what it hears; off the event loop, superseded work dropped. Raises TurnError."""


async def recognise(
    model: EdgeModel, speech: Speech, *, language: str | None, languages: tuple[str, ...], prompt: tuple[str, ...]
) -> Hypothesis:
    """Return what the model hears in an utterance, looked at twice when the first look is suspicious."""
    request = DecodeRequest(
        samples=speech.samples,
        language=language,
        languages=languages,
        # Prompts come back as text when there is little else to hear (faster-whisper issues 1356 and 731).
        prompt=prompt if speech.vad_speech_seconds >= 0.5 else (),
        speech_seconds=speech.vad_speech_seconds,
    )
    first = _ruled(model, await model.decode(request), speech, request)
    saw_all = first.context_frames >= WHOLE_CONTEXT_FRAMES and not request.prompt
    if saw_all or not SECOND_LOOK_RULES.intersection(first.rules):
        return first
    whole = dataclasses.replace(request, full_context=True, prompt=())
    return _ruled(model, await model.decode(whole), speech, whole)


def _ruled(model: EdgeModel, hypothesis: Hypothesis, speech: Speech, request: DecodeRequest) -> Hypothesis:
    phrases = model.hallucination_phrases.get(hypothesis.language, ())
    return dataclasses.replace(hypothesis, rules=tripped_rules(hypothesis, speech, request.prompt, phrases))


def tripped_rules(
    hypothesis: Hypothesis, speech: Speech, prompt: Sequence[str], phrases: Sequence[str]
) -> tuple[str, ...]:
    """Return the names of the hallucination rules that a hypothesis trips; any one makes its risk 1.

    Sources: Koenecke et al., FAccT 2024 (text without speech); Barański et al. 2025 (a small bag of phrases);
    Radford et al. 2022 (compression ratio and no-speech limits).
    """
    text = normalise(hypothesis.text)
    if not text:
        return ()
    words = text.split()
    low, high = TOKENS_PER_SECOND
    tripped = {
        "short-speech": speech.vad_speech_seconds < MIN_SPEECH_SECONDS
        or speech.vad_speech_seconds < MIN_SPEECH_RATIO * speech.seconds,
        "known-phrase": text in phrases,
        "token-rate": bool(hypothesis.tokens) and not low <= hypothesis.tokens_per_second <= high,
        "no-end": bool(hypothesis.tokens) and hypothesis.end_probability == 0.0,
        "repetition": _repeats(words) or _compresses(hypothesis.text),
        "prompt-echo": speech.vad_speech_seconds < 1.0 and bool(prompt) and text == normalise(" ".join(prompt)),
        "crowd": speech.vad_speech_seconds >= max(CROWD_SECONDS, CROWD_SPEECH_RATIO * speech.seconds)
        and hypothesis.mean_log_probability < UNSURE_LOG_PROBABILITY,
        # Silence and hum decode to a junk token at no_speech 1.000. Some large models always say 0 here.
        "no-speech": hypothesis.no_speech_probability > NO_SPEECH_LIMIT
        and hypothesis.mean_log_probability < UNSURE_LOG_PROBABILITY,
    }
    return tuple(name for name, hit in tripped.items() if hit)


def _repeats(words: list[str]) -> bool:
    """Whether some three words in a row come three times, or one word four times on end."""
    if any(len(set(words[index : index + 4])) == 1 for index in range(len(words) - 3)):
        return True
    threes = Counter(zip(words, words[1:], words[2:], strict=False))
    return any(count >= REPEATS_LIMIT for count in threes.values())


def _compresses(text: str) -> bool:
    """Whether the text is far more regular than speech; says nothing about short ones."""
    data = text.encode()
    return len(text) > COMPRESSION_MIN_CHARACTERS and len(data) / len(zlib.compress(data)) > COMPRESSION_LIMIT
