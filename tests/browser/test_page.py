"""The status page in a real browser, served by a real control port with a made-up home behind it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession, WSMsgType, web

from tests.browser.chromium import Browser, Page, chromium, program
from tests.browser.made_up_home import MadeUpHome
from tests.browser.page_figures import found_by_axe
from tests.browser.walk_page import VIEWS, entered, look_at
from tests.server.listeners.control_surfaces import opened
from tests.server.listeners.queue_surfaces import REQUEST
from wyoming_server.errors import DiskError
from wyoming_server.listeners import control_port
from wyoming_server.listeners.control_access import rotated_token
from wyoming_server.listeners.control_door import ControlDoor, open_control
from wyoming_server.listeners.control_settings import ControlSettings

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(program() is None, reason="no Chromium on this machine"),
]
WORDS = "document.body.innerText.replace(/\\s+/g, ' ')"
ADMINISTRATOR = "a user of Home Assistant's"
DESK, PHONE = (1280, 900), (320, 640)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A browser for all tests; each has tabs of its own."""
    async with chromium() as running:
        yield running


class Open:
    """A tab with the page in it, and the home behind it."""

    def __init__(self, home: MadeUpHome, door: ControlDoor, page: Page, folder: Path) -> None:
        self.home, self.door, self.page, self.folder = home, door, page, folder

    async def says(self, words: str) -> None:
        """Wait until the page says something."""
        await self.page.until(f"{WORDS}.includes({json.dumps(words)})")


@pytest_asyncio.fixture(loop_scope="module")
async def stack() -> AsyncIterator[AsyncExitStack]:
    """What a test has opened."""
    async with AsyncExitStack() as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Open]:
    """A page that is open already, for whatever leaves it as it was."""
    async with AsyncExitStack() as stack:
        yield await shown(browser, stack, tmp_path_factory.mktemp("page"))


@pytest_asyncio.fixture(loop_scope="module")
async def one(shared: Open) -> Open:
    """The same, in front of all other tabs: only there keys are heard."""
    await shared.page.call("Page.bringToFront")
    await shared.page.size(*DESK)
    return shared


async def shown(
    browser: Browser, stack: AsyncExitStack, folder: Path, home: MadeUpHome | None = None, *, enter: bool = True
) -> Open:
    """Serve a home and open its page, with the token shown."""
    home = home or MadeUpHome()
    door, _ = await stack.enter_async_context(opened(home, folder))
    page = await browser.page()
    await page.size(*DESK)
    if enter:
        await entered(page, door.url, door.token)
    return Open(home, door, page, folder)


async def test_it_asks_for_the_token_once_and_forgets_all_when_one_signs_out(
    browser: Browser, stack: AsyncExitStack, tmp_path: Path
) -> None:
    one = await shown(browser, stack, tmp_path, enter=False)
    await one.page.open(f"{one.door.url}/")
    await one.page.until("document.activeElement.id === 'token'")
    assert await found_by_axe(one.page) == []
    await one.page.press("Enter")
    await one.says("Paste the token first.")
    await one.page.write("not the token at all")
    await one.page.press("Enter")
    await one.says("That is not the token.")
    assert await one.page.evaluate("document.querySelector('#token').getAttribute('aria-invalid')") == "true"
    assert [asked for asked in one.home.asked if asked != ("status",)] == []
    one.page.errors.clear()  # the browser tells of a refused request
    await one.page.write(one.door.token)
    await one.page.press("Enter")
    await one.page.until("document.querySelectorAll('button.row').length === 12")
    await one.page.open(f"{one.door.url}/?again#/hub")
    await one.page.click("document.querySelector('.out:not([hidden])')")
    await one.page.until("document.querySelector('#token')")
    words = await one.page.evaluate(WORDS)
    assert "Kitchen" not in words
    assert await one.page.evaluate("fetch('api/v1/status').then(({status}) => status)") == 401


