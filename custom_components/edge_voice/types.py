"""What a set-up entry holds."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .client import EdgeVoiceClient
from .coordinator import EdgeVoiceCoordinator
from .ledger_watch import LedgerWatch
from .protocol import Health
from .queue_runner import QueueRunner
from .queue_watch import QueueWatch
from .voice import Voice
from .wyoming_client import WyomingTarget

type EdgeVoiceConfigEntry = ConfigEntry[EdgeVoiceData]


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeVoiceData:
    """One hub, as long as its entry is set up."""

    server_id: str
    health: Health
    """As it was when the entry was set up."""

    client: EdgeVoiceClient
    coordinator: EdgeVoiceCoordinator
    ledger: LedgerWatch
    wyoming: WyomingTarget | None
    """None for a hub that listens on no network port for speech."""

    voice: Voice
    """What the conversation and the home tell the hub."""

    queue: QueueRunner
    """Does requests that waited for a speech service."""

    waiting: QueueWatch
    """The same requests, to be looked at."""
