"""What an owner sees of a blueprint, in a real Home Assistant: `python -m tests.browser.blueprint_form`.

In Home Assistant's environment, with a Chromium. The pictures of docs/blueprints.md: a form, filled in, and the list of
what was installed.
"""

import asyncio
import tempfile
from pathlib import Path

from tests.browser.chromium import Page, chromium
from tests.browser.home import call, owner
from tests.browser.pictures import compress
from tests.home_assistant.hass_process import HomeAssistant, home_assistant
from tests.home_assistant.phone import NO_CAMERA, Phone
from tests.home_assistant.server_process import edge_voice

PICTURES = Path(__file__).parents[2] / "docs/pictures"
_SECONDS = 40.0
_AUTOMATION = "approval"


async def prepare(hass: HomeAssistant, phone: Phone) -> None:
    """Install the blueprints, and make an automation of one."""
    async with hass.session() as assist:
        await call(assist, "edge_voice", "install_blueprints")
        devices = await assist.call("config/device_registry/list")
    hub = next(one["id"] for one in devices if one["model"] == "Edge Voice hub")
    phones = [one["id"] for one in devices if one["name"] == phone.name]
    made = {"path": "edge_voice/update_approval.yaml", "input": {"hub": hub, "phones": phones}}
    config = {"alias": "Ask me before models change", "use_blueprint": made}
    async with hass.http() as http, http.post(f"/api/config/automation/config/{_AUTOMATION}", json=config):
        pass


async def take(page: Page, address: str, until: str, file: str, element: str | None = None) -> None:
    """Open a page, wait for what it is about, and keep a picture of it."""
    await page.open(address)
    await page.until(until, _SECONDS)
    await page.until("!shown('ha-fade-in, hass-loading-screen, ha-spinner').length", _SECONDS)
    await asyncio.sleep(1.0)  # fonts and icons come one by one, and say nothing when they are there
    # Other integrations' icons come from the network, which this home does not have.
    await page.evaluate("shown('img').filter(one => !one.naturalWidth).forEach(one => one.style.opacity = 0)")
    await page.picture(PICTURES / file, element, margin=12 if element else 0)
    await asyncio.to_thread(compress, PICTURES / file)


async def main() -> None:
    """Take the pictures."""
    with tempfile.TemporaryDirectory() as folder, edge_voice(control_port=0) as server:
        more = "\nautomation: !include automations.yaml\nmobile_app:\n"
        config = Path(folder) / "hass"
        (config / "custom_components").mkdir(parents=True)
        (config / "custom_components/__init__.py").write_text(NO_CAMERA, "utf-8")
        (config / "automations.yaml").write_text("[]", "utf-8")
        async with home_assistant(config, more=more) as hass, chromium() as browser, hass.http() as http:
            await hass.add_edge_voice(server)
            async with Phone.registered("Anna's phone", http) as phone:
                await prepare(hass, phone)
                page = await owner(browser, hass)
                await page.size(1000, 1040, scale=1.5)
                where = f"{hass.url}/config/automation/edit/{_AUTOMATION}"
                await take(page, where, "shown('ha-settings-row').length", "blueprint-form.png", "shown('ha-card')[0]")
                listed = "shown('*').some(one => words(one).includes('privacy guard'))"
                await take(page, f"{hass.url}/config/blueprint/dashboard", listed, "blueprints.png")


if __name__ == "__main__":
    asyncio.run(main())
