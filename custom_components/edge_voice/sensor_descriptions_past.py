"""Rows of what hubs tell that keep records: drift, load, what is kept, what left the home, months."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import UnitOfInformation

from .entity_past import keeps_records, tells_load
from .past_events import alarm_attributes
from .protocol import Status
from .protocol_past import LaneSum, Ledger
from .sensor_descriptions import DIAGNOSTIC, RARELY_LOOKED_AT, EdgeVoiceSensorDescription, one_of, percent, share

_CLOUD = "cloud"
_DRIFTS = ["learning", "steady", "drifted"]
_OFF, _RECORDING = "off", "recording"


def _drift(status: Status) -> dict[str, Any]:
    """Return how long it still learns, and every alarm with its evidence."""
    if (drift := status.drift) is None:
        return {}
    return {"turns_to_go": drift.turns_to_go, "alarms": [alarm_attributes(one) for one in drift.alarms]}


def _kept(status: Status) -> dict[str, Any]:
    if (records := status.records) is None:
        return {}
    told = asdict(records)
    del told["bytes"]
    return told


def _headline(status: Status) -> dict[str, Any]:
    """Return a month's figures, shares as people read them."""
    if (month := status.scorecard) is None:
        return {}
    told = asdict(month)
    del told["made_at"]
    return told | {key: percent(told[key]) for key in ("escalation_rate", "within_budget")}


def _baseline(status: Status) -> dict[str, Any]:
    """Return how far a baseline has come, against its limits."""
    if (baseline := status.baseline) is None:
        return {}
    keys = ("consent", "turns", "pairs", "disagreed", "would_escalate", "seconds", "seconds_cap", "cost", "money_cap")
    told = {key: getattr(baseline, key) for key in keys}
    return told | {"began": baseline.began.isoformat(), "ends": baseline.ends.isoformat()}


def _upload(ledger: Ledger) -> dict[str, Any]:
    """Return what the ledger says of the last upload, without whose turn it was."""
    if (last := ledger.last_upload) is None:
        return {}
    keys = ("lane", "reason", "consent", "seconds", "bytes", "cost", "currency", "ending")
    return {key: getattr(last, key) for key in keys}


def _beyond_home(sums: Sequence[LaneSum]) -> list[LaneSum]:
    """Return the sums of services beyond the home."""
    return [one for one in sums if one.trust == _CLOUD]


PAST_SENSORS: tuple[EdgeVoiceSensorDescription[Status], ...] = (
    EdgeVoiceSensorDescription(
        key="drift",
        translation_key="drift",
        device_class=SensorDeviceClass.ENUM,
        options=_DRIFTS,
        value_fn=lambda status: one_of(_DRIFTS, status.drift.state if status.drift else None),
        attributes_fn=_drift,
        is_known_fn=lambda status: status.drift is not None,
        **DIAGNOSTIC,
    ),
    share(
        "decode_busy",
        lambda status: percent(status.resources.decode_busy),
        is_known_fn=lambda status: status.resources.decode_busy is not None,
        **RARELY_LOOKED_AT,
    ),
    EdgeVoiceSensorDescription(
        key="turns_waiting",
        translation_key="turns_waiting",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda status: status.resources.waiting,
        attributes_fn=lambda status: {"most": status.resources.most_waiting},
        is_known_fn=tells_load,
        **RARELY_LOOKED_AT,
    ),
    EdgeVoiceSensorDescription(
        key="records_size",
        translation_key="records_size",
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.MEGABYTES,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda status: status.records.bytes if status.records else None,
        attributes_fn=_kept,
        is_known_fn=keeps_records,
        **DIAGNOSTIC,
    ),
    EdgeVoiceSensorDescription(
        key="scorecard",
        translation_key="scorecard",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda status: status.scorecard.made_at if status.scorecard else None,
        attributes_fn=_headline,
        is_known_fn=keeps_records,
        **DIAGNOSTIC,
    ),
    EdgeVoiceSensorDescription(
        key="baseline",
        translation_key="baseline",
        device_class=SensorDeviceClass.ENUM,
        options=[_OFF, _RECORDING],
        value_fn=lambda status: _OFF if status.baseline is None else _RECORDING,
        attributes_fn=_baseline,
        is_known_fn=keeps_records,
        **DIAGNOSTIC,
    ),
)

LEDGER_SENSORS: tuple[EdgeVoiceSensorDescription[Ledger], ...] = (
    EdgeVoiceSensorDescription(
        key="last_upload",
        translation_key="last_upload",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda ledger: ledger.last_upload.at if ledger.last_upload else None,
        attributes_fn=_upload,
    ),
    EdgeVoiceSensorDescription(
        key="uploads_this_month",
        translation_key="uploads_this_month",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda ledger: sum(one.uploads for one in _beyond_home(ledger.this_month)),
        attributes_fn=lambda ledger: {
            "today": sum(one.uploads for one in _beyond_home(ledger.today)),
            "by_service": [asdict(one) for one in _beyond_home(ledger.this_month)],
        },
    ),
)
