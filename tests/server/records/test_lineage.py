"""The register of data is what the code does: nothing goes undeclared, and nothing is declared that is not there."""

import datetime as dt
import re
from pathlib import Path

import pytest

from tests.server.records import lineage_found as found
from tests.server.records.lineage_found import Found, differences
from wyoming_server.control.meter_families import FAMILIES
from wyoming_server.control.turn_log import fields_of
from wyoming_server.listeners.control_past import LINEAGE
from wyoming_server.pipeline.timeline import Spans
from wyoming_server.records import lineage
from wyoming_server.records.lineage_shape import Flow, Form, Kind
from wyoming_server.records.record_settings import RecordSettings
from wyoming_server.records.turn_record import TurnRecord

FLOWS = lineage.flows()
NAMES = {one.name for one in lineage.classes()}
EVENT = "event "
PLAIN_IDS = {("upload", "turn_id"), ("queued", "id"), ("queued", "repeats"), ("queued", "started_by")}
"""The ledger names a turn by its random id, since clients write it, too; turns' records hold a keyed hash of it.

A request that waits has a random id of its own, which leads to nothing else, and the id of the entry that does it.
"""


def declared(*kinds: Kind) -> Found:
    return found.declared(FLOWS, *kinds)


def of_kind(*kinds: Kind) -> list[Flow]:
    return [one for one in FLOWS if one.kind in kinds]


def test_every_column_is_declared_and_none_that_is_not_there(tmp_path: Path) -> None:
    assert differences(declared(Kind.COLUMN), found.columns(tmp_path)) == {}


def test_every_value_that_a_sentence_of_the_log_is_made_with_is_declared() -> None:
    lines = frozenset(one for one in declared(Kind.LOG) if not one[0].startswith(EVENT))
    assert differences(lines, found.log_values()) == {}


def test_a_log_line_that_nobody_declared_is_found(tmp_path: Path) -> None:
    source = 'import logging\nlogging.getLogger("a").info("heard %s", text)\n_LOGGER.log(10, f"{key}")\n'
    (tmp_path / "new.py").write_text(source, "utf-8")
    assert {("new", "text"), ("new", "a sentence that is put together: f'{key}'")} == found.log_values(tmp_path)


def test_a_turn_s_line_holds_what_is_declared() -> None:
    spans = Spans(
        capture_ms=1.0,
        inference_ms=1.0,
        hold_ms=1.0,
        post_ms=1.0,
        cloud_ms=1.0,
        transport_ms=1.0,
        last_word_to_text_ms=1.0,
        end_to_text_ms=1.0,
    )
    whole = TurnRecord(
        turn_id="t",
        at=dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC),
        satellite="s",
        session="s",
        language="en",
        model="m",
        action="error",
        route="edge",
        lane="l",
        error="disk-full",
        workload="w",
        ended_by="silence",
        rules=("r",),
        risk=0.1,
        threshold=0.1,
        snr_db=1.0,
        spans=spans,
    )
    assert {(f"{EVENT}turn", name) for name in fields_of(whole)} == {
        one for one in declared(Kind.LOG) if one[0] == f"{EVENT}turn"
    }


def test_every_metric_and_label_is_declared() -> None:
    there = frozenset((one.name, label) for one in FAMILIES for label in ("value", *one.labels))
    assert differences(declared(Kind.METRIC), there) == {}


def test_every_field_of_the_control_api_is_declared() -> None:
    assert differences(declared(Kind.ANSWER), found.answers()) == {}
    assert differences(declared(Kind.REQUEST), found.requests()) == {}
    assert differences(declared(Kind.EVENT), found.messages()) == {}


def test_every_file_of_the_data_folder_that_is_declared_is_named_in_the_source() -> None:
    """That none is written which is not declared, `script/prove lineage-trace` shows."""
    source = "".join(path.read_text("utf-8") for path in found.SERVER.rglob("*.py") if "lineage" not in path.name)
    for _, pattern in declared(Kind.FILE):
        name = (
            pattern.rpartition("/")[2] if not pattern.endswith("/*") else pattern.removesuffix("/*").rpartition("/")[2]
        )
        bare = re.sub(r"-(wal|shm|journal)$|[*\[].*", "", name).removesuffix("-")
        assert bare.removeprefix("edge-voice.") in source, pattern


def test_nothing_is_declared_twice() -> None:
    assert found.twice(FLOWS) == []


def test_every_flow_is_of_a_class_and_every_class_flows() -> None:
    used = {one.data_class for one in FLOWS}
    assert used - NAMES == set()
    assert NAMES - used == set()


def test_no_log_line_and_no_metric_holds_who_said_what() -> None:
    told = [one for one in of_kind(Kind.LOG, Kind.METRIC) if one.form in {Form.TEXT, Form.SOUND, Form.NAME, Form.ID}]
    assert told == []


def test_the_only_secret_in_the_log_is_the_pairing_code_which_is_meant_to_be_read_there() -> None:
    secret = [one for one in of_kind(Kind.LOG, Kind.METRIC, Kind.COHORT, Kind.ANNOUNCEMENT) if one.form is Form.KEY]
    assert {one.where for one in secret} == {"listeners.control_pairing"}


def test_the_store_holds_no_text_no_sound_no_secret_and_no_name_in_plain() -> None:
    plain = {Form.TEXT, Form.SOUND, Form.KEY, Form.NAME, Form.ID}
    there = {(one.where, one.field) for one in of_kind(Kind.COLUMN) if one.form in plain}
    assert there == PLAIN_IDS


def test_what_a_publisher_hears_names_neither_hub_nor_home() -> None:
    assert {one.form for one in of_kind(Kind.COHORT)}.isdisjoint(
        {Form.ID, Form.NAME, Form.TEXT, Form.SOUND, Form.HASH, Form.ADDRESS, Form.KEY}
    )


def test_sound_leaves_only_for_a_service_and_names_only_as_such() -> None:
    lanes = of_kind(Kind.LANE)
    assert {one.data_class for one in lanes if one.form is Form.SOUND} == {"lane-audio"}
    assert {one.data_class for one in lanes if one.form is Form.NAME} == {"lane-names"}
    assert {one.data_class for one in lanes if one.form is Form.KEY} == {"provider-keys"}
    outward = of_kind(Kind.COHORT, Kind.REPOSITORY, Kind.MODEL_HUB, Kind.ANNOUNCEMENT, Kind.SUPERVISOR)
    assert {one.form for one in outward}.isdisjoint({Form.SOUND, Form.TEXT, Form.NAME})


def test_windows_are_those_of_the_settings() -> None:
    days = {one.name: one.days for one in lineage.classes(RecordSettings(turn_days=5))}
    assert (days["turns"], days["transcripts"], days["lanes"]) == (5, 7, None)
    settings = {one.setting for one in lineage.classes() if one.days is not None}
    assert settings == {f"records.{name}" for name in RecordSettings.__slots__ if name.endswith("_days")}


def test_the_control_api_tells_the_register_in_its_shape() -> None:
    assert LINEAGE(lineage.told()) == lineage.told()


@pytest.mark.parametrize("one", lineage.classes(), ids=lambda one: one.name)
def test_a_class_says_all_that_an_auditor_asks(one: lineage.DataClass) -> None:
    assert all((one.title, one.holds, one.source, one.purpose, one.processed, one.form, one.ends))
