"""What the card's modules may rest on, read from their sources."""

import re

from tests.browser.page_server import FRONTEND
from wyoming_server.pipeline.lanes import NEVER_LEFT


def test_charts_and_what_turns_mean_know_nothing_of_a_page() -> None:
    for name in ("charts.js", "turns.js"):
        source = (FRONTEND / name).read_text("utf-8")
        assert not re.search(r"\b(hass|HTMLElement|customElements|document|window)\b", source), name
        assert not re.search(r"\bstyle=", source), "a page that forbids styles in markup could not show it"
    assert "import" not in re.findall(r"^\w+", (FRONTEND / "charts.js").read_text("utf-8"), re.MULTILINE)


def test_what_another_page_shows_too_knows_nothing_of_home_assistant() -> None:
    for name in ("charts.js", "format.js", "markup.js", "turn_list.js", "turns.js", "views.js"):
        source = (FRONTEND / name).read_text("utf-8")
        assert not re.search(
            r"\bhass\.|customElements|shadowRoot", re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
        ), name


def test_the_card_and_the_ledger_agree_on_when_nothing_has_left() -> None:
    (codes,) = re.findall(r"NEVER_LEFT = \[(.*)\]", (FRONTEND / "turns.js").read_text("utf-8"))
    assert set(re.findall(r'"([^"]+)"', codes)) == NEVER_LEFT
