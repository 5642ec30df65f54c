"""Hypothesis + Quality + Session → how likely the text is wrong, with every feature's points.

Hallucination rules come first: any hit makes the risk 1. Then an additive scorecard (routing-science 2): log-odds sum
up feature by feature, so each can be shown, and a card that was not fitted for the model says so.
"""

import math
from collections.abc import Mapping

from .evidence import FEATURES, USUAL_SECONDS, extract, opening
from .policy import UNCALIBRATED, Calibration, History, Standing
from .scorecard import Curve, Scorecard
from .types import GrammarMatch, Hypothesis, Quality, Risk, Speech

POINTS_PER_LOGIT = 10.0 / math.log(2.0)
"""Ten points double the odds."""
CERTAIN_LOGIT = 20.0
"""Of a tripped rule: above all that cards say, and a number that calibration can work with."""
SHOWN = 3
"""So many contributions make the reason."""
SMALLEST_SHOWN = 1.0
"""In points; less is not worth a word."""

_LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "gl": "Galician", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ka": "Georgian", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "nb": "Norwegian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian",
    "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip

GENERIC = Scorecard(
    base=-2.5,
    curves={
        "confidence": Curve(knots=(0.0, 0.05, 0.2, 0.5, 1.0), log_odds=(1.6, 1.1, 0.5, 0.0, -0.3)),
        "entropy": Curve(knots=(0.0, 0.5, 0.8, 0.95, 1.0), log_odds=(-0.2, 0.0, 0.3, 0.7, 1.0)),
        "weakest_word": Curve(knots=(-2.0, -1.0, -0.5, 0.0, 0.7), log_odds=(-0.3, 0.0, 0.3, 0.6, 1.0)),
        "sentence": Curve(knots=(-2.0, -0.5, 0.0, 0.5, 1.0), log_odds=(-0.9, 0.0, 0.9, 1.9, 2.8)),
        "number": Curve(knots=(0.0, 1.0), log_odds=(0.0, 0.3)),
        "snr_db": Curve(knots=(0.0, 6.0, 12.0, 20.0, 30.0), log_odds=(0.8, 0.5, 0.2, 0.0, -0.1)),
        "confidence_and_noise": Curve(knots=(0.0, 0.3, 1.0), log_odds=(0.0, 0.2, 0.8)),
        "clipping": Curve(knots=(-4.0, -3.0, -2.0, -0.5), log_odds=(0.0, 0.1, 0.3, 0.7)),
        "length_short": Curve(knots=(0.0, 0.8, 1.2), log_odds=(0.0, 0.3, 0.8)),
        "length_long": Curve(knots=(0.0, 2.0, 6.0), log_odds=(0.0, 0.3, 0.9)),
        "slow": Curve(knots=(1.5, 3.0), log_odds=(0.0, 0.8)),
        "fast": Curve(knots=(2.5, 5.0), log_odds=(0.0, 0.8)),
        "cut_start": Curve(knots=(0.0, 1.0), log_odds=(0.0, 0.9)),
        "retries": Curve(knots=(0.0, 1.0, 2.0), log_odds=(0.0, 0.9, 1.5)),
        "correction": Curve(knots=(0.0, 1.0), log_odds=(0.0, 0.5)),
        "language_doubt": Curve(knots=(0.2, 0.5, 0.9), log_odds=(0.0, 0.7, 1.8)),
        "grammar": Curve(knots=(0.0, 0.25, 1.0), log_odds=(-0.6, -0.4, 0.8)),
        "common_grammar": Curve(knots=(0.0, 0.25, 1.0), log_odds=(-0.3, -0.2, 0.4)),
    },
)
"""For models without coefficients of their own: what holds for every small recogniser, in round numbers. Its curves say
less than fitted ones do, a wide prior, which a home's own calibration (a line in log-odds) turns into probabilities."""

