"""A model by name: found on this machine as it was left, or fetched from the hub that faster-whisper uses."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from ..errors import EdgeVoiceError, ModelDownloadError, ModelError
from .progress import ReportProgress
from .store import STARTER_DIRECTORY, ModelStore, check_files

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """A model source for owners who named a model, a repository or a folder."""

    name: str
    store: ModelStore
    endpoint: str | None = None
    """None for huggingface_hub's own, which the environment variable HF_ENDPOINT sets."""
    retry_delay_s: float = 1.0
    """After a cut connection; doubled at each try that brings nothing."""

    def find(self) -> Path | None:
        """Return the model's folder if it is installed and its files are what they were; never asks the network.

        Blocks while they are read. A model that was fetched and has changed since counts as not installed. In a folder
        that is the owner's own, a change is theirs: the log says it. What was never written down is written down now.
        Raises UnknownModelError, and ModelCorruptError for a file that may not be read.
        """
        directory = self.store.find(self.name)
        if directory is None or directory == STARTER_DIRECTORY:
            return directory
        if damage := self._damage(directory):
            _LOGGER.error("model-corrupt: %s; a server fetches it again", damage)
            return None
        return directory

    def fetch(self, report: ReportProgress, cancelled: threading.Event) -> Path:
        """Return the model's folder, fetched if it is not installed; blocks for as long as that takes.

        A fetch that was cut goes on where it stopped, also after a restart. Every file is held to the length and the
        digest that the hub lists for the commit. A model that changed on the disk is fetched at the commit that it had,
        and held to the digests that were written down then.

        Raises UnknownModelError, ModelDownloadError, DiskError, and FetchCancelled soon after `cancelled` is set.
        """
        directory = self.store.find(self.name)
        damage = self._damage(directory) if directory else ""
        if directory and not damage:
            return directory
        # The hub's client costs 24 MB and half a second: only a server that fetches pays them.
        from .install import Installation  # noqa: PLC0415  # see above

        installation = Installation(
            name=self.name, store=self.store, endpoint=self.endpoint, retry_delay_s=self.retry_delay_s
        )
        try:
            return installation.run(report, cancelled)
        except ModelDownloadError as error:
            raise ModelDownloadError(f"{damage}. {error}") if damage else error from error

    def _damage(self, directory: Path) -> str:
        """Return how a model that was fetched differs from what it was; empty where it does not, or is an owner's."""
        if directory == STARTER_DIRECTORY:
            return ""
        fetched, recorded = self.store.is_fetched(directory), self.store.recorded(directory)
        if recorded is None and fetched and (damage := _lack(directory)):
            return damage
        changed = ", ".join(self.store.changed(directory)) if recorded else ""
        if changed and fetched:
            return f"In '{directory}', {changed} changed since it was installed"
        if changed:
            _LOGGER.warning(
                "In '%s', %s changed since the last start; if that was not you, copy the model there again",
                directory,
                changed,
            )
        if changed or recorded is None:
            self._write_down(directory)
        return ""

    def _write_down(self, directory: Path) -> None:
        try:
            self.store.record(directory)
        except EdgeVoiceError as error:  # a disk that refuses this is no reason not to serve
            _LOGGER.warning("%s: %s; changes to that model will not be seen", error.code, error)


def _lack(directory: Path) -> str:
    """Return what a model that was fetched before there were records lacks, of what can be told without them."""
    try:
        check_files(directory)
    except ModelError as error:
        return str(error)
    return ""
