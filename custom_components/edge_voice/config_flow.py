"""The config flow: finds a server, gets its token by a code or by hand, and checks both before anything is saved."""

from collections.abc import Mapping
from typing import Any, Final, override

import probatio as vol
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
    OptionsFlow,
)
from homeassistant.const import CONF_CODE, CONF_HOST, CONF_NAME, CONF_PORT, CONF_TOKEN
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

from .const import CONF_FINGERPRINT, DEFAULT_CONTROL_PORT, DOMAIN, SUBENTRY_LANE
from .errors import CertificateChangedError, EdgeVoiceError, OtherServerError, TokenRefusedError
from .find_server import Found, async_check_token, async_find
from .lane_flow import LaneFlow
from .options_flow import EdgeVoiceOptionsFlow

LOOPBACK: Final = "127.0.0.1"
_CONF_NEW_CODE: Final = "new_code"
_LAN: Final = "lan"
"""What a server announces in `control` when others than its own machine may come in."""
_ADDRESS: Final = vol.Schema(
    {
        vol.Required(CONF_HOST, default=LOOPBACK): TextSelector(),
        vol.Required(CONF_PORT, default=DEFAULT_CONTROL_PORT): vol.All(
            NumberSelector(NumberSelectorConfig(min=1, max=65535, mode=NumberSelectorMode.BOX)), vol.Coerce(int)
        ),
    }
)
_CODE: Final = vol.Schema({vol.Optional(CONF_CODE): TextSelector(), vol.Optional(_CONF_NEW_CODE, default=False): bool})
_TOKEN: Final = vol.Schema({vol.Required(CONF_TOKEN): TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))})


