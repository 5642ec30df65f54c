"""The small models, wake words and VAD: loaded from a signed bundle's folder, or as they come with the server."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..bundles.bundle import Kind
from ..engines.vad_silero import SileroVad, model_in
from ..engines.wake_openwakeword import OpenWakeWordEngine, words_in
from ..errors import EdgeVoiceError, ModelCorruptError
from ..pipeline.endpoint import VadModel
from ..pipeline.wake import GateSettings, WakeEngine
from ..settings import Settings
from ..updates.installed import InstalledBundles

_LOGGER = logging.getLogger(__name__)


class Closable(Protocol):
    """What holds threads until it is closed."""

    def close(self) -> None:
        """End them; blocks."""


class ClosableWake(WakeEngine, Closable, Protocol):
    """Wake words that can be closed."""


class ClosableVad(VadModel, Closable, Protocol):
    """A VAD that can be closed."""


@dataclass(slots=True, kw_only=True)
class Ears:
    """The small models that serve. One that is replaced ends with the last stream that uses it."""

    wake: ClosableWake
    vad: ClosableVad
    labels: dict[Kind, str] = field(default_factory=dict)
    """Of their bundles; a kind that came with the server is not there, or empty."""

    def close(self) -> None:
        """End their threads; blocks."""
        self.vad.close()
        self.wake.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class EarLoaders:
    """How they are loaded: from a bundle's folder, or without as they come. Each blocks, and raises EdgeVoiceError."""

    wake: Callable[[Path | None], ClosableWake]
    vad: Callable[[Path | None], ClosableVad]


def ear_loaders(settings: Settings) -> EarLoaders:
    """Return how the owner wants them loaded."""

    def wake(bundle: Path | None) -> OpenWakeWordEngine:
        engine = OpenWakeWordEngine.load(
            custom=Path(settings.wake.folder) if settings.wake.folder else None,
            bundle=bundle,
            enabled=settings.wake.words,
            gate=GateSettings() if settings.wake.gate else None,
        )
        if bundle is not None:
            _check_words(engine, bundle, settings.wake.words)
        return engine

    return EarLoaders(wake=wake, vad=lambda bundle: SileroVad(model_in(bundle) if bundle else None))


def _check_words(engine: OpenWakeWordEngine, bundle: Path, enabled: tuple[str, ...]) -> None:
    """Refuse a bundle whose words are left out: the owner's own files may be, a signed one is whole or not taken."""
    loaded = {word.name for word in engine.words}
    missing = [name for name, file in words_in(bundle).items() if file.is_enabled(enabled) and name not in loaded]
    if missing:
        engine.close()
        raise engine.problems[-1] if engine.problems else ModelCorruptError(f"'{bundle}' lacks the word {missing[0]}")


def at_start[T](bundles: InstalledBundles, load: Callable[[Path | None], T]) -> T:
    """Return the newest bundle that can be loaded, else what came with the server. Blocks. Raises EdgeVoiceError."""
    while (folder := bundles.find()) is not None:
        try:
            return load(folder)
        except EdgeVoiceError as error:
            _LOGGER.error("%s: %s", error.code, error)  # noqa: TRY400  # the sentence says it; a trace would not
            bundles.reject(error)
    return load(None)