@pytest.mark.parametrize(("size", "dark"), [(DESK, True), (PHONE, False)], ids=["dark desk", "light phone"])
async def test_every_view_is_for_everybody_fits_and_stays_at_home(one: Open, size: tuple[int, int], dark: bool) -> None:
    await one.page.size(*size, phone=size is PHONE)
    await one.page.prefer(dark=dark)
    for view in VIEWS:
        await look_at(one.page, view)
        if view == "now":
            await one.page.click("document.querySelector('button.row')")
        words = await one.page.evaluate(WORDS)
        assert not [odd for odd in ("NaN", "undefined", "null", "[object") if odd in words], view
        # The register is long, and each of its entries like all others.
        await one.page.evaluate(
            "[...document.querySelectorAll('details')].slice(0, 6).forEach((one) => { one.open = true; })"
        )
        assert await found_by_axe(one.page) == [], view
        assert await one.page.evaluate("document.documentElement.scrollWidth") <= size[0], view
    asked = await one.page.evaluate("performance.getEntriesByType('resource').map(({name}) => name)")
    assert len(asked) > 20
    assert [url for url in asked if not url.startswith(one.door.url)] == []
    assert one.page.errors == []


async def test_a_home_that_was_never_spoken_to_is_told_what_to_do(
    browser: Browser, stack: AsyncExitStack, tmp_path: Path
) -> None:
    one = await shown(browser, stack, tmp_path, MadeUpHome(empty=True), enter=False)
    await one.page.open(f"{one.door.url}/")
    await one.page.until("document.querySelector('#token')")
    await one.page.write(one.door.token)
    await one.page.press("Enter")
    await one.says("Choose Edge Voice in your Assist pipeline")
    for view in VIEWS:
        await look_at(one.page, view)
        words = await one.page.evaluate(WORDS)
        assert not [odd for odd in ("NaN", "undefined", "null", "[object", "Infinity") if odd in words], view
        if view in {"now", "trends"}:  # elsewhere a full home has all that an empty one has
            assert await found_by_axe(one.page) == [], view
    assert one.page.errors == []


async def test_what_happens_is_seen_as_it_happens(one: Open) -> None:
    await look_at(one.page, "now")
    asking = {"type": "asking", "turn_id": "next", "satellite": "assist_satellite.attic", "lane": "OpenAI"}
    one.home.say(asking)
    await one.says("Attic is asking OpenAI …")
    one.home.hear(turn_id="next", satellite="assist_satellite.attic", latency_ms={"last_word_to_text": 1234.0})
    await one.page.until("document.querySelector('button.row .who b').textContent === 'Attic'")
    await one.page.until("document.querySelector('.hero h2').textContent === 'Attic'")
    assert "1,234" in await one.page.evaluate("document.querySelector('.hero').textContent")
    assert "is asking" not in await one.page.evaluate(WORDS)
    status = one.home.status()
    one.home.say({"type": "status", "status": status | {"mode": "unavailable", "mode_reason": "No model can be used."}})
    await one.says("No model can be used.")
    assert await one.page.evaluate("document.querySelector('.state').textContent") == "Not answering"
    resources = status["resources"] | {"saturated": True, "reason": "Its recogniser is always busy."}
    one.home.say({"type": "status", "status": status | {"resources": resources}})
    await one.page.until("document.querySelector('.tile:nth-child(4) b').textContent === 'Yes'")


async def test_the_mode_says_since_when_it_is_so_and_what_ends_it(one: Open) -> None:
    await look_at(one.page, "now")
    since = one.home.at(0.5)
    told = {"mode_reason": "Groq cannot be reached.", "mode_ends": "Ends when Groq can be reached again."}
    one.home.say({"type": "status", "status": one.home.status() | {"mode": "edge_only", "mode_since": since, **told}})
    await one.says("Ends when Groq can be reached again.")
    notice = await one.page.evaluate("document.querySelector('.notice').textContent")
    assert re.fullmatch(r"Groq cannot be reached\. Since .+\. Ends when Groq can be reached again\.", notice)
    ends = "Ends when 5 turns on end are clear."
    noisy = one.home.satellites_told()[3] | {"since": since, "ends": ends}
    one.home.say({"type": "status", "status": one.home.status() | {"satellites": [noisy]}})
    await look_at(one.page, "hub")
    await one.says(ends)
    await one.says("noisy since")


