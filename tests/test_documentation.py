"""What the documentation says of the code, held to the code: examples, names, codes, prices, commands, links."""

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from wyoming_server.__main__ import COMMANDS
from wyoming_server.bundles.bundle import Bundle, Kind
from wyoming_server.bundles.offer import HubFacts, Offer, Rollout
from wyoming_server.bundles.rollout import explain
from wyoming_server.canary.cohort import fields_of, report_of
from wyoming_server.commands.models import ACTIONS
from wyoming_server.engines.lanes import make_lane
from wyoming_server.errors import (
    BundleError,
    DiskError,
    EdgeVoiceError,
    EngineMissingError,
    LaneError,
    ModelCorruptError,
    ModelMissingError,
    NoRepositoryError,
    PublishError,
    ReportRefusedError,
    RootRefusedError,
    SelfTestError,
)
from wyoming_server.listeners.replies import outcome_fields
from wyoming_server.pipeline.edge_asr import SECOND_LOOK_RULES
from wyoming_server.pipeline.evidence import FEATURES
from wyoming_server.pipeline.lanes import PROVIDERS, LaneSettings
from wyoming_server.pipeline.route import MADE_UP
from wyoming_server.settings import SECTIONS, Settings, read_settings
from wyoming_server.updates.choose import MODEL_CHOSEN

from .server.cloud.google import Google
from .server.learning.school import turn

