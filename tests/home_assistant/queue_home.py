"""The home of the proof `queue-kills`: Home Assistant's own core with our integration and an agent that counts.

`python -m tests.home_assistant.queue_home CONFIG CONTROL_PORT TOKEN SERVER_ID`: a life per line of standard input
(`tests.server.proofs.lives`). What its agent is told goes to CONFIG/done, a line each, with one write.
"""

import asyncio
import importlib
import os
import pkgutil
import random
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant import bootstrap, config_entries, loader
from homeassistant.components import conversation
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.helpers import intent
from homeassistant.setup import async_setup_component

import custom_components.edge_voice
from custom_components.edge_voice.entry_options import CONF_CONVERSATION_AGENT, CONF_QUEUE_RESULTS, RESULTS_OFF
from tests.home_assistant.hass_process import prepare
from tests.server.proofs.lives import fork_at_every_line

AGENT = "conversation.counting"
ENTRY = "01JQUEUEKILLS0000000000000"
DONE = "done"
LONGEST_SECONDS = 0.05
CORE = ("homeassistant", "persistent_notification")
NEEDED = ("conversation",)
IMPORTED = ("assist_pipeline", "file_upload", "frontend", "http", "stt", "wake_word", "websocket_api")
"""What the integration depends on: imported once, for all lives."""


class CountingAgent(conversation.ConversationEntity):
    """Does what it is told by writing it down."""

    _attr_name = "Counting"

    def __init__(self, path: Path) -> None:
        self.entity_id = AGENT
        self._path = path

    @property
    def supported_languages(self) -> str:
        """It understands all."""
        return conversation.MATCH_ALL

    async def _async_handle_message(
        self, user_input: conversation.ConversationInput, chat_log: conversation.ChatLog
    ) -> conversation.ConversationResult:
        """Write a line: the deed."""
        await asyncio.sleep(random.random() * LONGEST_SECONDS)  # a kill may come before it …
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, f"{user_input.text}|{user_input.satellite_id}|{user_input.device_id}\n".encode())
        os.close(descriptor)
        await asyncio.sleep(random.random() * LONGEST_SECONDS)  # … or after it
        response = intent.IntentResponse(language=user_input.language)
        response.async_set_speech("Done.")
        return conversation.ConversationResult(response=response, conversation_id=chat_log.conversation_id)


async def live(config: Path, port: int, token: str, server_id: str) -> None:
    """Run the core until killed."""
    hass = HomeAssistant(str(config))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    yaml: dict[str, Any] = {}
    hass.config_entries = config_entries.ConfigEntries(hass, yaml)
    await loader.async_get_custom_components(hass)
    assert await bootstrap.async_load_base_functionality(hass)
    for domain in CORE:
        assert await async_setup_component(hass, domain, yaml), domain
    await async_process_ha_core_config(hass, {})
    for domain in NEEDED:
        assert await async_setup_component(hass, domain, yaml), domain
    await hass.data[conversation.DATA_COMPONENT].async_add_entities([CountingAgent(config / DONE)])
    if (entry := hass.config_entries.async_get_entry(ENTRY)) is None:
        await hass.config_entries.async_add(entry_of(port, token, server_id))
    else:
        await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_start()
    await asyncio.Event().wait()


def entry_of(port: int, token: str, server_id: str) -> config_entries.ConfigEntry[Any]:
    """Return the entry, as pairing leaves it."""
    data = {"host": "127.0.0.1", "port": port, "token": token, "fingerprint": None, "wyoming_port": 1}
    return config_entries.ConfigEntry(
        data=data,
        discovery_keys=MappingProxyType({}),
        domain="edge_voice",
        entry_id=ENTRY,
        minor_version=1,
        options={CONF_CONVERSATION_AGENT: AGENT, CONF_QUEUE_RESULTS: RESULTS_OFF},
        source=config_entries.SOURCE_USER,
        subentries_data=(),
        title="Edge Voice",
        unique_id=server_id,
        version=1,
    )


def main() -> None:
    """Import everything, and fork lives."""
    config, port, token, server_id = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    if not (config / ".storage").exists():
        prepare(config, 0)
    for domain in IMPORTED:
        importlib.import_module(f"homeassistant.components.{domain}")
    for one in pkgutil.iter_modules(custom_components.edge_voice.__path__):
        importlib.import_module(f"custom_components.edge_voice.{one.name}")
    fork_at_every_line(lambda: asyncio.run(live(config, port, token, server_id)))


if __name__ == "__main__":
    main()
