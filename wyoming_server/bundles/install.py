"""Install a model from the hub that faster-whisper uses: resumed, checked, and whole or not at all."""

import errno
import fnmatch
import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo

from ..errors import DiskError, ModelDownloadError, UnknownModelError
from .download import Meter, RemoteFile, download, verify
from .hub import FILE_PATTERNS, folder_name, repository_of
from .origin import ORIGIN_FILE, Origin, entry_of, read_origin, write_origin
from .progress import FetchState, ReportProgress
from .store import ModelStore, check_files, missing_file

_LOGGER = logging.getLogger(__name__)
STAGING_FOLDER = ".staging"
"""Below the models' folder; each part-fetched model lies there under its name and commit."""
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
            staging = self._stage(commit, files)
            meter.state(FetchState.FETCHING)
            for file in files:
                download(file, staging / file.name, meter, retry_delay_s=self.retry_delay_s)
            meter.state(FetchState.VERIFYING)
            check_files(staging)
            installed = self._install(staging, commit, files)
        meter.state(FetchState.DONE)
        return installed

    @property
    def _target(self) -> Path:
        return self.store.root / folder_name(self.name)

    def _before(self) -> Origin | None:
        """Return what was written down of the model that this one takes the place of; None for a first one."""
        staged = (self.store.root / STAGING_FOLDER).glob(f"{folder_name(self.name)}@*/{ORIGIN_FILE}")
        found = map(read_origin, (self._target / ORIGIN_FILE, *staged))
        return next((origin for origin in found if origin and origin.commit), None)

    def _list(self) -> tuple[str, list[RemoteFile]]:
        """Return the commit that the model had, or else the newest, and its files that make up the model."""
        before, repository = self._before(), repository_of(self.name)
        try:
            listed = self._ask(before.commit if before else None)
        except RevisionNotFoundError:
            if before is None:
                raise
            _LOGGER.warning("The hub has no commit %s of '%s' any more; its newest is taken", before.commit, repository)
            listed, before = self._ask(None), None
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
        return listed.sha, self._held_to(before, files)

    def _ask(self, revision: str | None) -> ModelInfo:
        return HfApi(endpoint=self.endpoint, library_name="edge-voice").model_info(
            repository_of(self.name), revision=revision, files_metadata=True, timeout=_LISTING_TIMEOUT_S
        )

    def _held_to(self, before: Origin | None, files: list[RemoteFile]) -> list[RemoteFile]:
        """Return files that have to be those of the first time, at the same commit. Raises ModelDownloadError."""
        if before is None or not before.listed:
            return files
        known = {one.name: one for one in before.files}
        for file in files:
            one = known.get(file.name)
            if one is None or one.length != file.size or file.sha256 not in {None, one.sha256}:
                raise ModelDownloadError(
                    f"The hub shows another '{file.name}' than at the first time, at the same commit, which cannot be; "
                    f"if you believe it now, delete '{self._target}' and '{self.store.root / STAGING_FOLDER}'"
                )
        return [replace(file, sha256=known[file.name].sha256) for file in files]

    def _stage(self, commit: str, files: list[RemoteFile]) -> Path:
        """Return the folder to fetch into, with room for the model, and with what is whole of a damaged one."""
        staging = self.store.root / STAGING_FOLDER / f"{folder_name(self.name)}@{commit}"
        if self._target.is_dir():
            self._take_back(staging, files)
        staging.mkdir(parents=True, exist_ok=True)
        for other in staging.parent.glob(f"{folder_name(self.name)}@*"):
            if other != staging:  # parts of an older commit are of no more use
                shutil.rmtree(other)
        there = (staging / file.name for file in files)
        missing = sum(file.size for file in files) - sum(path.stat().st_size for path in there if path.is_file())
        free = shutil.disk_usage(staging).free
        if missing + _SPARE_BYTES > free:
            raise DiskError(
                f"The model '{self.name}' needs {missing >> 20} MB more and the disk that holds "
                f"'{self.store.root}' has {free >> 20} MB free; make room or choose a smaller model"
            )
        return staging

    def _take_back(self, staging: Path, files: list[RemoteFile]) -> None:
        """Make a damaged model a fetch that is under way: what is whole stays, and so does what its owner put there."""
        for file in files:
            path = self._target / file.name
            try:
                verify(file, path)
            except ModelDownloadError, OSError:
                path.unlink(missing_ok=True)
        shutil.rmtree(staging, ignore_errors=True)
        staging.parent.mkdir(parents=True, exist_ok=True)
        self._target.rename(staging)

    def _install(self, staging: Path, commit: str, files: list[RemoteFile]) -> Path:
        origin = Origin(
            name=self.name,
            repository=repository_of(self.name),
            commit=commit,
            listed=True,
            files=tuple(entry_of(staging, file.name) for file in files),
        )
        write_origin(staging / ORIGIN_FILE, origin)
        staging.rename(self._target)
        return self._target

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
