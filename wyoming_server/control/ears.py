"""The small models, wake words and VAD: loaded from a signed bundle's folder, or as they come with the server."""

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..bundles.bundle import Kind
from ..engines.vad_silero import SileroVad, model_in
from ..engines.wake_openwakeword import OpenWakeWordEngine, fetched_in, words_in
from ..errors import EdgeVoiceError, ModelCorruptError, ModelMissingError, UnknownWakeWordError
from ..pipeline.endpoint import VadModel
from ..pipeline.wake import GateSettings, WakeEngine, WakeSession, WakeWord
from ..settings import Settings
from ..updates.installed import InstalledBundles

_LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
"""How soon words whose models were fetched are listened for."""


class Closable(Protocol):
    """What holds threads until it is closed."""

    def close(self) -> None:
        """End them; blocks."""


class ClosableWake(WakeEngine, Closable, Protocol):
    """Wake words that can be closed."""


class NoWakeWords:
    """Stands for words whose models are not there yet, as in an add-on's first minutes; satisfies `ClosableWake`."""

    words: tuple[WakeWord, ...] = ()

    def open(self, names: Collection[str] = ()) -> WakeSession:
        """Raise UnknownWakeWordError."""
        wanted = ", ".join(names) or "any word"
        raise UnknownWakeWordError(f"this hub cannot listen for {wanted}: the models are still to be fetched")

    def close(self) -> None:
        """Do nothing: it holds no thread."""


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
    told = set[str]()

    def wake(bundle: Path | None) -> ClosableWake:
        try:
            engine = OpenWakeWordEngine.load(
                custom=Path(settings.wake.folder) if settings.wake.folder else None,
                bundle=bundle,
                fetched=_fetched(settings),
                enabled=settings.wake.words,
                gate=GateSettings() if settings.wake.gate else None,
            )
        except (ModelMissingError, ModelCorruptError) as error:  # of what every word needs: speech is heard without
            if str(error) not in told:
                _LOGGER.warning("%s: %s; until it is there, the hub has no wake words", error.code, error)
                told.add(str(error))
            return NoWakeWords()
        if bundle is not None:
            _check_words(engine, bundle, settings.wake.words)
        return engine

    return EarLoaders(wake=wake, vad=lambda bundle: SileroVad(model_in(bundle) if bundle else None))


def fetched_at(settings: Settings) -> int | None:
    """Return when wake words' models came to the data folder, in ns; None while they are not there. Blocks."""
    with suppress(OSError):
        return _fetched(settings).stat().st_mtime_ns
    return None


def _fetched(settings: Settings) -> Path:
    return fetched_in(Path(settings.server.data_dir))


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