class EdgeVoiceConfigFlow(ConfigFlow, domain=DOMAIN):
    """Every step can be repeated after its errors; only the last one saves."""

    VERSION = 1

    _found: Found
    _announced: ZeroconfServiceInfo
    _given_token: str = ""

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what an entry may hold several of: cloud lanes."""
        return {SUBENTRY_LANE: LaneFlow}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return what is behind the entry's gear."""
        return EdgeVoiceOptionsFlow()

    # Finding a server.

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the address, and look who is there."""
        return await self._async_step_address("user", user_input, {})

    @override
    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Take a server that announced itself."""
        self._announced = discovery_info
        server_id = discovery_info.properties.get("id")
        if not server_id:
            place = {CONF_HOST: discovery_info.host, CONF_PORT: str(discovery_info.port)}
            return self.async_abort(reason="not_edge_voice", description_placeholders=place)
        await self.async_set_unique_id(server_id)
        self.context["title_placeholders"] = {CONF_NAME: discovery_info.name.partition(".")[0]}
        if (known := await self._async_follow(*self._announced_address)) is not None:
            return known
        try:
            self._found = await self._async_announced()
        except EdgeVoiceError as error:
            if self._opens_to_us:
                return self.async_abort(reason=error.translation_key, description_placeholders=error.placeholders)
            return await self.async_step_loopback_only()
        return await self.async_step_authorize()

    async def async_step_loopback_only(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say how a server on another machine is opened to this one, and look again."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                self._found = await self._async_announced(opened=True)
            except EdgeVoiceError:
                errors["base"] = "still_loopback_only"
            else:
                return await self.async_step_authorize()
        host, port = self._announced.host, str(self._announced_port)
        return self.async_show_form(
            step_id="loopback_only", errors=errors, description_placeholders={CONF_HOST: host, CONF_PORT: port}
        )

    @override
    async def async_step_hassio(self, discovery_info: HassioServiceInfo) -> ConfigFlowResult:
        """Take the add-on's server: the Supervisor hands over its token."""
        config = discovery_info.config
        try:
            self._found = await async_find(self.hass, config[CONF_HOST], int(config[CONF_PORT]))
            if config.get(CONF_FINGERPRINT, self._found.fingerprint) != self._found.fingerprint:
                raise CertificateChangedError(host=config[CONF_HOST], port=str(config[CONF_PORT]))
            self._given_token = config[CONF_TOKEN]
            await self.async_set_unique_id(self._found.health.id)
            # The Supervisor vouches for the add-on: its address, certificate and token may all be new.
            self._abort_if_unique_id_configured(
                updates={**self._found.data, CONF_TOKEN: self._given_token}, reload_on_update=False
            )
            await async_check_token(self.hass, {**self._found.data, CONF_TOKEN: self._given_token})
        except EdgeVoiceError as error:
            return self.async_abort(reason=error.translation_key, description_placeholders=error.placeholders)
        self.context["title_placeholders"] = {CONF_NAME: discovery_info.name}
        return await self.async_step_hassio_confirm()

    async def async_step_hassio_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether the add-on shall be used."""
        if user_input is None:
            return self.async_show_form(
                step_id="hassio_confirm", description_placeholders={CONF_NAME: self._found.health.name}
            )
        return self._saved(self._given_token)

    # Getting in.

    async def async_step_authorize(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let the owner choose how the token comes here."""
        return self.async_show_menu(
            step_id="authorize", menu_options=["pair", "token"], description_placeholders=self._placeholders
        )

    async def async_step_pair(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Exchange the code in the server's log for its token."""
        client = self._found.client(self.hass)
        errors: dict[str, str] = {}
        placeholders = self._placeholders
        try:
            if user_input is None or user_input[_CONF_NEW_CODE]:
                await client.start_pairing()
            elif code := "".join(user_input.get(CONF_CODE, "").split()):
                return await self._async_enter(await client.pair(code))
            else:
                errors[CONF_CODE] = "code_missing"
        except EdgeVoiceError as error:
            errors["base"] = error.translation_key
            placeholders |= error.placeholders
        # On this machine there is no certificate, and nothing to compare.
        step = "pair" if self._found.fingerprint else "pair_here"
        return self.async_show_form(
            step_id=step, data_schema=_CODE, errors=errors, description_placeholders=placeholders
        )

    async_step_pair_here = async_step_pair

    async def async_step_token(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the token that `edge-voice token` prints."""
        errors: dict[str, str] = {}
        placeholders = self._placeholders
        if user_input is not None:
            try:
                return await self._async_enter(user_input[CONF_TOKEN].strip())
            except EdgeVoiceError as error:
                errors["base"] = error.translation_key
                placeholders |= error.placeholders
        step = "token" if self._found.fingerprint else "token_here"
        return self.async_show_form(
            step_id=step, data_schema=_TOKEN, errors=errors, description_placeholders=placeholders
        )

    async_step_token_here = async_step_token

    # Again.

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Hear that the token, or the certificate, is no longer the server's."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Look at the server again, then let it be paired anew."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        placeholders = {CONF_HOST: entry.data[CONF_HOST], CONF_PORT: str(entry.data[CONF_PORT])}
        if user_input is not None:
            try:
                self._found = await async_find(self.hass, entry.data[CONF_HOST], entry.data[CONF_PORT])
            except EdgeVoiceError as error:
                errors["base"] = error.translation_key
                placeholders |= error.placeholders
            else:
                await self.async_set_unique_id(self._found.health.id)
                self._abort_if_unique_id_mismatch(reason="other_server", description_placeholders=placeholders)
                return await self._async_step_trust(entry)
        return self.async_show_form(step_id="reauth_confirm", errors=errors, description_placeholders=placeholders)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a changed address of the same server."""
        return await self._async_step_address("reconfigure", user_input, self._get_reconfigure_entry().data)

    async def async_step_certificate_changed(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Warn that the server shows another certificate than it did, before it is paired anew."""
        return self.async_show_menu(
            step_id="certificate_changed", menu_options=["pair", "token"], description_placeholders=self._placeholders
        )

    # How.

    @property
    def _placeholders(self) -> dict[str, str]:
        found = self._found
        return {
            CONF_NAME: found.health.name,
            CONF_HOST: found.host,
            CONF_PORT: str(found.port),
            CONF_FINGERPRINT: _readable(found.fingerprint),
        }

    async def _async_step_address(
        self, step: str, user_input: dict[str, Any] | None, before: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Ask for an address, look who is there, and go on to the token."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            try:
                self._found = await async_find(self.hass, user_input[CONF_HOST].strip(), user_input[CONF_PORT])
                return await self._async_found()
            except EdgeVoiceError as error:
                errors["base"] = error.translation_key
                placeholders = error.placeholders
        form = self.add_suggested_values_to_schema(_ADDRESS, user_input or before)
        return self.async_show_form(
            step_id=step, data_schema=form, errors=errors, description_placeholders=placeholders
        )

    async def _async_found(self) -> ConfigFlowResult:
        """Go on with a server that has answered. Raises EdgeVoiceError when the old token cannot be tried."""
        await self.async_set_unique_id(self._found.health.id, raise_on_progress=False)
        if self.source != SOURCE_RECONFIGURE:
            self._abort_if_unique_id_configured()
            return await self.async_step_authorize()
        self._abort_if_unique_id_mismatch(reason="other_server", description_placeholders=self._placeholders)
        entry = self._get_reconfigure_entry()
        if self._found.fingerprint != entry.data[CONF_FINGERPRINT]:
            return await self._async_step_trust(entry)
        try:
            return await self._async_enter(entry.data[CONF_TOKEN])
        except TokenRefusedError:
            return await self.async_step_authorize()

    async def _async_step_trust(self, entry: ConfigEntry) -> ConfigFlowResult:
        """Ask for the token, with a warning where the certificate is another one."""
        if entry.data[CONF_FINGERPRINT] and self._found.fingerprint != entry.data[CONF_FINGERPRINT]:
            return await self.async_step_certificate_changed()
        return await self.async_step_authorize()

    async def _async_enter(self, token: str) -> ConfigFlowResult:
        """Save a token that opens the server. Raises EdgeVoiceError."""
        await async_check_token(self.hass, {**self._found.data, CONF_TOKEN: token})
        return self._saved(token)

    @callback
    def _saved(self, token: str) -> ConfigFlowResult:
        data = {**self._found.data, CONF_TOKEN: token}
        if self.source == SOURCE_REAUTH:
            return self._updated(self._get_reauth_entry(), data)
        if self.source == SOURCE_RECONFIGURE:
            return self._updated(self._get_reconfigure_entry(), data)
        return self.async_create_entry(title=self._found.health.name, data=data)

    @callback
    def _updated(self, entry: ConfigEntry, data: dict[str, Any]) -> ConfigFlowResult:
        """Save what is new, and have it used: the update listener only sees changes of an entry that is loaded."""
        unseen = not entry.update_listeners or data == dict(entry.data)
        done = self.async_update_and_abort(entry, data=data)
        if unseen:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return done

    # Announcements.

    @property
    def _announced_port(self) -> int:
        port = self._announced.properties.get("control_port") or ""
        return int(port) if port.isdecimal() else DEFAULT_CONTROL_PORT

    @property
    def _opens_to_us(self) -> bool:
        """Whether the server says that it lets other machines in."""
        return bool(self._announced.properties.get("control") == _LAN)

    @property
    def _announced_address(self) -> tuple[str, int]:
        return self._announced.host if self._opens_to_us else LOOPBACK, self._announced_port

    async def _async_announced(self, *, opened: bool = False) -> Found:
        """Look at an announced server, on this machine where it lets no other in. Raises EdgeVoiceError."""
        host, port = self._announced_address
        found = await async_find(self.hass, self._announced.host if opened else host, port)
        if found.health.id != self.unique_id:
            raise OtherServerError(host=host, port=str(port))
        return found

    async def _async_follow(self, host: str, port: int) -> ConfigFlowResult | None:
        """Give a known server its new address, once it shows the pinned certificate there; None for an unknown one.

        Announcements are open to anybody in the network: they may not lead the token astray.
        """
        entry = self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, self.unique_id or "")
        if entry is None:
            return None
        if (host, port) == (entry.data.get(CONF_HOST), entry.data.get(CONF_PORT)):
            self._abort_if_unique_id_configured()
        try:
            found = await async_find(self.hass, host, port)
        except EdgeVoiceError:
            return self.async_abort(reason="already_configured")
        same = found.health.id == self.unique_id and found.fingerprint == entry.data.get(CONF_FINGERPRINT)
        self._abort_if_unique_id_configured(updates=found.data if same else None, reload_on_update=False)
        return None

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go on to the Assist pipeline: its entities exist only now."""
        options = self.hass.config_entries.options
        menu = await options.async_init(result["result"].entry_id)
        await options.async_configure(menu["flow_id"], {"next_step_id": "pipeline"})
        result["next_flow"] = (FlowType.OPTIONS_FLOW, menu["flow_id"])
        return result


def _readable(fingerprint: str | None) -> str:
    """Return a fingerprint as the server's log shows it."""
    text = fingerprint or ""
    return ":".join(text[at : at + 2] for at in range(0, len(text), 2)).upper()
