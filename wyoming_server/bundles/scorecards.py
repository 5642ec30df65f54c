"""Which scorecard serves with a model: the home's own, the bundle's, or none."""

from collections.abc import Callable
from pathlib import Path

from ..errors import ModelCorruptError
from ..pipeline.scorecard import Scorecard, read_scorecard

SCORECARD_FILE = "scorecard.json"
"""In a model's folder."""
LARGEST_BYTES = 1 << 20
"""Of a scorecard; the server itself reads it before a bundle is tried in a process of its own."""
MOST_LOADED = 8
"""A lesson may come half a minute after its model has gone."""
OWN_DIRECTORY = "scorecards"
"""In the data folder: what `evaluate --fit` wrote, one file per model."""
_CURE = "delete it, or write it anew with `edge-voice evaluate --fit`"


class LoadedScorecards:
    """Scorecards of the models that were loaded last, by the models' names; from any thread."""

    def __init__(self) -> None:
        """Know none."""
        self._known: dict[str, Scorecard | None] = {}

    def remember(self, model: str, card: Scorecard | None) -> None:
        """Hear of a model that was loaded."""
        kept = [(name, one) for name, one in self._known.items() if name != model]
        self._known = dict([*kept[1 - MOST_LOADED :], (model, card)])  # anew: others may be reading the old one

    def of(self, model: str, otherwise: Callable[[], Scorecard | None]) -> Scorecard | None:
        """Return a model's scorecard, None where nobody fitted one; for a model that is not known, what else is."""
        known = self._known
        return known[model] if model in known else otherwise()


def own_scorecard_file(data: Path, model: str) -> Path:
    """Return where a home keeps the scorecard that it fitted for a model."""
    return data / OWN_DIRECTORY / f"{model}.json"


def find_scorecard(directory: Path, *, data: Path, model: str) -> Scorecard | None:
    """Return the home's own scorecard for a model, else the one in the model's folder; None without either. Blocks.

    Raises ModelCorruptError, naming the file and the cure, for one that cannot be read or is another model's.
    """
    own = scorecard_in(own_scorecard_file(data, model), model)
    # A publisher fits a card for the name; what a home fits is for the very version that it was fitted on.
    return scorecard_in(directory / SCORECARD_FILE, model.partition("@")[0]) if own is None else own


def scorecard_in(file: Path, model: str) -> Scorecard | None:
    """Return a model's scorecard; None where there is no such file. Blocks. Raises ModelCorruptError as above."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelCorruptError(f"'{file}' cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise ModelCorruptError(f"'{file}' is larger than any scorecard; {_CURE}")
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