async def test_requests_that_wait_are_seen_done_again_and_dropped(one: Open) -> None:
    request = REQUEST | {"state": "waiting", "text": None, "heard": "add milk", "id": "first", "at": one.home.at(3)}
    cut = REQUEST | {"state": "interrupted", "id": "a/b", "at": one.home.at(2), "reason": "the hub was restarted"}
    await look_at(one.page, "now")
    assert await one.page.evaluate("document.querySelector('.requests').hidden")
    one.home.requests = [request, cut]
    one.home.say({"type": "status", "status": one.home.status()})
    await one.says("“add milk” For a list · waits for a speech service · Kitchen")
    await one.says("was cut off while it was done")
    assert await found_by_axe(one.page) == []
    one.home.asked.clear()
    await one.page.click("document.querySelector('[data-do=flush]')")
    await one.says("The services are being asked.")
    await one.page.evaluate("document.querySelector('.again input').value = 'add oat milk'")
    await one.page.click("document.querySelector('.again button')")
    await one.says("It is done again.")
    await one.page.click("document.querySelector('[data-id=first] [data-do=drop]')")
    await one.says("It is dropped.")
    await one.page.click("document.querySelector('[data-do=drop-all]')")
    await one.page.until("document.querySelector('dialog[open]')")
    await one.page.click("document.querySelector('dialog .danger')")
    await one.says("One is dropped.")
    did = [asked for asked in one.home.asked if asked[0] in {"flush", "repeat", "drop", "drop_all"}]
    assert did == [("flush",), ("repeat", "a/b", "add oat milk"), ("drop", "first"), ("drop_all",)]
    one.home.requests = []
    one.home.say({"type": "queue", "event": "dropped", "request": {}})
    await one.page.until("document.querySelector('.requests').hidden")


async def test_a_turn_tells_why_to_a_keyboard(one: Open) -> None:
    await look_at(one.page, "now")
    await one.page.evaluate("document.querySelector('button.row').focus()")
    await one.page.press("ArrowDown")
    await one.page.press("Enter")
    await one.says("Where the time went")
    why = await one.page.evaluate("document.querySelectorAll('.why:not([hidden])').length")
    assert why == 1
    assert await found_by_axe(one.page) == []
    await one.page.press("Escape")
    assert "Where the time went" not in await one.page.evaluate(WORDS)


async def test_a_hub_that_goes_is_missed_and_found_again(
    browser: Browser, stack: AsyncExitStack, tmp_path: Path
) -> None:
    home = MadeUpHome()
    async with AsyncExitStack() as first:
        one = await shown(browser, first, tmp_path, home)
        port = one.door.port
    await one.says("The hub cannot be reached.")
    assert await one.page.evaluate("document.querySelectorAll('button.row').length") == 12
    settings = ControlSettings(address=f"127.0.0.1:{port}", announce=False)
    again = open_control(
        settings, home, data_dir=tmp_path, allow=(), clock=asyncio.get_running_loop().time, wall=lambda: home.now
    )
    door = await stack.enter_async_context(again)
    assert door is not None
    # Sessions end with the server: it asks again, and goes on.
    await one.page.until("document.querySelector('#token')")
    await one.page.write(door.token)
    await one.page.press("Enter")
    await one.page.until("document.querySelectorAll('button.row').length === 12")


async def test_a_new_token_shuts_the_page_at_once(browser: Browser, stack: AsyncExitStack, tmp_path: Path) -> None:
    one = await shown(browser, stack, tmp_path)
    await asyncio.to_thread(rotated_token, tmp_path)
    await one.page.until("document.querySelector('#token')")
    assert "Kitchen" not in await one.page.evaluate(WORDS)


async def test_every_upload_can_be_paged_to(one: Open) -> None:
    await look_at(one.page, "privacy")
    rows = "document.querySelectorAll('.ledger tbody tr').length"
    first = await one.page.evaluate("document.querySelector('.ledger tbody tr').textContent")
    assert await one.page.evaluate(rows) == 25
    for _ in range(5):
        last = await one.page.evaluate("document.querySelector('.ledger tbody tr').textContent")
        await one.page.click("document.querySelector('[data-do=older]')")
        await one.page.until(f"document.querySelector('.ledger tbody tr').textContent !== {json.dumps(last)}")
    assert await one.page.evaluate(rows) == 140 - 125
    assert await one.page.evaluate("document.querySelector('[data-do=older]').hidden")
    await one.page.click("document.querySelector('[data-do=newest]')")
    await one.page.until(f"document.querySelector('.ledger tbody tr').textContent === {json.dumps(first)}")


