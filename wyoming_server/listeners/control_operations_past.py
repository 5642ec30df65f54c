"""The operations of the control API that tell of the past, and make it forgotten."""

from . import control_past as past
from .control_operation import COUNTERS, HTML, WAV, Operation
from .control_shapes import NAME, WHAT
from .control_values import Choice, Either, Maybe, Number, Several, Text, Whole, record

EVERYTHING = "everything"
_MONTH = Text(most=7, pattern="[0-9]{4}-(0[1-9]|1[0-2])", form="a month as YYYY-MM")
_LANGUAGE = Text(least=1, most=35)

PAST: tuple[Operation, ...] = (
    Operation(
        name="figures",
        method="GET",
        path="/api/v1/figures",
        summary="Exact rates and times of the last days: for all, and for each language and kind of microphone",
        query={"days": Whole(1, 30, default=7)},
        answer=past.FIGURES,
        refusals=(503,),
    ),
    Operation(
        name="history",
        method="GET",
        path="/api/v1/history",
        summary="Figures over time",
        query={"hours": Whole(1, 9_600, default=24)},
        answer=past.SERIES,
        refusals=(503,),
    ),
    Operation(
        name="records",
        method="GET",
        path="/api/v1/records",
        summary="Single turns as the records have them, the newest first",
        query={
            "limit": Whole(1, 500, default=50),
            "before": Whole(1, 2**53),
            "language": _LANGUAGE,
            "satellite": Text(least=1, most=500),
        },
        answer=past.RECORDS,
        refusals=(503,),
    ),
    Operation(
        name="incidents",
        method="GET",
        path="/api/v1/incidents",
        summary="What its owner should know happened, the newest first",
        query={"limit": Whole(1, 500, default=50)},
        answer=past.INCIDENTS,
        refusals=(503,),
    ),
    Operation(
        name="drift",
        method="GET",
        path="/api/v1/drift",
        summary="Slow changes for the worse: alarms, and every figure beside its reference",
        answer=past.DRIFT,
    ),
    Operation(
        name="accept_drift",
        method="POST",
        path="/api/v1/drift/accept",
        summary="Take what is as the new reference, of one language or of all",
        body=record({}, {"language": Maybe(NAME)}),
        needs_body=False,
        answer=past.DRIFT,
        refusals=(413, 415, 503),
        example={"language": "en"},
    ),
    Operation(
        name="baseline",
        method="GET",
        path="/api/v1/baseline",
        summary="The cloud-only baseline that is being recorded, and the last one",
        answer=past.BASELINES,
        refusals=(503,),
    ),
    Operation(
        name="begin_baseline",
        method="POST",
        path="/api/v1/baseline",
        summary="Begin to send every turn to a lane, for some days and within caps, to see what that would be like",
        body=record(
            {"consent": Text(most=10, pattern="[0-9]{4}-[0-9]{2}-[0-9]{2}", form="a day as YYYY-MM-DD")},
            {"days": Whole(1, 31), "seconds": Number(1, 86_400), "money": Number(0, 10_000)},
        ),
        answer=past.BASELINES,
        status=201,
        refusals=(409, 413, 415, 503),
        example={"consent": "2026-11-22", "days": 7, "seconds": 3600, "money": 2},
    ),
    Operation(
        name="end_baseline",
        method="DELETE",
        path="/api/v1/baseline",
        summary="End the baseline now",
        answer=past.BASELINES,
        refusals=(404, 503),
    ),
    Operation(
        name="scorecard",
        method="GET",
        path="/api/v1/scorecard",
        summary="A month's scorecard, the last whole month's without a name; GET /scorecard is the page",
        query={"month": _MONTH},
        answer=past.SCORECARD,
        refusals=(404, 503),
    ),
    Operation(
        name="lineage",
        method="GET",
        path="/api/v1/lineage",
        summary="Every class of data, and every flow of it",
        answer=past.LINEAGE,
    ),
    Operation(
        name="kept",
        method="GET",
        path="/api/v1/kept",
        summary="How much is kept of each class of data now",
        answer=past.KEPT,
        refusals=(503,),
    ),
    Operation(
        name="purge",
        method="POST",
        path="/api/v1/purge",
        summary="Erase what is named, of one satellite or altogether; erasing the ledger keeps this month's sums",
        body=record(
            {"what": Either(Choice(EVERYTHING), Several(Choice(*WHAT, EVERYTHING), least=1, most=len(WHAT) + 1))},
            {"satellite": Maybe(Text(least=1, most=500))},
        ),
        answer=past.PURGED,
        refusals=(413, 415, 503),
        example={"what": ["turns", "learned"]},
    ),
)
"""What the resources answer in JSON."""

RECORDING = Operation(
    name="recording",
    method="GET",
    path="/api/v1/records/{number}/recording",
    summary="A turn's sound, where it is kept",
    gives=WAV,
    refusals=(404, 503),
)
SCORECARD_PAGE = Operation(
    name="scorecard_page",
    method="GET",
    path="/scorecard",
    summary="A month's scorecard as one page that holds all it needs",
    query={"month": _MONTH},
    gives=HTML,
    refusals=(404, 503),
)
METRICS = Operation(
    name="metrics",
    method="GET",
    path="/metrics",
    summary="Counters for Prometheus, in its text format",
    gives=COUNTERS,
)
DOCUMENTS = (RECORDING, SCORECARD_PAGE, METRICS)
"""What is answered otherwise than in JSON."""
