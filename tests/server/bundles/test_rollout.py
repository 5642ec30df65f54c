"""Whom a publisher means, and what a hub says of it to its owner."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.offer import HubFacts, Offer, Rollout, custom_of, offer_of, target_path
from wyoming_server.bundles.rollout import choose, eligible, explain, newer, position, refusal
from wyoming_server.errors import DeniedError, MalformedMetadataError, NotEligibleError, VersionRollbackError

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
HUB = HubFacts(hub_id="ab" * 16, region="DE", hub_class="pi5", server_version="1.0.0", languages=("de-DE", "en"))


def offer(version: str = "1.2.0", name: str = "home-en", kind: Kind = Kind.ASR, **fields: Any) -> Offer:
    rollout = Rollout(id="r-1", **fields.pop("rollout", {}))
    return Offer(
        name=name, version=version, kind=kind, channel="stable", path=target_path("stable", name, version), length=1,
        sha256="0" * 64, manifest_sha256="0" * 64, unpacked_bytes=1, rollout=rollout, **fields,
    )  # fmt: skip


def failing(one: Offer, hub: HubFacts = HUB, **more: Any) -> dict[str, str]:
    return {check.code: check.message for check in explain(one, hub, NOW, **more) if not check.holds}


def test_a_bundle_for_everybody_is_for_this_hub() -> None:
    checks = explain(offer(), HUB, NOW)
    assert [check.code for check in checks] == [
        "withdrawn", "paused", "not-before", "region", "hub-class", "percent", "server-version", "language", "version",
        "denied",
    ]  # fmt: skip
    assert all(check.holds and check.message.endswith(".") for check in checks)
    assert eligible(offer(), HUB, NOW)
    assert refusal(offer(), HUB, NOW) is None
    assert checks[0].as_json() == {"code": "withdrawn", "holds": True, "message": "Its publisher stands by it."}


@pytest.mark.parametrize(
    ("code", "fields", "said"),
    [
        ("withdrawn", {"withdrawn": True}, "called home-en@1.2.0 back"),
        ("paused", {"rollout": {"paused": True}}, "is paused"),
        ("not-before", {"rollout": {"not_before": NOW + dt.timedelta(hours=1)}}, "begins at 2026-11-22 13:00 UTC"),
        ("region", {"rollout": {"regions": ("FR", "NL")}}, "for FR, NL so far, and this hub is in DE"),
        ("hub-class", {"rollout": {"hub_classes": ("n100",)}}, "for n100, and this hub is of the class pi5"),
        ("percent", {"rollout": {"percent": 0.0}}, "It has reached 0 % of the hubs"),
        ("server-version", {"min_server": "1.1.0"}, "needs server 1.1.0 or newer, and this is 1.0.0: update"),
        ("language", {"languages": ("en",)}, "understands en, and this home also speaks de-DE"),
    ],
)
def test_what_does_not_hold_is_named_with_its_sentence(code: str, fields: dict[str, Any], said: str) -> None:
    one = offer(**fields)
    assert failing(one).keys() == {code}
    assert said in failing(one)[code]
    assert not eligible(one, HUB, NOW)
    refused = refusal(one, HUB, NOW)
    assert isinstance(refused, NotEligibleError)
    assert said in str(refused)


def test_terms_that_hold_let_the_hub_in() -> None:
    terms = {"not_before": NOW, "regions": ("DE",), "hub_classes": ("pi4", "pi5"), "percent": 100.0}
    assert eligible(offer(rollout=terms, min_server="1.0.0", languages=("de", "en", "fr")), HUB, NOW)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-22T10:00:00"])
def test_a_moment_that_no_clock_shows_is_refused_before_anybody_reads_it(moment: str) -> None:
    one = offer()
    custom = custom_of(one)
    custom["edge_voice"]["rollout"]["not_before"] = moment
    with pytest.raises(MalformedMetadataError):
        offer_of(one.channel, one.path, one.length, one.sha256, custom)


@pytest.mark.parametrize("field", ["languages", "hub_classes", "reports_url"])
def test_what_a_terminal_would_obey_is_refused_where_sentences_name_it(field: str) -> None:
    one = offer()
    custom = custom_of(one)
    said = custom["edge_voice"]
    (said["rollout"] if field == "hub_classes" else said)[field] = "\x1b[2J" if field == "reports_url" else ["\x1b[2J"]
    with pytest.raises(MalformedMetadataError, match=field):
        offer_of(one.channel, one.path, one.length, one.sha256, custom)


def test_a_hub_that_nobody_told_where_it_is_learns_how_to_say_it() -> None:
    message = failing(offer(rollout={"regions": ("DE",)}), replace(HUB, region=""))["region"]
    assert "bundles.region" in message


def test_a_hub_knows_at_which_share_its_turn_comes() -> None:
    place = position("r-1", HUB.hub_id)
    assert f"follows at {place:.1f} %" in failing(offer(rollout={"percent": place}))["percent"]
    assert eligible(offer(rollout={"percent": place + 0.001}), HUB, NOW)


def test_rollouts_draw_the_hubs_anew_and_by_the_share_they_say() -> None:
    hubs = [f"{number:032x}" for number in range(20_000)]
    first, second = ({hub for hub in hubs if position(rollout, hub) < 10.0} for rollout in ("r-1", "r-2"))
    assert len(first) / len(hubs) == pytest.approx(0.1, abs=0.01)
    assert len(first & second) / len(hubs) == pytest.approx(0.01, abs=0.005)


def test_an_older_version_needs_its_publishers_signature() -> None:
    hub = replace(HUB, serving={Kind.ASR: "home-en@1.2.0"}, highest={"home-en": "1.2.0"})
    older, active = offer("1.1.0"), offer("1.2.0", withdrawn=True)
    assert isinstance(refusal(older, hub, NOW, active=active), VersionRollbackError)
    assert isinstance(refusal(older, hub, NOW), VersionRollbackError)
    signed = replace(active, rollback_to="1.1.0")
    assert eligible(older, hub, NOW, active=signed)
    assert not eligible(offer("1.0.0"), hub, NOW, active=signed)
    # A signature for a version that does not serve here says nothing.
    assert not eligible(older, replace(hub, serving={}), NOW, active=signed)


def test_what_failed_here_is_refused_and_the_cure_is_named() -> None:
    refused = refusal(offer(), replace(HUB, denied=frozenset({"home-en@1.2.0"})), NOW)
    assert isinstance(refused, DeniedError)
    assert "install home-en@1.2.0 --again" in str(refused)


def test_what_serves_already_is_not_taken_up_again() -> None:
    hub = replace(HUB, serving={Kind.ASR: "home-en@1.2.0"}, highest={"home-en": "1.2.0"})
    assert failing(offer(), hub) == {"version": "home-en@1.2.0 serves already."}


def test_the_newest_that_is_meant_for_this_hub_is_chosen() -> None:
    offers = [
        offer("1.3.0", rollout={"percent": 0.0}),
        offer("0.9.0", kind=Kind.VAD, name="ears"),
        offer("1.2.0"),
        offer("1.1.0"),
    ]
    assert choose(offers, HUB, NOW, Kind.ASR) == offers[2]
    assert choose(offers, HUB, NOW, Kind.VAD) == offers[1]
    assert choose(offers, HUB, NOW, Kind.WAKE) is None


def test_a_bundle_of_another_name_is_never_taken_up_by_itself() -> None:
    hub = replace(HUB, serving={Kind.ASR: "home-en@1.1.0"}, highest={"home-en": "1.1.0"})
    offers = [offer("2.0.0", name="home-de"), offer("1.2.0"), offer("1.1.0")]
    assert choose(offers, hub, NOW, Kind.ASR) == offers[1]


def test_a_version_that_is_called_back_gives_way_to_the_one_it_names() -> None:
    hub = replace(HUB, serving={Kind.ASR: "home-en@1.2.0"}, highest={"home-en": "1.2.0"})
    offers = [offer("1.2.0", withdrawn=True, rollback_to="1.1.0"), offer("1.1.0")]
    assert choose(offers, hub, NOW, Kind.ASR) == offers[1]


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [
        ("1.10.0", "1.9.0", True),
        ("1.2.0", "1.2.0b1", True),
        ("1.2.0", "1.2.0", False),
        ("1.2.0", "", True),
        ("x", "1.0.0", False),
    ],
)
def test_versions_compare_as_versions(version: str, than: str, *, expected: bool) -> None:
    assert newer(version, than) is expected
