"""An add-on's panel opens to administrators, as Home Assistant knows them."""

from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_USER
from homeassistant.core import HomeAssistant

from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import Peer, refusal


def told(peer: Peer) -> list[set[str]]:
    """Return whom the hub was told of, the oldest first."""
    return [set(body["users"]) for _, path, body in peer.asked if path == "/api/v1/panel"]


async def test_the_hub_is_told_who_is_an_administrator_and_of_each_change(core: HomeAssistant, peer: Peer) -> None:
    core.config.components.add("hassio")
    owner = await core.auth.async_create_user("Owner", group_ids=[GROUP_ID_ADMIN])
    guest = await core.auth.async_create_user("Guest", group_ids=[GROUP_ID_USER])
    await core.auth.async_create_system_user("Supervisor", group_ids=[GROUP_ID_ADMIN])
    await set_up(core, entry_for(peer.port))
    await until(lambda: told(peer))
    assert owner.id in told(peer)[-1]
    assert guest.id not in told(peer)[-1]
    before = told(peer)[-1]
    await core.auth.async_update_user(guest, group_ids=[GROUP_ID_ADMIN])
    await until(lambda: told(peer)[-1] == before | {guest.id})
    await core.auth.async_remove_user(guest)
    await until(lambda: told(peer)[-1] == before)
    await peer.drop()
    many = len(told(peer))
    await until(lambda: len(told(peer)) > many)


async def test_a_hub_of_before_is_used_without(core: HomeAssistant, peer: Peer) -> None:
    async def unknown(_request: object) -> object:
        asked.append(True)
        return refusal(404, "not-found", "nothing is here")

    asked: list[bool] = []
    peer.answers["/api/v1/panel"] = unknown
    core.config.components.add("hassio")
    entry = entry_for(peer.port)
    await set_up(core, entry)
    await until(lambda: asked)
    assert entry.runtime_data.coordinator.connected


async def test_where_there_is_no_supervisor_nothing_is_told(core: HomeAssistant, peer: Peer) -> None:
    entry = entry_for(peer.port)
    await set_up(core, entry)
    await until(lambda: any(path == "/api/v1/vocabulary" for _, path, _ in peer.asked))
    assert told(peer) == []
