"""Conversations with a real server and real lanes: who answers, what is told of it, what leaves, what is written."""

import asyncio
import logging
import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from wyoming_server.pipeline.cloud import TRIM_SECONDS
from wyoming_server.pipeline.policy import Trust
from wyoming_server.pipeline.types import FRAME_SAMPLES, SAMPLE_RATE_HZ

from ..cloud.server import CONSENT, StandIn
from ..home import Home, ServerProcess
from ..peer import KITCHEN, Heard, audio, connected, event
from .houses import (
    ATTIC,
    DOOR_IN_NOISE,
    GARAGE,
    KITCHEN_IN_NOISE,
    MADE_UP,
    PRICE,
    ROOMS,
    House,
    cloud_in_its_own_thread,
    house,
    room_noise,
    said,
)

CLOUD_TEXT = "Turn off the hall lamp"
FIELDS = {
    *(
        "schema",
        "turn_id",
        "action",
        "reason",
        "intent",
        "route",
        "lane",
        "risk",
        "threshold",
        "why",
        "points",
        "class",
    ),
    *("critical", "lanes", "model", "rules", "ended_by", "quality", "queued", "latency_ms"),
}
"""What a client is told of every turn."""
KEY = "sk-stand-in-secret"


@pytest.fixture(scope="module")
def shared_cloud() -> Iterator[StandIn]:
    with cloud_in_its_own_thread() as one:
        yield one


@pytest.fixture
def cloud(shared_cloud: StandIn) -> StandIn:
    """The stand-in, well again and without memory."""
    shared_cloud.well()
    shared_cloud.delay_seconds, shared_cloud.hearing.listen = 0.0, None
    shared_cloud.hearing.default = CLOUD_TEXT
    shared_cloud.recorder.arrivals.clear()
    return shared_cloud


def lane(cloud: StandIn, **more: Any) -> dict[str, Any]:
    return cloud.lane("openai", **{"name": "cloud", "price_per_minute": PRICE, **more})


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, shared_cloud: StandIn) -> Iterator[House]:
    """A house whose rooms may ask the cloud, and whose attic may not."""
    own = {"name": "own", "provider": "client", "consent": CONSENT}
    folder = tmp_path_factory.mktemp("ours")
    with house(folder, own, lane(shared_cloud, satellites=ROOMS)) as one:
        yield one


rooms = iter(ROOMS)


@pytest.fixture
def room() -> str:
    """A satellite that nobody has spoken to yet."""
    return next(rooms)


def is_edge(answer: Heard, *, because: str) -> None:
    """Check that the hub answered by itself, and why."""
    detail = answer.detail
    assert (detail["route"], detail["lane"], detail["lanes"]) == ("edge", None, [])
    assert because in detail["reason"], detail["reason"]
    assert detail["latency_ms"]["cloud"] == 0.0


def uploads(cloud: StandIn) -> int:
    return len(cloud.recorder.of("transcribe"))


# Who answers.


async def test_the_hub_answers_by_itself_what_it_is_sure_of(ours: House, cloud: StandIn, room: str) -> None:
    answer = await ours.turn(said("kitchen"), room)
    is_edge(answer, because="sure enough")
    detail = answer.detail
    assert answer.text == KITCHEN
    assert set(detail) == FIELDS
    assert (detail["action"], detail["class"], detail["critical"], detail["intent"]) == (
        "accept",
        "device-command",
        False,
        "HassTurnOn",
    )
    assert 0.0 < detail["risk"] <= detail["threshold"] < 1.0
    assert "base" in detail["points"]
    assert "confidence for English" in detail["why"]
    assert uploads(cloud) == 0


