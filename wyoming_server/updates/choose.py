"""Which of the offered bundles this hub may take up, and what to say of the others."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..bundles.bundle import Kind
from ..bundles.offer import HubFacts, Offer
from ..bundles.rollout import Check, choose, explain, newer, refusal
from ..bundles.state import State
from ..errors import NotEligibleError, UnknownBundleError

MODEL_CHOSEN = "model-chosen"


class Remembers(Protocol):
    """What is remembered of bundles."""

    @property
    def state(self) -> State:
        """Return the state as it is now."""

    def now(self) -> dt.datetime:
        """Return the time, with its zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSays:
    """What the server around the bundles knows; each is asked whenever it is needed."""

    hub_id: str
    server_version: str
    hub_class: str
    region: str
    """As the settings say it; empty for what clients say."""
    languages: tuple[str, ...]
    """What the home speaks; empty for any."""
    chosen: str = ""
    """The recogniser that the owner named in the settings, which no bundle replaces; empty for none."""
    compares: Callable[[], bool] = lambda: True
    """Whether what serves is worth comparing a new recogniser to; the starter is not."""


def label_of(name: str, version: str) -> str:
    """Return what tells a bundle from any other."""
    return f"{name}@{version}"


class Chooser:
    """Chooses among offers, which are the newest first."""

    def __init__(self, hub: HubSays, book: Remembers) -> None:
        self.hub, self._book = hub, book
        self.country = ""
        """What clients say; empty while nobody has."""

    def facts(self) -> HubFacts:
        """Return what this hub is to a rollout."""
        hub, state = self.hub, self._book.state
        return HubFacts(
            hub_id=hub.hub_id,
            region=hub.region or self.country,
            hub_class=hub.hub_class,
            server_version=hub.server_version,
            languages=hub.languages,
            serving={kind: of.active for kind, of in state.kinds.items() if of.active},
            highest=state.highest,
            denied=frozenset(state.denied),
        )

    def newest(self, offers: Sequence[Offer], kind: Kind) -> Offer | None:
        """Return what this hub may take up by itself; None where nothing is offered to it."""
        if kind is Kind.ASR and self.is_chosen_otherwise(offers):
            return None
        return choose(offers, self.facts(), self._book.now(), kind)

    def shown(self, offers: Sequence[Offer], kind: Kind) -> Offer | None:
        """Return what is worth telling the owner: what the hub may take up, else the newest that it may not yet."""
        if (ours := self.newest(offers, kind)) is not None:
            return ours
        active = self._book.state.of(kind).active
        name, _, version = active.partition("@")
        for one in offers:
            if one.kind is kind and not one.withdrawn and (not active or one.name == name):
                return one if newer(one.version, version) or not active else None
        return None

    def reasons(self, offer: Offer, offers: Sequence[Offer]) -> tuple[Check, ...]:
        """Return everything that is asked before this hub takes up a bundle."""
        active = self._active(offers, offer.kind)
        checks = explain(offer, self.facts(), self._book.now(), active=active)
        if offer.kind is not Kind.ASR:
            return checks
        chosen = self.is_chosen_otherwise(offers)
        said = f"The settings name the model '{self.hub.chosen}', which no bundle replaces; empty asr.model for that."
        free = "The settings leave the choice of a model to bundles."
        return (*checks, Check(code=MODEL_CHOSEN, holds=not chosen, message=said if chosen else free))

    def wanted(self, offers: Sequence[Offer], kind: Kind, label: str | None, *, again: bool) -> Offer:
        """Return the bundle that the owner asks for, the newest without a label.

        Raises UnknownBundleError, NotEligibleError, DeniedError, VersionRollbackError.
        """
        if label is None:
            offer = self.shown(offers, kind)
            if offer is None:
                raise UnknownBundleError(f"The repository offers no newer bundle of kind '{kind}'")
        else:
            offer = next((one for one in offers if one.label == label and one.kind is kind), None)
            if offer is None:
                raise UnknownBundleError(
                    f"The repository has no bundle {label} of kind '{kind}' in this channel; "
                    "`edge-voice models list` shows what it has"
                )
        facts = self.facts()
        if again and offer.label in facts.denied:
            # It served here before it failed: to try that very version again is no step back.
            highest = {
                name: version for name, version in facts.highest.items() if label_of(name, version) != offer.label
            }
            facts = replace(facts, denied=facts.denied - {offer.label}, highest=highest)
        if refused := refusal(offer, facts, self._book.now(), active=self._active(offers, kind)):
            raise refused
        if kind is Kind.ASR and self.is_chosen_otherwise(offers):
            raise NotEligibleError(self.reasons(offer, offers)[-1].message)
        return offer

    def _active(self, offers: Sequence[Offer], kind: Kind) -> Offer | None:
        active = self._book.state.of(kind).active
        return next((one for one in offers if one.label == active), None)

    def is_chosen_otherwise(self, offers: Sequence[Offer]) -> bool:
        """Tell whether the owner named a model; a bundle's own name stands for whatever version of it serves."""
        chosen = self.hub.chosen
        names = {one.partition("@")[0] for one in self._book.state.installed} | {one.name for one in offers}
        return bool(chosen) and chosen not in names
