"""The forms of the cloud lanes' flow, and what their answers mean."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import probatio as vol
from homeassistant.components import stt
from homeassistant.components.assist_satellite import DOMAIN as SATELLITE_DOMAIN
from homeassistant.const import CONF_ENTITY_ID, CONF_NAME, CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util import slugify

from .const import DOMAIN
from .lanes import (
    CONF_CONSENT,
    CONF_KEY,
    CONF_KIND,
    CONF_LANGUAGES,
    CONF_PRICE,
    CONF_PROVIDER,
    CONF_SATELLITES,
    CONF_SEND_NAMES,
    CONF_TRUST,
    KIND_ENTITY,
    KIND_PROVIDER,
    PROVIDER_FIELDS,
    TRUST_CLOUD,
    TRUST_HOME,
)

type Service = Mapping[str, Any]
"""A speech service as the server lists it: `provider`, `title`, `needs`, `optional`, `price_per_minute` …"""

CONF_STAYS_HOME: Final = "stays_home"
CONF_AGREED: Final = "agreed"
CONF_WHAT_NOW: Final = "what_now"
CONF_PLACE: Final = "place"
CONF_SERVICE: Final = "service"
_NOT_OFFERED: Final = ("client", "home_assistant")
"""Our own entities are asked by ourselves: without a key, and while the server is away, too."""
_PRICE: Final = NumberSelector(NumberSelectorConfig(min=0, max=10, step="any", mode=NumberSelectorMode.BOX))
_SECRET: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))


@callback
def entity_form(hass: HomeAssistant, *, named: bool) -> vol.Schema:
    """Ask for a speech-to-text entity; never for one of ours, which would ask itself."""
    ours = [one.entity_id for one in er.async_get(hass).entities.values() if one.platform == DOMAIN]
    form: dict[vol.Marker, Any] = {
        vol.Required(CONF_ENTITY_ID): EntitySelector(EntitySelectorConfig(domain=stt.DOMAIN, exclude_entities=ours)),
        vol.Required(CONF_STAYS_HOME, default=False): BooleanSelector(),
        vol.Optional(CONF_PRICE): _PRICE,
    }
    if named:
        form[vol.Optional(CONF_NAME)] = TextSelector()
    return vol.Schema(form)


def services_of(listed: Sequence[Service]) -> dict[str, Service]:
    """Return the services that lanes are offered for, by a name that stays."""
    return {_slug(one): one for one in listed if one[CONF_PROVIDER] not in _NOT_OFFERED}


def service_form(services: Mapping[str, Service]) -> vol.Schema:
    """Ask for one of the speech services that the server knows."""
    options = [SelectOptionDict(value=slug, label=_priced(one)) for slug, one in services.items()]
    config = SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, translation_key="lane_service")
    return vol.Schema({vol.Required(CONF_SERVICE): SelectSelector(config)})


def details_form(service: Service, *, new: bool) -> vol.Schema:
    """Ask for what a service needs; a lane that has its key already may keep it."""
    form: dict[vol.Marker, Any] = {}
    if new:
        name = service["title"] if service[CONF_TRUST] == TRUST_CLOUD else vol.UNDEFINED
        form[vol.Required(CONF_NAME, default=name)] = TextSelector()
    needs, optional = set(service["needs"]), set(service["optional"])
    if CONF_KEY in needs | optional:
        form[vol.Required(CONF_KEY) if new and CONF_KEY in needs else vol.Optional(CONF_KEY)] = _SECRET
    for field in PROVIDER_FIELDS:
        if field in needs | optional:
            form[vol.Required(field) if field in needs else vol.Optional(field)] = _field(field, service)
    if CONF_URL in needs | optional:
        form[vol.Required(CONF_STAYS_HOME, default=service[CONF_TRUST] == TRUST_HOME)] = BooleanSelector()
    form[vol.Optional(CONF_PRICE)] = _PRICE
    return vol.Schema(form)


def consent_form(data: Mapping[str, Any]) -> vol.Schema:
    """Ask for the tick, where speech leaves the home, and what it is for."""
    form: dict[vol.Marker, Any] = {}
    if data[CONF_TRUST] == TRUST_CLOUD:
        form[vol.Required(CONF_AGREED, default=False)] = BooleanSelector()
    form[vol.Optional(CONF_SATELLITES)] = EntitySelector(EntitySelectorConfig(domain=SATELLITE_DOMAIN, multiple=True))
    if data[CONF_KIND] == KIND_PROVIDER:
        form[vol.Required(CONF_SEND_NAMES, default=False)] = BooleanSelector()
    return vol.Schema(form)


def what_now_form(options: Sequence[str]) -> vol.Schema:
    """Ask how to go on; the first is what most would do."""
    select = SelectSelector(SelectSelectorConfig(options=list(options), translation_key=CONF_WHAT_NOW))
    return vol.Schema({vol.Required(CONF_WHAT_NOW, default=options[0]): select})


def place_form(count: int, place: int) -> vol.Schema:
    """Ask for a place in the order of asking, from 1."""
    config = NumberSelectorConfig(min=1, max=count, mode=NumberSelectorMode.BOX)
    return vol.Schema({vol.Required(CONF_PLACE, default=place): vol.All(NumberSelector(config), vol.Coerce(int))})


@callback
def entity_data(hass: HomeAssistant, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a lane that is an entity."""
    entity_id = given[CONF_ENTITY_ID]
    state = hass.states.get(entity_id)
    entity = stt.async_get_speech_to_text_entity(hass, entity_id)
    languages = {one.partition("-")[0] for one in entity.supported_languages} if entity else set()
    data = {
        CONF_KIND: KIND_ENTITY,
        CONF_ENTITY_ID: entity_id,
        CONF_NAME: given.get(CONF_NAME) or (state.name if state else entity_id),
        CONF_TRUST: _trust(given),
        CONF_LANGUAGES: sorted(languages),
        CONF_PRICE: given.get(CONF_PRICE),
    }
    return {key: value for key, value in data.items() if value}


