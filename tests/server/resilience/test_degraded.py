"""The hub's modes: the table, its order, and the sentences that a home reads."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.pipeline.policy import LaneHealth, LaneState, RoutingMode, Trust
from wyoming_server.resilience.degraded import ROWS, Edge, Facts, Mode, condition_of


def lane(state: LaneState = LaneState.READY, *, name: str = "Groq", trust: Trust = Trust.CLOUD) -> LaneHealth:
    return LaneHealth(name=name, trust=trust, state=state)


GROQ = lane()
BOX = lane(name="Box", trust=Trust.HOME)
BROKEN = lane(LaneState.BROKEN)
CLIENT = LaneHealth(name="Home Assistant Cloud", trust=Trust.CLOUD, is_client=True)
SHUT = "its owner lets nothing leave the home"

EXPECTED = [
    (Facts(lanes=(GROQ,)), Mode.NORMAL, ""),
    (Facts(lanes=(BROKEN, BOX)), Mode.NORMAL, ""),
    (Facts(lanes=(CLIENT,)), Mode.NORMAL, ""),
    (Facts(lanes=(GROQ,), edge=Edge.STARTING), Mode.NORMAL, ""),
    (Facts(lanes=(BOX,), cloud_allowed=False), Mode.NORMAL, ""),
    (Facts(), Mode.EDGE_ONLY, "The hub answers alone: no speech service is set up."),
    (Facts(lanes=(BROKEN,)), Mode.EDGE_ONLY, "The hub answers alone: Groq cannot be reached."),
    (Facts(lanes=(lane(LaneState.CAPPED),)), Mode.EDGE_ONLY, "The hub answers alone: Groq has used up its budget."),
    (Facts(lanes=(lane(LaneState.NOT_CONSENTED),)), Mode.EDGE_ONLY, "The hub answers alone: Groq has no consent."),
    (
        Facts(lanes=(lane(LaneState.CAPPED), lane(LaneState.BROKEN, name="Box", trust=Trust.HOME))),
        Mode.EDGE_ONLY,
        "The hub answers alone: Groq has used up its budget; Box cannot be reached.",
    ),
    (
        Facts(lanes=(GROQ,), cloud_allowed=False),
        Mode.EDGE_ONLY,
        f"The hub answers alone: {SHUT}.",
    ),
    (
        Facts(lanes=(GROQ, lane(LaneState.BROKEN, name="Box", trust=Trust.HOME)), cloud_allowed=False),
        Mode.EDGE_ONLY,
        "The hub answers alone: Groq may not be asked, as nothing may leave the home; Box cannot be reached.",
    ),
    (
        Facts(lanes=(GROQ,), routing_mode=RoutingMode.EDGE),
        Mode.EDGE_ONLY,
        "The hub answers alone: its owner keeps all speech on the hub.",
    ),
    (Facts(starter=True, lanes=(GROQ,)), Mode.STARTER, "The small starter model serves, which knows few words."),
    (Facts(starter=True), Mode.STARTER, "The small starter model serves, which knows few words."),
    (
        Facts(waiting=5, most_waiting=4, starter=True),
        Mode.SHEDDING,
        "More turns wait than can be answered in time, so new ones are turned away.",
    ),
    (
        Facts(waiting=5, most_waiting=4, lanes=(BROKEN, BOX)),
        Mode.SHEDDING,
        "More turns wait than can be answered in time, so new ones go to Box.",
    ),
    (Facts(waiting=4, most_waiting=4, lanes=(GROQ,)), Mode.NORMAL, ""),
    (Facts(waiting=400, lanes=(GROQ,)), Mode.NORMAL, ""),
    (
        Facts(edge=Edge.MISSING, edge_reason="its files are damaged", lanes=(GROQ,), waiting=5, most_waiting=4),
        Mode.CLOUD_ONLY,
        "The hub has no speech model that it can use (its files are damaged), so all speech goes to Groq.",
    ),
    (
        Facts(crashes=2, lanes=(GROQ,)),
        Mode.CLOUD_ONLY,
        "The hub's speech model crashed 2 times, so all speech goes to Groq.",
    ),
    (Facts(crashes=1, lanes=(GROQ,)), Mode.NORMAL, ""),
    (Facts(crashes=2, lanes=(BROKEN,)), Mode.EDGE_ONLY, "The hub answers alone: Groq cannot be reached."),
    (
        Facts(edge=Edge.MISSING, starter=True),
        Mode.UNAVAILABLE,
        "The hub has no speech model that it can use, and nobody else can be asked: no speech service is set up.",
    ),
    (
        Facts(edge=Edge.MISSING, lanes=(GROQ,), cloud_allowed=False),
        Mode.UNAVAILABLE,
        f"The hub has no speech model that it can use, and nobody else can be asked: {SHUT}.",
    ),
]


@pytest.mark.parametrize(("facts", "mode", "reason"), EXPECTED)
def test_the_first_row_that_fits_gives_the_mode_and_its_reason(facts: Facts, mode: Mode, reason: str) -> None:
    found = condition_of(facts)
    assert (found.mode, found.reason) == (mode, reason)


any_facts = st.builds(
    Facts,
    edge=st.sampled_from(Edge),
    starter=st.booleans(),
    crashes=st.integers(0, 3),
    waiting=st.integers(0, 6),
    most_waiting=st.integers(0, 5),
    lanes=st.lists(
        st.builds(
            LaneHealth,
            name=st.sampled_from(["Groq", "Box"]),
            trust=st.sampled_from(Trust),
            state=st.sampled_from(LaneState),
            reason=st.sampled_from(["", "asked again in 12 s"]),
        ),
        max_size=3,
    ).map(tuple),
    cloud_allowed=st.booleans(),
    routing_mode=st.sampled_from(RoutingMode),
)


@given(facts=any_facts)
def test_whatever_is_so_there_is_one_mode_and_one_sentence_that_stands_still(facts: Facts) -> None:
    found = condition_of(facts)
    assert bool(found.reason) == (found.mode is not Mode.NORMAL)
    if found.reason:
        assert found.reason.endswith(".")
        assert found.reason[0].isupper()
        assert "12 s" not in found.reason
        assert "  " not in found.reason


@given(facts=any_facts)
def test_a_hub_with_a_model_is_never_called_unavailable_and_one_without_never_its_own(facts: Facts) -> None:
    mode = condition_of(facts).mode
    if facts.edge is Edge.MISSING:
        assert mode in {Mode.UNAVAILABLE, Mode.CLOUD_ONLY}
    else:
        assert mode is not Mode.UNAVAILABLE


def test_the_rows_stand_in_the_design_s_order_and_the_last_one_fits_everything() -> None:
    assert [row.mode for row in ROWS] == [
        Mode.UNAVAILABLE,
        Mode.CLOUD_ONLY,
        Mode.SHEDDING,
        Mode.STARTER,
        Mode.EDGE_ONLY,
        Mode.NORMAL,
    ]
    assert all(row.when.endswith(".") and row.then.endswith(".") for row in ROWS)
    assert {row.mode for row in ROWS} == set(Mode)


def test_the_table_in_the_documentation_is_the_code_s() -> None:
    page = (Path(__file__).parents[3] / "docs" / "control-api.md").read_text(encoding="utf-8")
    lines = ["| mode | when | then |", "|---|---|---|"]
    lines += [f"| `{row.mode}` | {row.when} | {row.then} |" for row in ROWS]
    table = "\n".join(lines)
    assert table in page, f"docs/control-api.md needs this table:\n{table}"
