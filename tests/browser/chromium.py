"""A headless Chromium, driven through its own DevTools protocol: no driver, no library but aiohttp."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

_START_SECONDS = 30.0
_CALL_SECONDS = 30.0
_WAIT_SECONDS = 20.0
_LARGEST_MESSAGE = 64 * 2**20
_KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "ArrowRight": 39, "Space": 32}
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # a container has no user namespaces to build one of
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--lang=en-US",
    "--remote-debugging-port=0",
)


class BrowserError(Exception):
    """What the browser refused, or what a page threw."""


def program() -> str | None:
    """Return the Chromium of this machine; None without one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        """Take an attached tab; `Browser.page` makes them."""
        self._browser, self._session = browser, session
        self.errors: list[str] = []
        """What the page has thrown, and written to its console as errors."""

    async def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol in this tab; raises BrowserError when it is refused."""
        return await self._browser.call(method, parameters, session=self._session)

    def hear(self, method: str, parameters: dict[str, Any]) -> None:
        """Keep what the tab complains of."""
        match method, parameters:
            case "Runtime.exceptionThrown", {"exceptionDetails": details}:
                self.errors.append(_thrown(details))
            case "Runtime.consoleAPICalled", {"type": "error" | "assert", "args": said}:
                self.errors.append(" ".join(map(_said, said)))
            case "Log.entryAdded", {"entry": {"level": "error"} as entry}:
                self.errors.append(f"{entry['text']} {entry.get('url', '')}")

    async def open(self, url: str) -> None:
        """Go to an address; returns when it has begun to load."""
        answer = await self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")

    async def evaluate(self, expression: str) -> Any:
        """Return what an expression comes to, its promise awaited; raises BrowserError with what it throws."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"{_thrown(answer['exceptionDetails'])} in {expression[:200]}")
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = _WAIT_SECONDS) -> Any:
        """Wait until an expression is true and return it; raises BrowserError after so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    with contextlib.suppress(BrowserError):  # a page that is loading has nothing to look at
                        found = await self.evaluate(expression)
                        if found not in (None, False, 0, ""):  # an element comes as an empty object
                            return found
                    await asyncio.sleep(0.05)
        raise BrowserError(f"not in {seconds:.0f} s: {expression[:300]}; errors: {self.errors[-3:]}")

    async def size(self, width: int, height: int, *, scale: float = 1.0, phone: bool = False) -> None:
        """Be a window, or a phone, of that size."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )

    async def prefer(self, *, dark: bool = False, still: bool = True) -> None:
        """Prefer a dark scheme, and no motion."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def press(self, key: str) -> None:
        """Press and release a key."""
        code = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key], "nativeVirtualKeyCode": _KEYS[key]}
        if key == "Enter":
            code["text"] = "\r"
        await self.call("Input.dispatchKeyEvent", type="keyDown", **code)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    async def write(self, text: str) -> None:
        """Type into whatever has the focus."""
        await self.call("Input.insertText", text=text)

    async def click(self, element: str) -> None:
        """Click the middle of an element, which an expression names, as a mouse does."""
        box = await self.until(
            f"(() => {{ const found = {element}; if (!found) return null; found.scrollIntoView({{block: 'center'}});"
            " const box = found.getBoundingClientRect();"
            " return box.width ? {x: box.x + box.width / 2, y: box.y + box.height / 2} : null; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **box)

    async def picture(self, path: Path, element: str | None = None, *, margin: int = 0) -> None:
        """Write what is seen to a PNG file: the window, or one element of the page."""
        options: dict[str, Any] = {"format": "png"}
        if element is not None:
            box = await self.evaluate(
                f"(() => {{ const box = {element}.getBoundingClientRect(); return {{x: box.x + scrollX, "
                "y: box.y + scrollY, width: box.width, height: box.height}; })()"
            )
            options["clip"] = {
                "x": max(0, box["x"] - margin),
                "y": max(0, box["y"] - margin),
                "width": box["width"] + 2 * margin,
                "height": box["height"] + 2 * margin,
                "scale": 1,
            }
            options["captureBeyondViewport"] = True
        picture = await self.call("Page.captureScreenshot", **options)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(picture["data"]))


class Browser:
    """A running browser; `chromium()` makes one."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take an open socket to it."""
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._pages: dict[str, Page] = {}

    async def page(self, *, before: str = "") -> Page:
        """Open a tab with storage of its own, in which a script runs before any page's own."""
        context = (await self.call("Target.createBrowserContext", {}))["browserContextId"]
        target = await self.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        attached = await self.call("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        if before:
            await page.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        await page.prefer()
        return page

    async def call(self, method: str, parameters: dict[str, Any], *, session: str | None = None) -> Any:
        """Call a method of the protocol; raises BrowserError when it is refused."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(message if session is None else {**message, "sessionId": session})
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return await answer
        finally:
            del self._waiting[number]

    async def listen(self) -> None:
        """Hand on what the browser says until it goes."""
        async for message in self._socket:
            said = json.loads(message.data)
            if (answer := self._waiting.get(said.get("id", 0))) is not None and not answer.done():
                if "error" in said:
                    answer.set_exception(BrowserError(said["error"]["message"]))
                else:
                    answer.set_result(said["result"])
            elif (page := self._pages.get(said.get("sessionId", ""))) is not None and "method" in said:
                page.hear(said["method"], said["params"])


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run a browser of our own until the end; raises BrowserError when there is none, or it does not start."""
    found = program()
    if found is None:
        raise BrowserError("no Chromium on this machine: apt-get install chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            found, *_OPTIONS, f"--user-data-dir={profile}", "about:blank",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            address = await _address(process.stderr)
            # It goes on writing warnings; a full pipe would stop it.
            draining = asyncio.create_task(process.stderr.read())
            async with aiohttp.ClientSession() as http:
                async with http.ws_connect(address, max_msg_size=_LARGEST_MESSAGE) as socket:
                    browser = Browser(socket)
                    listening = asyncio.create_task(browser.listen())
                    yield browser
                    with contextlib.suppress(BrowserError, TimeoutError, aiohttp.ClientError, ConnectionError):
                        await browser.call("Browser.close", {})
                await listening
            await asyncio.wait_for(process.wait(), _START_SECONDS)
            await draining
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _address(log: asyncio.StreamReader) -> str:
    """Return where a starting browser listens, once it says so."""
    said = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while line := (await log.readline()).decode(errors="replace"):
                if line.startswith("DevTools listening on "):
                    return line.split()[-1]
                said.append(line)
    raise BrowserError("Chromium did not start: " + "".join(said[-10:]))


def _said(argument: dict[str, Any]) -> str:
    """Return what was written to a console, an object by its first properties."""
    if properties := argument.get("preview", {}).get("properties"):
        return ", ".join(f"{one['name']}: {one.get('value')}" for one in properties)
    return str(argument.get("value", argument.get("description", "")))


def _thrown(details: dict[str, Any]) -> str:
    thrown = details.get("exception", {})
    return str(thrown.get("description") or thrown.get("value") or details.get("text", "an error"))
