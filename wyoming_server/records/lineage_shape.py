"""What the register of data is made of: classes of data, the forms that they take, and the ways that they go."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

type Fields = Mapping[str, Mapping[Form, str]]
"""Class of data → form → names of fields, with blanks between them."""


class Form(enum.StrEnum):
    """What a field holds, said so that one can judge what it gives away."""

    NUMBER = "a number"
    TRUTH = "yes or no"
    TIME = "a time"
    CODE = "one of the program's own words"
    SENTENCE = "a sentence of the program's own"
    VERSION = "a version"
    SETTINGS = "settings"
    FIGURES = "figures as JSON"
    OWNER_WORD = "a name that the owner gave to a lane, a model or a bundle"
    NAME = "a name of the home: a room, a device, a satellite"
    HASH = "a keyed hash"
    ID = "an id drawn by chance"
    ADDRESS = "a network address"
    TEXT = "what was said"
    SOUND = "sound"
    SEALED = "encrypted (AES-256-GCM)"
    KEY = "a secret"
    MODEL = "a model's files"
    MIXED = "several of these; its fields are listed by themselves"


class Kind(enum.StrEnum):
    """By which way data goes."""

    COLUMN = "store column"
    FILE = "data folder"
    METRIC = "metric"
    LOG = "log field"
    LANE = "speech service"
    COHORT = "cohort report"
    REPOSITORY = "model repository"
    MODEL_HUB = "hub of models"
    ANSWER = "control API answer"
    REQUEST = "control API request"
    EVENT = "control API event"
    WYOMING_IN = "Wyoming, heard"
    WYOMING_OUT = "Wyoming, said"
    ANNOUNCEMENT = "zeroconf"
    SUPERVISOR = "Supervisor"
    ENTITY = "Home Assistant entity"
    ATTRIBUTE = "Home Assistant attribute"
    HOME_ASSISTANT_EVENT = "Home Assistant event"
    HOME_ASSISTANT_FILE = "Home Assistant storage"
    HOME_ASSISTANT_TOLD = "Home Assistant, told to who looks"
    DIAGNOSTICS = "Home Assistant diagnostics"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataClass:
    """One class of data: all of it is for the same purpose, and ends the same way."""

    name: str
    title: str
    holds: str
    source: str
    purpose: str
    processed: str
    """Where: in which of the server's processes, or outside."""
    stored: str
    """Where; empty: nowhere."""
    form: str
    setting: str | None = None
    """That tells how long, or whether at all."""
    days: int | None = None
    """None: no number of days ends it."""
    ends: str
    on_by_default: bool = True
    recipients: tuple[str, ...] = ()
    """Who beside the hub may get it. Whoever holds the control token counts as the hub's owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One field that data takes on its way."""

    kind: Kind
    where: str
    """A table, a file's folder, a metric, an event, a service: whose field it is."""
    field: str
    data_class: str
    form: Form


def flows_of(kind: Kind, where: str, fields: Fields, *, between: str | None = None) -> tuple[Flow, ...]:
    """Return one flow for each name; `between` stands between names instead of blanks."""
    return tuple(
        Flow(kind=kind, where=where, field=name.strip(), data_class=data_class, form=form)
        for data_class, forms in fields.items()
        for form, names in forms.items()
        for name in names.split(between)
    )
