"""A hub on 127.0.0.1 that speaks the endpoints that huggingface_hub documents, and can misbehave on request."""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE_FILE_BYTES = 1 << 20
"""From here on a file counts as in large-file storage: a digest in the listing, and a redirect to the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    method: str
    path: str
    range: str | None
    headers: frozenset[str]
    """Names, in lower case."""


@dataclass(slots=True, kw_only=True)
class LocalHub:
    """Serves repositories from memory while entered."""

    repositories: dict[str, dict[str, bytes]]
    cut_after_bytes: list[int] = field(default_factory=list)
    """Each large answer takes one from here and breaks the connection after so many bytes."""
    listed_sizes: dict[str, int] = field(default_factory=dict)
    """File → the size in the listing, where it is not the true one."""
    served: dict[str, bytes] = field(default_factory=dict)
    """File → what is sent instead of its content."""
    ignores_range: bool = False
    commit: str = COMMIT
    """The newest; the only one that it still knows, with those in `older`."""
    older: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Commit → the files that every repository had then."""
    asked: list[Asked] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @property
    def endpoint(self) -> str:
        """The address to hand to huggingface_hub."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def ranges(self, file: str) -> list[str | None]:
        """Return the Range header of each request for a file's content."""
        return [asked.range for asked in self.asked if asked.path.startswith("/content/") and asked.path.endswith(file)]

    def __enter__(self) -> Self:
        hub = self

        class Handler(_Handler):
            local_hub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    local_hub: LocalHub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        self.local_hub.asked.append(
            Asked(
                method=self.command,
                path=path,
                range=self.headers["Range"],
                headers=frozenset(map(str.lower, self.headers)),
            )
        )
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            self._listing(match[1], match[2] or self.local_hub.commit)
        elif match := re.fullmatch(r"/(content/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(self._at(match[2], match[3]), match[4], redirected=match[1] is not None)
        else:
            self._send(404, b"")

    def _at(self, repository: str, commit: str) -> dict[str, bytes]:
        """Return a repository's files at a commit."""
        newest = commit == self.local_hub.commit
        return self.local_hub.repositories.get(repository, {}) if newest else self.local_hub.older.get(commit, {})

    def _listing(self, repository: str, commit: str) -> None:
        if repository not in self.local_hub.repositories:
            self._send(401, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
            return
        files = self._at(repository, commit)
        if not files:
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "No such revision"})
            return
        siblings = [self._sibling(name, content) for name, content in files.items()]
        listing = {"_id": "1", "id": repository, "modelId": repository, "sha": commit}
        self._send(200, json.dumps(listing | {"siblings": siblings}).encode(), {"Content-Type": "application/json"})

    def _sibling(self, name: str, content: bytes) -> dict[str, object]:
        size = self.local_hub.listed_sizes.get(name, len(content))
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        sibling: dict[str, object] = {"rfilename": name, "size": size, "blobId": blob}
        if len(content) >= LARGE_FILE_BYTES:
            digest = hashlib.sha256(content).hexdigest()
            sibling["lfs"] = {"size": size, "sha256": digest, "pointerSize": 134}
        return sibling

    def _file(self, files: dict[str, bytes], name: str, *, redirected: bool) -> None:
        content = files.get(name)
        if content is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        large = len(content) >= LARGE_FILE_BYTES
        content = self.local_hub.served.get(name, content)
        headers = {"X-Repo-Commit": self.local_hub.commit, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        if large and not redirected:
            self._send(302, b"", headers | {"Location": f"/content{self.path}", "X-Linked-Size": str(len(content))})
            return
        start = self._start(len(content))
        if start is None:
            self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        headers |= {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        cut = self.local_hub.cut_after_bytes.pop(0) if large and self.local_hub.cut_after_bytes else None
        self._send(206 if start else 200, content[start:], headers, cut_after_bytes=cut)

    def _start(self, size: int) -> int | None:
        """Return where the answer starts; None when that is past the end."""
        if self.headers["Range"] is None or self.local_hub.ignores_range:
            return 0
        start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        return start if start < size else None

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, cut_after_bytes: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut_after_bytes])
        if cut_after_bytes is not None:
            self.close_connection = True
