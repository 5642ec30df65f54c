"""The home to try things in: what is on its dashboard is there, and who was told a login gets in."""

import socket
from collections.abc import Awaitable, Callable

from homeassistant.auth.providers.homeassistant import HassAuthProvider
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from tests.browser.rooms.assist_satellite import ROOMS
from tests.home_assistant.assist import Assist
from tests.home_assistant.demo_home import ASKED_BACK, DEVICES, SPOKEN, add_login, dashboard
from tests.home_assistant.try_home import free_port

type Open = Callable[[], Awaitable[Assist]]


async def test_whatever_its_dashboard_shows_is_in_the_home(home: HomeAssistant, socket_enabled: None) -> None:
    assert not [entity for entity in DEVICES if home.states.get(entity) is None]
    assert {room for room, _, _ in SPOKEN} == set(ROOMS) >= {ASKED_BACK}


def test_every_sentence_on_its_dashboard_has_its_recording() -> None:
    (view,) = dashboard()["views"]
    pressed = [card["tap_action"] for section in view["sections"] for card in section["cards"] if "tap_action" in card]
    said = [one["data"]["file"] for one in pressed if one["perform_action"] == "rooms.say"]
    assert said == [str(file) for room in dict.fromkeys(room for room, _, _ in SPOKEN)
                    for where, file, _ in SPOKEN if where == room]  # fmt: skip
    assert all(file.exists() for _, file, _ in SPOKEN)


async def test_the_login_that_is_printed_is_one(home: HomeAssistant, socket_enabled: None, open_session: Open) -> None:
    assert await async_setup_component(home, "config", {})
    login = await add_login(await open_session())
    (provider,) = [one for one in home.auth.auth_providers if isinstance(one, HassAuthProvider)]
    await provider.async_validate_login(login.user, login.password)


def test_a_port_that_somebody_has_is_not_taken(socket_enabled: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]