ROOT = Path(__file__).parent.parent
ROUTING = (ROOT / "docs" / "routing.md").read_text(encoding="utf-8")
BUNDLES = (ROOT / "docs" / "bundles.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OF_HOME_ASSISTANT = {"dashboard.md", "entities.md", "home-assistant.md"}
"""Pages whose examples are Home Assistant's: tests/integration holds those."""
HOME_ASSISTANT = {"dashboard.md", "entities.md", "home-assistant.md"}
"""Pages whose examples are Home Assistant's configuration: tests/integration holds those to it."""
SETTINGS_FILE = ROOT / "docs" / "settings.yaml"
SERVICES_FILE = ROOT / "wyoming_server" / "engines" / "cloud_services.yaml"


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    """Yield each fenced block of a kind, named by page and line."""
    for page in PAGES:
        if page.name in HOME_ASSISTANT:
            continue
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            yield f"{page.name}:{text.count('\n', 0, found.start()) + 1}", found[1]


EXAMPLES = dict(blocks("yaml"))


def with_key(lane: LaneSettings) -> LaneSettings:
    """Return a lane as if its key file were there."""
    google = Google()
    google.token_uri = "https://oauth2.googleapis.com/token"
    return dataclasses.replace(lane, key_file="", key=google.key if lane.provider == "google" else "a-key")


def read(text: str, tmp_path: Path) -> Settings:
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    return read_settings(file, {}, environ={})


@pytest.mark.parametrize("place", EXAMPLES)
async def test_every_example_of_settings_is_accepted_and_its_lanes_can_be_made(place: str, tmp_path: Path) -> None:
    for settings in read(EXAMPLES[place], tmp_path).cloud.lanes:
        if settings.provider != "client":
            await make_lane(with_key(settings)).aclose()


def test_there_is_an_example_of_every_provider(tmp_path: Path) -> None:
    shown = {lane.provider for text in EXAMPLES.values() for lane in read(text, tmp_path).cloud.lanes}
    assert shown == set(PROVIDERS)


def test_the_settings_file_holds_every_setting_with_its_default() -> None:
    assert read_settings(SETTINGS_FILE, {}, environ={}) == Settings()
    told = yaml.safe_load(SETTINGS_FILE.read_text(encoding="utf-8"))
    assert {name: set(keys) for name, keys in told.items()} == {
        name: {one.name for one in dataclasses.fields(make)} for name, make in SECTIONS.items()
    }


def test_the_settings_file_names_all_that_can_be_said_of_a_lane(tmp_path: Path) -> None:
    text = SETTINGS_FILE.read_text(encoding="utf-8")
    keys = "\n".join(re.findall(r"^  #( {3}- .*| {5}.*)$", text, re.MULTILINE))
    lane = read(f"cloud:\n  lanes:\n{keys}\n", tmp_path).cloud.lanes[0]
    assert lane.name
    named = set(re.findall(r"^ {3}[- ] (\w+):", keys, re.MULTILINE)) | {"key"}
    assert named == {one.name for one in dataclasses.fields(LaneSettings)}


def cells(above: str, below: str = "\n#", *, page: str = ROUTING) -> set[str]:
    """Return what the first column of the tables between two texts names in backticks."""
    part = page.split(f"\n{above}\n")[1].split(below, maxsplit=1)[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall("`([^`]+)`", row)}


def test_every_error_of_a_lane_has_its_cure_in_the_table() -> None:
    assert cells("### When a lane fails") == {one.code for one in LaneError.__subclasses__()}


def leaves(error: type[EdgeVoiceError]) -> set[type[EdgeVoiceError]]:
    """Return every kind of an error that has a code of its own."""
    below = error.__subclasses__()
    return set().union(*map(leaves, below)) if below else {error}


def test_every_refusal_of_a_bundle_has_its_cure_in_a_table() -> None:
    tables = "## When something is refused"
    bundles, owners, publishers = (
        {one.code for one in errors}
        for errors in (leaves(BundleError), {NoRepositoryError, RootRefusedError, DiskError}, leaves(PublishError))
    )
    of_a_model = {one.code for one in (SelfTestError, ModelCorruptError, ModelMissingError, EngineMissingError)}
    above, below = BUNDLES.split("Why a hub is not offered a bundle", 1)
    assert cells(tables, page=above) == bundles - {ReportRefusedError.code} | owners | of_a_model
    assert cells("For publishers.", page=below) == publishers | {ReportRefusedError.code}


def test_every_reason_for_which_a_hub_gets_no_bundle_is_in_a_table() -> None:
    facts = HubFacts(hub_id="", region="", hub_class="", server_version="1.0.0")
    asked = {one.code for one in explain(an_offer(), facts, dt.datetime.now(dt.UTC))}
    reasons = BUNDLES.split("\nWhy a hub is not offered a bundle")[1].split("\nWhy a bundle was left")[0]
    assert set(re.findall(r"^\| `([^`]+)`", reasons, re.MULTILINE)) == asked | {MODEL_CHOSEN}


def an_offer() -> Offer:
    return Offer(
        name="home-en",
        version="1.0.0",
        kind=Kind.ASR,
        channel="stable",
        path="stable/home-en@1.0.0.tar",
        length=1,
        sha256="0" * 64,
        manifest_sha256="0" * 64,
        unpacked_bytes=1,
        rollout=Rollout(id="r"),
    )


def test_every_field_of_a_manifest_is_in_the_table() -> None:
    fields = {one.name for one in dataclasses.fields(Bundle)} - {"scorecard", "unknown"}
    assert cells("## What a bundle is", page=BUNDLES) == fields | {"schema"}


def test_the_report_that_is_shown_is_one_that_publishers_take() -> None:
    (shown,) = [json.loads(one) for one in re.findall(r"^```json\n(.*?)^```$", BUNDLES, re.MULTILINE | re.DOTALL)]
    report = report_of(shown, today=dt.date.fromisoformat(shown["day"]) + dt.timedelta(days=1))
    told = {"day": report.day, "region": report.region, "hub_class": report.hub_class, "server": report.server}
    assert fields_of(report.counters, **told) == shown


def test_every_rule_against_made_up_text_is_in_the_table() -> None:
    assert cells("### Made-up text") == {"no-words"} | set(MADE_UP) | SECOND_LOOK_RULES


def test_every_feature_of_a_risk_is_in_the_table() -> None:
    assert cells("## The risk, and its points") == {"base", *FEATURES}


async def test_every_field_that_clients_send_or_get_is_in_the_tables() -> None:
    source = (ROOT / "wyoming_server" / "listeners" / "requests.py").read_text(encoding="utf-8")
    asked = set(re.findall(r'\bcontext(?:\.get\(|, )"(\w+)"', source))
    assert cells("| in `transcribe` | |", "| in `transcript` | |") == asked
    assert cells("| in `transcript` | |") == {*outcome_fields(turn()), "latency_ms"}


def test_models_and_prices_are_those_that_lanes_are_taken_to_have() -> None:
    lines = ["| provider | address | model, price | least charged | as of |", "|---|---|---|---|---|"]
    for one in yaml.safe_load(SERVICES_FILE.read_text(encoding="utf-8")):
        address = (one.get("url") or one["regional_url"]).removeprefix("https://")
        models = ", ".join(f"`{name}` {price:g}" for name, price in one["models"].items())
        least = f"{one['minimum_seconds']:g} s" if "minimum_seconds" in one else ""
        lines.append(f"| `{one['provider']}` | `{address}` | {models} | {least} | {one['as_of']} |")
    table = "\n".join(lines)
    assert table in ROUTING, f"docs/routing.md needs this table:\n{table}"


def test_the_commands_that_are_named_exist_and_all_are_named() -> None:
    scripts = {path.name for path in (ROOT / "script").iterdir()}
    for page in PAGES:
        if page.name in OF_HOME_ASSISTANT:
            continue
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"script/run ([a-z]+)", text)) <= set(COMMANDS), page.name
        assert set(re.findall(r"`edge-voice ([a-z]+)", text)) <= set(COMMANDS), page.name
        assert set(re.findall(r"(?<!blueprints/)script/([a-z][a-z-]*)", text)) <= scripts, page.name
    readme = PAGES[0].read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)[ `]", readme, re.MULTILINE)) == set(COMMANDS)


def test_all_that_can_be_done_to_models_is_named_and_nothing_else() -> None:
    named = {
        name for page in PAGES for name in re.findall(r"(?:edge-voice|`)\s?models ([a-z-]+)", page.read_text("utf-8"))
    }
    assert named == set(ACTIONS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, heading = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
