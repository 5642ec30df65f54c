"""The recogniser that the owner asked for: by name, by folder, or whatever fits this machine. Built for `serve`."""

import logging
import os
import threading
from dataclasses import replace
from pathlib import Path

import psutil

from .bundles.bundle import Kind
from .bundles.choice import Choice, choose
from .bundles.crash_book import CrashBook
from .bundles.hub import STARTER, languages_of
from .bundles.hub_model import HubModel
from .bundles.scorecards import LoadedScorecards
from .bundles.state import State
from .bundles.store import STARTER_DIRECTORY, ModelStore
from .bundles.supply import ModelSupply, SignedSource, SupplyState, SupplyStatus
from .bundles.tuned import CHOICE_FILE, TunedModel
from .engines.apart import ApartModel, TrialLimits
from .engines.asr_whisper import WhisperEngine
from .engines.load import load_edge_model
from .engines.measure_whisper import ReportShare, measure_machine
from .errors import ModelMissingError, UnknownModelError
from .listeners.describe import Recogniser
from .settings import Settings

_LOGGER = logging.getLogger(__name__)
MOST_WORKERS = 2
"""More decodes side by side than this would take the hub from everything else."""

type Supply = ModelSupply[WhisperEngine]
type Chosen = HubModel | TunedModel


def cores() -> int:
    """Return how many cores this process may use, which in a container is often fewer than there are."""
    return os.process_cpu_count() or 1


def workers() -> int:
    """Return how many decodes run side by side.

    A short context gains little from a second thread (base-size, 3 s command: 153 ms on one, 150 on two), and two turns
    gain all of it.
    """
    return min(MOST_WORKERS, cores())


def english_only(settings: Settings) -> bool:
    """Return whether the home speaks English and nothing else."""
    return {settings.asr.language, *settings.asr.languages} - {""} == {"en"}


def with_bundles(settings: Settings, state: State, *, trusts: bool) -> Settings:
    """Return settings whose recogniser is not named where the name is a bundle's: bundles serve.

    Where a repository is trusted, a name that nothing else has is taken for that of a bundle which is still to come.
    """
    name = settings.asr.model
    names = {label.partition("@")[0] for label, one in state.installed.items() if one.kind is Kind.ASR}
    if name in names or (trusts and name and not _is_known(settings, name)):
        return replace(settings, asr=replace(settings.asr, model=""))
    return settings


def _is_known(settings: Settings, name: str) -> bool:
    try:
        ModelStore(Path(settings.server.data_dir) / "models").directory(name)
    except UnknownModelError as error:
        _LOGGER.warning(
            "%s; it is taken for a signed bundle's name, and what suits this machine serves until then", error
        )
        return False
    return True


def chosen_model(settings: Settings) -> Chosen:
    """Return where the owner's model comes from. Raises UnknownModelError for a name that nothing has.

    A folder that was used before and is not there now may come back: a disk that is late, or a copy that is under way.
    """
    data = Path(settings.server.data_dir)
    store = ModelStore(data / "models")
    if settings.asr.model:
        if not store.was_here(settings.asr.model):
            store.directory(settings.asr.model)
        return HubModel(name=settings.asr.model, store=store)

    def decide(report: ReportShare, cancelled: threading.Event) -> Choice:
        measurements = measure_machine(cores(), report, cancelled)
        return choose(measurements, psutil.virtual_memory().available, english_only=english_only(settings))

    return TunedModel(store=store, choice_file=data / CHOICE_FILE, decide=decide)


def supply_of(
    settings: Settings,
    chosen: Chosen,
    *,
    signed: SignedSource | None = None,
    cards: LoadedScorecards | None = None,
    crashes: CrashBook | None = None,
) -> Supply:
    """Return what brings the chosen model into service, and the starter until then; a signed bundle outranks both.

    `cards` remembers the scorecard of every model that is loaded, `crashes` which of them took the server down.
    """

    def load(directory: Path) -> WhisperEngine:
        tuned = chosen.choice if isinstance(chosen, TunedModel) else None
        threads = settings.asr.threads or (tuned.threads if tuned else max(1, cores() // workers()))
        floor = settings.asr.context_floor_frames or (tuned.context_floor_frames if tuned else None)
        engine = load_edge_model(
            directory,
            threads=threads,
            workers=workers(),
            context_floor_frames=floor,
            data=Path(settings.server.data_dir),
        )
        if cards is not None:
            cards.remember(engine.name, engine.scorecard)
        return engine

    return ModelSupply(
        chosen=chosen, starter=STARTER_DIRECTORY, load=load, signed=signed, crashes=crashes, try_apart=try_apart
    )


async def try_apart(directory: Path) -> None:
    """Load a model and have it hear in a process of its own, with half of the memory that is free.

    Raises EdgeVoiceError when that process does not outlive it.
    """
    memory_mb = max(1, psutil.virtual_memory().available // (2 << 20))
    model = await ApartModel.started(Kind.ASR, directory, TrialLimits(memory_mb=memory_mb))
    await model.aclose()


def recogniser_now(supply: Supply) -> Recogniser:
    """Return what can be said of the recogniser at this moment."""
    status = supply.status
    try:
        with supply.lease() as engine:
            model, languages = engine.name, engine.languages
    except ModelMissingError:
        model, languages = status.name or STARTER, ()
    # Home Assistant fixes its entities at setup: what a model that is on its way will know is announced already.
    coming = languages_of(status.name) if status.name else ()
    return Recogniser(
        model=model, languages=tuple(dict.fromkeys(languages + coming)) or languages_of(STARTER), note=_note(status)
    )


def _note(status: SupplyStatus) -> str:
    """Return what a person should know."""
    parts = ["starter model: a few hundred English words, for trying out" if status.serving == STARTER else ""]
    match status.state:
        case SupplyState.MEASURING:
            parts.append("measuring this machine to choose a better one")
        case SupplyState.FETCHING:
            parts.append(f"fetching {status.name}, {status.progress:.0%}")
        case SupplyState.WAITING | SupplyState.FAILED:
            parts.append(status.error_text)
        case SupplyState.LOADING | SupplyState.READY:
            pass
    return "; ".join(part for part in parts if part)