BEFORE_DECODING = Scorecard(
    base=-3.2,
    curves={
        "snr_db": Curve(knots=(0.0, 6.0, 12.0, 20.0, 30.0), log_odds=(3.6, 2.2, 1.0, 0.0, -0.5)),
        "clipping": Curve(knots=(-4.0, -3.0, -2.0, -1.0), log_odds=(0.0, 0.5, 1.9, 3.4)),
        "length_short": Curve(knots=(0.0, 0.8, 1.2), log_odds=(0.0, 0.7, 1.9)),
        "length_long": Curve(knots=(0.0, 2.0, 6.0), log_odds=(0.0, 0.7, 2.2)),
        "retries": Curve(knots=(0.0, 1.0, 2.0), log_odds=(0.0, 2.2, 3.6)),
    },
)
"""Without a text, the signal must say it: its level and weight are a logistic regression on the recordings that the
starter's card was fitted on (clean, 10, 5 and 0 dB, clipped). Of others it expects 3, 13, 44 and 52 % of clean, 10 dB,
0 dB and clipped ones to be wrong; 6, 14, 42 and 44 % are."""


def score(
    hypothesis: Hypothesis,
    quality: Quality,
    match: GrammarMatch,
    *,
    speech: Speech,
    standing: Standing,
    history: History,
    scorecard: Scorecard,
    calibration: Calibration,
) -> Risk:
    """Return the risk of a hypothesis: 1 when a hallucination rule is tripped, else by the scorecard."""
    if not hypothesis.text:
        return _certain(("no-words",), "no words were recognised", calibration)
    if hypothesis.rules:
        return _certain(hypothesis.rules, f"rule: {hypothesis.rules[0]}", calibration)
    features = extract(hypothesis, quality, match, speech=speech, standing=standing, history=history)
    rarity = scorecard.rarity(hypothesis.language, opening(hypothesis.text, hypothesis.language))
    if rarity is not None:
        features["opening"] = rarity
    parts = scorecard.contributions(features)
    logit = scorecard.base + sum(parts.values())
    points = {name: part * POINTS_PER_LOGIT for name, part in parts.items()}
    doubt = "" if scorecard.calibrated else "uncalibrated: "
    return Risk(
        value=calibration.probability(logit),
        reason=f"{doubt}{_reason(points, hypothesis.language)}",
        points={"base": scorecard.base * POINTS_PER_LOGIT, **points},
        logit=logit,
        calibration=calibration,
    )


def pre_decode_risk(quality: Quality, speech: Speech, history: History) -> tuple[float, str]:
    """Return how likely an utterance will be heard wrong, 0 to 1, and why: known before its text is.

    For starting an upload while the hub still decodes.
    """
    seconds = speech.vad_speech_seconds
    features = {
        "clipping": math.log10(1e-4 + quality.clipping),
        "length_short": max(0.0, USUAL_SECONDS - seconds),
        "length_long": max(0.0, seconds - USUAL_SECONDS),
        "retries": float(history.retries),
    }
    if quality.snr_db is not None:
        features["snr_db"] = quality.snr_db
    parts = BEFORE_DECODING.contributions(features)
    points = {name: part * POINTS_PER_LOGIT for name, part in parts.items()}
    chance = UNCALIBRATED.probability(BEFORE_DECODING.base + sum(parts.values()))
    return chance, f"before decoding: {_reason(points, '')}"


def _certain(rules: tuple[str, ...], reason: str, calibration: Calibration) -> Risk:
    """Return the risk of a text that a rule condemns, all of its points the rules'."""
    points = dict.fromkeys(rules, CERTAIN_LOGIT * POINTS_PER_LOGIT / len(rules))
    return Risk(value=1.0, reason=reason, points=points, logit=CERTAIN_LOGIT, calibration=calibration, rules=rules)


def _reason(points: Mapping[str, float], language: str) -> str:
    """Return the largest contributions in words: "+18 room noise, −9 matches your home's grammar"."""
    largest = sorted(points.items(), key=lambda item: -abs(item[1]))[:SHOWN]
    said = [_said(name, value, language) for name, value in largest if abs(value) >= SMALLEST_SHOWN]
    return ", ".join(said) or "nothing unusual"


def _said(name: str, value: float, language: str) -> str:
    feature = FEATURES.get(name)
    words = name if feature is None else feature.plus if value > 0 else feature.minus
    sign = "+" if value > 0 else "−"
    return f"{sign}{abs(value):.0f} {words.format(language=_LANGUAGES.get(language, language))}"
