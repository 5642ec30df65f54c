"""A bundle comes by stages, goes by itself when it is worse, and what went is not tried again."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.server.bundles.conducted import BAD, SMALL, Arms, Hub, Time, a_hub, run_here
from tests.server.bundles.publishing import TestRepository, a_bundle, a_repository, served
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.state import State
from wyoming_server.canary.canary import Canary
from wyoming_server.errors import (
    DeniedError,
    DiskError,
    NoRepositoryError,
    NotEligibleError,
    NothingToRollBackError,
    RootRefusedError,
    SelfTestError,
    TrialCrashedError,
    UnknownBundleError,
    UnreachableRepositoryError,
    UpdateRunningError,
    VersionRollbackError,
)
from wyoming_server.listeners.control_answers import BUNDLES, STATUS
from wyoming_server.listeners.control_values import checked
from wyoming_server.updates.folder import BundleFolder
from wyoming_server.updates.update_told import all_of, status_of, warnings_of

FIRST, SECOND, THIRD = "home-en@1.0.0", "home-en@1.1.0", "home-en@1.2.0"


@dataclass(frozen=True, slots=True)
class Home:
    """A repository, and where a hub keeps what it takes from it."""

    folder: Path
    repository: TestRepository
    url: str

    def publishes(self, version: str, **terms: object) -> None:
        bundles = self.folder / "published"
        self.repository.publish(a_bundle(bundles, version=version), **terms)

    @property
    def data(self) -> Path:
        return self.folder / "data"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    repository = a_repository(tmp_path / "repository")
    with served(repository.public) as url:
        yield Home(tmp_path, repository, url)


async def settled_at(home: Home, hub: Hub, version: str) -> None:
    """Have a version come all the way."""
    home.publishes(version)
    await (hub.looks() if hub.updates.repository.trust else hub.trusts(home.url, home.repository))
    await hub.hears(SMALL.shadow_turns + SMALL.serving_turns + SMALL.watch_turns)
    assert hub.updates.state.of(Kind.ASR).candidate is None


def told(hub: Hub) -> dict[str, object]:
    """Return what is told of recognisers, held to the API's description."""
    everything = all_of(hub.updates, ())
    assert checked(BUNDLES, everything) == everything
    (kind, *_) = everything["kinds"]
    return kind


async def test_a_good_bundle_comes_by_stages_and_settles(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        assert told(hub)["candidate"]["stage"] == "shadow"
        assert hub.arms.served[Kind.ASR] == "base"
        await hub.hears(4)
        assert (told(hub)["candidate"]["stage"], hub.arms.served[Kind.ASR]) == ("serving", "base")
        await hub.hears(5)
        assert (told(hub)["candidate"]["stage"], hub.arms.served[Kind.ASR]) == ("watch", FIRST)
        assert told(hub)["active"]["label"] == FIRST
        await hub.hears(6)
        assert told(hub)["candidate"] is None
        assert hub.events == [
            *(f"{step} {FIRST}" for step in ("offered", "installing", "shadow", "serving", "watch", "settled"))
        ]
        assert hub.arms.done == [f"{one} {FIRST}" for one in ("test", "shadow", "serve", "activate")]
        assert warnings_of(hub.updates) == []
    with a_hub(home.data) as again:
        assert again.updates.state.of(Kind.ASR).active == FIRST


async def test_a_worse_bundle_goes_by_itself_with_its_evidence_and_is_not_tried_again(home: Home) -> None:
    with a_hub(home.data) as hub:
        await settled_at(home, hub, "1.0.0")
        home.publishes("1.1.0")
        await hub.looks()
        hub.updates.adopt(replace(SMALL, serving_turns=300))
        await hub.hears(30)
        await hub.hears(200, candidate=BAD)
        left = told(hub)["last_rollback"]
        assert (left["label"], left["to"], left["code"]) == (SECOND, FIRST, "worse")
        assert any(one["e_value"] > 1 for one in left["evidence"])
        assert (hub.arms.served[Kind.ASR], hub.events[-1]) == (FIRST, f"rolled_back {SECOND}")
        assert [one["code"] for one in warnings_of(hub.updates)] == ["bundle-rolled-back"]
        await hub.looks()
        assert hub.updates.state.of(Kind.ASR).candidate is None
        reasons = hub.updates.chooser.reasons(*offer_of(hub, SECOND))
        assert [one.code for one in reasons if not one.holds] == ["denied"]
        with pytest.raises(DeniedError):
            await hub.updates.install(Kind.ASR, SECOND)
        home.publishes("1.2.0")
        await hub.looks()
        assert hub.updates.state.of(Kind.ASR).candidate.label == THIRD


def offer_of(hub: Hub, label: str) -> tuple[object, object]:
    offers = hub.updates.repository.offers
    return next(one for one in offers if one.label == label), offers


async def test_a_bundle_that_is_worse_unheard_never_serves(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data, replace(SMALL, shadow_turns=300)) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.hears(200, candidate=BAD)
        assert told(hub)["last_rollback"]["code"] == "worse"
        assert hub.arms.done == [f"test {FIRST}", f"shadow {FIRST}"]
        await hub.updates._tick()
        assert not (home.data / "bundles" / "installed" / FIRST).exists()


@pytest.mark.parametrize("error", [SelfTestError("it is deaf"), TrialCrashedError("it died")])
async def test_a_bundle_that_fails_its_trial_is_refused_and_not_tried_again(home: Home, error: SelfTestError) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data, arms=Arms(fails={"test": error})) as hub:
        await hub.trusts(home.url, home.repository)
        assert hub.events[-1] == f"refused {FIRST}"
        assert hub.updates.state.denied[FIRST].code == error.code
        assert [(one["code"], one["subject"]) for one in warnings_of(hub.updates)] == [("bundle-refused", FIRST)]
        await hub.looks()
        assert hub.arms.done == [f"test {FIRST}"]
        hub.arms.fails.clear()
        await hub.updates.install(Kind.ASR, FIRST, again=True)
        await hub.updates.settled()
        assert hub.updates.state.of(Kind.ASR).candidate.label == FIRST
        assert warnings_of(hub.updates) == []


