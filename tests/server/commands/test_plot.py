import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.commands.plot import WIDTH, Axis, Bars, Line, Lines, Panel, drawing, up_to
from wyoming_server.commands.whole_file import write_whole
from wyoming_server.errors import DiskError

SVG = "{http://www.w3.org/2000/svg}"


def lines(**changed: object) -> Lines:
    given: dict[str, object] = {
        "title": "Errors",
        "x": Axis(label="escalated", is_share=True),
        "y": Axis(label="wrong", high=0.3, is_share=True),
        "lines": [Line(name="risk", points=[(0.0, 0.3), (0.5, 0.1), (1.0, 0.0)])],
    }
    return Lines(**(given | changed))


def parsed(*panels: Panel, title: str = "A title", note: str = "") -> ET.Element:
    return ET.fromstring(drawing(title, panels, note=note))


def said(root: ET.Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def test_a_drawing_is_xml_with_a_title_and_every_word_of_its_panels() -> None:
    bars = Bars(
        title="By noise", y=Axis(label="turns"), groups=["loud"], series={"wrong": [0.5]}, notes=["12 recordings"]
    )
    root = parsed(lines(), bars, title="Risk & <truth>", note="ten recordings")
    assert root.find(f"{SVG}title").text == "Risk & <truth>"
    words = said(root)
    for expected in ("Risk & <truth>", "ten recordings", "Errors", "escalated", "wrong", "risk", "By noise", "loud"):
        assert expected in words
    assert {"0 %", "20 %", "100 %", "12 recordings"} <= set(words)


def test_it_has_colours_for_the_light_and_for_the_dark() -> None:
    style = parsed(lines()).find(f"{SVG}style").text or ""
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    colours = re.compile(r"\.(s\d|b\d|p|f)\{")
    assert set(colours.findall(light)) == set(colours.findall(dark)) >= {"s0", "b0", "p", "f"}


def test_a_line_runs_through_its_points() -> None:
    path = next(one for one in parsed(lines()).iter(f"{SVG}path") if one.find(f"{SVG}title") is not None)
    points = [tuple(map(float, point.split())) for point in path.get("d", "")[1:].split("L")]
    assert len(points) == 3
    (left, top), (middle, between), (right, bottom) = points
    assert left < middle < right <= WIDTH
    assert top < between < bottom  # down the page, as errors become fewer
    assert (bottom - between) / (bottom - top) == pytest.approx(1 / 3, abs=0.01)


def test_a_single_point_is_a_dot_and_an_interval_its_whisker() -> None:
    root = parsed(lines(lines=[Line(name="threshold", points=[(0.2, 0.03)], spread=[(0.01, 0.09)])]))
    dots = [one for one in root.iter(f"{SVG}circle") if one.find(f"{SVG}title") is not None]
    assert [dot.find(f"{SVG}title").text for dot in dots] == ["threshold: 20 %, 3 %"]
    whiskers = [one for one in root.iter(f"{SVG}path") if one.get("class") == "w s0"]
    assert len(whiskers) == 1


def test_a_missing_value_has_no_bar() -> None:
    bars = Bars(title="", y=Axis(label=""), groups=["a", "b"], series={"one": [0.5, None], "two": [0.1, 0.2]})
    titled = [one for one in parsed(bars).iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
    assert len(titled) == 3


def test_wide_panels_take_a_row_and_others_share_one() -> None:
    def places(*panels: Panel) -> list[tuple[float, float]]:
        return [
            tuple(map(float, re.findall(r"[\d.]+", one.get("transform", ""))))
            for one in parsed(*panels).iter(f"{SVG}g")
        ]

    (left, first), (right, same), (below, second) = places(lines(), lines(), lines(is_wide=True))
    assert first == same < second
    assert left == below < right
    (_, first), (_, second) = places(lines(), lines(is_wide=True))
    assert first < second


@given(st.text(max_size=30), st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_any_text_and_any_numbers_make_xml(text: str, low: float, span: float) -> None:
    axis = Axis(label=text, low=low, high=low + max(span, abs(low) * 1e-6))
    root = parsed(
        lines(title=text, y=axis, lines=[Line(name=text, points=[(0.0, low), (2.0, low - span)])]), title=text
    )
    height = float(root.get("height", ""))
    for path in root.iter(f"{SVG}path"):
        numbers = [float(one) for one in re.findall(r"-?\d+\.?\d*", path.get("d", ""))]
        assert all(-1 <= one <= max(WIDTH, height) for one in numbers)


@given(st.floats(1e-6, 1e6), st.integers(1, 10))
def test_ticks_are_round_few_and_within(high: float, most: int) -> None:
    ticks = Axis(label="", high=high).ticks(most)
    assert 1 <= len(ticks) <= most + 1
    assert ticks[0] == 0
    assert ticks[-1] <= high * (1 + 1e-9)


@given(st.floats(1e-9, 1e9))
def test_an_axis_ends_a_little_above_what_it_must_show(highest: float) -> None:
    assert highest * 0.998 <= up_to(highest) <= 1.7 * highest


def test_an_axis_of_nothing_but_zeros_has_a_height() -> None:
    assert up_to(0.0) == up_to(float("nan")) == 1.0


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "a.svg", "<svg/>")
    assert (tmp_path / "new" / "a.svg").read_text() == "<svg/>"
    with pytest.raises(DiskError, match="cannot be written"):
        write_whole(tmp_path / "new", "text over a folder")
    with pytest.raises(DiskError):
        write_whole(tmp_path / "new" / "a.svg" / "b", "below a file")
    assert [one.name for one in tmp_path.rglob("*")] == ["new", "a.svg"]
