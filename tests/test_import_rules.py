"""The import direction, read off the source: what may know what."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVER = "wyoming_server"

VALUES = (
    "checked",
    "policy",
    "timeline",
    "types",
    "levels",
    "wording",
    "answers",
    "critical",
    "evidence",
    "lanes",
    "scorecard",
    "weighing",
    "race",
)
"""What every stage may import; each of them only those before it."""
PARTS = {
    "errors": set(),
    "whole_file": {"errors"},
    "pipeline": {"errors"},
    "bundles": {"errors", "whole_file", "pipeline.checked", "pipeline.types", "pipeline.scorecard"},
    "canary": {"errors", "pipeline.checked", "bundles", "learning.e_process"},
    "updates": {"", "errors", "logs", "whole_file", "pipeline.checked", "bundles", "canary"},
    "publisher": {
        "errors",
        "whole_file",
        "pipeline.checked",
        "pipeline.scorecard",
        "bundles",
        "canary.cohort",
        "canary.cohort_report",
    },
    "engines": {
        "",  # the version, for the User-Agent of lanes
        "errors",
        "logs",  # lanes' keys are masked there
        "bundles",
        "pipeline.checked",
        "pipeline.types",
        "pipeline.wake",
        "pipeline.denoise",
        "pipeline.grammar",
        "pipeline.answers",
        "pipeline.classify",
        "pipeline.wording",
        "pipeline.policy",
        "pipeline.lanes",
        "pipeline.scorecard",
    },
    "learning": {"errors", *(f"pipeline.{one}" for one in VALUES), "pipeline.grammar"},
    "resilience": {"errors", "pipeline.checked", "pipeline.policy", "pipeline.types", "pipeline.lanes"},
    "records": {
        "errors",
        "whole_file",
        "pipeline.checked",
        "pipeline.policy",
        "pipeline.timeline",
        "pipeline.types",
        "pipeline.lanes",
        "resilience.queue",  # its values, and the steps that a transaction takes with them
        "resilience.queue_settings",
    },
    "settings": {
        "errors",
        "settings_refusals",
        "settings_schema",
        "logs",
        "pipeline",
        "learning",
        "resilience",
        "records",
        "bundles",
        "listeners",
    },
    "logs": set(),
    "settings_refusals": {"settings_schema"},
    "settings_schema": set(),
    # logs: the token is masked there.
    "listeners": {"", "errors", "logs", "pipeline", "learning", "resilience", "records", "bundles"},
    "status_page": {"errors"},
    "monthly": set(),
    "memory": set(),
    "saturation": {"strain", "throttling"},
    "strain": set(),
    "throttling": set(),
    "control": {
        "",  # the version
        "errors",
        "settings",
        "routing",
        "saturation",
        "strain",
        "logs",
        "pipeline",
        "learning",
        "resilience",
        "records",
        "bundles",
        "canary",
        "updates",
        "engines",
        "listeners",
        "monthly",
    },
    "recogniser": {"errors", "settings", "bundles", "updates", "engines", "listeners"},
    "routing": {"errors", "settings", "pipeline", "learning", "resilience", "records", "engines"},
    "upkeep": {
        "",  # the version
        "errors",
        "memory",
        "settings",
        "recogniser",
        "pipeline",
        "bundles",
        "canary",
        "updates",
        "engines",
        "control",
    },
    "serve": {
        "routing",
        "upkeep",
        "control",
        "",
        "errors",
        "memory",
        "settings",
        "recogniser",
        "pipeline",
        "learning",
        "resilience",
        "records",
        "bundles",
        "updates",
        "engines",
        "listeners",
    },
    "commands": {
        "",
        "errors",
        "logs",
        "settings",
        "serve",
        "recogniser",
        "pipeline",
        "learning",
        "bundles",
        "canary",
        "updates",
        "publisher",
        "monthly",
        "engines",
        "listeners.control_access",  # the token's file, which another process may replace
        "records.identity",  # the id that a rollout's share goes by
        "records.lineage",  # the register of data is printed without a server
    },
    "__main__": {"", "errors", "settings", "commands"},
    "": set(),
}
"""Part of the server → what it may import besides itself."""
CONDUCTORS = {"interpret", "listen", "turn"}
"""The only three files of the path that may call stages."""
IMPURE = {"time", "datetime", "random", "secrets", "socket", "os", "pathlib", "subprocess", "threading", "concurrent"}
HOMES = {
    **dict.fromkeys(
        ("onnxruntime", "ctranslate2", "faster_whisper", "hassil", "pyopen_wakeword", "webrtc_noise_gain"),
        (f"{SERVER}/engines/", "tests/"),
    ),
    "wyoming": (
        *(f"{SERVER}/listeners/", f"{SERVER}/commands/"),
        f"{SERVER}/engines/cloud_wyoming.py",  # a server on the LAN is asked as any other speech service is
        *("tests/", "custom_components/"),
    ),
    # Its import costs 42 MB: the server leaves it to the updater's process.
    **dict.fromkeys(("tuf", "securesystemslib"), (f"{SERVER}/updates/", f"{SERVER}/publisher/", "tests/")),
    "argparse": (f"{SERVER}/__main__.py", f"{SERVER}/commands/", "tests/", "script/"),
    "homeassistant": (
        "custom_components/",
        *(f"tests/{one}/" for one in ("home_assistant", "integration", "browser", "contract")),
    ),
    "custom_components": ("custom_components/", "tests/"),
    SERVER: (f"{SERVER}/", "tests/", "script/"),
    "training": ("training/",),
}
"""Package → the only places that may import it."""
ATTRIBUTES = {
    # The terminal's own conventions (NO_COLOR, TERM) are no settings of ours.
    "os.environ": {
        f"{SERVER}/settings.py",
        f"{SERVER}/commands/report.py",
        # These two only say, to libraries that read nothing else, how many threads and which instructions to use.
        f"{SERVER}/__init__.py",
        f"{SERVER}/engines/processor.py",
    },
    "os.getenv": {f"{SERVER}/settings.py"},
    "sys.argv": {f"{SERVER}/__main__.py"},
}
"""Attribute → the only files of the server that may read it."""


def test_every_import_follows_the_design() -> None:
    assert list(violations(ROOT)) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("wyoming_server/pipeline/risk.py", "from .quality import measure"),
        ("wyoming_server/pipeline/types.py", "from .levels import decibels"),
        ("wyoming_server/pipeline/quality.py", "def f():\n    from . import risk"),
        ("wyoming_server/pipeline/turn.py", "import time"),
        ("wyoming_server/pipeline/turn.py", "from ..engines.vad_silero import SileroVad"),
        ("wyoming_server/pipeline/quality.py", "import onnxruntime.capi"),
        ("wyoming_server/engines/asr.py", "from ..pipeline.turn import Stages"),
        ("wyoming_server/engines/asr.py", "from ..listeners import ears"),
        ("wyoming_server/listeners/ears.py", "from ..engines.vad_silero import SileroVad"),
        ("wyoming_server/listeners/ears.py", "from ctranslate2 import models"),
        ("wyoming_server/serve.py", "from .commands.demo import run"),
        ("wyoming_server/bundles/store.py", "from wyoming.info import Info"),
        ("wyoming_server/errors.py", "from .settings import Settings"),
        ("wyoming_server/settings.py", "import argparse"),
        ("wyoming_server/serve.py", "import os\nHOME = os.environ['HOME']"),
        ("wyoming_server/settings.py", "import sys\nARGUMENTS = sys.argv"),
        ("wyoming_server/serve.py", "import homeassistant.core"),
        ("wyoming_server/serve.py", "from custom_components import edge_voice"),
        ("wyoming_server/serve.py", "import training.audio"),
        ("custom_components/edge_voice/stt.py", "from wyoming_server.errors import EdgeVoiceError"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, name: str, source: str) -> None:
    for stage in ("levels", "quality", "risk"):
        write(tmp_path, f"wyoming_server/pipeline/{stage}.py", "")
    write(tmp_path, "wyoming_server/listeners/ears.py", "")
    write(tmp_path, name, source)
    assert [one.split()[0] for one in violations(tmp_path)] == [name]


def test_a_tree_that_keeps_the_rules_passes(tmp_path: Path) -> None:
    write(tmp_path, "wyoming_server/errors.py", "import enum")
    write(tmp_path, "wyoming_server/pipeline/types.py", "import numpy\nfrom .checked import Checked")
    write(tmp_path, "wyoming_server/pipeline/risk.py", "from .types import Risk\nfrom ..errors import TurnError")
    write(tmp_path, "wyoming_server/pipeline/turn.py", "from .risk import score\nimport asyncio")
    write(tmp_path, "wyoming_server/engines/vad.py", "import onnxruntime\nfrom ..pipeline.types import Frame")
    write(tmp_path, "wyoming_server/listeners/ears.py", "import wyoming\nfrom ..pipeline.turn import run_turn")
    assert list(violations(tmp_path)) == []


def write(root: Path, name: str, source: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")


def violations(root: Path) -> Iterator[str]:
    """Yield one sentence for each broken rule below a root."""
    for folder in (SERVER, "custom_components", "tests", "script"):
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            tree = ast.parse(path.read_text("utf-8"))
            for module in imported(tree, name, root):
                package = module.partition(".")[0]
                homes = HOMES.get(package)
                if homes and not name.startswith(homes):
                    yield f"{name} imports {package}"
                if name.startswith(f"{SERVER}/") and not fits(name, module):
                    yield f"{name} imports {module}"
            for attribute in sorted(attributes(tree)):
                if name.startswith(f"{SERVER}/") and name not in ATTRIBUTES.get(attribute, {name}):
                    yield f"{name} reads {attribute}"


def attributes(tree: ast.AST) -> set[str]:
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {f"{node.value.id}.{node.attr}" for node in found}


def imported(tree: ast.AST, name: str, root: Path) -> Iterator[str]:
    """Yield the absolute name of every imported module, imports inside functions included."""
    folders = name.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = folders[: len(folders) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
            modules = [one for one in names if exists(root, one)]
            yield from modules or [base]


def exists(root: Path, module: str) -> bool:
    path = root / module.replace(".", "/")
    return path.with_suffix(".py").exists() or path.is_dir()


def fits(name: str, module: str) -> bool:
    """Whether one file of the server may import one module."""
    part, _, stage = name.removeprefix(f"{SERVER}/").removesuffix(".py").removesuffix("/__init__").partition("/")
    part = "" if part == "__init__" else part
    if part == "pipeline" and module.partition(".")[0] in IMPURE:
        return False
    if module.partition(".")[0] != SERVER:
        return True
    other = module.removeprefix(SERVER).removeprefix(".")
    if part == "pipeline" and other.startswith("pipeline."):
        below = VALUES[: VALUES.index(stage)] if stage in VALUES else VALUES
        return stage in CONDUCTORS or other.removeprefix("pipeline.") in below
    return other.partition(".")[0] == part or any(
        other == one or other.startswith(f"{one}.") for one in PARTS.get(part, set()) if one or not other
    )
