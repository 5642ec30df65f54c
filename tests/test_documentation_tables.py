"""Tables of the documentation that follow from the code: prices, sums, modes, a cure for all that a person meets."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import yaml

from wyoming_server.control.meter_status import WARNINGS
from wyoming_server.errors import BundleError, EdgeVoiceError, LaneError, PublishError
from wyoming_server.resilience.degraded import Mode

DOCS = Path(__file__).parent.parent / "docs"
TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
TEXTS = DOCS.parent / "custom_components/edge_voice/translations/en.json"
SERVICES = DOCS.parent / "wyoming_server/engines/cloud_services.yaml"
SENTENCES_A_DAY, ASKED, SENTENCE_SECONDS, DAYS = 60, 0.1, 4, 30
SPOKEN_SECONDS, BUSIEST_HOUR, GPU_SECONDS, BUSY = 3, 0.1, 0.2, 0.5
BUNDLE_MB, LOOKS, LOOK_KB, SERIES, SCRAPES_A_MINUTE = 145, 4, 5, 500, 2
HUBS = (1, 50, 100_000)


def part(above: str, below: str, *, page: str = TROUBLESHOOTING) -> str:
    """Return what stands between two lines."""
    return page.split(f"\n{above}\n", 1)[1].split(f"\n{below}", 1)[0]


def codes(text: str) -> set[str]:
    """Return what the first column of the tables names in backticks."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall("`([^`]+)`", row)}


def kinds(error: type[EdgeVoiceError]) -> set[type[EdgeVoiceError]]:
    """Return an error and all that are more special."""
    return {error}.union(*map(kinds, error.__subclasses__()))


def test_every_code_has_its_cure() -> None:
    told_elsewhere = kinds(LaneError) | kinds(BundleError) | kinds(PublishError)
    wanted = {one.code for one in kinds(EdgeVoiceError) - told_elsewhere if "code" in vars(one)}
    assert codes(part("## Codes", "(the end)")) >= wanted, wanted - codes(part("## Codes", "(the end)"))
    assert codes(part("### When a sentence ends in an error", "(the end)")) <= wanted


def test_every_warning_has_its_cure() -> None:
    assert codes(part("### Warnings", "###")) == set(WARNINGS)


def test_every_mode_is_explained() -> None:
    modes = part("## Modes", "## ")
    assert codes(modes) == set(Mode)
    shown = json.loads(TEXTS.read_text("utf-8"))["entity"]["sensor"]["mode"]["state"]
    assert [mode for mode, name in shown.items() if f"| `{mode}`: *{name}* |" not in modes] == []


def test_every_repair_has_its_cure() -> None:
    titles = {re.sub(r"\{\w+\}", "…", one["title"]) for one in json.loads(TEXTS.read_text("utf-8"))["issues"].values()}
    rows = part("| title | what happened | do this |", "<!-- end of repairs").splitlines()[1:]
    told = {row.split("|")[1].strip() for row in rows}
    assert told == titles, told ^ titles


def test_every_blueprint_can_be_imported_from_the_readme() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"blueprint_import/\?blueprint_url=([^)]+)\)", readme)
    files = sorted(one.relative_to(DOCS.parent) for one in (DOCS.parent / "blueprints").rglob("*.yaml"))
    assert sorted(unquote(one).split("/blob/main/")[1] for one in linked) == [str(one) for one in files]


def test_what_services_charge_is_what_the_hub_counts_with() -> None:
    lines = ["| service | model | a minute | a question | a month | as of |", "|---|---|---|---|---|---|"]
    for service in yaml.safe_load(SERVICES.read_text(encoding="utf-8")):
        charged_s = max(SENTENCE_SECONDS, service.get("minimum_seconds", 0))
        for model, price in service["models"].items():
            question = price * charged_s / 60
            month = question * SENTENCES_A_DAY * ASKED * DAYS
            cells = (service["title"], f"`{model}`", f"{price:g}", f"{question:.5f}", f"{month:.2f}", service["as_of"])
            lines.append(f"| {' | '.join(map(str, cells))} |")
    table = "\n".join(lines)
    assert table in (DOCS / "lanes.md").read_text(encoding="utf-8"), f"docs/lanes.md needs this table:\n{table}"


def test_the_arithmetic_of_many_hubs_is_right() -> None:
    def row(what: str, per_hub: float, unit: str) -> str:
        return f"| {what} | {' | '.join(_amount(per_hub * hubs, unit) for hubs in HUBS)} |"

    asked = SENTENCES_A_DAY * ASKED
    gpu = asked * BUSIEST_HOUR * GPU_SECONDS / 3600 / BUSY
    lines = [
        "| | 1 hub | 50 hubs | 100,000 hubs |",
        "|---|---|---|---|",
        row("sentences a day", SENTENCES_A_DAY, ""),
        row("of these asked of a lane", asked, ""),
        row("speech sent to the lane a day", asked * SPOKEN_SECONDS / 3600, "h"),
        row("speech decoded by the lane in the busiest hour", asked * BUSIEST_HOUR * SPOKEN_SECONDS / 3600, "h"),
        row("GPUs for that", gpu, ""),
        row("models fetched a month", BUNDLE_MB / 1000, "GB"),
        row("looking for models a month", LOOKS * DAYS * LOOK_KB / 1_000_000, "GB"),
        row("requests to the CDN in a second", LOOKS / 86400, ""),
        row("series in Prometheus", SERIES, ""),
        row("samples in a second", SERIES * SCRAPES_A_MINUTE / 60, ""),
    ]
    table = "\n".join(lines)
    page = (DOCS / "beyond-one-machine.md").read_text(encoding="utf-8")
    assert table in page, f"docs/beyond-one-machine.md needs this table:\n{table}"


def _amount(value: float, unit: str) -> str:
    """Return an amount as people read it."""
    said = f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.001 else "< 0.001"
    return f"{said} {unit}".strip()
