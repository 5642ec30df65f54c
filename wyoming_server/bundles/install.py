"""Install a model from the hub that faster-whisper uses: resumed, checked, and whole or not at all."""

import errno
import fnmatch
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError

from ..errors import DiskError, ModelDownloadError, UnknownModelError
from .download import Meter, RemoteFile, download
from .hub import FILE_PATTERNS, folder_name, repository_of
from .progress import FetchState, ReportProgress
from .store import ModelStore, check_files, missing_file

STAGING_FOLDER = ".staging"
"""Below the models' folder; each part-fetched model lies there under its name and commit."""
ORIGIN_FILE = "origin.json"
"""Written into an installed model's folder: the repository and the commit that it came from."""
_LISTING_TIMEOUT_S = 10.0
_SPARE_BYTES = 64 << 20
"""Left free, so that a model never takes the last of the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One model on its way from the hub into the store."""

    name: str
    store: ModelStore
    endpoint: str | None
    retry_delay_s: float

    def run(self, report: ReportProgress, cancelled: threading.Event) -> Path:
        """Return the installed model's folder; see HubModel.fetch."""
        meter = Meter(name=self.name, report=report, cancelled=cancelled)
        meter.state(FetchState.LISTING)
        with self._named_refusals():
            commit, files = self._list()
            meter.total = sum(file.size for file in files)
            staging = self._stage(commit, meter.total)
            meter.state(FetchState.FETCHING)
            for file in files:
                download(file, staging / file.name, meter, retry_delay_s=self.retry_delay_s)
            meter.state(FetchState.VERIFYING)
            check_files(staging)
            installed = self._install(staging, commit)
        meter.state(FetchState.DONE)
        return installed

    def _list(self) -> tuple[str, list[RemoteFile]]:
        """Return the newest commit, and its files that make up the model."""
        repository = repository_of(self.name)
        listed = HfApi(endpoint=self.endpoint, library_name="edge-voice").model_info(
            repository, files_metadata=True, timeout=_LISTING_TIMEOUT_S
        )
        files = [
            RemoteFile(
                name=file.rfilename,
                url=hf_hub_url(repository, file.rfilename, revision=listed.sha, endpoint=self.endpoint),
                size=file.size or 0,
                sha256=file.lfs.sha256 if file.lfs else None,
                git_blob=None if file.lfs else file.blob_id,
            )
            for file in listed.siblings or ()
            if "/" not in file.rfilename
            and any(fnmatch.fnmatchcase(file.rfilename, pattern) for pattern in FILE_PATTERNS)
        ]
        if missing := missing_file({file.name for file in files}):
            raise UnknownModelError(
                f"The repository '{repository}' holds no CTranslate2 Whisper ({missing} is missing)"
            )
        if not listed.sha:
            raise ModelDownloadError(f"The hub does not say which commit '{repository}' is at; try again later")
        return listed.sha, files

    def _stage(self, commit: str, total: int) -> Path:
        """Return the folder to fetch into, with room for the model."""
        staging = self.store.root / STAGING_FOLDER / f"{folder_name(self.name)}@{commit}"
        staging.mkdir(parents=True, exist_ok=True)
        for other in staging.parent.glob(f"{folder_name(self.name)}@*"):
            if other != staging:  # parts of an older commit are of no more use
                shutil.rmtree(other)
        missing = total - sum(file.stat().st_size for file in staging.iterdir())
        free = shutil.disk_usage(staging).free
        if missing + _SPARE_BYTES > free:
            raise DiskError(
                f"The model '{self.name}' needs {missing >> 20} MB more and the disk that holds "
                f"'{self.store.root}' has {free >> 20} MB free; make room or choose a smaller model"
            )
        return staging

    def _install(self, staging: Path, commit: str) -> Path:
        origin = {"name": self.name, "repository": repository_of(self.name), "commit": commit}
        (staging / ORIGIN_FILE).write_text(json.dumps(origin) + "\n", encoding="utf-8")
        target = self.store.root / folder_name(self.name)
        staging.rename(target)
        return target

    @contextmanager
    def _named_refusals(self) -> Iterator[None]:
        """Turn what the hub's client and the disk raise into sentences that name the cure."""
        try:
            yield
        except GatedRepoError as error:
            raise ModelDownloadError(
                f"The model '{self.name}' is for signed-in users who accepted its terms; set HF_TOKEN, or name another"
            ) from error
        except RepositoryNotFoundError as error:
            raise UnknownModelError(
                f"The hub has no repository '{repository_of(self.name)}' that anyone may read; check the name"
            ) from error
        except (HTTPError, OfflineModeIsEnabled) as error:
            raise ModelDownloadError(
                f"The model '{self.name}' cannot be fetched ({error}); connect this machine to the internet, or copy a "
                "model's folder onto it and name that folder as the model"
            ) from error
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                # What lies half fetched would keep the disk full for everyone else.
                shutil.rmtree(self.store.root / STAGING_FOLDER, ignore_errors=True)
                raise DiskError(
                    f"The disk that holds '{self.store.root}' is full; make room or choose a smaller model"
                ) from error
            raise DiskError(f"The model '{self.name}' cannot be stored: {error}") from error
