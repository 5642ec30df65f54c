"""The records' file as the event loop sees it: one writer thread, urgent jobs first, the rest in batches.

Nothing here blocks the loop, and no failure of the disk reaches further than the job that met it: later ones work
again once the disk does.
"""

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path

from ..errors import DiskError
from .database import Database, Job, begin_log, give_back, is_damage, is_mistake, is_small, rebuild_indexes
from .schema import MIGRATIONS, Migration
from .writer import Writer

_LOGGER = logging.getLogger(__name__)
FILE_NAME = "edge-voice.sqlite"
"""In the data folder."""
INTERVAL_SECONDS = 2.0
"""What can wait is written so often; a killed process loses no more, and a lost supply no more than twice that: by as
much as the writing takes."""
BATCH = 50
"""Jobs of one transaction (about 0.3 ms): as long as an urgent job may have to wait."""
EMPTYING_TRIES = 20
EMPTYING_SECONDS = 0.05
"""Between two of them: longer than a query takes."""
MOST_WAITING = 10_000
"""Jobs that are kept for a disk that refuses them; beyond, the oldest are given up."""


class Store:
    """The records' file. Made by `opened_store`."""

    def __init__(self, database: Database, interval_seconds: float) -> None:
        self._database, self._interval_seconds = database, interval_seconds
        self._writer = Writer()
        self._waiting = OrderedDict[Hashable, Job[object]]()  # a dict is slow to find its first of what is left
        self._due, self._closing = asyncio.Event(), False
        self._round = asyncio.get_running_loop().create_future()
        self._is_unsynced = False
        self._promise: asyncio.Task[None] | None = None
        self._failure: DiskError | None = None

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self._database.path

    @property
    def failure(self) -> DiskError | None:
        """Why the last write failed; None when it did not."""
        return self._failure

    @property
    def refused(self) -> DiskError | None:
        """Why something still waits that `flush` was to write, and will be written later; None when nothing does."""
        return self._failure if self._waiting else None

    def submit[T](self, job: Job[T], *, urgent: bool = False) -> Future[T]:
        """Queue a job that is committed by itself; its future raises what `write` does.

        An urgent job overtakes all that are queued, so whatever is not urgent must be short: what changes many rows
        goes in slices of about BATCH, one job each.
        """
        return self._writer.submit(partial(self._run, job), urgent=urgent)

    async def write[T](self, job: Job[T], *, urgent: bool = False) -> T:
        """Return what a job returns, once it is committed. Raises DiskError, and what the job raises."""
        return await asyncio.wrap_future(self.submit(job, urgent=urgent))

    def later(self, job: Job[object], *, key: Hashable = None, soon: bool = False) -> None:
        """Have a job written with the next batch, or at once but unawaited (`soon`); kept while the disk refuses it.

        A job takes the place of a waiting one with the same key.
        """
        key = object() if key is None else key
        self._waiting[key] = job
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        if soon:
            self._due.set()

    async def flush(self) -> None:
        """Have all that waits written now, as far as the disk takes it; never raises."""
        if not self._closing:
            self._due.set()
            await asyncio.shield(self._round)

    async def read[T](self, query: Job[T]) -> T:
        """Return what a query finds among what is committed. Raises DiskError."""
        try:
            return await asyncio.to_thread(self._database.read, query)
        except DiskError as error:
            if isinstance(error.__cause__, sqlite3.Error) and is_damage(error.__cause__):
                self._writer.submit(self._database.check)
            raise

    async def outlive_power(self, patience_seconds: float) -> None:
        """Have what was committed on the disk itself now, and not with the next round; never raises.

        A disk that takes longer than `patience_seconds` is not waited for, nor asked a second time meanwhile.
        """
        if self._promise is None or self._promise.done():
            self._promise = asyncio.create_task(asyncio.to_thread(self._sync_log), name="a promise on the disk")
            await asyncio.wait({self._promise}, timeout=patience_seconds)

    def _sync_log(self) -> None:
        with suppress(DiskError):  # the next write says it
            self._database.sync_log()

    async def shrink(self, *, wholly: bool = True) -> None:
        """Have what was deleted nowhere in the files: in no gap, no free page, nor in the log. Raises DiskError.

        Nothing is written meanwhile, uploads included: a moment, or some seconds for hundreds of megabytes. Unless
        `wholly`, so many stay as they are but for their indexes and free pages.
        """
        if not wholly and not await self.write(is_small):
            await self.write(rebuild_indexes)
        while await self.write(give_back):
            await self._sync()  # the log of a large clearance must not grow as long
        if wholly or await self.write(is_small):
            await asyncio.wrap_future(self._writer.submit(self._database.rebuild))
            await self._sync()
        for _ in range(EMPTYING_TRIES):
            if await asyncio.to_thread(self._database.empty_log):
                await self.write(begin_log)
                return
            await asyncio.sleep(EMPTYING_SECONDS)
        raise DiskError(
            f"The log of '{self.path}' still holds what was erased: another program reads it; end that one, and repeat"
        )

    def _run[T](self, job: Job[T]) -> T:
        """Run a job in the writer's thread."""
        try:
            result = self._database.run(job)
        except DiskError as error:
            if self._failure is None or str(error) != str(self._failure):
                _LOGGER.error("%s", error)  # noqa: TRY400  # the sentence says it all, and a full disk fails often
            self._failure = error
            raise
        if self._failure is not None:
            _LOGGER.info("the records can be written again")
        self._failure, self._is_unsynced = None, True
        return result

    async def keep(self) -> None:
        """Write batches, and see to it that they reach the disk itself, until `close`."""
        loop = asyncio.get_running_loop()
        began_s = synced_s = loop.time()
        syncing: asyncio.Task[None] | None = None
        while True:
            ending = self._closing
            await self._pause(began_s + self._interval_seconds)
            began_s = loop.time()
            done, self._round = self._round, loop.create_future()
            await self._write_waiting()
            done.set_result(None)
            if ending:
                break
            is_due = self._is_unsynced and began_s - synced_s >= self._interval_seconds
            if is_due and (syncing is None or syncing.done()):
                # Beside the batches: a card may take seconds for it, and a process that is killed needs none of it.
                synced_s, syncing = began_s, asyncio.create_task(self._sync(), name="records on the disk")
        if syncing is not None:
            await syncing
        if self._is_unsynced:
            await self._sync()

    async def _pause(self, until_s: float) -> None:
        left_s = until_s - asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._closing else max(0.0, left_s)):
                await self._due.wait()
        self._due.clear()

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch = dict(islice(self._waiting.items(), BATCH))
            try:
                await self.write(partial(_run_each, tuple(batch.values())))
            except DiskError:
                return
            for key, job in batch.items():
                if self._waiting.get(key) is job:  # else a newer one came meanwhile
                    del self._waiting[key]

    async def _sync(self) -> None:
        self._is_unsynced = False
        try:
            if await asyncio.to_thread(self._database.sync):
                await self.write(begin_log)
        except DiskError as error:
            _LOGGER.debug("%s", error)  # the next write says it

    async def close(self, keeper: asyncio.Task[None]) -> None:
        """Write what waits and close the file."""
        self._closing = True
        self._due.set()
        await keeper
        if self._promise is not None:
            await asyncio.wait({self._promise})
        await asyncio.wrap_future(self._writer.submit(self._database.close))
        await asyncio.to_thread(self._writer.close)


def _run_each(jobs: tuple[Job[object], ...], connection: sqlite3.Connection) -> None:
    """Run jobs in one transaction; one that is wrong in itself is left out of it, and the log says so."""
    for job in jobs:
        connection.execute("SAVEPOINT one")
        try:
            job(connection)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not is_mistake(error):
                raise
            _LOGGER.exception("a record could not be written")
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")


@asynccontextmanager
async def opened_store(
    path: Path, *, migrations: tuple[Migration, ...] = MIGRATIONS, interval_seconds: float = INTERVAL_SECONDS
) -> AsyncIterator[Store]:
    """Open the records; what waits is written when it ends. Raises nothing: `failure` says why nothing can be written.

    Records of a newer version, or on a disk that refuses them, leave a store whose jobs raise DiskError.
    """
    store = Store(Database(path, migrations), interval_seconds)
    keeper = asyncio.create_task(store.keep(), name="records")
    try:
        store.later(begin_log, soon=True)
        await store.flush()
        yield store
    finally:
        await store.close(keeper)