async def test_earlier_turns_come_from_the_records_with_what_is_kept_of_them(one: Open) -> None:
    await look_at(one.page, "now")
    older = "document.querySelector('.older')"
    await one.page.click(f"{older}.querySelector('summary')")
    await one.page.until(f"{older}.querySelectorAll('button.row').length === 25")
    await one.page.click(f"{older}.querySelector('button.row')")
    await one.page.until(f"{older}.querySelector('audio')")
    assert "“turn on the kitchen light”" in await one.page.evaluate(f"{older}.querySelector('.why').textContent")
    heard = "fetch(document.querySelector('audio').src).then((answer) => answer.headers.get('Content-Type'))"
    assert await one.page.evaluate(heard) == "audio/wav"
    assert await found_by_axe(one.page) == []
    await one.page.click(f"{older}.querySelector('[data-do=older]')")
    await one.page.until(f"{older}.querySelector('[data-do=older]').hidden")
    await one.page.evaluate(
        f"(() => {{ const wanted = {older}.querySelector('[name=language]'); wanted.value = 'de';"
        " wanted.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    await one.page.until(f"{older}.querySelectorAll('button.row').length === 25")
    asked = [known[1:] for known in one.home.asked if known[0] == "records"]
    assert [asked[0], asked[-1]] == [(25, None, None, None), (25, None, "de", None)]
    assert one.page.errors == []


async def test_nothing_is_erased_before_it_was_asked_twice(one: Open) -> None:
    await look_at(one.page, "privacy")
    await one.page.click("document.querySelector('[data-what=corrections]')")
    await one.page.until("document.querySelector('dialog[open]')")
    assert await found_by_axe(one.page) == []
    await one.page.press("Escape")
    await one.page.until("!document.querySelector('dialog')")
    await one.page.click("document.querySelector('[data-what=corrections]')")
    await one.page.press("Enter")  # the first button keeps
    await one.page.until("!document.querySelector('dialog')")
    assert not [asked for asked in one.home.asked if asked[0] == "purge"]
    await one.page.click("document.querySelector('[data-what=corrections]')")
    await one.page.click("document.querySelector('dialog .danger')")
    await one.says("3 erased, 0 left.")
    assert ("purge", ("corrections",), None) in one.home.asked


async def test_choices_are_taken_and_a_refusal_is_said(one: Open) -> None:
    await look_at(one.page, "privacy")
    switch = "document.querySelector('[name=keep_transcripts]')"
    await one.page.click(switch)
    await one.page.until("fetch('api/v1/policy').then((answer) => answer.json()).then((one) => one.keep_transcripts)")
    one.home.refuses = DiskError("The disk is full: make room.")
    await one.page.click(switch)
    await one.says("The disk is full: make room.")
    assert await one.page.evaluate(f"{switch}.checked")
    one.home.refuses = None
    await look_at(one.page, "hub")
    await one.page.evaluate(
        "(() => { const level = document.querySelector('#level'); level.value = 'debug';"
        " level.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    await one.says("The log follows from its next line on.")
    assert one.home.policy_told["log_level"] == "debug"


async def test_a_change_can_be_taken_as_the_new_usual(one: Open) -> None:
    await look_at(one.page, "trends")
    await one.says("Rooms are noisier by 6 dB")
    await one.page.click("document.querySelector('button[data-language]')")
    await one.says("Is anything creeping? No.")
    await one.page.until("document.querySelector('#notices').childElementCount === 0")
    assert ("accept", "en") in one.home.asked


async def test_a_plot_is_read_with_arrow_keys_and_as_a_table(one: Open) -> None:
    await look_at(one.page, "trends")
    plot = "document.querySelector('[data-plot=latency]')"
    label = await one.page.evaluate(f"{plot}.querySelector('.canvas').getAttribute('aria-label')")
    assert label.startswith("From your last word to the text. 19 of 20: ")
    await one.page.evaluate(f"{plot}.querySelector('.canvas').focus()")
    await one.page.press("ArrowRight")
    await one.page.press("ArrowRight")
    readout = await one.page.evaluate(f"{plot}.querySelector('.readout').textContent")
    await one.page.evaluate(f"{plot}.querySelector('details').open = true")
    await one.page.until(f"{plot}.querySelector('tbody tr')")
    cells = await one.page.evaluate(
        f"[...{plot}.querySelectorAll('tbody tr:nth-child(2) > *')].map((one) => one.textContent)"
    )
    assert readout == f"{cells[0]}: 19 of 20 {cells[1]}, Half {cells[2]}"
    await one.page.click("document.querySelector('input[value=\"24\"]')")
    await one.page.until(f"{plot}.querySelectorAll('tbody tr').length === 25")


async def test_what_others_have_written_is_text_never_markup_on_the_page(
    browser: Browser, stack: AsyncExitStack, tmp_path: Path
) -> None:
    evil = '<img src=x onerror="window.broken = true">"\'&'
    home = MadeUpHome()
    home.turns_told[0] |= {"satellite": evil, "reason": evil, "lane": evil, "intent": evil, "points": {evil: 9.0}}
    home.ledger_told[0] |= {"lane": evil, "reason": evil, "ending": evil, "consent": evil, "currency": evil}
    one = await shown(browser, stack, tmp_path, home)
    status = home.status()
    named = {"lanes": [status["lanes"][0] | {"name": evil, "reason": evil}], "mode": evil, "mode_reason": evil}
    one.home.say({"type": "status", "status": status | named})
    await one.page.click("document.querySelector('button.row')")
    for view in VIEWS:
        await look_at(one.page, view)
        assert evil in await one.page.evaluate(WORDS), view
        assert await one.page.evaluate("document.querySelectorAll('img:not(.brand img)').length") == 0
    assert not await one.page.evaluate("window.broken")
    assert one.page.errors == []


async def test_it_works_within_home_assistant_by_ingress(
    browser: Browser, stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_port, "SUPERVISOR", "127.0.0.1")
    home = MadeUpHome()
    settings = ControlSettings(address="127.0.0.1:0", announce=False, supervisor_token="of the supervisor")
    clock = asyncio.get_running_loop().time
    door = await stack.enter_async_context(
        open_control(settings, home, data_dir=tmp_path, allow=(), clock=clock, wall=lambda: home.now)
    )
    assert door is not None
    address = await stack.enter_async_context(supervisor(door.url))
    headers = {"Authorization": f"Bearer {door.token}"}
    async with ClientSession(headers=headers) as session:
        told = await session.put(f"{door.url}/api/v1/panel", json={"users": [ADMINISTRATOR]})
        assert told.status == 200
    page = await browser.page()
    await page.open(f"{address}/api/hassio_ingress/abc/")
    await page.until("document.querySelector('button.row')")
    for view in VIEWS:
        await look_at(page, view)
    assert await page.evaluate("document.querySelector('.out').hidden")
    await look_at(page, "privacy")
    await page.click("document.querySelector('[name=keep_recordings]')")
    await page.until("fetch('api/v1/policy').then((answer) => answer.json()).then((one) => one.keep_recordings)")
    assert page.errors == []


def supervisor(url: str) -> _Supervisor:
    """Return a proxy as Home Assistant's Supervisor is one."""
    return _Supervisor(url)


class _Supervisor:
    """Hands requests on, with the path that it was asked by and the browser's own headers."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> str:
        self._session = ClientSession(auto_decompress=False)
        app = web.Application()
        app.router.add_route("*", "/api/hassio_ingress/abc/{path:.*}", self._hand_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _hand_on(self, request: web.Request) -> web.StreamResponse:
        url = f"{self._url}/{request.match_info['path']}"
        kept = {name: value for name, value in request.headers.items() if not name.startswith("Sec-WebSocket")}
        headers = {**kept, "X-Ingress-Path": "/api/hassio_ingress/abc", "X-Remote-User-Id": ADMINISTRATOR}
        if headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request, url, headers)
        async with self._session.request(
            request.method, url, params=request.query, headers=headers, data=await request.read()
        ) as answer:
            return web.Response(status=answer.status, headers=answer.headers, body=await answer.read())

    async def _socket(self, request: web.Request, url: str, headers: dict[str, str]) -> web.WebSocketResponse:
        outer = web.WebSocketResponse()
        await outer.prepare(request)
        async with self._session.ws_connect(url, headers=headers) as inner:
            async for message in inner:
                if message.type is WSMsgType.TEXT:
                    await outer.send_str(message.data)
        return outer
