"""What speaks for and against a text, as numbers: the features that a scorecard weighs.

Doubts are on a logarithmic scale: a word at 0.999 is ten times as sure as one at 0.99, and small recognisers are wrong
mostly where a word is not quite sure. The weakest word counts, not the mean: one wrong slot fails a command (Laptev and
Ginsburg, SLT 2022). The rate of tokens sees what no word's probability can, words left out (Qiu et al., 2021).
Doubt means more in noise (routing-science 1.2: 10 to 20 % of tokens are wrong above 0.7 at a low SNR), so the two are
weighed together, too, as a product of two shares, which keeps each of them monotone. Numbers are where recognisers are
wrong and sure: fifteen and fifty differ by a sound.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .policy import History, Standing
from .types import Continuation, GrammarMatch, Hypothesis, Quality, Speech, Token
from .wording import normalise

DOUBT_FLOOR = 1e-4
"""Surer than this is not less risky."""
USUAL_SECONDS = 1.5
"""Commands are about this long; shorter and longer ones are looked at apart."""
USUAL_RATE = 3.5
"""Tokens a second of speech, likewise."""
QUIET_DB = 25.0
"""From this SNR on, noise is no matter."""
LOUD_DB = 0.0
WITHOUT_SPACES = frozenset({"ja", "zh", "yue", "th", "lo", "my", "km"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What a feature means."""

    direction: int
    """+1 when risk may only grow with it, −1 when it may only fall."""
    plus: str
    """What it is called when it speaks against the text."""
    minus: str
    """What it is called when it speaks for it; `{language}` stands for the language's name."""


def _against(plus: str, minus: str) -> Feature:
    return Feature(direction=1, plus=plus, minus=minus)


def _for(plus: str, minus: str) -> Feature:
    return Feature(direction=-1, plus=plus, minus=minus)


FEATURES: Mapping[str, Feature] = {
    "confidence": _for("unusual confidence for {language}", "usual confidence for {language}"),
    "entropy": _against("unusually many alternatives for {language}", "few alternatives, as usual for {language}"),
    "weakest_word": _against("one word is unsure", "every word is sure"),
    "sentence": _against("unsure as a whole", "sure as a whole"),
    "opening": _against("begins as commands do not", "begins as commands do"),
    "number": _against("numbers sound alike", "holds no number"),
    "snr_db": _for("room noise", "quiet room"),
    "confidence_and_noise": _against("unsure in noise", "no doubt made worse by noise"),
    "clipping": _against("the microphone clips", "no clipping"),
    "length_short": _against("very short", "long enough"),
    "length_long": _against("a long sentence", "a short sentence"),
    "slow": _against("few words for so much speech", "as many words as the speech holds"),
    "fast": _against("many words for so little speech", "no more words than the speech holds"),
    "cut_start": _against("speech was under way at the start", "the start was heard"),
    "retries": _against("said again", "said once"),
    "correction": _against("corrects what was heard", "no correction"),
    "language_doubt": _against("perhaps another language than {language}", "certainly {language}"),
    "grammar": _against("no sentence of your home's grammar", "matches your home's grammar"),
    "common_grammar": _against("no common sentence", "a common sentence"),
}
"""Name → what it means, in the order in which they are extracted."""


def extract(
    hypothesis: Hypothesis,
    quality: Quality,
    match: GrammarMatch,
    *,
    speech: Speech,
    standing: Standing,
    history: History,
) -> dict[str, float]:
    """Return the features of a text by name; what was not measured is absent.

    `opening` is absent, too: how usual it is, only a scorecard knows.
    """
    features = dict(_of_tokens(hypothesis))
    features["number"] = float(any(map(str.isdigit, hypothesis.text)))
    features |= _of_signal(quality, speech)
    features |= _of_speech(hypothesis, speech)
    features["retries"] = float(history.retries)
    features["correction"] = float(history.correction)
    if hypothesis.language_probability is not None:
        features["language_doubt"] = 1.0 - min(1.0, hypothesis.language_probability)
    features["grammar" if match.of_home else "common_grammar"] = _UNMATCHED[match.continuation]
    return with_standing(features, standing)


_UNMATCHED = {Continuation.NONE: 0.0, Continuation.POSSIBLE: 0.25, Continuation.EXPECTED: 1.0}


def with_standing(features: Mapping[str, float], standing: Standing) -> dict[str, float]:
    """Return the features with those that depend on a hypothesis's standing set anew."""
    changed = {**features, "confidence": standing.confidence, "entropy": standing.entropy}
    if "snr_db" in features:
        doubt = 1.0 - standing.confidence
        noise = min(1.0, max(0.0, (QUIET_DB - features["snr_db"]) / (QUIET_DB - LOUD_DB)))
        changed["confidence_and_noise"] = doubt * noise
    return changed


def opening(text: str, language: str) -> str:
    """Return how a text begins: its first word, or its first two characters where words are not written apart."""
    said = normalise(text)
    return said[:2] if language in WITHOUT_SPACES else said.partition(" ")[0]


def mean_entropy(hypothesis: Hypothesis) -> float:
    """Return the mean entropy of the tokens, in nats; 0 without tokens."""
    tokens = hypothesis.tokens
    return sum(token.entropy for token in tokens) / len(tokens) if tokens else 0.0


def _of_tokens(hypothesis: Hypothesis) -> Iterator[tuple[str, float]]:
    if not hypothesis.tokens:
        return
    words = _words(hypothesis.tokens)
    yield "weakest_word", _doubt(-min(words))
    yield "sentence", _doubt(-sum(words))


def _words(tokens: tuple[Token, ...]) -> list[float]:
    """Return each word's log-probability: a word starts where a token does with a space, punctuation belongs to it."""
    words: list[float] = []
    for token in tokens:
        if token.text.startswith(" ") or not words:
            words.append(token.log_probability)
        else:
            words[-1] += token.log_probability
    return words


def _doubt(amount: float) -> float:
    """Return a doubt, 0 for none, on a scale of powers of ten: −4 and upwards."""
    return math.log10(DOUBT_FLOOR + max(0.0, amount))


def _of_signal(quality: Quality, speech: Speech) -> dict[str, float]:
    features = {"clipping": _doubt(quality.clipping), "cut_start": float(speech.starts_at_edge)}
    if quality.snr_db is not None:
        features["snr_db"] = quality.snr_db
    return features


def _of_speech(hypothesis: Hypothesis, speech: Speech) -> dict[str, float]:
    seconds = speech.vad_speech_seconds
    features = {"length_short": max(0.0, USUAL_SECONDS - seconds), "length_long": max(0.0, seconds - USUAL_SECONDS)}
    if hypothesis.tokens_per_second > 0:
        features["slow"] = max(0.0, USUAL_RATE - hypothesis.tokens_per_second)
        features["fast"] = max(0.0, hypothesis.tokens_per_second - USUAL_RATE)
    return features
