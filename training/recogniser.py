"""Any faster-whisper model folder, asked as the evaluation asks it: greedy, int8, no second tries."""

import errno
from dataclasses import dataclass
from pathlib import Path

from faster_whisper import WhisperModel

from .audio import Waveform

NOTHING_LOGPROB = -9.0
"""What stands for the average log-probability where there is no text: below every text's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One recording's text, and how sure the model was."""

    text: str
    avg_logprob: float
    """The lowest segment's mean token log-probability."""


class Recogniser:
    """A loaded model."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Load a CTranslate2 folder; raises FileNotFoundError rather than look for its name on a hub."""
        if not (folder / "model.bin").is_file():
            raise FileNotFoundError(errno.ENOENT, "No model", str(folder / "model.bin"))
        self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)

    @property
    def is_multilingual(self) -> bool:
        """Whether ctranslate2 takes it for a multilingual model."""
        return bool(self._model.model.is_multilingual)

    def hear(self, samples: Waveform) -> Heard:
        """Return the text of one recording, through faster-whisper's 30 s window."""
        segments, _ = self._model.transcribe(
            samples,
            language="en",
            beam_size=1,
            temperature=0,
            without_timestamps=True,
            condition_on_previous_text=False,
        )
        found = list(segments)
        return Heard(
            text=" ".join(segment.text.strip() for segment in found),
            avg_logprob=min((segment.avg_logprob for segment in found), default=NOTHING_LOGPROB),
        )
