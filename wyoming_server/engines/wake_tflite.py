"""Words that exist as .tflite only, such as "okay nabu", through the optional pyopen-wakeword package.

Only the small word model runs on TensorFlow Lite. It sees the embeddings of our own front end, so such a word costs a
stream nothing but its own score; pyopen-wakeword's own front end takes several megabytes and its own pass for each.
"""

import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import ModelCorruptError, ModelMissingError
from .wake_features import EMBEDDING_SIZE, Floats

_MODULE = "pyopen_wakeword"
PACKAGED_TFLITE = ("okay_nabu",)
"""Its other words are openWakeWord's, which are here as .onnx."""


def packaged_tflite_files() -> list[Path]:
    """Return the files of the packaged words; none without the extra."""
    spec = find_spec(_MODULE)  # its native library is imported only for a word that is listened for
    if spec is None or spec.origin is None:
        return []
    models = Path(spec.origin).parent / "models"
    return [path for name in PACKAGED_TFLITE if (path := models / f"{name}.tflite").is_file()]


def load_tflite_word(path: Path) -> TfliteWord:
    """Load a word (blocking); raises ModelMissingError, ModelCorruptError."""
    if not path.is_file():
        raise ModelMissingError(f"the wake model {path} is not there")
    try:
        import pyopen_wakeword  # noqa: PLC0415 - native code that not every machine has
    except (ImportError, OSError) as err:
        raise ModelMissingError(f"{path} needs the tflite extra (pyopen-wakeword), which is not here") from err
    if not _is_whole(pyopen_wakeword, path):
        raise ModelCorruptError(f"the wake model {path} cannot be loaded")
    model = pyopen_wakeword.OpenWakeWord.from_model(path)
    shape = [
        model.lib.TfLiteTensorDim(model.input_tensor, axis)
        for axis in range(model.lib.TfLiteTensorNumDims(model.input_tensor))
    ]
    scores = model.lib.TfLiteTensorByteSize(model.output_tensor) // 4
    if len(shape) != 3 or shape[2] != EMBEDDING_SIZE or scores != 1:
        raise ModelCorruptError(f"{path} is no openWakeWord model: its input is {shape}, not [1, n, 96]")
    return TfliteWord(model)


def _is_whole(library: Any, path: Path) -> bool:
    """Try the file by itself: pyopen-wakeword would go on with a null pointer, which ends the process."""
    lib = library.OpenWakeWord.from_builtin(library.Model.OKAY_NABU).lib
    model = lib.TfLiteModelCreateFromFile(str(path).encode())
    if model is None:
        return False
    interpreter = lib.TfLiteInterpreterCreate(model, None)
    if interpreter is None:
        lib.TfLiteModelDelete(model)
        return False
    is_whole: bool = lib.TfLiteInterpreterAllocateTensors(interpreter) == 0
    lib.TfLiteInterpreterDelete(interpreter)
    lib.TfLiteModelDelete(model)
    return is_whole


class TfliteWord:
    """A word's .tflite model; one interpreter, one stream at a time in it (14 µs a score)."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = threading.Lock()
        self.window: int = model.input_windows

    def score(self, embeddings: Floats) -> float:
        """Return 0 to 1 for embeddings of shape (window, EMBEDDING_SIZE)."""
        with self._lock:
            self._model.reset()  # it keeps a history of its own, which would mix the streams
            (score,) = self._model.process_streaming(embeddings[None, None])
        return float(score)
