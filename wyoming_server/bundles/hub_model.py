"""A model by name: found on this machine, or fetched from the hub that faster-whisper uses."""

import threading
from dataclasses import dataclass
from pathlib import Path

from .progress import ReportProgress
from .store import ModelStore


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
        """Return the model's folder if it is installed; never asks the network. Raises UnknownModelError."""
        return self.store.find(self.name)

    def fetch(self, report: ReportProgress, cancelled: threading.Event) -> Path:
        """Return the model's folder, fetched if it is not installed; blocks for as long as that takes.

        A fetch that was cut goes on where it stopped, also after a restart. Every file is held to the length and the
        digest that the hub lists for the commit. Raises UnknownModelError, ModelDownloadError, DiskError, and
        FetchCancelled soon after `cancelled` is set.
        """
        if installed := self.find():
            return installed
        # The hub's client costs 24 MB and half a second: only a server that fetches pays them.
        from .install import Installation  # noqa: PLC0415  # see above

        installation = Installation(
            name=self.name, store=self.store, endpoint=self.endpoint, retry_delay_s=self.retry_delay_s
        )
        return installation.run(report, cancelled)