async def test_what_it_is_not_sure_of_the_cloud_answers(ours: House, cloud: StandIn, room: str) -> None:
    cloud.delay_seconds = 0.1
    before = len(ours.rows())
    answer = await ours.turn(KITCHEN_IN_NOISE, room)
    detail = answer.detail
    assert answer.text == CLOUD_TEXT
    assert set(detail) == FIELDS
    assert (detail["action"], detail["route"], detail["lane"]) == ("escalate", "cloud", "cloud")
    assert detail["reason"].startswith("asking cloud: risk ")
    assert detail["risk"] > detail["threshold"]
    (most, *_) = sorted(detail["points"].values(), reverse=True)
    assert most >= 10.0  # ten points double the odds
    assert f"+{most:.0f} " in detail["why"]
    assert detail["latency_ms"]["cloud"] >= 100.0
    (attempt,) = detail["lanes"]
    (arrival,) = cloud.recorder.of("transcribe")
    assert arrival.sound is not None
    assert arrival.refusal == ""
    assert (attempt["lane"], attempt["ending"]) == ("cloud", "answered")
    assert attempt["seconds"] == pytest.approx(arrival.sound.seconds, abs=0.01)
    assert 100.0 <= attempt["took_ms"] <= detail["latency_ms"]["cloud"] + 1.0
    (row,) = (await ours.ended_rows())[before:]
    assert (row.lane, row.turn_id, row.reason, row.consent) == ("cloud", detail["turn_id"], "risk", CONSENT)
    assert (row.ending, row.has_left, row.bytes) == ("answered", True, 44 + 2 * len(arrival.sound.samples))
    assert row.seconds == pytest.approx(arrival.sound.seconds)
    assert row.cost == pytest.approx(arrival.sound.seconds / 60.0 * PRICE)
    assert row.took_seconds is not None
    assert row.took_seconds >= 0.1


async def test_a_caller_may_force_the_cloud(ours: House, cloud: StandIn, room: str) -> None:
    before = len(ours.rows())
    answer = await ours.turn(said("kitchen"), room, lane="cloud")
    assert (answer.text, answer.detail["route"]) == (CLOUD_TEXT, "cloud")
    assert "the mode is cloud" in answer.detail["reason"]
    assert [row.reason for row in (await ours.ended_rows())[before:]] == ["mode"]
    assert uploads(cloud) == 1


async def test_what_is_said_again_is_riskier_and_for_the_third_time_goes_to_the_cloud(
    ours: House, cloud: StandIn, room: str
) -> None:
    tries = [await ours.turn(said("kitchen"), room) for _ in range(3)]
    retries = [one.detail["points"].get("retries", 0.0) for one in tries]
    assert retries[0] <= 0.0 < retries[1] <= retries[2]
    assert (tries[2].text, tries[2].detail["route"]) == (CLOUD_TEXT, "cloud")
    assert "just heard this wrongly" in tries[2].detail["reason"]


@pytest.mark.parametrize(("pcm", "because"), [("silence", "no speech"), ("hum", "no speech"), (MADE_UP, "made-up")])
async def test_where_nobody_spoke_nothing_is_asked_and_nothing_said(
    ours: House, cloud: StandIn, room: str, pcm: bytes | str, because: str
) -> None:
    answer = await ours.turn(said(pcm) if isinstance(pcm, str) else pcm, room, lane="cloud", client_lane=True)
    is_edge(answer, because=because)
    assert (answer.text, answer.detail["action"]) == ("", "discard")
    assert set(answer.detail) == FIELDS
    assert uploads(cloud) == 0


async def test_a_caller_with_a_cloud_of_its_own_gets_the_hub_s_text_and_asks_by_itself(
    ours: House, cloud: StandIn, room: str
) -> None:
    before = len(ours.rows())
    answer = await ours.turn(KITCHEN_IN_NOISE, room, client_lane=True)
    assert answer.text.startswith("Turn on the kitchen light")
    assert (answer.detail["route"], answer.detail["action"], answer.detail["lanes"]) == ("client", "escalate", [])
    assert "asking own" in answer.detail["reason"]
    assert uploads(cloud) == 0
    assert len(ours.rows()) == before


# What matters is confirmed, where no lane may be asked.


