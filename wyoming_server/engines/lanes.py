"""Lanes by their provider's name, with what each service asks and charges when its owner does not say.

A provider's file is imported when a lane of it is made: a server without lanes must not pay for aiohttp (23 MB, 0.3 s).
"""

import importlib
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import yaml

from ..errors import InvalidSettingsError, UnknownProviderError
from ..pipeline.lanes import PROVIDERS, Lane, LaneSettings
from ..pipeline.policy import Trust
from .cloud_trust import is_loopback

_LOGGER = logging.getLogger(__name__)
_CLIENT = "client"
_REGION, _PROJECT = re.compile("[a-z0-9-]*"), re.compile("[a-z0-9.:-]*")
"""Both become part of an address."""


def make_lane(settings: LaneSettings, *, wall_clock: Callable[[], float] = time.time) -> Lane:
    """Return a lane that has connected to nothing yet. Reads small files: make lanes before anything is served.

    Its `settings` are the given ones with the provider's address, model and price filled in. `wall_clock` tells how far
    away the date of a Retry-After is. Raises UnknownProviderError, or InvalidSettingsError for a url, a region, a key
    file or a `ca_file` that cannot be.
    """
    if settings.provider not in PROVIDERS:
        raise UnknownProviderError(
            f"Lane '{settings.name}': there is no provider '{settings.provider}'; known are {', '.join(PROVIDERS)}"
        )
    if settings.provider == _CLIENT:
        raise InvalidSettingsError(f"Lane '{settings.name}' is the caller's own: there is nothing to connect to")
    if not (_REGION.fullmatch(settings.region) and _PROJECT.fullmatch(settings.project)):
        raise InvalidSettingsError(
            f"Lane '{settings.name}': a region is a name such as westeurope, and a project one such as my-home-4711"
        )
    complete = with_defaults(settings)
    lane: Lane = importlib.import_module(f".cloud_{settings.provider}", __package__).make(complete, wall_clock)
    _warn(complete)
    return lane


def with_defaults(settings: LaneSettings) -> LaneSettings:
    """Return settings with the provider's own address, model and price where the owner named none."""
    services = [one for one in _services() if one["provider"] == settings.provider]
    url = settings.url or next(filter(None, (_address(one, settings.region) for one in services)), "")
    service = next((one for one in services if _host(_address(one, settings.region)) == _host(url)), None)
    if service is None and settings.provider == "openai":
        # What speaks OpenAI's protocol elsewhere has other models, no price of OpenAI's, and mostly this name for one.
        return replace(settings, url=url, model=settings.model or "whisper-1")
    service = service or next(iter(services), None)
    if service is None:
        return settings
    models: Mapping[str, float] = service["models"]
    model = settings.model or next(iter(models))
    priced = replace(settings, url=url, model=model)
    if settings.price_per_minute or settings.price_as_of or settings.trust_class is not Trust.CLOUD:
        return priced
    return replace(
        priced,
        price_per_minute=models.get(model, max(models.values())),
        minimum_seconds=settings.minimum_seconds or service.get("minimum_seconds", 0.0),
        price_as_of=f"{service['as_of']} (US dollars)",
    )


_HOME = (
    {"provider": "openai", "title": "A server at home that speaks OpenAI's protocol", "needs": ["url"]}
    | {"optional": ["key", "model"]},
    {"provider": "wyoming", "title": "A Wyoming server at home", "needs": ["url"], "optional": ["model"]},
    {
        "provider": "home_assistant",
        "title": "Another Home Assistant",
        "needs": ["url", "key", "entity"],
        "optional": [],
    },
    {"provider": "client", "title": "A speech service of the client's own", "needs": ["entity"], "optional": []},
)
"""What has no price and no address of its own."""


def known_services() -> list[dict[str, Any]]:
    """Return what a lane can be added for, as JSON: docs/control-api.md names the keys."""
    found = []
    for one in (*_services(), *_HOME):
        models: Mapping[str, float] = one.get("models", {})
        leaves_home = one["provider"] in {_CLIENT, "home_assistant"} or models
        found.append(
            {
                "provider": one["provider"],
                "title": one["title"],
                "needs": one["needs"],
                "optional": one["optional"],
                "url": one.get("url", ""),
                "models": list(models),
                "price_per_minute": next(iter(models.values()), None),
                "as_of": str(one["as_of"]) if "as_of" in one else None,
                "trust": (Trust.CLOUD if leaves_home else Trust.HOME).value,
            }
        )
    return found


@cache
def _services() -> list[dict[str, Any]]:
    text = resources.files(__package__).joinpath("cloud_services.yaml").read_text("utf-8")
    services: list[dict[str, Any]] = yaml.safe_load(text)
    return services


def _address(service: Mapping[str, Any], region: str) -> str:
    regional = region and region != "global" and service.get("regional_url")
    return str(regional.format(region=region) if regional else service.get("url", ""))


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _warn(settings: LaneSettings) -> None:
    """Say once, when a lane is made, what its owner may not have meant."""
    open_http = settings.url.startswith("http://") and not is_loopback(_host(settings.url) or "")
    if open_http and (settings.key or settings.key_file):
        _LOGGER.warning(
            "Lane '%s' shows its key without encryption; anyone on the home's network can read it", settings.name
        )
    subscribed = settings.provider == "home_assistant"
    priced = subscribed or settings.price_per_minute or settings.price_as_of
    if settings.trust_class is Trust.CLOUD and not priced:
        _LOGGER.warning(
            "Lane '%s' has no price, so no cap on money can hold for it; set its price_per_minute and price_as_of",
            settings.name,
        )
