"""What is behind the entry's gear: settings, the Assist pipeline, the microphone test, and where models come from."""

import asyncio
from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final, override

import probatio as vol
from homeassistant.components.assist_satellite import DOMAIN as SATELLITE_DOMAIN
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.const import ATTR_ENTITY_ID, CONF_URL
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    BooleanSelector,
    ConversationAgentSelector,
    EntitySelector,
    EntitySelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .bundle_step import CONF_ROOT, REPOSITORY_FORM, RootError, async_root_text, parsed_root
from .client import EdgeVoiceClient
from .entry_options import (
    CONF_CONVERSATION_AGENT,
    CONF_QUEUE_RESULTS,
    CONF_TEXT_PHONE,
    DEFAULTS,
    RESULTS,
    RESULTS_NOTIFY,
    chosen,
)
from .errors import EdgeVoiceError, RefusedError
from .find_server import client_for
from .microphone_test import async_test_microphone
from .pipeline_step import PipelineError, async_make_pipeline, pipeline_form
from .protocol import Status
from .protocol_bundles import Bundles
from .recordings import async_erase_recording
from .services_blueprints import async_install_blueprints
from .text_phone import phones

CONF_SATELLITE: Final = "satellite"
_SATELLITE: Final = vol.Schema(
    {vol.Required(CONF_SATELLITE): EntitySelector(EntitySelectorConfig(domain=SATELLITE_DOMAIN))}
)


