"""Rows of hubs that keep requests until a speech service can be reached."""

from typing import Any

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass

from .protocol import Status
from .queue_events import keeps_requests
from .sensor_descriptions import DIAGNOSTIC, EdgeVoiceSensorDescription

_COUNTS = ("waiting", "ready", "started", "needs_you")


def _length(status: Status) -> int | None:
    """Return how many there are, whatever they wait for."""
    queue = status.queue
    return None if queue is None else queue.waiting + queue.ready + queue.started + queue.needs_you


def _counts(status: Status) -> dict[str, Any]:
    return {one: getattr(status.queue, one) for one in (*_COUNTS, "bytes", "reason")} if status.queue else {}


QUEUE_SENSORS: tuple[EdgeVoiceSensorDescription[Status], ...] = (
    EdgeVoiceSensorDescription(
        key="queue_length",
        translation_key="queue_length",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=_length,
        attributes_fn=_counts,
        is_known_fn=keeps_requests,
    ),
    EdgeVoiceSensorDescription(
        key="oldest_request",
        translation_key="oldest_request",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda status: status.queue.oldest if status.queue else None,
        is_known_fn=keeps_requests,
        **DIAGNOSTIC,
    ),
)
