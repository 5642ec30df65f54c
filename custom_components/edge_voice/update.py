"""Which model hears, which one is offered to this hub, and how a new one does until it is trusted."""

from typing import Any, Final, override

from homeassistant.components.update import UpdateEntity, UpdateEntityDescription, UpdateEntityFeature
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import LOGGER
from .entity_bundle import ASR, KINDS, BundleEntity, bundle_kinds
from .errors import EdgeVoiceError
from .growing import async_add_as_they_appear
from .protocol_bundles import BundleKind, Candidate
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 1

UPDATES: Final = {
    kind: UpdateEntityDescription(
        key=f"bundle_{kind}", translation_key=f"bundle_{kind}", entity_category=EntityCategory.CONFIG
    )
    for kind in KINDS
}
_PROVING: Final = ("shadow", "serving")
"""Stages of a bundle that does not answer everything yet."""


async def async_setup_entry(
    hass: HomeAssistant, entry: EdgeVoiceConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add one for each kind of model that has, or may get, a bundle."""
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=bundle_kinds,
        build=lambda coordinator, kind: [BundleUpdate(coordinator, kind, UPDATES[kind])],
    )


class BundleUpdate(BundleEntity, UpdateEntity):
    """One kind of model. What is not offered to this hub is no update, whoever else has it already."""

    _attr_supported_features = (
        UpdateEntityFeature.INSTALL
        | UpdateEntityFeature.SPECIFIC_VERSION
        | UpdateEntityFeature.PROGRESS
        | UpdateEntityFeature.RELEASE_NOTES
    )
    _unrecorded_attributes = frozenset({"turns", "turns_to_go", "waits_for"})

    @property
    @override
    def auto_update(self) -> bool:
        """Return whether the hub takes up by itself what is offered to it."""
        return bool(self.status.policy.automatic_updates)

    @property
    @override
    def installed_version(self) -> str | None:
        """Return the version that answers."""
        return self._versions[0]

    @property
    @override
    def latest_version(self) -> str | None:
        """Return the version that this hub is to have."""
        return self._versions[1]

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Leave it to the hub, which has compared them and knows what may follow what."""
        return True

    @property
    @override
    def title(self) -> str | None:
        """Return the model's name."""
        return None if self.kind is None else _name(_wanted(self.kind)) or None

    @property
    @override
    def in_progress(self) -> bool:
        """Return whether a bundle is fetched, tried, or not yet trusted with everything."""
        return self.kind is not None and (self.kind.work is not None or self._proving is not None)

    @property
    @override
    def update_percentage(self) -> float | None:
        """Return how far the present stage is."""
        if self.kind is not None and self.kind.work is not None:
            return None if self.kind.work.progress is None else 100.0 * self.kind.work.progress
        proving = self._proving
        if proving is None or not proving.turns_to_go:
            return None
        return 100.0 * proving.turns / (proving.turns + proving.turns_to_go)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return what Home Assistant has no word for: the stage, what can be returned to, and what is waited for."""
        if self.kind is None:
            return {}
        candidate, offered = self.kind.candidate, self.kind.offered
        return {
            "stage": self.kind.work.state if self.kind.work else candidate and candidate.stage,
            "turns": candidate and candidate.turns,
            "turns_to_go": candidate and candidate.turns_to_go,
            "signed": self.kind.active is not None and self.kind.active.signed,
            "previous": self.kind.previous,
            "waits_for": [one.message for one in offered.reasons if not one.holds] if offered else [],
        }

    @override
    async def async_install(self, version: str | None, backup: bool, **kwargs: Any) -> None:
        """Have a bundle installed, the one that is shown without a version."""
        label = version or (_wanted(self.kind) if self.kind else None)
        if label and "@" not in label and self.title:
            label = f"{self.title}@{label}"
        await self.async_command(self.coordinator.client.install_bundle(self.kind_name, label))

    @override
    async def async_release_notes(self) -> str | None:
        """Return what the publisher says of the newest bundle."""
        return self.kind.offered.notes if self.kind and self.kind.offered else None

    @override
    async def async_update(self) -> None:
        """Have the hub look at its repository: somebody asks for updates. What it finds is pushed, also a refusal."""
        bundles = self.status.bundles
        if self.kind_name != ASR or bundles is None or bundles.repository is None:
            return  # one look finds every kind
        try:
            await self.coordinator.client.check_bundles()
        except EdgeVoiceError as error:
            LOGGER.debug("The hub did not find out what is new: %s", error)

    @property
    def _proving(self) -> Candidate | None:
        candidate = self.kind.candidate if self.kind else None
        return candidate if candidate is not None and candidate.stage in _PROVING else None

    @property
    def _versions(self) -> tuple[str | None, str | None]:
        """Return which one answers and which one is to, with their names unless both bear the same and are signed."""
        if self.kind is None:
            return None, None
        active, wanted = self.kind.active, _wanted(self.kind)
        if active is not None and active.signed and active.name == _name(wanted):
            return active.version, wanted.partition("@")[2]
        return active.label if active else None, wanted or None


def _wanted(kind: BundleKind) -> str:
    """Return the label of what this hub is to have: what proves itself, what is offered to it, or what it has."""
    if kind.candidate is not None and kind.candidate.stage in _PROVING:
        return kind.candidate.label
    if kind.offered is not None and kind.offered.eligible:
        return kind.offered.label
    return kind.active.label if kind.active else ""


def _name(label: str) -> str:
    return label.partition("@")[0]