async def test_a_candidate_that_breaks_is_left_at_once(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        hub.updates.course.canary.trigger("self-test-crashed", "its process died")
        await hub.updates.course.judge()
        assert (told(hub)["last_rollback"]["code"], hub.arms.candidate) == ("self-test-crashed", "")


async def test_a_candidate_that_cannot_be_loaded_to_serve_is_left(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data, arms=Arms(fails={"serve": SelfTestError("not on this processor")})) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.hears(4)
        assert told(hub)["last_rollback"]["code"] == "self-test-failed"
        assert hub.arms.served[Kind.ASR] == "base"


async def test_beside_the_starter_there_is_nothing_to_compare_so_a_bundle_serves_at_once(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data, compares=False) as hub:
        await hub.trusts(home.url, home.repository)
        assert (hub.arms.served[Kind.ASR], hub.events[-1]) == (FIRST, f"activated {FIRST}")


async def test_wake_words_are_tried_and_activated(home: Home) -> None:
    words = a_bundle(
        home.folder / "published", "home-words", kind="wake", engine="openwakeword", files={"hey_house.onnx": b"x"}
    )
    home.repository.publish(words)
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        assert hub.arms.served[Kind.WAKE] == "home-words@1.0.0"
        await hub.updates.roll_back(Kind.WAKE)
        assert (hub.arms.done[-1], hub.events[-1]) == ("activate", "rolled_back home-words@1.0.0")
        assert status_of(hub.updates)["kinds"][1]["last_rollback"]["code"] == "owner"


async def test_an_owner_who_wants_to_be_asked_is_waited_for(home: Home) -> None:
    home.publishes("1.0.0", notes="Hears whispers")
    with a_hub(home.data, replace(SMALL, automatic=False)) as hub:
        await hub.trusts(home.url, home.repository)
        assert (told(hub)["offered"]["label"], told(hub)["offered"]["eligible"]) == (FIRST, True)
        assert (hub.arms.done, hub.events) == ([], [f"offered {FIRST}"])
        await hub.updates.install(Kind.ASR)
        assert told(hub)["work"]["action"] == "install"
        with pytest.raises(UpdateRunningError):
            await hub.updates.check()
        await hub.updates.settled()
        assert told(hub)["candidate"]["label"] == FIRST


async def test_an_owner_gets_only_what_the_publisher_offers(home: Home) -> None:
    home.publishes("1.0.0", percent=0)
    with a_hub(home.data) as hub:
        with pytest.raises(NoRepositoryError):
            await hub.updates.install(Kind.ASR)
        await hub.trusts(home.url, home.repository)
        assert hub.arms.done == []
        with pytest.raises(NotEligibleError):
            await hub.updates.install(Kind.ASR, FIRST)
        with pytest.raises(UnknownBundleError):
            await hub.updates.install(Kind.ASR, "home-en@9.0.0")
        with pytest.raises(UnknownBundleError):
            await hub.updates.install(Kind.VAD)
        with pytest.raises(NothingToRollBackError):
            await hub.updates.roll_back(Kind.ASR)


async def test_a_model_that_the_owner_named_is_not_replaced(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data, chosen="small") as hub:
        await hub.trusts(home.url, home.repository)
        assert hub.arms.done == []
        failed = [one["code"] for one in told(hub)["offered"]["reasons"] if not one["holds"]]
        assert failed == ["model-chosen"]
        with pytest.raises(NotEligibleError, match=r"asr\.model"):
            await hub.updates.install(Kind.ASR)


async def test_an_owner_goes_back_and_what_is_left_is_not_tried_again(home: Home) -> None:
    with a_hub(home.data) as hub:
        await settled_at(home, hub, "1.0.0")
        await settled_at(home, hub, "1.1.0")
        assert told(hub)["previous"] == FIRST
        await hub.updates.roll_back(Kind.ASR)
        assert (hub.arms.served[Kind.ASR], told(hub)["last_rollback"]["code"]) == (FIRST, "owner")
        assert warnings_of(hub.updates) == []
        await hub.looks()
        assert hub.updates.state.of(Kind.ASR).active == FIRST
        with pytest.raises(DeniedError):
            await hub.updates.install(Kind.ASR, SECOND)
        await hub.updates.install(Kind.ASR, SECOND, again=True)
        await hub.updates.settled()
        assert told(hub)["candidate"]["label"] == SECOND
        await hub.updates.roll_back(Kind.ASR)
        assert (told(hub)["candidate"], hub.arms.served[Kind.ASR]) == (None, FIRST)
        await hub.updates.roll_back(Kind.ASR)
        assert hub.arms.served[Kind.ASR] == "base"


async def test_nobody_goes_to_an_older_version_that_nobody_signed_for_that(home: Home) -> None:
    with a_hub(home.data) as hub:
        home.publishes("1.0.0", percent=0)
        await settled_at(home, hub, "1.1.0")
        home.repository.roll_out(FIRST, percent=100)
        await hub.looks()
        assert hub.updates.state.of(Kind.ASR).active == SECOND
        with pytest.raises(VersionRollbackError):
            await hub.updates.install(Kind.ASR, FIRST)


@pytest.mark.parametrize("kept", [True, False])
async def test_a_version_that_is_called_back_is_left_for_the_one_that_is_named(home: Home, kept: bool) -> None:
    with a_hub(home.data) as hub:
        await settled_at(home, hub, "1.0.0")
        if not kept:
            await settled_at(home, hub, "1.1.0")
        last = "1.1.0" if kept else "1.2.0"
        await settled_at(home, hub, last)
        home.repository.withdraw(f"home-en@{last}", rollback_to="1.0.0")
        await hub.looks()
        left = told(hub)["last_rollback"]
        assert (left["label"], left["to"], left["code"]) == (f"home-en@{last}", FIRST, "withdrawn")
        assert hub.arms.served[Kind.ASR] == FIRST
        assert f"home-en@{last}" not in hub.updates.state.denied


async def test_a_version_that_is_called_back_while_it_is_unheard_is_dropped(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        home.repository.withdraw(FIRST)
        await hub.looks()
        assert hub.updates.state.of(Kind.ASR).candidate is None
        assert (hub.arms.served[Kind.ASR], hub.events[-1]) == ("base", f"rolled_back {FIRST}")


async def test_a_newer_version_takes_the_place_of_one_that_does_not_serve_yet(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.hears(2)
        home.publishes("1.1.0")
        await hub.looks()
        assert told(hub)["candidate"]["label"] == SECOND
        assert (hub.updates.state.denied, told(hub)["candidate"]["turns"]) == ({}, 0)


async def test_one_that_fails_its_trial_does_not_end_the_one_that_is_on_its_way(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.hears(2)
        home.publishes("1.1.0")
        hub.arms.fails["test"] = SelfTestError("it is deaf")
        await hub.looks()
        assert (told(hub)["candidate"]["label"], told(hub)["candidate"]["turns"]) == (FIRST, 2)
        assert (hub.arms.candidate, hub.arms.stage) == (FIRST, "shadow")


async def test_a_bundle_that_was_damaged_since_is_fetched_again(home: Home) -> None:
    with a_hub(home.data) as hub:
        await settled_at(home, hub, "1.0.0")
        await hub.updates.roll_back(Kind.ASR)
        (home.data / "bundles" / "installed" / FIRST / "model.bin").write_bytes(b"x")
        await hub.updates.install(Kind.ASR, FIRST, again=True)
        await hub.updates.settled()
        assert told(hub)["candidate"]["label"] == FIRST
        BundleFolder(home.data / "bundles").verify(FIRST)


async def test_a_candidate_goes_on_after_a_restart_where_it_was(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.hears(6)
        await hub.updates.aclose()
    with a_hub(home.data) as again:
        await again.updates.course.resume()
        candidate = told(again)["candidate"]
        assert (candidate["stage"], candidate["turns"], again.arms.done) == ("serving", 2, [f"serve {FIRST}"])


@contextmanager
def full_disk(hub: Hub) -> Iterator[None]:
    """Have the disk refuse the state."""
    book = hub.updates.book
    kept, book._kept = book._kept, FullDisk(book._kept)
    yield
    book._kept = kept


class FullDisk:
    """Reads, and takes nothing."""

    def __init__(self, kept: Any) -> None:
        self.read = kept.read

    def write(self, state: State) -> None:
        raise DiskError("The disk is full")


async def test_a_worse_bundle_stops_serving_even_where_the_disk_cannot_say_so(home: Home) -> None:
    with a_hub(home.data) as hub:
        await settled_at(home, hub, "1.0.0")
        home.publishes("1.1.0")
        await hub.looks()
        await hub.hears(9)
        assert hub.arms.served[Kind.ASR] == SECOND
        hub.updates.course.canary.trigger("memory", "it eats memory")
        with full_disk(hub):
            with pytest.raises(DiskError):
                await hub.updates.course.judge()
            assert hub.arms.served[Kind.ASR] == FIRST
        await hub.updates.course.judge()
        assert (hub.updates.state.of(Kind.ASR).active, hub.arms.served[Kind.ASR]) == (FIRST, FIRST)


async def test_a_step_that_the_disk_refused_is_taken_again(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.hears(3)
        with full_disk(hub), pytest.raises(DiskError):
            await hub.hears(1)
        assert (told(hub)["candidate"]["stage"], hub.updates.state.denied) == ("shadow", {})
        await hub.updates.course.judge()
        assert told(hub)["candidate"]["stage"] == "serving"


async def test_a_candidate_without_its_counts_begins_its_stage_anew(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.hears(6)
    BundleFolder(home.data / "bundles").write_canary(None)
    with a_hub(home.data) as again:
        await again.updates.course.resume()
        assert (told(again)["candidate"]["stage"], told(again)["candidate"]["turns"]) == ("serving", 0)


async def test_a_bundle_with_which_the_server_crashes_twice_is_left_before_it_is_loaded_a_third_time(
    home: Home,
) -> None:
    time = Time()
    home.publishes("1.0.0")
    with a_hub(home.data, time=time) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.hears(10)
        assert told(hub)["candidate"]["stage"] == "watch"
        mark = (home.data / "bundles" / "running.json").read_bytes()
    for _ in range(2):
        (home.data / "bundles" / "running.json").write_bytes(mark)  # as SIGKILL would leave it
        with a_hub(home.data, time=time) as hub:
            state = hub.updates.state
    assert state.of(Kind.ASR).active == ""
    assert state.last_rollback[Kind.ASR].code == "crashed"
    assert FIRST in state.denied
    with a_hub(home.data, time=time) as hub:
        await hub.updates._tick()
        assert hub.updates.course.canary.label == ""
        assert [one.ended for one in hub.updates.course.canary.counters()] == ["crashed"]


async def test_a_bundle_that_is_damaged_is_not_returned_to(home: Home) -> None:
    with a_hub(home.data) as hub:
        await settled_at(home, hub, "1.0.0")
        await settled_at(home, hub, "1.1.0")
        (home.data / "bundles" / "installed" / FIRST / "model.bin").write_bytes(b"x")
        await hub.updates.roll_back(Kind.ASR)
        assert hub.arms.served[Kind.ASR] == "base"
        assert hub.updates.state.of(Kind.ASR).active == ""
        assert [one.code for one in hub.happened[-2:]] == ["bundle-damaged", "owner"]


async def test_what_a_repository_says_and_is_not_believed_is_told_and_what_serves_goes_on(home: Home) -> None:
    with a_hub(home.data) as hub:
        await settled_at(home, hub, "1.0.0")
        home.repository.rewrite("timestamp", signers=[home.repository.keys["beta"][0]])
        with pytest.raises(Exception, match="sign"):
            await hub.looks()
        error = status_of(hub.updates)["repository"]["error"]
        assert error["code"] == "wrong-key"
        assert [(one["code"], one["subject"]) for one in warnings_of(hub.updates)] == [("bundle-refused", "")]
        assert hub.arms.served[Kind.ASR] == FIRST
        home.repository.refresh()
        await hub.looks()
        assert warnings_of(hub.updates) == []


async def test_what_is_no_root_is_not_trusted(home: Home) -> None:
    with a_hub(home.data) as hub:
        with pytest.raises(RootRefusedError):
            await hub.updates.trust(home.url, b"{}")
        assert status_of(hub.updates)["repository"] is None
        await hub.trusts(home.url, home.repository)
        await hub.updates.distrust()
        assert status_of(hub.updates)["repository"] is None


async def test_a_repository_is_trusted_only_if_it_can_be_looked_at(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        with pytest.raises(UnreachableRepositoryError):
            await hub.trusts("http://127.0.0.1:1", home.repository)
        assert status_of(hub.updates)["repository"] is None
        await hub.trusts(f"{home.url}/", home.repository)
        with pytest.raises(UnreachableRepositoryError):
            await hub.trusts("http://127.0.0.1:1", home.repository)
        assert status_of(hub.updates)["repository"]["url"] == home.url
        assert status_of(hub.updates)["repository"]["error"] is None
        assert hub.updates.repository.offers
        assert not (home.data / "bundles" / ".trying").exists()
        hub.updates.repository.error = UnreachableRepositoryError("It is away")
        assert warnings_of(hub.updates) == []


async def test_two_who_go_back_at_once_go_back_once(home: Home) -> None:
    with a_hub(home.data) as hub:
        await settled_at(home, hub, "1.0.0")
        await settled_at(home, hub, "1.1.0")
        done = await asyncio.gather(*(hub.updates.roll_back(Kind.ASR) for _ in range(2)), return_exceptions=True)
        assert [type(one) for one in done] == [type(None), NothingToRollBackError]
        assert (hub.updates.state.of(Kind.ASR).active, list(hub.updates.state.denied)) == (FIRST, [SECOND])


async def test_counters_of_a_day_go_to_the_publisher_who_asked_for_them_the_day_after(home: Home) -> None:
    sent: list[tuple[str, str]] = []

    async def send(url: str, fields: Mapping[str, object]) -> bool:
        sent.append((url, str(fields["label"])))
        return True

    home.publishes("1.0.0", reports_url="https://reports.example.org")
    with a_hub(home.data, replace(SMALL, reports=True), send=send) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.updates._tick()
        hub.time.passes(minutes=2)
        await hub.updates._tick()
        await hub.updates.settled()
        await hub.hears(3)
        for _ in range(24 + 13):
            hub.time.passes(hours=1)
            await hub.updates._tick()
            await hub.updates.settled()
        assert sent == [("https://reports.example.org", FIRST)]


async def test_what_was_counted_outlives_the_power_and_an_idle_hour_writes_nothing(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.hears(2)
        hub.time.passes(minutes=2)
        await hub.updates._tick()
        counted = home.data / "bundles" / "canary.json"
        written = counted.stat().st_mtime_ns
        hub.time.passes(minutes=2)
        await hub.updates._tick()
        assert counted.stat().st_mtime_ns == written
        assert Canary(SMALL, json.loads(counted.read_text())).turns == 2


async def test_a_second_server_or_command_keeps_its_hands_off(home: Home) -> None:
    with a_hub(home.data) as first, a_hub(home.data) as second:
        with pytest.raises(UpdateRunningError):
            await second.trusts(home.url, home.repository)
        await first.trusts(home.url, home.repository)


async def test_a_server_that_began_beside_a_command_takes_up_its_bundles_later(home: Home) -> None:
    home.publishes("1.0.0")
    command = ExitStack()
    first = command.enter_context(a_hub(home.data))
    await first.trusts(home.url, home.repository)
    with a_hub(home.data) as hub:
        command.close()
        await hub.updates._tick()
        assert hub.arms.done == []
        hub.time.passes(minutes=2)
        await hub.updates._tick()
        assert (hub.arms.candidate, hub.updates.state.of(Kind.ASR).candidate.label) == (FIRST, FIRST)


async def test_another_channel_is_looked_at_soon(home: Home) -> None:
    home.publishes("1.0.0", channel="beta")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        assert hub.updates.repository.offers == ()
        hub.updates.adopt(replace(SMALL, channel=type(SMALL.channel)("beta")))
        await hub.updates._tick()
        await asyncio.sleep(0)
        await hub.updates.settled()
        assert told(hub)["candidate"]["label"] == FIRST


async def test_another_publishers_bundle_of_the_same_name_is_not_taken_from_the_disk(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data, replace(SMALL, automatic=False)) as hub:
        await hub.trusts(home.url, home.repository)
        await hub.updates.install(Kind.ASR, FIRST)
        await hub.updates.settled()
        before = hub.updates.state.installed[FIRST]
        await hub.updates.course.drop(Kind.ASR, "replaced")
        other = a_repository(home.folder / "other")
        theirs = other.publish(a_bundle(home.folder / "theirs", files={"model.bin": b"another"}))
        with served(other.public) as url:
            await hub.trusts(url, other)
            await hub.updates.install(Kind.ASR, FIRST)
            await hub.updates.settled()
        now = hub.updates.state.installed[FIRST].manifest_sha256
        assert (now != before.manifest_sha256, now) == (True, theirs.manifest_sha256)
        assert (home.data / "bundles" / "installed" / FIRST / "model.bin").read_bytes() == b"another"


async def test_what_was_signed_anew_since_the_look_is_looked_at_again(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data, replace(SMALL, automatic=False)) as hub:
        await hub.trusts(home.url, home.repository)
        (offer,) = hub.updates.repository.offers
        hub.updates.repository.offers = (replace(offer, manifest_sha256="0" * 64),)
        await hub.updates.install(Kind.ASR, FIRST)
        await hub.updates.settled()
        assert told(hub)["last_refusal"]["code"] == "wrong-artefact"
        assert (hub.updates.state.installed, hub.updates.state.denied) == ({}, {})


class Slow:
    """Looks at repositories, and says what it has seen when a test lets it."""

    def __init__(self) -> None:
        self.go_on, self.has_looked = asyncio.Event(), asyncio.Event()

    async def __call__(self, job: Mapping[str, Any], on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        result = await run_here(job, on_progress)
        if job["action"] == "check":
            self.has_looked.set()
            await self.go_on.wait()
        return result


async def test_a_look_that_ends_after_its_repository_or_channel_was_left_leads_to_nothing(home: Home) -> None:
    home.publishes("1.0.0", channel="beta")
    beta = replace(SMALL, automatic=False, channel=type(SMALL.channel)("beta"))
    with a_hub(home.data, beta, run_job=(slow := Slow())) as hub:
        slow.go_on.set()
        await hub.trusts(home.url, home.repository)
        assert len(hub.updates.repository.offers) == 1
        for leave in ("channel", "repository"):
            slow.go_on.clear()
            slow.has_looked.clear()
            look = asyncio.create_task(hub.updates.check())
            await slow.has_looked.wait()
            if leave == "channel":
                hub.updates.adopt(SMALL)
            else:
                await hub.updates.distrust()
            slow.go_on.set()
            with pytest.raises(UpdateRunningError):
                await look
            assert (hub.updates.repository.offers, hub.arms.done) == ((), [])
            if leave == "channel":
                with pytest.raises(UnknownBundleError):
                    await hub.updates.install(Kind.ASR, FIRST)


async def test_looks_are_hours_apart_and_shifted_by_chance(home: Home) -> None:
    home.publishes("1.0.0")
    with a_hub(home.data) as hub:
        await hub.trusts(home.url, home.repository)
        home.publishes("1.1.0")
        hub.time.passes(minutes=2)
        await hub.updates._tick()
        await hub.updates.settled()
        assert told(hub)["candidate"]["label"] == SECOND
        home.publishes("1.2.0")
        hub.time.passes(minutes=40)
        await hub.updates._tick()
        await hub.updates.settled()
        assert told(hub)["candidate"]["label"] == SECOND
        hub.time.passes(minutes=40)
        await hub.updates._tick()
        await hub.updates.settled()
        assert told(hub)["candidate"]["label"] == THIRD


def test_the_status_holds_what_the_description_says(tmp_path: Path) -> None:
    with a_hub(tmp_path / "data") as hub:
        shape = STATUS.inner.schema["bundles"]
        assert checked(shape, status_of(hub.updates)) == status_of(hub.updates)
