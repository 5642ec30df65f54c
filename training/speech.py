"""Utterance → samples, through the distribution's speech synthesisers."""

import collections
import random
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .audio import SAMPLE_RATE_HZ, levelled, read_wave, resample, to_int16, trim
from .corpus import Utterance
from .voices import HELD_OUT, Program, Voice, by_name
from .wording import spoken

SHORTEST_S, LONGEST_S = 0.1, 9.0
UNSCALED = 0.25
"""The share of utterances that keep the voice's own pitch and formants."""


def speak_all(utterances: list[Utterance]) -> list[npt.NDArray[np.int16] | None]:
    """Return each utterance's samples at 16 kHz, without silence around them and at one level.

    None stands where a synthesiser failed on a text or made something too short or too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{index}.wav" for index in range(len(utterances))]
        in_festival: dict[str, list[str]] = collections.defaultdict(list)
        scales = []
        for utterance, file in zip(utterances, files, strict=True):
            voice, rng = by_name(utterance.voice), random.Random(utterance.seed)
            scale = 1.0 if rng.random() < UNSCALED else rng.uniform(*voice.scales)
            scales.append(scale)
            text = spoken(utterance.text)
            if voice.program is Program.FESTIVAL:
                in_festival[voice.name] += _festival_lines(text, file, scale * rng.uniform(0.85, 1.2))
            else:
                _run(_command(voice, text, file, scale, rng, varied=utterance.voice not in HELD_OUT))
        for name, lines in in_festival.items():  # one process a voice: loading one takes a second
            script = Path(folder) / f"{name}.scm"
            script.write_text("\n".join([f"({name})", *lines]), encoding="utf-8")
            _run(["festival", "-b", str(script)])
        return [_finished(file, scale) for file, scale in zip(files, scales, strict=True)]


def _command(voice: Voice, text: str, file: Path, scale: float, rng: random.Random, *, varied: bool) -> list[str]:
    if voice.program is Program.ESPEAK:
        speed, pitch = rng.randint(125, 215), rng.randint(25, 75)
        return ["espeak-ng", "-v", voice.name, "-s", str(speed), "-p", str(pitch), "-w", str(file), text]
    stretch = scale * rng.uniform(0.85, 1.25) if varied else 1.0
    return ["flite", "-voice", voice.name, "--setf", f"duration_stretch={stretch:.3f}", "-t", text, "-o", str(file)]


def _festival_lines(text: str, file: Path, stretch: float) -> list[str]:
    quoted = text.replace('"', "").replace("\\", "")
    return [
        f"(Parameter.set 'Duration_Stretch {stretch:.3f})",
        f'(utt.save.wave (utt.synth (Utterance Text "{quoted}")) "{file}")',
    ]


def _run(command: list[str]) -> None:
    # A failure shows as a missing file: one bad text must not end hours of speaking.
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _finished(file: Path, scale: float) -> npt.NDArray[np.int16] | None:
    if not file.exists() or file.stat().st_size <= 44:  # nothing after the header
        return None
    samples, rate_hz = read_wave(file)
    # Played `scale` times faster, pitch and formants rise together; the synthesiser's stretch gave the time back.
    ratio = SAMPLE_RATE_HZ / rate_hz / scale
    samples = trim(resample(samples, ratio) if ratio != 1 else samples)
    if not SHORTEST_S * SAMPLE_RATE_HZ < len(samples) < LONGEST_S * SAMPLE_RATE_HZ:
        return None
    return to_int16(levelled(samples))
