"""A browser's way in: the token once, then a cookie; or Home Assistant's ingress."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from wyoming_server.listeners import control_port, control_visitors
from wyoming_server.listeners.control_access import TOKEN_FILE, Access, rotated_token
from wyoming_server.listeners.control_sessions import MOST_SESSIONS, SESSION_SECONDS, Sessions

from .control_home import Caller, Clock, control

STATUS = "/api/v1/status"
PANEL = "/api/v1/panel"
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def caller(tmp_path: Path) -> AsyncIterator[Caller]:
    async with control(tmp_path) as one:
        yield one


async def signed_in(caller: Caller, **options: Any) -> dict[str, str]:
    """Show the token as the page does; return the header with the cookie."""
    answer = await caller.ask("POST", "/session", token="", json={"token": caller.door.token}, **options)
    assert (answer.status, answer.body) == (200, {"open": True, "by": "cookie"})
    caller.session.cookie_jar.clear()
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


async def test_the_token_opens_a_session_once_and_the_cookie_from_then_on(caller: Caller) -> None:
    shut = await caller.ask("GET", "/session", token="")
    assert (shut.status, shut.body) == (200, {"open": False, "by": None})
    cookie = await signed_in(caller)
    assert (await caller.ask("GET", STATUS, token="", headers=cookie)).status == 200
    assert (await caller.ask("GET", "/session", token="", headers=cookie)).body == {"open": True, "by": "cookie"}
    assert (await caller.ask("GET", STATUS, token="")).code == "token-refused"


async def test_a_cookie_is_only_for_the_server_and_says_nothing_of_the_token(caller: Caller) -> None:
    answer = await caller.ask("POST", "/session", token="", json={"token": caller.door.token})
    told = answer.headers["Set-Cookie"]
    assert all(one in told for one in ("HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={SESSION_SECONDS}"))
    assert "Secure" not in told  # plain HTTP on loopback: the browser would not keep it
    assert caller.door.token not in told


async def test_under_tls_a_cookie_is_never_sent_in_the_clear(tmp_path: Path) -> None:
    async with control(tmp_path, address="0.0.0.0:0") as caller:
        answer = await caller.ask("POST", "/session", token="", json={"token": caller.door.token})
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_neither_the_form_nor_a_cookie_opens_wyoming_to_its_address(caller: Caller) -> None:
    cookie = await signed_in(caller)
    await caller.ask("GET", STATUS, token="", headers=cookie)
    assert caller.behind.admitted == []


async def test_a_wrong_token_in_the_form_is_refused_and_slowed_down(caller: Caller) -> None:
    for _ in range(control_visitors.WRONG_TOKENS.most):
        wrong = await caller.ask("POST", "/session", token="", json={"token": "wrong"})
        assert (wrong.status, wrong.code) == (401, "token-refused")
        assert "Set-Cookie" not in wrong.headers
    assert (await caller.ask("POST", "/session", token="", json={"token": "wrong"})).status == 429
    await signed_in(caller)


async def test_a_session_ends_where_its_browser_says_so_and_so_does_what_it_has_open(caller: Caller) -> None:
    cookie, other = await signed_in(caller), await signed_in(caller)
    own = {**cookie, "Origin": caller.door.url}
    async with (
        caller.session.ws_connect("/api/v1/events", headers=own) as events,
        caller.session.ws_connect("/api/v1/events", headers={**other, "Origin": caller.door.url}) as others,
    ):
        for one in (events, others):
            assert [(await one.receive_json(timeout=10))["type"] for _ in range(2)] == ["hello", "status"]
        ended, told = await asyncio.gather(
            caller.ask("DELETE", "/session", token="", headers={**cookie, **OWN}), events.receive(timeout=10)
        )
        assert ended.body == {"open": False, "by": None}
        assert "Max-Age=0" in ended.headers["Set-Cookie"]
        assert (told.type, events.close_code) == (aiohttp.WSMsgType.CLOSE, 4401)
        assert not others.closed
    assert (await caller.ask("GET", STATUS, token="", headers=cookie)).status == 401
    assert (await caller.ask("GET", STATUS, token="", headers=other)).status == 200


async def test_a_new_token_ends_every_session_at_once(caller: Caller, tmp_path: Path) -> None:
    cookie = await signed_in(caller)
    await asyncio.to_thread(rotated_token, tmp_path)
    assert (await caller.ask("GET", STATUS, token="", headers=cookie)).status == 401


async def test_a_session_ends_after_thirty_days(caller: Caller) -> None:
    cookie = await signed_in(caller)
    caller.clock.now_s += SESSION_SECONDS - 1
    assert (await caller.ask("GET", STATUS, token="", headers=cookie)).status == 200
    caller.clock.now_s += 1
    assert (await caller.ask("GET", STATUS, token="", headers=cookie)).status == 401


async def test_only_so_many_browsers_are_remembered_and_the_quiet_ones_go_first(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(await Access.opened(tmp_path, lambda: None), clock)
    first, second = sessions.begin(), sessions.begin()
    assert await sessions.admits(first)
    for _ in range(MOST_SESSIONS - 1):
        sessions.begin()
    assert len(sessions) == MOST_SESSIONS
    assert await sessions.admits(first)
    assert not await sessions.admits(second)
    clock.now_s += SESSION_SECONDS
    assert first in sessions.overdue()
    assert len(sessions) == 0


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", {}),
        ("PUT", {"Sec-Fetch-Site": "same-site"}),
        ("PUT", {"Sec-Fetch-Site": "cross-site"}),
        ("GET", {"Sec-Fetch-Site": "same-site"}),
        ("GET", {"Sec-Fetch-Site": "cross-site"}),
        ("GET", {"Upgrade": "websocket", "Connection": "Upgrade"}),
        ("PUT", {"Origin": "http://127.0.0.1:1"}),
        ("GET", {"Origin": "http://evil.example"}),
    ],
)
async def test_another_page_gets_nothing_with_the_cookie(caller: Caller, method: str, headers: dict[str, str]) -> None:
    cookie = await signed_in(caller)
    answer = await caller.ask(method, STATUS, token="", headers={**cookie, **headers})
    assert (answer.status, answer.code) == (403, "origin-refused")


async def test_the_page_itself_may_change_things_and_be_opened_by_its_address(caller: Caller) -> None:
    cookie = await signed_in(caller)
    for headers in (OWN, {"Origin": caller.door.url}):
        answer = await caller.ask("PUT", "/api/v1/policy", token="", headers={**cookie, **headers}, data=b"{")
        assert answer.status == 415  # let in, and looked at
    assert (await caller.ask("GET", STATUS, token="", headers={**cookie, "Sec-Fetch-Site": "none"})).status == 200


async def test_a_broken_cookie_opens_nothing_and_harms_nothing(caller: Caller) -> None:
    cookie = await signed_in(caller)
    for broken in (
        cookie["Cookie"][:-1],
        cookie["Cookie"] + "x",
        cookie["Cookie"].partition("=")[0] + "=",
        "a; b=\xff",
    ):
        answer = await caller.ask("GET", STATUS, token="", headers={"Cookie": broken})
        assert (answer.status, answer.code) == (401, "token-refused")


@pytest.mark.parametrize(
    "path",
    ["/?token={}", f"{STATUS}?access_token={{}}", f"{STATUS}?Authorization={{}}", "/{}", "/page/{}", "/?x={}",
     f"{STATUS}?a=1&b=x{{}}x", "/health/{}", "/?token=wrong"],
)  # fmt: skip
@pytest.mark.parametrize("shown", [None, ""])
async def test_a_token_in_the_address_is_refused_wherever_it_is(caller: Caller, path: str, shown: str | None) -> None:
    answer = await caller.ask("GET", path.format(quote(caller.door.token)), token=shown)
    assert (answer.status, answer.code) == (400, "token-in-url")
    assert caller.door.token not in answer.body["message"]


async def test_a_token_in_the_address_is_refused_with_a_cookie_and_by_ingress_too(
    caller: Caller, ingress: Caller
) -> None:
    cookie = await signed_in(caller)
    for path in ("/page/{}", "/health/{}", f"{STATUS}?a=1&b=x{{}}x"):
        by_cookie = await caller.ask("GET", path.format(caller.door.token), token="", headers=cookie)
        assert (by_cookie.status, by_cookie.code) == (400, "token-in-url")
        by_ingress = await ingress.ask("GET", path.format(ingress.door.token), token="", headers=INGRESS)
        assert (by_ingress.status, by_ingress.code) == (400, "token-in-url")


async def test_a_token_that_somebody_wrote_is_found_in_the_address_whatever_is_in_it(
    caller: Caller, tmp_path: Path
) -> None:
    token = "short/parts=of&a/token+by=hand"
    await asyncio.to_thread((tmp_path / TOKEN_FILE).write_text, token)
    answer = await caller.ask("GET", f"/page/{quote(token, safe='')}", token=token)
    assert (answer.status, answer.code) == (400, "token-in-url")


async def test_addresses_are_no_way_to_guess_the_token(caller: Caller) -> None:
    for _ in range(control_visitors.WRONG_TOKENS.most):
        assert (await caller.ask("GET", "/page/" + "x" * 40, token="")).status == 404
    assert (await caller.ask("GET", "/page/" + "x" * 40, token="")).status == 429
    assert (await caller.ask("GET", "/health", token="")).status == 200
    assert (await caller.ask("GET", f"/api/v1/{'x' * 40}")).status == 404


USER = "0123456789abcdef0123456789abcdef"
INGRESS = {
    "X-Ingress-Path": "/api/hassio_ingress/abc",
    "X-Remote-User-Id": USER,
    "Host": "home.example:8123",
}


@pytest.fixture
async def ingress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Caller]:
    """An add-on whose Supervisor asks from this machine."""
    monkeypatch.setattr(control_port, "SUPERVISOR", "127.0.0.1")
    async with control(tmp_path, supervisor_token="of the supervisor") as one:
        assert (await one.ask("PUT", PANEL, json={"users": [USER]})).body == {"users": 1}
        one.behind.admitted.clear()
        yield one


async def test_ingress_opens_to_administrators_alone_and_to_others_by_the_token(ingress: Caller) -> None:
    other = INGRESS | {"X-Remote-User-Id": "f" * 32}
    assert (await ingress.ask("GET", STATUS, token="", headers=other)).code == "token-refused"
    assert (await ingress.ask("GET", "/session", token="", headers=other)).body == {"open": False, "by": None}
    unnamed = {name: value for name, value in INGRESS.items() if name != "X-Remote-User-Id"}
    assert (await ingress.ask("GET", STATUS, token="", headers=unnamed)).code == "token-refused"
    begun = await ingress.ask("POST", "/session", token="", headers=other, json={"token": ingress.door.token})
    told = begun.headers["Set-Cookie"]
    assert "Path=/api/hassio_ingress/abc/;" in f"{told};"  # not for Home Assistant, nor for its other add-ons
    by_cookie = other | {"Cookie": told.partition(";")[0]}
    assert (await ingress.ask("GET", STATUS, token="", headers=by_cookie)).status == 200
    assert (await ingress.ask("PUT", PANEL, json={"users": []})).body == {"users": 0}
    assert (await ingress.ask("GET", STATUS, token="", headers=INGRESS)).code == "token-refused"


async def test_who_is_no_administrator_any_more_hears_no_more_either(ingress: Caller) -> None:
    await ingress.ask("PUT", PANEL, json={"users": [USER, "f" * 32]})
    other = INGRESS | {"X-Remote-User-Id": "f" * 32}
    async with (
        ingress.session.ws_connect("/api/v1/events", headers=INGRESS) as mine,
        ingress.session.ws_connect("/api/v1/events", headers=other) as others,
    ):
        for one in (mine, others):
            assert [(await one.receive_json(timeout=10))["type"] for _ in range(2)] == ["hello", "status"]
        _, told = await asyncio.gather(ingress.ask("PUT", PANEL, json={"users": ["f" * 32]}), mine.receive(timeout=10))
        assert (told.type, mine.close_code) == (aiohttp.WSMsgType.CLOSE, 4401)
        assert not others.closed
        assert (await ingress.ask("GET", STATUS, token="", headers=other)).status == 200


async def test_only_the_token_says_who_may_come_in_by_ingress(ingress: Caller) -> None:
    other = INGRESS | {"X-Remote-User-Id": "f" * 32}
    assert (await ingress.ask("PUT", PANEL, token="", headers=other, json={"users": ["f" * 32]})).status == 401


async def test_ingress_needs_no_token_and_opens_wyoming_to_nobody(ingress: Caller) -> None:
    answer = await ingress.ask("GET", STATUS, token="", headers=INGRESS)
    assert answer.status == 200
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert (await ingress.ask("GET", "/session", token="", headers=INGRESS)).body == {"open": True, "by": "ingress"}
    assert ingress.behind.admitted == []
    own = INGRESS | {"Origin": "https://home.example:8123"}
    assert (await ingress.ask("PUT", "/api/v1/policy", token="", headers=own, data=b"{")).status == 415


async def test_ingress_from_anywhere_else_is_a_visitor_like_all_others(caller: Caller, ingress: Caller) -> None:
    assert (await ingress.ask("GET", STATUS, token="")).status == 401  # from the Supervisor, for no user
    other = INGRESS | {"Origin": "http://evil.example"}
    assert (await ingress.ask("GET", STATUS, token="", headers=other)).code == "origin-refused"
    assert (await caller.ask("GET", STATUS, token="", headers=INGRESS)).code == "origin-refused"
    near = {"X-Ingress-Path": "/x"}
    assert (await caller.ask("GET", STATUS, token="", headers=near)).code == "token-refused"


async def test_an_add_on_believes_the_supervisors_address_alone(tmp_path: Path) -> None:
    async with control(tmp_path, supervisor_token="of the supervisor") as caller:
        headers = {"X-Ingress-Path": "/x", "X-Forwarded-For": control_visitors.SUPERVISOR}
        assert (await caller.ask("GET", STATUS, token="", headers=headers)).code == "token-refused"


async def test_the_supervisor_asks_in_plain_http_at_a_port_where_nobody_else_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"address": "0.0.0.0:0", "supervisor_token": "of the supervisor", "ingress_port": free_port()}
    url = f"http://127.0.0.1:{settings['ingress_port']}{STATUS}"
    async with control(tmp_path, **settings), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url, headers=INGRESS)
    monkeypatch.setattr(control_port, "SUPERVISOR", "127.0.0.1")
    async with control(tmp_path, **settings) as caller, aiohttp.ClientSession() as session:
        await caller.ask("PUT", PANEL, json={"users": [USER]})
        async with session.get(url, headers=INGRESS) as answer:
            assert answer.status == 200
        async with session.get(url) as answer:
            assert answer.status == 401
        assert (await caller.ask("GET", STATUS)).status == 200


async def test_an_ingress_port_that_is_taken_costs_the_panel_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        async with control(tmp_path, address="0.0.0.0:0", supervisor_token="x", ingress_port=port) as caller:
            assert (await caller.ask("GET", STATUS)).status == 200
    assert f"control.ingress_port {port} cannot be listened on" in caplog.text


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("0.0.0.0", 0)) as one:
        port: int = one.getsockname()[1]
        return port
