"""The subentry flow of a cloud lane: whom to ask, with which consent, and whether it works."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import probatio as vol
from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_ENTITY_ID, CONF_NAME
from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .client import EdgeVoiceClient
from .errors import EdgeVoiceError
from .find_server import client_for
from .lane_forms import (
    CONF_AGREED,
    CONF_PLACE,
    CONF_SERVICE,
    CONF_STAYS_HOME,
    CONF_WHAT_NOW,
    Service,
    consent_form,
    details_form,
    entity_data,
    entity_form,
    kept_consent,
    place_form,
    same_place,
    sentence,
    service_data,
    service_form,
    services_of,
    what_now_form,
)
from .lane_test import Heard, async_test_entity, async_test_provider
from .lanes import (
    CONF_CONSENT,
    CONF_KEY,
    CONF_KEY_ENDS,
    CONF_KIND,
    CONF_POSITION,
    CONF_SATELLITES,
    CONF_SEND_NAMES,
    CONF_TRUST,
    KIND_ENTITY,
    TRUST_CLOUD,
    TRUST_HOME,
    async_push_lane,
    lane_settings,
    ordered_lanes,
    position_at,
)

_AGAIN, _CHANGE, _SAVE = "again", "change", "save"
_KEY_ENDS: Final = 4


class LaneFlow(ConfigSubentryFlow):
    """Asks for one lane. The key goes to the server; only its last four characters are kept here."""

    _before: Mapping[str, Any]
    """What was kept of the lane until now; empty for a new one."""
    _data: dict[str, Any]
    _key: str = ""
    _services: Mapping[str, Service]
    _slug: str = ""
    _test: asyncio.Task[Heard] | None = None

    def __init__(self) -> None:
        self._before, self._data, self._services = {}, {}, {}

    # Whom to ask.

    async def async_step_user(self, _user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the kind of lane."""
        return self.async_show_menu(step_id="user", menu_options=["entity", "provider"])

    async def async_step_reconfigure(self, _user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask what of a lane shall change."""
        self._before = self._get_reconfigure_subentry().data
        self._data = dict(self._before)
        options = [self._change, "consent", "again"]
        if len(ordered_lanes(self._get_entry())) > 1:
            options.append("order")
        if (refused := await self._async_know_service()) is not None:
            return refused
        return self.async_show_menu(
            step_id="reconfigure", menu_options=options, description_placeholders={CONF_NAME: self._data[CONF_NAME]}
        )

    async def async_step_entity(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for a speech-to-text entity of this Home Assistant."""
        errors: dict[str, str] = {}
        if user_input is not None:
            data = entity_data(self.hass, user_input | self._same_name)
            if not (errors := self._name_errors(data)):
                return await self._async_with(data)
        form = entity_form(self.hass, named=not self._before)
        return self._form("entity", form, errors, user_input or self._data_as_given)

    async def async_step_provider(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for a speech service that the server asks by itself."""
        if user_input is not None:
            self._slug = user_input[CONF_SERVICE]
            return await self.async_step_details()
        if (refused := await self._async_know_services()) is not None:
            return refused
        return self._form("provider", service_form(self._services), {}, None)

    async def async_step_details(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for what the service needs."""
        service = self._services[self._slug]
        errors: dict[str, str] = {}
        if user_input is not None:
            data = service_data(self._services, self._slug, user_input | self._same_name)
            key = user_input.get(CONF_KEY, "").strip() or self._key
            errors = self._name_errors(data)
            if self._before and not key and CONF_KEY in service["needs"] and not same_place(self._before, data):
                errors[CONF_KEY] = "key_missing"
            if not errors:
                self._key = key
                return await self._async_with(data)
        form = details_form(service, new=not self._before)
        return self._form("details", form, errors, user_input or self._data_as_given)

    # With which consent.

    async def async_step_consent(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show what leaves the home, whither and at what price; a new lane is not saved without the tick."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._take_consent(user_input)
            if self._data.get(CONF_CONSENT):
                self._test = None
                return await self.async_step_try()
            if self._before:  # withdrawn
                return await self.async_step_save()
            errors[CONF_AGREED] = "not_agreed"
        step, placeholders = sentence(self._services.get(self._slug), self._data)
        suggested = {**self._data, CONF_AGREED: bool(self._data.get(CONF_CONSENT))}
        return self._form(step, consent_form(self._data), errors, user_input or suggested, placeholders)

    # The same form under other sentences.
    async_step_consent_entity = async_step_consent_home = async_step_consent
    async_step_consent_own_price = async_step_consent_priced = async_step_consent_unpriced = async_step_consent

    # Whether it works.

    async def async_step_try(self, _user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Let the lane transcribe a packaged recording."""
        # Even a test that ends at once shows its bar: steps that follow at once would be handed this one's input.
        begins, test = self._test is None, self._tested()
        if begins or not test.done():
            return self.async_show_progress(
                step_id="try",
                progress_action="try",
                progress_task=test,
                description_placeholders={CONF_NAME: self._data[CONF_NAME]},
            )
        return self.async_show_progress_done(next_step_id="failed" if test.exception() else "tried")

    async def async_step_again(self, _user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Try once more."""
        self._test = None
        return await self.async_step_try()

    async def async_step_tried(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show what the lane heard."""
        if user_input is not None:
            return await self._async_step_chosen(user_input)
        heard = await self._tested()
        step = "tried" if heard.matches else "tried_other_text"
        placeholders = {CONF_NAME: self._data[CONF_NAME], "text": heard.text, "took": f"{heard.took_ms:.0f}"}
        return self._form(step, what_now_form([_SAVE, _CHANGE, _AGAIN]), {}, None, placeholders)

    async_step_tried_other_text = async_step_tried

    async def async_step_failed(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Say why the lane did not answer; it can be tried again, changed, or saved all the same."""
        if user_input is not None:
            return await self._async_step_chosen(user_input)
        error = self._tested().exception()
        if error is not None and not isinstance(error, EdgeVoiceError):
            raise error
        return self._failed("failed", error, _AGAIN)

    async def async_step_unsaved(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Go on after the server did not take the lane."""
        return await self._async_step_chosen(user_input or {CONF_WHAT_NOW: _CHANGE})

    async def async_step_save(self, _user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Hand the lane and its key to the server, then keep all but the key."""
        entry = self._get_entry()
        try:
            await async_push_lane(entry, self._client, lane_settings(self._data), self._key)
        except EdgeVoiceError as error:
            return self._failed("unsaved", error, _SAVE)
        if self._key:
            self._data[CONF_KEY_ENDS] = self._key[-_KEY_ENDS:]
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(entry, self._get_reconfigure_subentry(), data=self._data)
        self._data[CONF_POSITION] = position_at(entry, None, len(ordered_lanes(entry)))
        return self.async_create_entry(title=self._data[CONF_NAME], data=self._data)

    # In which order.

    async def async_step_order(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for a lane's place in the order of asking."""
        entry, subentry = self._get_entry(), self._get_reconfigure_subentry()
        lanes = ordered_lanes(entry)
        if user_input is not None:
            position = position_at(entry, subentry, user_input[CONF_PLACE] - 1)
            return self.async_update_and_abort(entry, subentry, data_updates={CONF_POSITION: position})
        names = "\n".join(f"{number}. {lane.title}" for number, lane in enumerate(lanes, 1))
        form = place_form(len(lanes), lanes.index(subentry) + 1)
        return self._form("order", form, {}, None, {CONF_NAME: subentry.title, "lanes": names})

    # How.

    @property
    def _client(self) -> EdgeVoiceClient:
        return client_for(self.hass, self._get_entry().data)

    @property
    def _change(self) -> str:
        return "entity" if self._data[CONF_KIND] == KIND_ENTITY else "details"

    @property
    def _same_name(self) -> dict[str, str]:
        """Return a known lane's name: the server keeps its key under it."""
        return {CONF_NAME: self._before[CONF_NAME]} if self._before else {}

    @property
    def _data_as_given(self) -> dict[str, Any]:
        return {**self._data, CONF_STAYS_HOME: self._data.get(CONF_TRUST) == TRUST_HOME} if self._data else {}

    async def _async_know_services(self) -> SubentryFlowResult | None:
        """Ask the server for its speech services; return an end of the flow when it does not say."""
        try:
            answer = await self._client.lanes()
        except EdgeVoiceError as error:
            return self.async_abort(reason=error.translation_key, description_placeholders=error.placeholders)
        self._services = services_of(answer["providers"])
        return None

    async def _async_know_service(self) -> SubentryFlowResult | None:
        """Learn what a known lane's service needs; entities need nothing."""
        if self._data[CONF_KIND] == KIND_ENTITY:
            return None
        if (refused := await self._async_know_services()) is not None:
            return refused
        self._slug = self._data[CONF_SERVICE]
        return None if self._slug in self._services else self.async_abort(reason="provider_gone")

    async def _async_with(self, data: dict[str, Any]) -> SubentryFlowResult:
        """Go on to the consent with what was asked for; what was agreed on for another service does not count."""
        kept = (CONF_SATELLITES, CONF_SEND_NAMES, CONF_CONSENT, CONF_POSITION, CONF_KEY_ENDS)
        self._data = {**data, **{key: self._data[key] for key in kept if key in self._data}}
        if self._before and kept_consent(self._before, self._data) is None:
            self._data.pop(CONF_CONSENT, None)
        return await self.async_step_consent()

    @callback
    def _take_consent(self, given: Mapping[str, Any]) -> None:
        """Keep whom the consent is for, and its day: an older one that speaks of the same, or today."""
        self._data[CONF_SATELLITES] = given.get(CONF_SATELLITES, [])
        self._data[CONF_SEND_NAMES] = given.get(CONF_SEND_NAMES, False)
        if given.get(CONF_AGREED, self._data[CONF_TRUST] != TRUST_CLOUD):
            today = dt_util.now().date().isoformat()
            self._data[CONF_CONSENT] = kept_consent(self._before, self._data) or today
        else:
            self._data.pop(CONF_CONSENT, None)

    async def _async_test(self) -> Heard:
        if self._data[CONF_KIND] == KIND_ENTITY:
            return await async_test_entity(self.hass, self._data[CONF_ENTITY_ID])
        key = {CONF_KEY: self._key} if self._key else {}
        return await async_test_provider(self._client, lane_settings(self._data) | key)

    def _tested(self) -> asyncio.Task[Heard]:
        """Return the test, begun if there is none."""
        if self._test is None:
            self._test = self.hass.async_create_task(self._async_test(), "test of a cloud lane")
        return self._test

    async def _async_step_chosen(self, given: Mapping[str, Any]) -> SubentryFlowResult:
        """Save, change or try again, as the owner chose."""
        match given[CONF_WHAT_NOW]:
            case "save":
                return await self.async_step_save()
            case "again":
                return await self.async_step_again()
        return await (self.async_step_entity() if self._change == "entity" else self.async_step_details())

    @callback
    def _failed(self, step: str, error: EdgeVoiceError | None, first: str) -> SubentryFlowResult:
        """Show an error with what can be done about it."""
        errors = {"base": error.translation_key} if error else {}
        placeholders = {CONF_NAME: self._data[CONF_NAME], **(error.placeholders if error else {})}
        choices = sorted([_AGAIN, _CHANGE, _SAVE], key=lambda choice: choice != first)
        return self._form(step, what_now_form(choices), errors, None, placeholders)

    @callback
    def _name_errors(self, data: Mapping[str, Any]) -> dict[str, str]:
        """Return the form's error when a new lane has no name, or another's."""
        if not data.get(CONF_NAME):
            return {CONF_NAME: "name_missing"}
        taken = {lane.data[CONF_NAME] for lane in ordered_lanes(self._get_entry())}
        return {CONF_NAME: "name_taken"} if not self._before and data[CONF_NAME] in taken else {}

    @callback
    def _form(
        self,
        step: str,
        schema: vol.Schema,
        errors: dict[str, str],
        suggested: Mapping[str, Any] | None,
        placeholders: Mapping[str, str] | None = None,
    ) -> SubentryFlowResult:
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
            description_placeholders=placeholders,
        )
