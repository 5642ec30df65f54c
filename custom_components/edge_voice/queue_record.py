"""Which waiting requests were begun here: on the disk before they are done, so that none is ever done twice."""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.json import save_json
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.file import WriteError
from homeassistant.util.json import load_json_object

from .const import DOMAIN, LOGGER
from .queue_stages import ENDED, Stage

MOST_TOLD: Final = 1_000
"""Ids whose end the hub was told: a hub that was restored from a backup may offer them again."""
_VERSION: Final = 1


class QueueRecord:
    """One entry's: ids and stages, no text.

    Home Assistant's `Store` writes nothing while it stops, and tells nobody when the disk is full. Here a stage has
    reached the disk when `note` returns.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Begin with none; `async_load` reads what was."""
        self._hass = hass
        self._path = path_of(hass, entry_id)
        self._begun: dict[str, Stage] = {}
        self._told: OrderedDict[str, Stage] = OrderedDict()
        self._is_written = True

    async def async_load(self) -> None:
        """Read what an earlier run has left. A file that cannot be read is begun anew, and that is logged."""
        try:
            kept: Any = await self._hass.async_add_executor_job(load_json_object, str(self._path), {})
            self._begun = {str(key): Stage(value) for key, value in dict(kept.get("requests", {})).items()}
            self._told = OrderedDict((str(key), Stage(value)) for key, value in dict(kept.get("told", {})).items())
        except (HomeAssistantError, ValueError, TypeError) as error:
            # What the hub says was started here is shown to the owner then, and not done.
            LOGGER.warning("The record of waiting requests cannot be read and is begun anew: %s", type(error).__name__)

    def stage(self, request_id: str) -> Stage | None:
        """Return how far it has come; None when it was never begun, or is over."""
        return self._begun.get(request_id)

    def told(self, request_id: str) -> Stage | None:
        """Return how it ended, when the hub was told so; None otherwise."""
        return self._told.get(request_id)

    def begun(self) -> Iterator[tuple[str, Stage]]:
        """Yield what was begun and is not over, in that order."""
        yield from tuple(self._begun.items())

    async def async_note(self, request_id: str, stage: Stage) -> None:
        """Put a stage on the disk. Raises WriteError where that does not succeed; a stage before the end is undone."""
        before = self._begun.get(request_id)
        self._begun[request_id] = stage
        try:
            await self._async_write()
        except WriteError:
            if stage not in ENDED:  # what has ended here is known to have ended, whatever the disk says
                self._restore(request_id, before)
            raise

    def forget(self, request_id: str) -> None:
        """Forget one that somebody else has, or nobody any more; the disk hears of it with the next."""
        self._begun.pop(request_id, None)
        self._is_written = False

    def close(self, request_id: str) -> None:
        """Remember that the hub was told how it ended; the disk hears of it with the next: telling twice is no harm."""
        if (ended := self._begun.pop(request_id, None)) is not None:
            self._told[request_id] = ended
        while len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)
        self._is_written = False

    async def async_settle(self) -> None:
        """Put on the disk what it has not heard of yet. Raises WriteError."""
        if not self._is_written:
            await self._async_write()

    def _restore(self, request_id: str, stage: Stage | None) -> None:
        if stage is None:
            del self._begun[request_id]
        else:
            self._begun[request_id] = stage

    async def _async_write(self) -> None:
        kept = {"version": _VERSION, "requests": dict(self._begun), "told": dict(self._told)}
        self._is_written = False
        await self._hass.async_add_executor_job(_write, self._path, kept)
        self._is_written = True


async def async_forget_record(hass: HomeAssistant, entry_id: str) -> None:
    """Erase the record of an entry that is removed."""
    await hass.async_add_executor_job(lambda: path_of(hass, entry_id).unlink(missing_ok=True))


def path_of(hass: HomeAssistant, entry_id: str) -> Path:
    """Return where an entry's record is."""
    return Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.requests"))


def _write(path: Path, kept: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise WriteError(error) from error
    save_json(str(path), kept, private=True, atomic_writes=True)
