"""The add-on's files, held to what Home Assistant's Supervisor takes and to the server that they start.

What runs is proved by `script/prove addon`; the Supervisor's schema is written down here from its documentation.
"""

import json
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
import yaml

from tests.server.proofs.addon_root import steps_in
from wyoming_server.listeners.control_settings import ControlSettings
from wyoming_server.listeners.supervisor_discovery import SERVICE
from wyoming_server.records.backups import LEFT_OUT
from wyoming_server.settings import read_settings

ROOT = Path(__file__).parent.parent
ADDON = ROOT / "addon" / "edge_voice"
CONFIG = yaml.safe_load((ADDON / "config.yaml").read_text(encoding="utf-8"))
START = runpy.run_path(str(ADDON / "bin" / "start.py"))
LANGUAGES = {file.stem for file in (ROOT / "custom_components/edge_voice/translations").glob("*.json")}

_OPTION = vol.Match(
    r"^(bool|email|url|port|device(\(subsystem=[a-z]+\))?|(str|password)(\(\d*,\d*\))?|int(\(-?\d*,-?\d*\))?"
    r"|float(\(-?[\d.]*,-?[\d.]*\))?|match\(.*\)|list\(.+\))\??$"
)
_FLAG = vol.Boolean()
SCHEMA = vol.Schema(
    {
        vol.Required("name"): str,
        vol.Required("version"): vol.Match(r"^\d+\.\d+\.\d+$"),
        vol.Required("slug"): vol.Match(r"^[-_.A-Za-z0-9]+$"),
        vol.Required("description"): str,
        vol.Required("arch"): [vol.In({"aarch64", "amd64"})],
        "url": vol.Url(),
        "image": vol.Match(r"^[\w.\-/]+/\{arch\}[\w.\-]*$"),
        "homeassistant": vol.Match(r"^\d{4}\.\d+\.\d+$"),
        "stage": vol.In({"stable", "experimental", "deprecated"}),
        "startup": vol.In({"initialize", "system", "services", "application", "once"}),
        "boot": vol.In({"auto", "manual", "manual_only"}),
        "timeout": vol.All(int, vol.Range(10, 300)),
        "ports": {vol.Match(r"^\d+/(tcp|udp)$"): vol.Maybe(vol.All(int, vol.Range(1, 65_535)))},
        "watchdog": vol.Match(r"^(?:https?|\[PROTO:\w+\]|tcp)://\[HOST\]:(\[PORT:\d+\]|\d+).*$"),
        "ingress": _FLAG,
        "ingress_port": vol.All(int, vol.Range(0, 65_535)),
        "panel_icon": vol.Match(r"^mdi:[a-z-]+$"),
        "panel_title": str,
        "panel_admin": _FLAG,
        "discovery": [str],
        "map": [{vol.Required("type"): vol.In({"addon_config", "share", "ssl", "media"}), "read_only": bool}],
        "backup_exclude": [str],
        "options": {str: vol.Any(bool, int, str)},
        "schema": {str: _OPTION},
    }
)
TRANSLATION = vol.Schema(
    {
        vol.Required("configuration"): {str: {vol.Required("name"): str, vol.Required("description"): str}},
        vol.Required("network"): {vol.Match(r"^\d+/tcp$"): str},
    }
)


def settings_of(options: Mapping[str, Any], tmp_path: Path, **environ: str) -> Any:
    """Return the settings that a start with these options means."""
    return read_settings(None, {}, environ=START["environment_of"](options, environ, tmp_path))


