"""Requests that wait, as a list: what was said, what it waits for, and until when. Deleting one drops it."""

from typing import Final, override

from homeassistant.components.todo import TodoItem, TodoItemStatus, TodoListEntity, TodoListEntityFeature
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .coordinator import EdgeVoiceCoordinator
from .entity import EdgeVoiceEntity
from .growing import async_add_as_they_appear
from .protocol_queue import WaitingRequest
from .queue_events import keeps_requests
from .queue_watch import QueueWatch
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 1
WAITING_REQUESTS: Final = EntityDescription(
    key="waiting_requests",
    translation_key="waiting_requests",
    # Also keeps it from voice assistants: what was said is nobody else's, and nothing can be added to it.
    entity_category=EntityCategory.DIAGNOSTIC,
)
_WORDS: Final = f"component.{DOMAIN}.selector.request_{{}}.options.{{}}"


async def async_setup_entry(
    hass: HomeAssistant, entry: EdgeVoiceConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the list of a hub that keeps requests."""
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=lambda status: ["queue"] if keeps_requests(status) else [],
        build=lambda coordinator, _: [WaitingList(coordinator, entry.runtime_data.waiting)],
    )


class WaitingList(EdgeVoiceEntity, TodoListEntity):
    """The requests of one hub. Its state is their number; what was said is told to who opens it, and not recorded."""

    _attr_supported_features = TodoListEntityFeature.DELETE_TODO_ITEM  # a to-do list whose items can only be dropped

    def __init__(self, coordinator: EdgeVoiceCoordinator, waiting: QueueWatch) -> None:
        """Show what is known of them."""
        super().__init__(coordinator, WAITING_REQUESTS)
        self._waiting = waiting
        self._words: dict[str, str] = {}

    @override
    async def async_added_to_hass(self) -> None:
        """Hear when they were read."""
        await super().async_added_to_hass()
        self._words = await async_get_translations(self.hass, self.hass.config.language, "selector", {DOMAIN})
        self.async_on_remove(self._waiting.async_add_listener(self._read))
        self._read()

    @property
    @override
    def available(self) -> bool:
        return super().available and keeps_requests(self.status)

    @override
    async def async_delete_todo_items(self, uids: list[str]) -> None:
        """Drop them."""
        try:
            for uid in uids:
                await self.async_command(self.coordinator.client.queue.drop(uid))
        finally:
            self._waiting.async_read()

    @callback
    def _read(self) -> None:
        if self._waiting.known is not None:
            self._attr_todo_items = [self._item(one) for one in self._waiting.known.requests]
            self.async_write_ha_state()

    def _item(self, request: WaitingRequest) -> TodoItem:
        state = self._word("state", request.state)
        return TodoItem(
            uid=request.id,
            summary=request.text or request.heard or self._word("kind", request.kind),
            description=f"{state}\n{request.reason}" if request.reason else state,
            due=request.expires_at,
            status=TodoItemStatus.NEEDS_ACTION,
        )

    def _word(self, what: str, key: str) -> str:
        return self._words.get(_WORDS.format(what, key), key)