async def test_risky_text_that_matters_is_said_back_to_a_caller_that_can_confirm(ours: House, cloud: StandIn) -> None:
    answer = await ours.turn(GARAGE, ATTIC, can_confirm=True)
    is_edge(answer, because="please confirm")
    assert (answer.detail["action"], answer.detail["critical"]) == ("confirm", True)
    assert "window" in answer.text
    assert "consent of lane 'cloud' is not for this satellite" in answer.detail["reason"]
    assert uploads(cloud) == 0


async def test_and_refused_to_one_that_cannot(ours: House, cloud: StandIn) -> None:
    answer = await ours.turn(GARAGE, f"{ATTIC}-stairs")
    assert answer.code == "needs-confirmation"
    assert "risk" in answer.text
    assert "window" not in answer.text.split("may open")[0]  # the text itself is not in the refusal
    assert uploads(cloud) == 0


async def test_the_cloud_s_text_is_acted_upon_where_it_may_be_asked(ours: House, cloud: StandIn, room: str) -> None:
    answer = await ours.turn(GARAGE, room)
    assert (answer.text, answer.detail["route"], answer.detail["critical"]) == (CLOUD_TEXT, "cloud", True)


# Why no lane was asked: the hub's text is kept, and the reason says it.


async def test_without_consent_and_for_another_language_the_reason_names_both(tmp_path: Path, cloud: StandIn) -> None:
    lanes = lane(cloud, name="quiet", consent=""), lane(cloud, name="german", languages=["de"])
    with house(tmp_path, *lanes) as one:
        answer = await one.turn(KITCHEN_IN_NOISE, "kitchen", lane="cloud")
        is_edge(answer, because="lane 'quiet' has no consent")
        assert "lane 'german' is not for this language" in answer.detail["reason"]
        assert answer.text.startswith("Turn on the kitchen light")
        assert one.rows() == []
    assert uploads(cloud) == 0


async def test_a_cap_of_nothing_lets_nothing_leave(tmp_path: Path, cloud: StandIn) -> None:
    with house(tmp_path, lane(cloud), ledger={"cloud_seconds_per_day": 0.0}) as one:
        answer = await one.turn(KITCHEN_IN_NOISE, "kitchen", lane="cloud")
        is_edge(answer, because="cloud_seconds_per_day is 0")
        assert one.rows() == []
    assert uploads(cloud) == 0


@pytest.mark.parametrize(
    ("caps", "because"),
    [
        ({"cloud_seconds_per_day": 4.0}, "cloud_seconds_per_day"),
        ({"cloud_money_per_month": 0.0005}, "cloud_money_per_month"),
    ],
)
async def test_a_cap_that_is_reached_on_the_way_keeps_the_hub_s_text(
    tmp_path: Path, cloud: StandIn, caps: dict[str, float], because: str
) -> None:
    with house(tmp_path, lane(cloud), ledger=caps) as one:
        answers = [await one.turn(KITCHEN_IN_NOISE, f"room {number}") for number in range(5)]
        routes = [answer.detail["route"] for answer in answers]
        assert routes == sorted(routes)  # cloud first, edge once the cap is reached
        assert set(routes) == {"cloud", "edge"}
        is_edge(answers[-1], because=because)
        assert answers[-1].text.startswith("Turn on the kitchen light")
        rows = await one.ended_rows()
        assert len(rows) == uploads(cloud) == routes.count("cloud")
        assert sum(row.seconds for row in rows) <= caps.get("cloud_seconds_per_day", math.inf)
        assert sum(row.cost for row in rows) <= caps.get("cloud_money_per_month", math.inf)


