import socket
from pathlib import Path

from tests.server.home import settings_for_tests
from wyoming_server.commands.local import in_process


async def test_a_command_runs_beside_the_server_whose_ports_are_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = settings_for_tests(tmp_path, control={"address": address}, server={"uris": [f"tcp://{address}"]})
        async with in_process(settings) as uri:
            assert uri.startswith("tcp://127.0.0.1:")
            assert not uri.endswith(address)
    assert not (tmp_path / "data" / "control-token").exists()
