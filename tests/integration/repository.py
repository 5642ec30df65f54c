"""A publisher of signed models, in the server's environment: Home Assistant's has nothing to sign with."""

import asyncio
import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.home_assistant.server_process import ROOT, our_python
from tests.integration.peer import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Whoever holds the keys."""

    url: str
    root: Json
    """What an owner is given to trust it."""
    process: subprocess.Popen[str]

    async def publish(self, made: str, version: str, **more: Any) -> str:
        """Publish a model as tests/server/bundles make it; return its label."""
        return await asyncio.to_thread(self._told, {"made": made, "version": version, **more})

    async def withdraw(self, label: str) -> str:
        """Call a model back."""
        return await asyncio.to_thread(self._told, {"withdraw": label})

    def _told(self, message: Json) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        label: str = _answer(self.process)["label"]
        return label


@contextlib.contextmanager
def published() -> Iterator[Publisher]:
    """Run an empty repository until the end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [our_python(), "-m", "tests.server.bundles.repository_process", folder]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield Publisher(**_answer(process), process=process)
            assert process.stdin is not None
            process.stdin.close()


def _answer(process: subprocess.Popen[str]) -> Json:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the publisher has ended; its last words are above"
    answer: Json = json.loads(line)
    return answer
