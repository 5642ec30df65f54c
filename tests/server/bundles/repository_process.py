"""A repository of signed bundles as a process, for tests of another environment: `python -m … FOLDER`.

Says `{"url", "root"}` on its first line; then publishes what it is told on stdin, a JSON line at a time
(`{"made": "good", "version": "1.1.0", "fields": {}, "terms": {}}`, or `{"withdraw": LABEL}`), until that ends.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.server.bundles import made, made_wake
from tests.server.bundles.publishing import TestRepository, a_repository, served


def main(folder: Path) -> None:
    """Serve an empty repository below a folder, and what is published in it."""
    repository = a_repository(folder / "repository")
    with served(repository.public) as url, tempfile.TemporaryDirectory(dir=folder) as made_in:
        _say({"url": url, "root": json.loads(repository.root_bytes)})
        for line in sys.stdin:
            _say({"label": _do(repository, Path(made_in), json.loads(line))})


def _do(repository: TestRepository, folder: Path, told: Mapping[str, Any]) -> str:
    if "withdraw" in told:
        return repository.withdraw(told["withdraw"]).label
    make = getattr(made, told["made"], None) or getattr(made_wake, told["made"])
    bundle: Path = make(folder, told["version"], **told.get("fields", {}))
    return repository.publish(bundle, **told.get("terms", {})).label


def _say(message: Mapping[str, Any]) -> None:
    print(json.dumps(message), flush=True)  # this is how it answers


if __name__ == "__main__":
    main(Path(sys.argv[1]))
