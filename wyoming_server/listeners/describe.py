"""What the server can do → Wyoming Info."""

from dataclasses import dataclass

from wyoming.info import AsrModel, AsrProgram, Attribution, Info, WakeModel, WakeProgram

from .. import __version__
from ..pipeline.wake import WakeWord

ATTRIBUTION = Attribution(name="Edge Voice", url="https://github.com/edge-voice/edge-voice")
OPENWAKEWORD = Attribution(
    name="openWakeWord by David Scripka (models CC BY-NC-SA 4.0)", url="https://github.com/dscripka/openWakeWord"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """What can be said of the recogniser now."""

    model: str
    """The one that serves."""
    languages: tuple[str, ...]
    """Those that it will know when all is fetched: Home Assistant fixes its entities at setup."""
    note: str
    """What a person should know: the starter in use, a fetch under way; may be empty."""


def describe(recogniser: Recogniser, words: tuple[WakeWord, ...], *, requires_external_vad: bool) -> Info:
    """Return the server's Info; a model is always offered as installed."""
    description = "Edge Voice" + (f" ({recogniser.note})" if recogniser.note else "")
    asr = AsrProgram(
        name="edge-voice",
        description=description,
        attribution=ATTRIBUTION,
        installed=True,
        version=__version__,
        models=[
            AsrModel(
                name=recogniser.model,
                description=recogniser.note or recogniser.model,
                attribution=ATTRIBUTION,
                installed=True,
                version=__version__,
                languages=list(recogniser.languages),
            )
        ],
        supports_transcript_streaming=True,
        requires_external_vad=requires_external_vad,
        # Enhancement made recognition worse in every configuration measured (arXiv 2512.17562).
        prefers_auto_gain_enabled=False,
        prefers_noise_reduction_enabled=False,
    )
    return Info(asr=[asr], wake=[_wake(words)] if words else [])


def _wake(words: tuple[WakeWord, ...]) -> WakeProgram:
    return WakeProgram(
        name="edge-voice-wake",
        description="Wake words on the hub",
        attribution=OPENWAKEWORD,
        installed=True,
        version=__version__,
        models=[
            WakeModel(
                name=word.name,
                description=word.phrase,
                attribution=OPENWAKEWORD,
                installed=True,
                version=word.version,
                languages=list(word.languages),
                phrase=word.phrase,
            )
            for word in words
        ],
    )
