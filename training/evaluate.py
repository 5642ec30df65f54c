"""The table of the starter model's README, for any model folder: errors by condition and voice, and how it doubts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein
from tqdm import tqdm

from .audio import SAMPLE_RATE_HZ
from .conditions import all_conditions, in_silence, without_speech
from .corpus import Utterance
from .recogniser import Heard, Recogniser
from .recordings import Recordings
from .voices import HELD_OUT
from .wording import compared

OUTSIDE = "outside its grammar"
USUAL = ("clean", "10 dB noise", "0 dB noise")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One recording, heard under one condition."""

    voice: str
    wrong_words: int
    words: int
    avg_logprob: float

    @property
    def right(self) -> bool:
        """Whether the whole sentence is."""
        return self.wrong_words == 0


def evaluate(model: Path, recordings: Path, outside: tuple[str, ...], *, count: int, threads: int, seed: int) -> None:
    """Print the table of a CTranslate2 folder over `count` held-out sentences of each held-out voice."""
    recogniser, spoken = Recogniser(model, threads=threads), Recordings(recordings)
    rows: dict[str, list[Result]] = {}
    conditions = all_conditions(spoken)
    with tqdm(total=(len(conditions) + 1) * count * len(HELD_OUT), desc="evaluating", unit="clip") as bar:
        for name, condition in {**conditions, OUTSIDE: in_silence}.items():
            chosen = _chosen(spoken, outside, count, inside=name != OUTSIDE)
            rows[name] = []
            for index in chosen:
                clip = condition(spoken.waveform(index), np.random.default_rng([seed, index]))
                rows[name].append(scored(spoken.utterances[index], recogniser.hear(clip)))
                bar.update()
    print(table(rows))
    usual = [result for name in USUAL for result in rows[name]]
    hard = [result for name, results in rows.items() if name not in (*USUAL, OUTSIDE) for result in results]
    print("\nAUROC of the average log-probability:", end=" ")
    print(f"{auroc(usual):.3f} on the first three rows, {auroc(hard):.3f} on the next three")
    for right in (True, False):
        doubts = [result.avg_logprob for result in usual + hard if result.right is right]
        if doubts:
            print(f"  median where the sentence is {'right' if right else 'wrong'}: {np.median(doubts):.2f}")
    for name, samples in without_speech(np.random.default_rng(seed), 3 * SAMPLE_RATE_HZ).items():
        print(f"{name}: {recogniser.hear(samples).text!r}")
    print(f"multilingual: {recogniser.is_multilingual}")


def _chosen(spoken: Recordings, outside: tuple[str, ...], count: int, *, inside: bool) -> list[int]:
    chosen = []
    for voice in HELD_OUT:
        of_voice = [
            i for i, u in enumerate(spoken.utterances) if u.voice == voice and (u.text not in outside) is inside
        ]
        chosen += of_voice[:count]
    return chosen


def scored(utterance: Utterance, heard: Heard) -> Result:
    """Return what was heard against what was said."""
    said = compared(utterance.text)
    return Result(
        voice=utterance.voice,
        wrong_words=Levenshtein.distance(said, compared(heard.text)),
        words=len(said),
        avg_logprob=heard.avg_logprob,
    )


def auroc(results: list[Result]) -> float:
    """Return how often a right sentence's average log-probability is above a wrong one's.

    NaN where there are only right ones or only wrong ones.
    """
    right = np.array([result.avg_logprob for result in results if result.right])
    wrong = np.array([result.avg_logprob for result in results if not result.right])
    if not len(right) or not len(wrong):
        return float("nan")
    above = right[:, None] - wrong
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def table(rows: dict[str, list[Result]]) -> str:
    """Return a Markdown table: the word error rate of each held-out voice, and sentences wrong, by condition."""
    lines = [
        f"| faster-whisper, int8, beam 1 | n | word error rate {' / '.join(HELD_OUT)} | sentences wrong |",
        "|---|---|---|---|",
    ]
    for name, results in rows.items():
        rates = []
        for voice in HELD_OUT:
            of_voice = [result for result in results if result.voice == voice]
            words = sum(result.words for result in of_voice)
            rates.append(f"{sum(result.wrong_words for result in of_voice) / max(1, words):.3f}")
        wrong = np.mean([not result.right for result in results])
        lines.append(f"| {name} | {len(results)} | {' / '.join(rates)} | {wrong:.0%} |")
    return "\n".join(lines)
