"""A hub before a publisher's repository: tuf's own client, with its cache, over the files themselves."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from tests.server.bundles.publishing import TestRepository
from wyoming_server.bundles.offer import Offer, offer_of


class Files(FetcherInterface):
    """Reads what a static host would serve."""

    def __init__(self, public: Path) -> None:
        self._public = public

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self._public / unquote(urlsplit(url).path).lstrip("/")
        if not path.is_file():
            raise DownloadHTTPError("not found", 404)
        yield path.read_bytes()


class Hub:
    """A hub that trusts the repository's first root."""

    def __init__(self, repository: TestRepository, folder: Path) -> None:
        self._repository = repository
        self._folder = folder
        self._root = repository.root_bytes
        (folder / "targets").mkdir(parents=True)

    def look(self, now: dt.datetime | None = None) -> Updater:
        """Refresh what it knows, from the newest state that it can believe. Raises tuf's errors."""
        updater = Updater(
            str(self._folder / "metadata"),
            "http://host/metadata/",
            str(self._folder / "targets"),
            "http://host/targets/",
            fetcher=Files(self._repository.public),
            config=UpdaterConfig(),
            bootstrap=self._root,
        )
        if now is not None:
            updater._trusted_set.reference_time = now
        updater.refresh()
        return updater

    def offers(self, channel: str = "stable") -> dict[str, Offer]:
        """Return what it is offered, in the order of the channel's list, every archive verified."""
        updater = self.look()
        index = updater.get_targetinfo(f"{channel}/index.json")
        assert index is not None
        listed = json.loads(Path(updater.download_target(index, str(self._folder / "index"))).read_bytes())
        assert (listed["schema"], listed["channel"]) == (1, channel)
        found = {}
        for path in listed["bundles"]:
            target = updater.get_targetinfo(path)
            assert target is not None
            updater.download_target(target, str(self._folder / "archive"))
            offer = offer_of(channel, path, target.length, target.hashes["sha256"], target.custom)
            found[offer.label] = offer
        return found