def service_data(services: Mapping[str, Service], slug: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a lane that is a speech service: all but the key."""
    service = services[slug]
    usual = next(one for one in services.values() if one[CONF_PROVIDER] == service[CONF_PROVIDER])
    own = "" if service is usual else service[CONF_URL]  # the server knows where a provider's first service is
    fields = {field: given.get(field, "").strip() for field in PROVIDER_FIELDS}
    data = {
        CONF_KIND: KIND_PROVIDER,
        CONF_NAME: given.get(CONF_NAME, "").strip(),
        CONF_SERVICE: slug,
        CONF_PROVIDER: service[CONF_PROVIDER],
        CONF_TRUST: _trust(given),
        CONF_PRICE: given.get(CONF_PRICE),
        **fields,
        CONF_URL: fields[CONF_URL] or own,
    }
    return {key: value for key, value in data.items() if value}


def sentence(service: Service | None, data: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the step that holds a lane's sentence of consent, and what is filled into it."""
    if data[CONF_TRUST] == TRUST_HOME:
        return "consent_home", {CONF_NAME: data[CONF_NAME]}
    if service is None:
        return "consent_entity", {CONF_NAME: data[CONF_NAME], "entity": data[CONF_ENTITY_ID]}
    elsewhere = data.get(CONF_URL, service[CONF_URL]) != service[CONF_URL]
    whom = str(urlsplit(data[CONF_URL]).hostname) if elsewhere else service["title"]
    placeholders = {CONF_NAME: data[CONF_NAME], "provider": whom}
    if own_price := data.get(CONF_PRICE):
        return "consent_own_price", placeholders | {"price": f"{own_price:g}"}
    if elsewhere or (price := service.get(CONF_PRICE)) is None:
        return "consent_unpriced", placeholders
    return "consent_priced", placeholders | {"price": f"{price:g}", "as_of": service.get("as_of") or "–"}


def same_place(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a key that the server keeps for a lane still goes to the same service."""
    return all(before.get(key) == after.get(key) for key in (CONF_PROVIDER, CONF_URL, "region"))


def kept_consent(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Return the day of a consent that still speaks of the same service; None when it has to be given anew."""
    same = (CONF_KIND, CONF_TRUST, CONF_ENTITY_ID, CONF_PROVIDER, CONF_URL, CONF_SATELLITES, CONF_SEND_NAMES)
    day: str | None = before.get(CONF_CONSENT)
    return day if all((before.get(key) or None) == (after.get(key) or None) for key in same) else None


def _trust(given: Mapping[str, Any]) -> str:
    return TRUST_HOME if given.get(CONF_STAYS_HOME) else TRUST_CLOUD


def _field(field: str, service: Service) -> TextSelector | SelectSelector:
    if field == "model" and (models := service.get("models")):
        return SelectSelector(SelectSelectorConfig(options=list(models), custom_value=True))
    return TextSelector()


def _slug(service: Service) -> str:
    name = service["title"] if service[CONF_TRUST] == TRUST_CLOUD else f"{service[CONF_PROVIDER]} home"
    return slugify(name)


def _priced(service: Service) -> str:
    """Return a service with its price; the currency and the day need no translation."""
    title, price = service["title"], service.get(CONF_PRICE)
    return title if price is None else f"{title} – {price:g} USD/min ({service.get('as_of')})"