async def test_a_peer_that_is_not_trusted_gets_the_hub_alone(tmp_path: Path, cloud: StandIn) -> None:
    connects = cloud.recorder.connects
    own = {"name": "own", "provider": "client", "consent": CONSENT}
    with house(tmp_path, own, lane(cloud), routing={"trusted": []}, hedge={"hedge": True, "hedge_at": 0.0}) as one:
        answer = await one.turn(KITCHEN_IN_NOISE, "kitchen", lane="cloud", client_lane=True, can_confirm=True)
        is_edge(answer, because="an unknown caller gets the hub only")
        assert answer.text.startswith("Turn on the kitchen light")
        assert one.rows() == []
    assert cloud.recorder.connects == connects


async def test_an_owner_s_edge_is_a_promise(tmp_path: Path, cloud: StandIn) -> None:
    connects = cloud.recorder.connects
    with house(tmp_path, lane(cloud), routing={"mode": "edge"}, threshold={"audits": True}) as one:
        answer = await one.turn(KITCHEN_IN_NOISE, "kitchen", lane="cloud", client_lane=True)
        is_edge(answer, because="the owner keeps all speech on the hub")
        assert one.rows() == []
    assert cloud.recorder.connects == connects


async def test_a_wake_word_prepares_the_connection_that_the_turn_then_uses(tmp_path: Path, cloud: StandIn) -> None:
    with house(tmp_path, lane(cloud)) as one:
        async with connected(one.home.uri) as satellite:
            await satellite.say(event("detect", {}), *audio(said("wake")))
            assert (await satellite.until("detection", "not-detected")).kind == "detection"
            for _ in range(250):
                if warmed := [one for one in cloud.recorder.arrivals if one.method == "HEAD"]:
                    break
                await asyncio.sleep(0.02)
        assert [arrival.body for arrival in warmed] == [b""]
        await one.turn(said("kitchen"), "kitchen", lane="cloud")
        (upload,) = cloud.recorder.of("transcribe")
        assert (upload.reused, upload.connection) == (True, warmed[0].connection)


# Lanes that fail, that are at home, that are early, that stand in.


async def test_a_lane_that_fails_costs_no_text_and_is_told_and_written_down(
    ours: House, cloud: StandIn, room: str
) -> None:
    cloud.always("openai", "http-500")
    before = len(ours.rows())
    answer = await ours.turn(KITCHEN_IN_NOISE, room)
    detail = answer.detail
    assert answer.text.startswith("Turn on the kitchen light")
    assert (detail["route"], detail["lane"], detail["action"]) == ("edge", None, "accept")
    (attempt,) = detail["lanes"]
    assert attempt["ending"].startswith("lane-")
    assert "Lane 'cloud'" in detail["reason"]
    (row,) = (await ours.ended_rows())[before:]
    assert (row.ending, row.turn_id) == (attempt["ending"], detail["turn_id"])


async def test_a_second_edge_voice_is_a_lane_at_home_counted_without_a_row(tmp_path: Path, served: Home) -> None:
    box = {"name": "box", "provider": "wyoming", "url": served.uri}
    with house(tmp_path, box) as one:
        answer = await one.turn(said("kitchen"), "kitchen", lane="cloud")
        assert (answer.text, answer.detail["route"], answer.detail["lane"]) == (KITCHEN, "cloud", "box")
        (attempt,) = answer.detail["lanes"]
        assert (attempt["ending"], attempt["cost"]) == ("answered", 0.0)
        assert one.rows() == []
    (total,) = one.totals()
    assert (total.lane, total.trust, total.uploads, total.cost) == ("box", Trust.HOME, 1, 0.0)
    assert total.seconds == pytest.approx(attempt["seconds"], abs=0.01)