def names_in(file: Path) -> set[str]:
    """Return name==version of each package in hashed requirements."""
    return set(re.findall(r"^[\w.-]+==[\w.]+", file.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_supervisor_takes_the_configuration() -> None:
    SCHEMA(CONFIG)
    vol.Schema({vol.Required("name"): str, "url": vol.Url(), "maintainer": str})(
        yaml.safe_load((ROOT / "repository.yaml").read_text(encoding="utf-8"))
    )


def test_each_option_has_its_words_in_every_language_that_is_shipped() -> None:
    files = {file.stem: file for file in (ADDON / "translations").glob("*.yaml")}
    assert set(files) == LANGUAGES
    for file in files.values():
        words = TRANSLATION(yaml.safe_load(file.read_text(encoding="utf-8")))
        assert list(words["configuration"]) == list(CONFIG["schema"]), file
        assert list(words["network"]) == list(CONFIG["ports"]), file


def test_an_option_that_must_be_given_has_a_default() -> None:
    assert {name for name, kind in CONFIG["schema"].items() if not kind.endswith("?")} == set(CONFIG["options"])


def test_it_is_found_and_shown_where_the_server_is() -> None:
    assert CONFIG["discovery"] == [SERVICE]
    assert CONFIG["ingress_port"] == ControlSettings().ingress_port
    assert CONFIG["panel_admin"] is True


def test_a_backup_leaves_out_what_the_server_says() -> None:
    assert set(CONFIG["backup_exclude"]) == set(LEFT_OUT)


def test_options_become_settings(tmp_path: Path) -> None:
    settings = settings_of({"model": "small", "language": "no", "threads": 3}, tmp_path, TZ="Europe/Oslo")
    assert (settings.asr.model, settings.asr.language, settings.asr.threads) == ("small", "no", 3)
    assert settings.server.data_dir == str(tmp_path)
    assert settings.ledger.time_zone == "Europe/Oslo"
    assert settings.control.address == "0.0.0.0:10380"
    assert settings_of({"wake_words": True, "model": None}, tmp_path).asr.model == ""


def test_the_supervisors_token_is_the_servers_alone(tmp_path: Path) -> None:
    told = {"SUPERVISOR_TOKEN": "secret", "HASSIO_TOKEN": "secret", "LANG": "C.UTF-8"}
    environ = START["environment_of"]({}, told, tmp_path)
    assert [name for name, value in environ.items() if value == "secret"] == ["EDGE_VOICE_CONTROL_SUPERVISOR_TOKEN"]
    assert environ["LANG"] == "C.UTF-8"


def test_what_fetches_from_the_internet_is_not_told_the_supervisors_token(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\nenv > {seen}.part\nmv {seen}.part {seen}\n", encoding="utf-8")
    python.chmod(0o700)
    told = {"SUPERVISOR_TOKEN": "secret", "HASSIO_TOKEN": "secret", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    START["fetch_wake_words"](tmp_path, told)
    while not seen.exists():
        time.sleep(0.01)
    assert "PATH=" in seen.read_text(encoding="utf-8")
    assert "secret" not in seen.read_text(encoding="utf-8")


def test_a_settings_file_is_taken_where_there_is_one(tmp_path: Path) -> None:
    assert "--config" not in START["command_of"](tmp_path)
    (tmp_path / "settings.yaml").touch()
    assert START["command_of"](tmp_path)[-2:] == ["--config", str(tmp_path / "settings.yaml")]


def test_the_image_has_every_package_but_the_one_that_is_fetched_at_home() -> None:
    all_of_them, ours = names_in(ROOT / "requirements.txt"), names_in(ADDON / "requirements.txt")
    fetched = names_in(ADDON / "requirements-wake-words.txt")
    assert {one.partition("==")[0] for one in fetched} == {"openwakeword"}
    assert ours | fetched == all_of_them
    assert not ours & fetched
    assert names_in(ADDON / "requirements-uv.txt")


def test_everything_that_the_image_installs_is_held_to_a_hash() -> None:
    steps = list(steps_in((ADDON / "Dockerfile").read_text(encoding="utf-8")))
    installs = [one.rest for one in steps if one.kind == "RUN" and re.search(r"pip (install|sync)", one.rest)]
    assert installs
    assert all("--require-hashes" in one for one in installs)
    assert {one.kind for one in steps} >= {"FROM", "ADD", "RUN", "COPY", "HEALTHCHECK", "CMD"}


def test_models_are_fetched_again_only_for_another_version(tmp_path: Path) -> None:
    is_there = runpy.run_path(str(ADDON / "bin" / "fetch_wake_words.py"))["is_there"]
    wanted = ADDON / "requirements-wake-words.txt"
    assert not is_there(wanted, tmp_path)
    (version,) = names_in(wanted)
    (tmp_path / f"{version.replace('==', '-')}.dist-info").mkdir()
    assert is_there(wanted, tmp_path)
    assert not is_there(ADDON / "requirements-uv.txt", tmp_path)


def test_the_health_check_fails_where_nothing_answers() -> None:
    command = [sys.executable, str(ADDON / "bin" / "is_alive.py"), "1"]
    check = subprocess.run(command, capture_output=True, text=True, check=False)
    assert check.returncode == 1
    assert "does not answer" in check.stderr


@pytest.mark.parametrize("name", ["icon.png", "logo.png", "DOCS.md", "README.md", "CHANGELOG.md"])
def test_what_the_store_shows_is_there(name: str) -> None:
    assert (ADDON / name).stat().st_size


def test_the_log_of_changes_knows_this_version() -> None:
    assert f"## {CONFIG['version']}\n" in (ADDON / "CHANGELOG.md").read_text(encoding="utf-8")


def test_options_that_are_none_of_the_schemas_are_no_settings(tmp_path: Path) -> None:
    assert set(json.loads(json.dumps(START["OPTIONS"]))) == set(CONFIG["schema"]) - {"wake_words"}
    assert "EDGE_VOICE_ASR_MODEL" not in START["environment_of"]({"other": "x"}, {}, tmp_path)
