"""What the entities of a hub's bundles have in common: for which kinds of model they are there, and when."""

from typing import Final, override

from homeassistant.helpers.entity import EntityDescription

from .coordinator import EdgeVoiceCoordinator
from .entity import EdgeVoiceEntity
from .protocol import Status
from .protocol_bundles import BundleKind

ASR: Final = "asr"
KINDS: Final = (ASR, "wake", "vad")
"""Models that hear what is said, wake words, and whether somebody speaks."""


def bundle_kinds(status: Status) -> list[str]:
    """Return the kinds that have something to show: speech always, the others once a bundle of theirs is heard of."""
    if status.bundles is None:
        return []
    return [one.kind for one in status.bundles.kinds if one.kind == ASR or (one.kind in KINDS and _has_bundle(one))]


def knows_bundles(status: Status) -> list[str]:
    """Return one key where the hub knows bundles at all, none for an older one."""
    return [] if status.bundles is None else ["bundle"]


def _has_bundle(kind: BundleKind) -> bool:
    signed = kind.active is not None and kind.active.signed
    return signed or any((kind.previous, kind.offered, kind.candidate, kind.work, kind.last_rollback))


class BundleEntity(EdgeVoiceEntity):
    """An entity of one kind of model. It is unavailable where the hub does not speak of that kind."""

    def __init__(self, coordinator: EdgeVoiceCoordinator, kind: str, description: EntityDescription) -> None:
        super().__init__(coordinator, description)
        self.kind_name = kind

    @property
    def kind(self) -> BundleKind | None:
        """Return the kind of model as the hub tells it."""
        return None if self.status.bundles is None else self.status.bundles.kind(self.kind_name)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.kind is not None
