"""Bring a model folder to the point where it may serve: whole, loaded, warm, and right about its golden recordings."""

import importlib.util
import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..bundles.bundle import Bundle
from ..bundles.manifest import read_bundle
from ..bundles.scorecards import own_scorecard_file, scorecard_in
from ..bundles.store import check_files
from ..errors import EngineMissingError, ModelCorruptError
from ..pipeline.types import SAMPLE_RATE_HZ, DecodeRequest
from .goldens import hear_words
from .processor import use_wide_vectors

if TYPE_CHECKING:
    from .asr_whisper import WhisperEngine

_LOGGER = logging.getLogger(__name__)
_LIBRARIES = ("ctranslate2", "faster_whisper")


def load_edge_model(
    directory: Path,
    *,
    threads: int,
    workers: int = 1,
    context_floor_frames: int | None = None,
    data: Path | None = None,
) -> WhisperEngine:
    """Return a model that is ready to serve. Blocks for up to seconds: call it in a thread.

    `context_floor_frames` is what was measured to suit this machine; a manifest, which knows the model, outranks it.
    `data` is the data folder: a scorecard that the owner fitted outranks the bundle's.

    Raises EngineMissingError, ModelMissingError, ModelCorruptError, and SelfTestError when it loads and does not hear
    its golden recordings right.
    """
    started_s = time.perf_counter()
    check_files(directory)
    bundle = described(directory, data)
    if context_floor_frames is not None and not bundle.version:
        bundle = replace(bundle, context_floor_frames=context_floor_frames)
    _check_languages(directory, bundle)
    _check_libraries()
    use_wide_vectors()
    # Imported only here: a broken or missing native library then fails one model, not the whole server.
    from .asr_whisper import WhisperEngine  # noqa: PLC0415  # see above

    engine = WhisperEngine.load(directory, bundle=bundle, threads=threads, workers=workers)
    try:
        _warm_up(engine)
        hear_words(engine, directory, bundle.golden)
    except BaseException:
        engine.close()
        raise
    _LOGGER.info("Model %s is ready after %.2f s", bundle.name, time.perf_counter() - started_s)
    return engine


def described(directory: Path, data: Path | None) -> Bundle:
    """Return what a model folder says about itself, with the scorecard that serves here. Blocks. Raises as above."""
    bundle = read_bundle(directory)
    return bundle if data is None else _with_own_scorecard(bundle, own_scorecard_file(data, bundle.label))


def _with_own_scorecard(bundle: Bundle, file: Path) -> Bundle:
    """Return a bundle with the owner's own fit, where there is one that can be used."""
    try:
        own = scorecard_in(file, bundle.label)
    except ModelCorruptError as error:
        _LOGGER.warning("%s; until then the model's own serves", error)
        return bundle
    return bundle if own is None else replace(bundle, scorecard=own)


def _check_libraries() -> None:
    for name in _LIBRARIES:
        if importlib.util.find_spec(name) is None:
            raise EngineMissingError(f"The package {name} is not installed, and this model needs it; install it again")


def _check_languages(directory: Path, bundle: Bundle) -> None:
    """Check that the manifest's languages are ones that the model has a token for."""
    if not bundle.languages:
        return  # parsing a full vocabulary would hold the interpreter, and with it the event loop, for 20 ms
    content = json.loads((directory / "tokenizer.json").read_bytes())
    known = {token.get("content") for token in content.get("added_tokens", ())}
    for language in bundle.languages:
        if f"<|{language}|>" not in known:
            raise ModelCorruptError(f"The model in '{directory}' has no token for its language '{language}'")


def _warm_up(engine: WhisperEngine) -> None:
    """Decode once: the first decode builds kernels and takes several times as long as the others."""
    engine.decode(DecodeRequest(samples=np.zeros(SAMPLE_RATE_HZ, np.int16), language=engine.languages[0]))
