"""One thread that does all writing, and takes what is urgent before what can wait."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

type _Entry = tuple[Future[Any], Callable[[], Any]]


class Writer:
    """Runs jobs one after the other. An urgent job waits for the one that is running, and for no other."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._urgent, self._ordinary = deque[_Entry](), deque[_Entry]()

    def submit[T](self, job: Callable[[], T], *, urgent: bool = False) -> Future[T]:
        """Queue a job; cancelling its future takes back one that has not started. RuntimeError after `close`."""
        future = Future[T]()
        (self._urgent if urgent else self._ordinary).append((future, job))
        self._executor.submit(self._run_next)
        return future

    def _run_next(self) -> None:
        """Run one job. Each job has put one call of this into the executor, so there is always one to be found."""
        future, job = (self._urgent or self._ordinary).popleft()
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = job()
        except BaseException as error:  # noqa: BLE001  # whoever waits for the job gets it, whatever it is
            future.set_exception(error)
        else:
            future.set_result(result)

    def close(self) -> None:
        """Run what is queued and end the thread; blocks."""
        self._executor.shutdown()
