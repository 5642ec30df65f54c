"""Whether everything that a form shows has its words, and everything that is filled into them."""

import json
from pathlib import Path
from string import Formatter
from typing import Any

from homeassistant.data_entry_flow import FlowResultType

type Json = dict[str, Any]

TEXTS: Json = json.loads(
    (Path(__file__).parents[3] / "custom_components/edge_voice/translations/en.json").read_text("utf-8")
)


def check(kind: Json, result: Json) -> None:
    """Raise an AssertionError for a text that is missing, or that lacks what is to be filled in."""
    given = set(result.get("description_placeholders") or {})
    match result["type"]:
        case FlowResultType.FORM:
            step = kind["step"][result["step_id"]]
            _filled(given, step["title"], step.get("description", ""))
            fields = {str(one) for one in result["data_schema"].schema} if result["data_schema"] else set()
            assert fields <= set(step.get("data", {})), fields - set(step.get("data", {}))
            _filled(given, *(step["data"][one] for one in fields))
            _filled(given, *(kind["error"][one] for one in (result.get("errors") or {}).values()))
        case FlowResultType.MENU:
            step = kind["step"][result["step_id"]]
            _filled(set(), step["title"])  # the dialog fills nothing into a menu's title
            _filled(given, step.get("description", ""), *(step["menu_options"][one] for one in result["menu_options"]))
        case FlowResultType.SHOW_PROGRESS:
            _filled(given, kind["progress"][result["progress_action"]])
        case FlowResultType.ABORT if result.get("translation_domain") is None:
            _filled(given, kind["abort"][result["reason"]])


def _filled(given: set[str], *texts: str) -> None:
    for text in texts:
        wanted = {name for _, name, _, _ in Formatter().parse(text) if name}
        assert wanted <= given, f"{wanted - given} in: {text}"
