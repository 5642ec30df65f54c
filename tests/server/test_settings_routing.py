"""Lanes and routing in the settings: what contradicts itself is refused by name, and no message shows a key."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.errors import InvalidSettingsError, UnknownProviderError
from wyoming_server.pipeline.lanes import PROVIDERS
from wyoming_server.pipeline.policy import RoutingMode, Trust
from wyoming_server.settings import Settings, read_settings

SECRET = "sk-very-secret-indeed"
LANE = {"name": "cloud", "provider": "openai", "key": SECRET, "consent": "2026-11-01"}


def settings(lanes: Any = (LANE,), **sections: dict[str, Any]) -> Settings:
    return read_settings(None, {"cloud": {"lanes": list(lanes)}, **sections}, environ={})


def test_lanes_keep_their_order_and_their_owners_words() -> None:
    lanes = settings([LANE | {"name": one} for one in ("b", "a")]).cloud.lanes
    assert [one.name for one in lanes] == ["b", "a"]
    assert lanes[0].key == SECRET


def test_lanes_come_from_a_file_and_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("cloud:\n  lanes:\n    - {name: lan, provider: wyoming, url: 'tcp://192.168.1.9:10300'}\n", "utf-8")
    assert read_settings(file, {}, environ={}).cloud.lanes[0].trust_class is Trust.HOME
    environ = {"EDGE_VOICE_CLOUD_LANES": "[{name: own, provider: client}]", "EDGE_VOICE_ROUTING_MODE": "edge"}
    told = read_settings(None, {}, environ)
    assert (told.cloud.lanes[0].name, told.routing.mode) == ("own", RoutingMode.EDGE)


def test_costs_are_a_section_within_routing() -> None:
    costs = settings(routing={"costs": {"critical_error": 25}}).routing.costs
    assert (costs.critical_error, costs.error) == (25.0, 1.0)


def test_a_lane_s_key_is_in_no_repr() -> None:
    assert SECRET not in repr(settings())


@pytest.mark.parametrize(
    ("lanes", "sections", "told"),
    [
        ([LANE | {"name": ""}], {}, "cloud.lanes[0].name is '': each lane needs a name of its own"),
        ([LANE, LANE], {}, "name of its own"),
        ([{"name": "x"}], {}, "cloud.lanes[0] has no provider"),
        ([{"provider": "openai"}], {}, "cloud.lanes[0] has no name"),
        ([LANE, {"key": SECRET}], {}, "cloud.lanes[1] has no name and no provider"),
        ([{"name": "x"}, LANE, {"provider": "openai"}], {}, "cloud.lanes[0] has no provider; cloud.lanes[2] has no n"),
        ([LANE | {"deadline_seconds": 0}, LANE | {"url": 5}], {}, "to 30; cloud.lanes[1].url is 5: must be text"),
        ([LANE | {"kei": 1}], {}, "'cloud.lanes[0].kei' is no setting; known here: name, provider, url, key"),
        (
            [LANE | {"languages": ["en_GB"]}],
            {},
            "cloud.lanes[0].languages holds 'en_GB': write codes such as en, or en",
        ),
        ([LANE | {"languages": ["English"]}], {}, "write codes such as en, or en-GB"),
        ([LANE | {"key": 5}], {}, "cloud.lanes[0].key is wrong"),
        ([LANE | {"key": [SECRET]}], {}, "key is wrong"),
        ([LANE | {"deadline_seconds": 300}], {}, "allowed is 0.1 to 30"),
        ([LANE | {"consent": "yes"}], {}, "cloud.lanes[0].consent is 'yes': write the day you agreed as YYYY-MM-DD"),
        ([LANE | {"consent": True}], {}, "cloud.lanes[0].consent is True: write the day you agreed as YYYY-MM-DD"),
        ([LANE | {"consent": dt.datetime(2026, 11, 1, 9)}], {}, "write the day you agreed as YYYY-MM-DD"),  # noqa: DTZ001  # as YAML makes them
        ([LANE | {"trust": "hub"}], {}, "cloud.lanes[0].trust is 'hub': allowed is home or cloud"),
        (LANE, {}, "cloud.lanes is wrong: must be a list"),
        ("sk-very-secret-indeed", {}, "cloud.lanes is wrong: must be a list"),
        ([LANE, SECRET], {}, "cloud.lanes[1] is wrong: must hold keys below it"),
        ([], {"routing": {"mode": "cloud"}}, "cloud.lanes is empty"),
        ([LANE | {"consent": ""}], {"routing": {"mode": "cloud"}}, "no lane may be asked"),
        ([LANE], {"routing": {"mode": "cloud"}, "ledger": {"cloud_seconds_per_day": 0}}, "no lane may be asked"),
        ([LANE], {"routing": {"mode": "edge"}, "hedge": {"hedge": True}}, "nothing can leave early"),
        ([], {"hedge": {"hedge": True}}, "name a lane"),
        ([LANE], {"routing": {"mode": "clowd"}}, "allowed is auto, edge, cloud"),
        ([LANE], {"routing": {"trusted": ["home"]}}, "routing.trusted"),
        ([LANE], {"routing": {"costs": {"eror": 1}}}, "known here: error, critical_error"),
        ([LANE], {"routing": {"costs": {"error": -1}}}, "allowed is 0 to 1000"),
        ([LANE], {"routing": {"costs": 5}}, "routing.costs is 5: must hold keys below it"),
        ([LANE], {"threshold": {"early_turns": 1_000_001}}, "allowed is 0 to 1000000"),
        ([LANE], {"threshold": {"step": 1}}, "allowed is 0.000001 to 0.1"),
    ],
)
def test_what_cannot_be_is_named_and_no_key_is_shown(lanes: Any, sections: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        read_settings(None, {"cloud": {"lanes": lanes}, **sections}, environ={})
    assert told in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_day_needs_no_quotes(tmp_path: Path) -> None:
    lane = "{name: a, provider: openai, consent: 2026-11-22, price_as_of: 2026-11-01}"
    file = tmp_path / "settings.yaml"
    file.write_text(f"cloud:\n  lanes:\n    - {lane}\n", "utf-8")
    for read in (
        read_settings(file, {}, environ={}),
        read_settings(None, {}, environ={"EDGE_VOICE_CLOUD_LANES": f"[{lane}]"}),
    ):
        assert (read.cloud.lanes[0].consent, read.cloud.lanes[0].price_as_of) == ("2026-11-22", "2026-11-01")


def test_a_lane_s_languages_may_name_a_region() -> None:
    """A service that must be told a language gets it; which sentences go there is decided by the code."""
    lane = settings([LANE | {"languages": ["en-GB", "de", "zh-Hant-TW"]}]).cloud.lanes[0]
    assert lane.languages == ("en-GB", "de", "zh-Hant-TW")


def test_an_unknown_provider_is_told_which_there_are() -> None:
    with pytest.raises(UnknownProviderError) as refused:
        settings([LANE | {"provider": "opeanai"}])
    assert all(one in str(refused.value) for one in PROVIDERS)


def test_a_cap_of_nothing_is_an_owner_s_right_where_the_mode_does_not_contradict_it() -> None:
    assert settings(ledger={"cloud_seconds_per_day": 0}).ledger.cloud_seconds_per_day == 0.0
