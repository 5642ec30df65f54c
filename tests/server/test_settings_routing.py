"""Lanes and routing in the settings: what contradicts itself is refused by name, and no message shows a key."""

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
        ([LANE | {"name": ""}], {}, "name of its own"),
        ([LANE, LANE], {}, "name of its own"),
        ([{"name": "x"}], {}, "provider"),
        ([LANE | {"kei": 1}], {}, "known here: name, provider, url, key"),
        ([LANE | {"key": 5}], {}, "key is wrong"),
        ([LANE | {"key": [SECRET]}], {}, "key is wrong"),
        ([LANE | {"deadline_seconds": 300}], {}, "allowed is 0.1 to 30"),
        ([LANE | {"consent": "yes"}], {}, "YYYY-MM-DD"),
        ([LANE | {"trust": "hub"}], {}, "home or cloud"),
        (LANE, {}, "cloud.lanes"),
        ("sk-very-secret-indeed", {}, "cloud.lanes"),
        ([SECRET], {}, "cloud.lanes"),
        ([], {"routing": {"mode": "cloud"}}, "cloud.lanes is empty"),
        ([LANE | {"consent": ""}], {"routing": {"mode": "cloud"}}, "no lane may be asked"),
        ([LANE], {"routing": {"mode": "cloud"}, "ledger": {"cloud_seconds_per_day": 0}}, "no lane may be asked"),
        ([LANE], {"routing": {"mode": "edge"}, "hedge": {"hedge": True}}, "nothing can leave early"),
        ([], {"hedge": {"hedge": True}}, "name a lane"),
        ([LANE], {"routing": {"mode": "clowd"}}, "allowed is auto, edge, cloud"),
        ([LANE], {"routing": {"trusted": ["home"]}}, "routing.trusted"),
        ([LANE], {"routing": {"costs": {"eror": 1}}}, "known here: error, critical_error"),
        ([LANE], {"routing": {"costs": {"error": -1}}}, "allowed is 0 to 1000"),
    ],
)
def test_what_cannot_be_is_named_and_no_key_is_shown(lanes: Any, sections: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        read_settings(None, {"cloud": {"lanes": lanes}, **sections}, environ={})
    assert told in str(refused.value)
    assert SECRET not in str(refused.value)


def test_an_unknown_provider_is_told_which_there_are() -> None:
    with pytest.raises(UnknownProviderError) as refused:
        settings([LANE | {"provider": "opeanai"}])
    assert all(one in str(refused.value) for one in PROVIDERS)


def test_a_cap_of_nothing_is_an_owner_s_right_where_the_mode_does_not_contradict_it() -> None:
    assert settings(ledger={"cloud_seconds_per_day": 0}).ledger.cloud_seconds_per_day == 0.0