async def test_an_early_upload_saves_its_time_or_is_given_up_and_both_are_written_down(
    tmp_path: Path, cloud: StandIn
) -> None:
    cloud.delay_seconds = 0.4
    names = lane(cloud, send_names=True)
    with house(tmp_path, names, hedge={"hedge": True, "hedge_at": 0.0, "patience_seconds": 0.0}) as one:
        sure = await one.turn(said("kitchen"), "kitchen")
        assert (sure.text, sure.detail["route"], sure.detail["lane"]) == (KITCHEN, "edge", None)
        (given_up,) = sure.detail["lanes"]  # it left the home, needed or not
        assert (given_up["ending"], given_up["cost"] > 0.0) == ("cancelled", True)
        assert sure.detail["latency_ms"]["cloud"] == 0.0
        risky = await one.turn(KITCHEN_IN_NOISE, "hall", names=["Hall Lamp"])
        assert (risky.text, risky.detail["route"]) == (CLOUD_TEXT, "cloud")
        assert [attempt["ending"] for attempt in risky.detail["lanes"]] == ["answered"]
        rows = await one.ended_rows()
        told = [(row.turn_id, row.reason, row.ending) for row in rows]
        assert told == [
            (sure.detail["turn_id"], "hedge", "cancelled"),
            (risky.detail["turn_id"], "hedge", "answered"),
        ]
        assert all(row.cost > 0.0 for row in rows)
    *_, asked = cloud.recorder.of("transcribe")
    assert "Hall Lamp" in asked.fields["prompt"][0]  # its owner lets names leave


async def test_the_chunks_of_a_file_are_answered_by_whom_each_needs(ours: House, cloud: StandIn, room: str) -> None:
    pause = room_noise(2.0)
    pcm = said("kitchen") + pause + DOOR_IN_NOISE + pause + said("bedroom") + pause
    before = len(ours.rows())
    answer = await ours.turn(pcm, room, mode="file")
    assert answer.text == f"{KITCHEN} {CLOUD_TEXT} Set the bedroom lamp to 40%."
    assert (answer.detail["route"], answer.detail["action"]) == ("cloud", "escalate")
    rows = (await ours.ended_rows())[before:]
    assert [row.ending for row in rows] == [one["ending"] for one in answer.detail["lanes"]] == ["answered"]


async def test_a_lane_stands_in_for_a_model_that_has_no_time(tmp_path: Path, cloud: StandIn) -> None:
    with house(tmp_path, lane(cloud), asr={"waiting": 1}, listen={"idle_seconds": 5.0}) as one:
        said_at_once = (one.turn(said("bedroom"), f"room {number}") for number in range(12))
        answers = await asyncio.gather(*said_at_once)
        stood_in = [answer for answer in answers if "own model failed" in answer.detail["reason"]]
        assert {answer.text for answer in stood_in} == {CLOUD_TEXT}
        assert {answer.detail["route"] for answer in stood_in} == {"cloud"}
        assert {answer.kind for answer in answers} == {"transcript"}
        assert len(await one.ended_rows()) == uploads(cloud) >= len(stood_in)


# What leaves, and when.


