"""One sqlite file: opened when needed, brought up to date, set aside when damaged, opened anew after a failure."""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from ..errors import DiskError, NewerRecordsError
from .schema import Migration

_LOGGER = logging.getLogger(__name__)
BUSY_SECONDS = 0.5
"""How long another program that writes into the same file is waited for."""
LONGEST_LOG_BYTES = 1 << 20
"""A longer write-ahead log is copied into the file and begun anew."""
EMPTYING_MS = 50
"""How long readers are waited for, who hold up the emptying of the log: so long no upload can be written down."""
SET_ASIDE = 3
"""So many damaged files are kept; a dying SD card must not fill itself with them."""
MODE = 0o600
REBUILT_IN_MEMORY_BYTES = 32 << 20
"""A larger file is rebuilt by way of a temporary one: only where recordings are kept."""
PAGES_AT_ONCE = 128
"""Half a megabyte: as long as an urgent job may have to wait."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_CURES = {
    sqlite3.SQLITE_FULL: "the disk is full: make room on it",
    sqlite3.SQLITE_READONLY: "the file or its disk is read-only: let the server write there",
    sqlite3.SQLITE_CANTOPEN: "the folder does not let the server make files in it",
    sqlite3.SQLITE_PERM: "the server may not write there",
    sqlite3.SQLITE_BUSY: "another program holds it: end that one",
    sqlite3.SQLITE_IOERR: "the disk does not take it: see whether it is full or failing",
}

type Job[T] = Callable[[sqlite3.Connection], T]
"""Statements that belong together. It may be run a second time after a failure, and begins and commits nothing."""


class Database:
    """The file as one thread writes it; `read` and `sync` may be called from any other thread besides.

    Write-ahead logging with synchronous=NORMAL: what was committed survives the process, however it ends. When the
    power fails, what was committed since the last `sync` may be gone; the file is whole all the same.
    """

    def __init__(self, path: Path, migrations: tuple[Migration, ...]) -> None:
        self.path = path
        self._migrations = migrations
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def run[T](self, job: Job[T]) -> T:
        """Run a job in one transaction and commit it. Raises DiskError, NewerRecordsError, and what the job raises."""
        with _errors_told(self.path):
            try:
                return self._attempt(job)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._set_aside(error)
                return self._attempt(job)

    def _attempt[T](self, job: Job[T]) -> T:
        connection = self._opened()
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = job(connection)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise
        return result

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._is_still_there():
            return self._connection
        self.close()
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, MODE))
        # By name: closing a second descriptor of the file would drop the locks of those who are reading it.
        for one in self._beside(self.path):
            with contextlib.suppress(OSError):  # it is not there, or another's: then sqlite says what it lacks
                one.chmod(MODE)
        connection = sqlite3.connect(self.path, autocommit=True, timeout=BUSY_SECONDS)
        try:
            self._make_ready(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, self.path.stat().st_ino
        return connection

    @staticmethod
    def _beside(path: Path) -> tuple[Path, ...]:
        """Return a database's files: itself, its log, and the log's index, which take its mode when they are made."""
        return path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")

    def _is_still_there(self) -> bool:
        """Tell whether the name still leads to the file that is open: what is written to a deleted one is lost."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def _make_ready(self, connection: sqlite3.Connection) -> None:
        _refuse_newer(connection, len(self._migrations), self.path)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes effect in a file without tables only
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # `sync` copies the log into the file, from another thread: no commit waits for that.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {LONGEST_LOG_BYTES}")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten, in freed pages, too
        while (version := _version(connection)) < len(self._migrations):
            self._migrate(connection, version)
        begin_log(connection)  # also the proof that the file can be written

    def _migrate(self, connection: sqlite3.Connection, version: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if _version(connection) == version:  # else another program was faster
            for statement in self._migrations[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Give a damaged file another name, so that a new one can begin."""
        self.close()
        names = [
            self.path.with_name(f"{self.path.stem}.damaged-{n}{self.path.suffix}") for n in range(1, SET_ASIDE + 1)
        ]
        aside = next((one for one in names if not one.exists()), names[-1])
        for old, new in zip(self._beside(self.path), self._beside(aside), strict=True):
            with contextlib.suppress(FileNotFoundError):
                old.replace(new)
        _LOGGER.error(
            "The records in '%s' are damaged (%s): they now lie in '%s', and new ones are begun",
            self.path,
            error,
            aside,
        )

    def check(self) -> None:
        """Look through the whole file and set it aside when it is damaged. Raises what `run` does."""
        self.run(_refuse_damage)

    def read[T](self, query: Job[T]) -> T:
        """Return what a query finds at one moment, by a connection of its own. Raises DiskError, NewerRecordsError."""
        with _errors_told(self.path), contextlib.closing(self._connected("ro")) as connection:
            _refuse_newer(connection, len(self._migrations), self.path)
            connection.execute("BEGIN")  # ends with the connection; what is committed meanwhile is another moment's
            return query(connection)

    def _connected(self, mode: str) -> sqlite3.Connection:
        """Open the file once more; unlike a plain `connect`, this makes none."""
        uri = f"file:{quote(str(self.path.absolute()))}?mode={mode}"
        return sqlite3.connect(uri, uri=True, autocommit=True, timeout=BUSY_SECONDS)

    def sync(self) -> bool:
        """Put what was committed on the disk itself; blocks, and no commit waits for it. Raises DiskError.

        Returns whether the log, having grown long, was copied into the file: `begin_log` is due then.
        """
        with _errors_told(self.path):
            size = self._sync_log()
            if size <= LONGEST_LOG_BYTES:
                return False
            with contextlib.closing(self._connected("rw")) as connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            return True

    def sync_log(self) -> None:
        """Put what was committed on the disk itself, and no more; blocks likewise. Raises DiskError."""
        with _errors_told(self.path):
            self._sync_log()

    def _sync_log(self) -> int:
        """Return how long the log is."""
        try:
            descriptor = os.open(self._beside(self.path)[1], os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            os.fsync(descriptor)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def empty_log(self) -> bool:
        """Copy the log into the file, and cut it off: what was deleted is in neither then. Blocks. Raises DiskError.

        Returns whether it could be: not while somebody reads the file as it was. `begin_log` is due then.
        """
        with _errors_told(self.path), contextlib.closing(self._connected("rw")) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            # Most of the work by this one, which holds up nobody; the other locks writers out, for a moment only.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            connection.execute(f"PRAGMA busy_timeout = {EMPTYING_MS}")
            is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not is_busy

    def rebuild(self) -> None:
        """Write the whole file anew, without gaps. For the thread that writes; blocks. Raises DiskError.

        A deleted row is overwritten where it lies. But rows move from page to page as their neighbours come and go,
        and leave copies in the gaps, which nothing else clears.
        """
        with _errors_told(self.path):
            connection = self._opened()
            is_small = self.path.stat().st_size <= REBUILT_IN_MEMORY_BYTES
            connection.execute(f"PRAGMA temp_store = {'MEMORY' if is_small else 'FILE'}")
            connection.execute("VACUUM")

    def close(self) -> None:
        """Close the file; the next job opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def begin_log(connection: sqlite3.Connection) -> None:
    """Write something that changes nothing, as the first into a new log.

    Whoever writes first waits until the new log's header is on the disk, even with synchronous=NORMAL; that shall not
    be an upload.
    """
    connection.execute(f"PRAGMA user_version = {_version(connection)}")


def is_small(connection: sqlite3.Connection) -> bool:
    """Tell whether a rebuild takes a moment only."""
    pages, free, size = (
        int(connection.execute(statement).fetchone()[0])
        for statement in ("PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size")
    )
    return (pages - free) * size <= REBUILT_IN_MEMORY_BYTES


def rebuild_indexes(connection: sqlite3.Connection) -> None:
    """Write the indexes anew, without gaps."""
    connection.execute("REINDEX")


def give_back(connection: sqlite3.Connection) -> bool:
    """Give some free pages back to the disk; tell whether there are more that can be."""
    before = _free_pages(connection)
    connection.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})").fetchall()  # each row that is fetched frees one
    return 0 < _free_pages(connection) < before


def _free_pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def is_damage(error: Exception) -> bool:
    """Tell whether an error says that the file itself is broken."""
    return _code(error) in _DAMAGED


def is_mistake(error: sqlite3.Error) -> bool:
    """Tell whether an error is about the statement, and not about file or disk: trying again will not help."""
    return _code(error) not in _CURES.keys() | _DAMAGED


def _code(error: Exception) -> int:
    """Return sqlite's primary code; 0 for what Python's own module refuses."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(connection: sqlite3.Connection, known: int, path: Path) -> None:
    if (version := _version(connection)) > known:
        raise NewerRecordsError(
            f"The records in '{path}' are of version {version}, and this Edge Voice knows {known}:"
            " update it, or move that file away; until then nothing is written down and nothing leaves the home"
        )


def _refuse_damage(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


@contextlib.contextmanager
def _errors_told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        cure = _CURES.get(_code(error), str(error))
        raise DiskError(f"The records in '{path}' cannot be used; {cure}") from error
    except OSError as error:
        raise DiskError(f"The records in '{path}' cannot be used: {error.strerror or error}") from error
