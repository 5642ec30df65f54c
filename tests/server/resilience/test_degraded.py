"""The hub's modes: the table, its order, and the sentences that a home reads."""

import dataclasses
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
TRIED = dataclasses.replace(GROQ, on_trial=True)
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
    (Facts(lanes=(TRIED,)), Mode.EDGE_ONLY, "The hub answers alone: Groq cannot be reached."),
    (
        Facts(edge=Edge.MISSING, lanes=(TRIED,)),
        Mode.UNAVAILABLE,
        "The hub has no speech model that it can use, and nobody else can be asked: Groq cannot be reached.",
    ),
    (
        Facts(starter=True, edge_reason="'base' crashed twice"),
        Mode.STARTER,
        "The small starter model serves, which knows few words ('base' crashed twice).",
    ),
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
        "So many turns wait that another one would not be answered in time, so new ones are turned away.",
    ),
    (
        Facts(waiting=5, most_waiting=4, lanes=(BROKEN, BOX)),
        Mode.SHEDDING,
        "So many turns wait that another one would not be answered in time, so new ones go to Box.",
    ),
    (Facts(waiting=3, most_waiting=4, lanes=(GROQ,)), Mode.NORMAL, ""),
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


CAPPED = lane(LaneState.CAPPED, name="Deepgram")
COMING = "'base' has been fetched"
REACHED = "Groq can be reached again, which the next turn that needs it finds out"


@pytest.mark.parametrize(
    ("facts", "ends"),
    [
        (Facts(lanes=(GROQ,)), ""),
        (Facts(), "Ends when a speech service is set up."),
        (Facts(lanes=(BROKEN,)), f"Ends when {REACHED}."),
        (Facts(lanes=(TRIED,)), f"Ends when {REACHED}."),
        (
            Facts(lanes=(BROKEN, CAPPED)),
            f"Ends when {REACHED}, or when Deepgram has a budget again, with the next day or month or a higher limit.",
        ),
        (
            Facts(lanes=(lane(LaneState.NOT_CONSENTED),)),
            "Ends when its owner agrees that speech goes to Groq.",
        ),
        (Facts(lanes=(GROQ,), cloud_allowed=False), "Ends when its owner lets speech leave the home."),
        (Facts(lanes=(GROQ,), routing_mode=RoutingMode.EDGE), "Ends when its owner lets others be asked."),
        (Facts(starter=True, edge_ends=COMING, lanes=(GROQ,)), f"Ends when {COMING}."),
        (Facts(waiting=4, most_waiting=4), "Ends when fewer turns wait."),
        (Facts(edge=Edge.MISSING, edge_ends=COMING, lanes=(GROQ,)), f"Ends when {COMING}."),
        (
            Facts(edge=Edge.MISSING, lanes=(BROKEN,)),
            f"Ends when a speech model can be used again, or when {REACHED}.",
        ),
    ],
)
def test_each_mode_says_what_would_end_it(facts: Facts, ends: str) -> None:
    assert condition_of(facts).ends == ends


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
            on_trial=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    cloud_allowed=st.booleans(),
    routing_mode=st.sampled_from(RoutingMode),
)


@given(facts=any_facts)
def test_whatever_is_so_there_is_one_mode_and_one_sentence_that_stands_still(facts: Facts) -> None:
    found = condition_of(facts)
    assert bool(found.reason) == bool(found.ends) == (found.mode is not Mode.NORMAL)
    for sentence in filter(None, (found.reason, found.ends)):
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert "12 s" not in sentence
        assert "  " not in sentence


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