async def test_an_upload_is_committed_before_its_lane_sees_the_first_byte(tmp_path: Path) -> None:
    seen: list[int] = []

    async def first_byte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while first := await reader.read(1):
            if first == b"P":  # of POST; a connection that is only warmed asks with GET
                records = tmp_path / "data" / "edge-voice.sqlite"
                with closing(sqlite3.connect(f"file:{records}?mode=ro", uri=True)) as connection:
                    seen.append(connection.execute("SELECT count(*) FROM upload WHERE ending = ''").fetchone()[0])
            break
        writer.close()

    server = await asyncio.start_server(first_byte, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    tap = {"name": "tap", "provider": "openai", "url": f"http://127.0.0.1:{port}/v1", "key": KEY, "trust": "cloud"}
    with house(tmp_path, tap | {"consent": CONSENT, "price_per_minute": PRICE}) as one:
        answer = await one.turn(KITCHEN_IN_NOISE, "kitchen")
        assert answer.detail["route"] == "edge"
    assert seen
    assert all(seen)
    server.close()
    await server.wait_closed()


async def test_only_the_speech_leaves(ours: House, cloud: StandIn, room: str) -> None:
    quiet, speech = (np.frombuffer(pcm, "<i2") for pcm in (room_noise(3.0), said("kitchen")))
    stream = np.concatenate([quiet, speech, quiet])
    told = {"names": ["Grandmother"], "microphone_class": "near_field", "can_confirm": True, "lane": "cloud"}
    assert (await ours.turn(stream.tobytes(), room, **told)).detail["route"] == "cloud"
    (arrival,) = cloud.recorder.of("transcribe")
    assert arrival.sound is not None
    assert arrival.sound.chunks == ("fmt ", "data")
    assert (arrival.sound.rate_hz, arrival.sound.seconds < len(speech) / SAMPLE_RATE_HZ + 2 * TRIM_SECONDS) == (
        16_000,
        True,
    )
    at = _found(arrival.sound.samples, stream)
    voiced = len(quiet) + np.flatnonzero(np.abs(speech.astype(np.int32)) > 600)
    margin = TRIM_SECONDS * SAMPLE_RATE_HZ + FRAME_SAMPLES
    assert 0 < voiced[0] - at <= margin
    assert 0 < at + len(arrival.sound.samples) - voiced[-1] <= margin
    sent = cloud.recorder.everything.lower()
    for private in (
        room,
        f"session-of-{room}",
        "grandmother",
        "near_field",
        "can_confirm",
        ours.home.uri,
        "edge_voice",
    ):
        assert private.lower().encode() not in sent, private
    assert not {"prompt", "user", "metadata"}.intersection(arrival.fields)
    allowed = {"host", "authorization", "content-type", "content-length", "accept", "accept-encoding", "user-agent"}
    assert {name.decode().lower() for name, _ in arrival.raw_headers} <= allowed
    assert room not in (arrival.header("user-agent") or "")


def _found(part: Any, whole: Any) -> int:
    """Return where samples lie within others."""
    head = part[:64]
    for at in np.flatnonzero(whole == head[0]):
        if np.array_equal(whole[at : at + len(part)], part):
            return int(at)
    raise AssertionError("what left is not what was said")


# What is logged.


def private_things(room: str) -> list[str]:
    return [KEY, CLOUD_TEXT, KITCHEN.rstrip("."), "window", room, f"session-of-{room}"]


async def test_the_log_of_a_whole_conversation_holds_nothing_private(
    tmp_path: Path, cloud: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    room = "satellite-of-ours"
    with house(tmp_path, lane(cloud), server={"log_level": "debug"}, hedge={"hedge": True, "hedge_at": 0.0}) as one:
        await one.turn(said("kitchen"), room)
        await one.turn(KITCHEN_IN_NOISE, room)
        cloud.always("openai", "http-500")
        for pcm in (GARAGE, KITCHEN_IN_NOISE, said("kitchen"), MADE_UP):
            await one.turn(pcm, room, lane="cloud")
    logged = "\n".join(f"{one.name} {one.getMessage()} {vars(one).get('fields', '')}" for one in caplog.records)
    assert "turn {'action': 'escalate'" in logged
    for private in (*private_things(room), cloud.key("openai")):
        assert private.lower() not in logged.lower(), private


async def test_nor_does_the_standard_error_of_a_server_s_process(
    tmp_path: Path, cloud: StandIn, start_server: Callable[..., ServerProcess]
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump({"cloud": {"lanes": [lane(cloud)]}, "server": {"log_level": "debug"}}), "utf-8")
    room = "satellite-of-ours"
    server = start_server("--config", str(file), "--uri", "tcp://127.0.0.1:0")
    (uri,) = await server.uri()
    context = {"edge_voice": {"satellite_id": room, "session_id": f"session-of-{room}"}}
    async with connected(uri) as peer:
        routes = [
            (await peer.turn(pcm, {"language": "en", "context": context})).detail["route"]
            for pcm in (said("kitchen"), KITCHEN_IN_NOISE, GARAGE)
        ]
    assert routes == ["edge", "cloud", "cloud"]
    assert await server.stop() == 0
    log = server.log.lower()
    assert "turn " in log
    for private in (*private_things(room), cloud.key("openai")):
        assert private.lower() not in log, private
