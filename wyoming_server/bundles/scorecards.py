"""Which scorecard serves with a model: the home's own, the bundle's, or none."""

from pathlib import Path

from ..errors import ModelCorruptError
from ..pipeline.scorecard import Scorecard, read_scorecard

SCORECARD_FILE = "scorecard.json"
"""In a model's folder."""
OWN_DIRECTORY = "scorecards"
"""In the data folder: what `evaluate --fit` wrote, one file per model."""
_CURE = "delete it, or write it anew with `edge-voice evaluate --fit`"


def own_scorecard_file(data: Path, model: str) -> Path:
    """Return where a home keeps the scorecard that it fitted for a model."""
    return data / OWN_DIRECTORY / f"{model}.json"


def find_scorecard(directory: Path, *, data: Path, model: str) -> Scorecard | None:
    """Return the home's own scorecard for a model, else the one in the model's folder; None without either. Blocks.

    Raises ModelCorruptError, naming the file and the cure, for one that cannot be read or is another model's.
    """
    own = scorecard_in(own_scorecard_file(data, model), model)
    return scorecard_in(directory / SCORECARD_FILE, model) if own is None else own


def scorecard_in(file: Path, model: str) -> Scorecard | None:
    """Return a model's scorecard; None where there is no such file. Blocks. Raises ModelCorruptError as above."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelCorruptError(f"'{file}' cannot be read: {error.strerror}") from error
    return _for_model(file, content, model)


def _for_model(file: Path, content: bytes, model: str) -> Scorecard:
    try:
        card = read_scorecard(content)
    except ModelCorruptError as error:
        raise ModelCorruptError(f"'{file}': {error}; {_CURE}") from error
    if card.model and card.model != model:
        raise ModelCorruptError(
            f"'{file}' was fitted for the model '{card.model}', not for '{model}': confidences of two models do not "
            f"compare; {_CURE}"
        )
    return card
