"""A scorecard's page: whole, safe, and without anything from elsewhere."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from wyoming_server.monthly import words
from wyoming_server.monthly.page import POLICY, page_of
from wyoming_server.monthly.page_charts import ticks
from wyoming_server.monthly.page_style import STYLE_SHA256
from wyoming_server.monthly.scorecard import scorecard_of

from .sample_month import cell, no_turns, october, spread

VOID = {"meta", "path", "rect", "circle", "br"}
HOSTILE = '<img src=x onerror="alert(1)">&"\''


class Elements(HTMLParser):
    """Every element, each closed as it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def page(**other: Any) -> str:
    return page_of(scorecard_of(october(**other)) | {"months": ["2026-09", "2026-10"]})


def read(text: str) -> Elements:
    found = Elements()
    found.feed(text)
    assert found.open == []
    return found


def test_it_asks_for_nothing_and_runs_nothing() -> None:
    found = read(page())
    assert {"script", "link", "img", "iframe", "object", "form"}.isdisjoint(found.names)
    names = {name for name, _ in found.attributes}
    assert not {name for name in names if name.startswith("on")} | names & {"style", "src", "srcset"}
    links = [value for name, value in found.attributes if name == "href"]
    assert links == ["scorecard?month=2026-09"]
    assert "url(" not in page()
    assert "@import" not in page()


def test_its_policy_allows_its_style_and_nothing_else() -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", page(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert digest == STYLE_SHA256, "write this digest down in page_style.py"
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert POLICY.startswith("default-src 'none';")


def test_what_others_named_cannot_be_markup() -> None:
    facts = october(
        incidents=[{"at": "2026-10-01T00:00:00+00:00", "kind": HOSTILE, "subject": HOSTILE, "message": HOSTILE}],
        models=[{"label": HOSTILE, "turns": 3, "since": HOSTILE}],
        cells=[cell(), cell(5204, language=HOSTILE)],
    )
    found = read(page_of(scorecard_of(facts)))
    assert "img" not in found.names


def test_as_a_file_it_has_no_links() -> None:
    assert "href=" not in page_of(scorecard_of(october()), is_linked=False)


@pytest.mark.parametrize("complete", [True, False])
def test_a_month_without_turns_says_so(complete: bool) -> None:
    empty = page(cells=[no_turns()], days=[], lanes=[], models=[], incidents=[], complete=complete, last_month=None)
    read(empty)
    assert "Nobody has spoken" in empty
    assert "None" not in empty


def test_a_month_of_one_turn_with_nothing_known_is_drawn() -> None:
    rates = dict.fromkeys(("retry_rate", "abandonment_rate", "within_budget", "disagreement"))
    one = cell(1, **rates, last_word_to_text_ms=spread(None, None), end_to_text_ms=spread(None, None))
    day = {"day": "2026-10-31", "turns": 1, "escalations": 1, "errors": 0, "end_to_text_p95_ms": None,
           "last_word_to_text_p95_ms": None}  # fmt: skip
    drawn = page(cells=[one], days=[day], last_month=None, baseline=None)
    read(drawn)
    assert "None" not in drawn


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (words.share(0.0), "0%"), (words.share(0.0004), "<0.1%"), (words.share(0.083), "8.3%"),
        (words.share(0.962), "96%"), (words.share(0.9962), "99.6%"), (words.share(None), "–"),
        (words.milliseconds(186.4), "186 ms"), (words.milliseconds(1490.0), "1.5 s"),
        (words.seconds(42.0), "42 s"), (words.seconds(940.0), "16 min"), (words.seconds(11002.0), "3.1 h"),
        (words.money(0.0, "USD"), "$0.00"), (words.money(0.0842, "USD"), "$0.084"), (words.money(1.1, "EUR"), "€1.10"),
        (words.money(0.00001, "USD"), "under $0.001"), (words.money(12.0, "CHF"), "12.00 CHF"),
        (words.price(0.0045, "USD"), "$0.0045"), (words.price(0.1, "CHF"), "0.1 CHF"),
        (words.language("pt-BR"), "Portuguese (BR)"), (words.language("xx"), "xx"), (words.count(5204), "5,204"),
        (words.day("2026-10-03"), "3 October"), (words.moment("2026-10-03T18:05:00+00:00"), "3 October, 18:05"),
    ],
)  # fmt: skip
def test_figures_are_as_people_read_them(shown: str, said: str) -> None:
    assert shown == said


@pytest.mark.parametrize("highest", [0.0, 0.3, 5.0, 9.0, 221.0, 375.0, 1000.0, 12345.0])
def test_axes_have_round_marks_up_to_the_highest(highest: float) -> None:
    marks = ticks(highest)
    assert marks[0] == 0.0
    assert marks[-1] >= highest
    assert len(marks) <= 6