class EdgeVoiceOptionsFlow(OptionsFlow):
    """A menu; each of its ways can be gone again after an error."""

    _satellite: str = ""
    _reason: str = ""
    _test: asyncio.Task[dict[str, Any]] | None = None
    _result: Mapping[str, Any] = MappingProxyType({})
    """Of the last test; empty without one."""

    async def async_step_init(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what can be done; a hub that knows no bundles is not asked about them."""
        options = ["settings", "pipeline", "microphone", "blueprints"]
        if self._bundles is not None:
            options.append("repository")
        return self.async_show_menu(step_id="init", menu_options=options)

    async def async_step_settings(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the options."""
        options = self.config_entry.options
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        form: dict[vol.Marker, Any] = {
            vol.Required(key, default=chosen(options, key)): BooleanSelector() for key in DEFAULTS
        }
        form[vol.Optional(CONF_CONVERSATION_AGENT)] = ConversationAgentSelector()
        form[vol.Required(CONF_QUEUE_RESULTS, default=RESULTS_NOTIFY)] = SelectSelector(
            SelectSelectorConfig(options=[*RESULTS], translation_key=CONF_QUEUE_RESULTS)
        )
        form[vol.Optional(CONF_TEXT_PHONE)] = SelectSelector(
            SelectSelectorConfig(options=phones(self.hass), custom_value=True, mode=SelectSelectorMode.DROPDOWN)
        )
        schema = self.add_suggested_values_to_schema(vol.Schema(form), options)
        return self.async_show_form(step_id="settings", data_schema=schema, last_step=True)

    async def async_step_pipeline(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make an Assist pipeline from one that the home uses."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            try:
                made = await async_make_pipeline(self.hass, self.config_entry, user_input)
            except PipelineError as error:
                errors["base"] = error.key
                placeholders = error.placeholders
            else:
                self._hand_on_to(made.hand_on_to)
                return self.async_abort(reason="pipeline_made", description_placeholders={"name": made.name})
        form = self.add_suggested_values_to_schema(pipeline_form(self.hass), user_input)
        return self.async_show_form(
            step_id="pipeline", data_schema=form, errors=errors, description_placeholders=placeholders, last_step=True
        )

    async def async_step_blueprints(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Install the blueprints and say what became of them."""
        try:
            done = await async_install_blueprints(self.hass)
        except HomeAssistantError as error:
            told = error.translation_placeholders
            return self.async_abort(reason="blueprints_unwritable", description_placeholders=told)
        lists = {"installed": done.installed, "updated": done.updated, "kept": done.kept}
        told = {key: ", ".join(PurePath(one).stem for one in names) or "–" for key, names in lists.items()}
        return self.async_abort(reason="blueprints_installed", description_placeholders=told)

    async def async_step_repository(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show whom the hub trusts, or ask at once where it trusts nobody yet."""
        trusted = self._bundles.repository if self._bundles else None
        if trusted is None:
            return await self.async_step_trust()
        return self.async_show_menu(
            step_id="repository",
            menu_options=["trust", "distrust"],
            description_placeholders={CONF_URL: trusted.url, "channel": trusted.channel},
        )

    async def async_step_trust(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a repository's address and its root, and let the hub look at both."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        given = dict(user_input or {})
        if user_input is not None:
            try:
                # An uploaded file is gone once it was read: after an error its text stands in the form instead.
                given = {CONF_URL: user_input[CONF_URL].strip(), CONF_ROOT: await async_root_text(self.hass, given)}
                await self._client.trust_repository(given[CONF_URL], parsed_root(given[CONF_ROOT]))
                return self.async_abort(
                    reason="repository_trusted", description_placeholders={CONF_URL: given[CONF_URL]}
                )
            except RootError as error:
                errors["base"] = error.key
            except EdgeVoiceError as error:
                errors["base"], placeholders = _hub_error(error)
        form = self.add_suggested_values_to_schema(REPOSITORY_FORM, given)
        return self.async_show_form(
            step_id="trust", data_schema=form, errors=errors, description_placeholders=placeholders, last_step=True
        )

    async def async_step_distrust(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let models come from nowhere any more, once the owner has confirmed it."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            try:
                await self._client.distrust_repository()
                return self.async_abort(reason="repository_forgotten")
            except EdgeVoiceError as error:
                errors["base"], placeholders = _hub_error(error)
        return self.async_show_form(
            step_id="distrust", errors=errors, description_placeholders=placeholders, last_step=True
        )

    async def async_step_microphone(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the satellite."""
        if user_input is None:
            return self._satellite_form(None)
        self._forget()
        self._satellite = user_input[CONF_SATELLITE]
        return await self.async_step_listen()

    async def async_step_listen(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Listen until the satellite's turn has its text."""
        # Even a test that ends at once shows its bar: steps that follow at once would be handed this one's input.
        if begins := self._test is None:
            test = async_test_microphone(self.hass, self.config_entry, self._satellite)
            self._test = self.hass.async_create_task(test, "microphone test of a form")
        if begins or not self._test.done():
            return self.async_show_progress(
                step_id="listen",
                progress_action="listen",
                progress_task=self._test,
                description_placeholders={CONF_SATELLITE: self._satellite_name},
            )
        following = "unheard" if self._test.exception() else "heard"
        return self.async_show_progress_done(next_step_id=following)

    async def async_step_heard(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what was heard."""
        if self._test is not None:
            self._result, self._test = self._test.result(), None
        return self.async_show_menu(
            step_id="heard",
            menu_options=["play", "microphone", "close"],
            description_placeholders=_shown(self._result) | {CONF_SATELLITE: self._satellite_name},
        )

    async def async_step_unheard(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say why nothing was heard, and ask again."""
        error = self._test.exception() if self._test else None
        self._test = None
        if error is not None and not isinstance(error, HomeAssistantError):
            raise error
        return self._satellite_form(error)

    async def async_step_play(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let the satellite itself play what it heard."""
        try:
            await self.hass.services.async_call(
                SATELLITE_DOMAIN,
                "announce",
                {ATTR_ENTITY_ID: self._satellite, "media_id": self._result["listen"], "preannounce": False},
                blocking=True,
            )
        except HomeAssistantError as error:
            self._reason = str(error)
            return await self.async_step_unplayed()
        return await self.async_step_heard()

    async def async_step_unplayed(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say why the satellite did not play it."""
        return self.async_show_menu(
            step_id="unplayed",
            menu_options=["heard", "microphone", "close"],
            description_placeholders={"reason": self._reason},
        )

    async def async_step_close(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Erase the recording."""
        self._forget()
        return self.async_abort(reason="recording_erased")

    @callback
    @override
    def async_remove(self) -> None:
        """Erase the recording when the form is closed."""
        self._forget()

    @callback
    def _satellite_form(self, error: HomeAssistantError | None) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        if error is not None:
            errors["base"] = error.translation_key or "unknown"
        return self.async_show_form(
            step_id="microphone",
            data_schema=self.add_suggested_values_to_schema(_SATELLITE, {CONF_SATELLITE: self._satellite or None}),
            errors=errors,
            description_placeholders=error.translation_placeholders if error else None,
        )

    @property
    def _client(self) -> EdgeVoiceClient:
        return client_for(self.hass, self.config_entry.data)

    @property
    def _bundles(self) -> Bundles | None:
        """What the hub last said of its bundles; None where it knows none, or was never there."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return None
        status: Status = self.config_entry.runtime_data.coordinator.data
        return status.bundles

    @property
    def _satellite_name(self) -> str:
        state = self.hass.states.get(self._satellite)
        return state.name if state else self._satellite

    @callback
    def _forget(self) -> None:
        """End a test that runs, and erase what the last one has recorded."""
        if self._test is not None and not self._test.done():
            self._test.cancel()
        if self._result:
            async_erase_recording(self.hass, self._result["recording"])
        self._test, self._result = None, {}

    @callback
    def _hand_on_to(self, agent: str | None) -> None:
        """Remember whom our agent hands on to; the entry is set up anew by its update listener."""
        options = {key: value for key, value in self.config_entry.options.items() if key != CONF_CONVERSATION_AGENT}
        if agent is not None:
            options[CONF_CONVERSATION_AGENT] = agent
        self.hass.config_entries.async_update_entry(self.config_entry, options=options)


def _hub_error(error: EdgeVoiceError) -> tuple[str, dict[str, str]]:
    """Return the key of a form's error, and what stands in it."""
    if isinstance(error, RefusedError):
        return "repository_refused", {"message": error.message}
    return "hub_away", {}


def _shown(result: Mapping[str, Any]) -> dict[str, str]:
    """Return a result as text; a dash stands for what was not measured."""
    latency = result.get("latency_ms") or {}
    took = latency.get("last_word_to_text", latency.get("end_to_text"))
    return {
        "text": result.get("text") or "–",
        "snr": _number(result.get("snr_db"), "dB"),
        "level": _number(result.get("level_dbfs"), "dBFS"),
        "clipping": _number(_times(100.0, result.get("clipping")), "%"),
        "risk": _number(_times(100.0, result.get("risk")), "%"),
        "took": _number(took, "ms"),
        "route": result.get("lane") or result.get("route") or "–",
        "reason": result.get("reason") or "–",
        "listen": result.get("listen") or "",
    }


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.0f} {unit}"
