"""The register of data: every class that the server knows, and every way that any of it goes.

Tests hold it to the code both ways: a flow that is not declared fails them, and so does one that is declared and gone.
`edge-voice privacy lineage` prints it, and docs/privacy.md is made from it.
"""

import importlib
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from .lineage_shape import DataClass, Flow
from .record_settings import RecordSettings

type Json = dict[str, Any]

VERSION = 1
PAGES = (
    "store",
    "log",
    "metrics",
    "cloud",
    "control",
    "voice",
    "home_assistant",
    "queue",
    "home_assistant_queue",
    "home_assistant_text",
)
"""The modules `lineage_…` that declare flows; read when somebody asks, since few do."""
_SECTION = "records."


def classes(settings: RecordSettings | None = None) -> tuple[DataClass, ...]:
    """Return every class of data, with the days that these settings give it; None: the defaults."""
    windows = settings or RecordSettings()
    module = importlib.import_module(".lineage_classes", __package__)
    declared: tuple[DataClass, ...] = module.CLASSES
    return tuple(_with_days(one, windows) for one in declared)


def _with_days(one: DataClass, windows: RecordSettings) -> DataClass:
    if one.setting is None or not one.setting.startswith(_SECTION) or not one.setting.endswith("_days"):
        return one
    return replace(one, days=int(getattr(windows, one.setting.removeprefix(_SECTION))))


@cache
def flows() -> tuple[Flow, ...]:
    """Return every flow."""
    found: list[Flow] = []
    for page in PAGES:
        found += importlib.import_module(f".lineage_{page}", __package__).FLOWS
    return tuple(found)


def told(settings: RecordSettings | None = None) -> Json:
    """Return the register as JSON."""
    return {
        "version": VERSION,
        "classes": [{**asdict(one), "recipients": list(one.recipients)} for one in classes(settings)],
        "flows": [
            {
                "kind": one.kind.value,
                "where": one.where,
                "field": one.field,
                "data_class": one.data_class,
                "form": one.form.value,
            }
            for one in flows()
        ],
    }
