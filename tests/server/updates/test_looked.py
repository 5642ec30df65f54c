"""What the last look has found is known after a restart, and is not taken for a look of today."""

from pathlib import Path

import pytest

from tests.server.bundles.conducted import SMALL, a_hub
from tests.server.bundles.publishing import a_bundle, a_repository, served
from wyoming_server.updates.folder import BundleFolder

LABEL = "home-en@1.0.0"


async def test_what_is_offered_is_known_after_a_restart_and_forgotten_with_the_trust(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository")
    repository.publish(a_bundle(tmp_path / "published", version="1.0.0"), percent=0.0)
    with served(repository.public) as url:
        with a_hub(tmp_path / "data", SMALL) as hub:
            await hub.trusts(url, repository)
            seen = hub.updates.repository
        with a_hub(tmp_path / "data", SMALL) as hub:
            again = hub.updates.repository
            assert [one.label for one in again.offers] == [LABEL]
            assert again.checked_at == seen.checked_at
            await hub.updates.distrust()
    assert BundleFolder(tmp_path / "data" / "bundles").looked() is None


@pytest.mark.parametrize(
    "found", [None, [], {}, {"offers": None, "checked_at": ""}, {"offers": [{"path": "x"}], "checked_at": "never"}]
)
async def test_a_record_that_cannot_be_read_is_no_look(tmp_path: Path, found: object) -> None:
    folder = BundleFolder(tmp_path / "bundles")
    folder.trust("http://127.0.0.1:1", b"{}")
    folder.write_looked({"schema": 1, "url": "http://127.0.0.1:1", "channel": "stable", "found": found})
    with a_hub(tmp_path, SMALL) as hub:
        assert (hub.updates.repository.checked_at, hub.updates.repository.offers) == (None, ())
        assert hub.updates.repository.trust is not None
