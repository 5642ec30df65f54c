"""What goes wrong in a home, each made and ended from outside of all programs."""

import asyncio
import contextlib
import functools
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from .designed import PAUSE_SECONDS, PULLED
from .house import House
from .machine import fill
from .moments import spoken_and_struck

type Group = Literal["model", "cloud", "host"]
YEAR_SECONDS = 366 * 86_400.0
ALL_THAT_IT_MAY_TAKE = 1 << 20
"""Bytes of memory: less than it has, so that it gets no more."""
WRONG = {
    "idle": "html",
    "mid-sentence": "wrong-types",
    "mid-decode": "half-json",
    "mid-upload": "closes-mid-body",
    "mid-queue-replay": "json-list",
}
"""Moment → what the service answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    group: Group
    strike: Callable[[House, str], Awaitable[None]]
    """Make it happen now, at a moment of that name."""
    worsen: Callable[[House, str], Awaitable[None]] | None = None
    """What follows once the turn that was struck is over."""
    end: Callable[[House], Awaitable[None]]
    """End its cause; what it broke must mend by itself."""
    answers: bool = False
    """It lies in the service's answer: it is made before the speech goes there."""
    counts: bool = False
    """The hub counts it: a model that crashes too often is left alone."""
    lacks: Callable[[House], str] = lambda _: ""
    """Why it cannot be made on this machine; empty where it can."""


async def _nothing(_house: House) -> None:
    """Stand for what ends by itself."""


# The model.


async def _lose_model(house: House, _moment: str) -> None:
    (house.hub.model / "model.bin").unlink()


async def _garble_model(house: House, _moment: str) -> None:
    file = house.hub.model / "model.bin"
    with file.open("r+b") as weights:  # in place, as a dying card does
        weights.write(os.urandom(file.stat().st_size))


async def _reboot_without_hub_of_models(house: House, _moment: str) -> None:
    house.way_to_models.stalls(stalled=True)
    await house.hub.restart()


async def _models_come_again(house: House) -> None:
    house.way_to_models.stalls(stalled=False)


async def _crash(house: House, _moment: str) -> None:
    house.hub.signal(signal.SIGSEGV)


async def _crash_again(house: House, moment: str) -> None:
    """In the middle of a decode a crash is the model's, and the second one in a row means something."""
    await house.hub.again()
    if moment == "mid-decode":
        await spoken_and_struck(house, moment, functools.partial(_crash, house, moment))
        await house.hub.again()


async def _lose_everything(house: House, _moment: str) -> None:
    (house.hub.model / "model.bin").unlink()
    house.way_to_models.stalls(stalled=True)
    house.hub.lacks_starter = True
    house.hub.signal(signal.SIGKILL)
    await house.service.fails("refuses-connection")


async def _see_nothing_left(house: House, _moment: str) -> None:
    """Speak once it is back: that a service is gone is known by asking it."""
    await house.hub.again()
    await house.says()


async def _something_comes_again(house: House) -> None:
    house.hub.lacks_starter = False
    await house.service.fails(None)
    house.way_to_models.stalls(stalled=False)


async def _time_passes(house: House) -> None:
    """By the hub's clock, for as long as what crashed twice is left alone; then the machine starts again."""
    house.clock.move(PAUSE_SECONDS)
    await house.hub.restart()


async def _model_stands(house: House, _moment: str) -> None:
    assert house.threads is not None
    house.stands = True
    house.threads.hold(house.threads.decoding(house.hub.pid))


async def _model_goes_on(house: House) -> None:
    assert house.threads is not None
    house.stands = False
    house.threads.release()


# The cloud.


def _service(fault: str) -> Callable[[House, str], Awaitable[None]]:
    async def strike(house: House, _moment: str) -> None:
        await house.service.fails(fault)

    return strike


async def _wrong(house: House, moment: str) -> None:
    await house.service.fails(WRONG[moment])


async def _slow(house: House, _moment: str) -> None:
    house.service.signal(signal.SIGSTOP)


async def _fast(house: House) -> None:
    house.service.signal(signal.SIGCONT)


async def _well(house: House) -> None:
    await house.service.fails(None)


async def _no_name(house: House, moment: str) -> None:
    assert house.resolver is not None
    house.resolver.does = "deny" if moment in {"idle", "mid-upload"} else "ignore"
    if moment != "mid-upload":  # there, the connection is spared, and the answer may come
        await house.service.drop()


async def _drop(house: House, _moment: str) -> None:
    await house.service.drop()


async def _named_again(house: House) -> None:
    assert house.resolver is not None
    house.resolver.does = "answer"


# The host.


async def _fill(house: House, _moment: str) -> None:
    await asyncio.to_thread(fill, house.filler)


async def _make_room(house: House) -> None:
    house.filler.unlink(missing_ok=True)


async def _ahead(house: House, _moment: str) -> None:
    house.clock.move(YEAR_SECONDS)


async def _behind(house: House, _moment: str) -> None:
    house.clock.move(-YEAR_SECONDS)


async def _true_time(house: House) -> None:
    house.clock.move(0)


async def _no_memory(house: House, _moment: str) -> None:
    resource.prlimit(house.hub.pid, resource.RLIMIT_AS, (ALL_THAT_IT_MAY_TAKE, resource.RLIM_INFINITY))


async def _memory_again(house: House) -> None:
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(house.hub.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def _kill(house: House, _moment: str) -> None:
    house.hub.signal(signal.SIGKILL)


async def _cut(house: House, moment: str) -> None:
    if house.hass and moment in PULLED:  # a cable that is pulled tells nobody
        house.wire.stalls(stalled=True)
    else:
        house.wire.cut = True
        await house.wire.end()


async def _join(house: House) -> None:
    house.wire.cut = False
    house.wire.stalls(stalled=False)


async def _end_home_assistant(house: House, _moment: str) -> None:
    await house.stop_home_assistant()


async def _home_assistant_again(house: House) -> None:
    await house.start_home_assistant()


FAULTS = (
    Fault(
        name="model missing",
        group="model",
        strike=_lose_model,
        worsen=_reboot_without_hub_of_models,
        end=_models_come_again,
    ),
    Fault(
        name="model corrupt",
        group="model",
        strike=_garble_model,
        worsen=_reboot_without_hub_of_models,
        end=_models_come_again,
    ),
    Fault(name="model crashing", group="model", strike=_crash, worsen=_crash_again, end=_time_passes, counts=True),
    Fault(
        name="model slow",
        group="model",
        strike=_model_stands,
        end=_model_goes_on,
        lacks=lambda house: "" if house.threads else "the kernel offers no freezer for single threads",
    ),
    Fault(
        name="every model and the cloud",
        group="model",
        strike=_lose_everything,
        worsen=_see_nothing_left,
        end=_something_comes_again,
        counts=True,
        lacks=lambda house: "" if house.resolver else "only root may hide the packaged model",
    ),
    Fault(name="cloud refused", group="cloud", strike=_service("refuses-connection"), end=_well),
    Fault(name="cloud slow", group="cloud", strike=_slow, end=_fast),
    Fault(name="cloud wrong", group="cloud", strike=_wrong, end=_well, answers=True),
    Fault(name="cloud 429", group="cloud", strike=_service("http-429-seconds"), end=_well, answers=True),
    Fault(
        name="cloud DNS",
        group="cloud",
        strike=_no_name,
        worsen=_drop,
        end=_named_again,
        lacks=lambda house: "" if house.resolver else "only root may have a resolver of its own",
    ),
    Fault(name="cloud TLS", group="cloud", strike=_service("certificate-expired"), end=_well),
    Fault(
        name="disk full",
        group="host",
        strike=_fill,
        end=_make_room,
        lacks=lambda house: "" if house.has_disk else "only root may mount a disk",
    ),
    Fault(
        name="clock jump",
        group="host",
        strike=_ahead,
        worsen=_behind,
        end=_true_time,
        lacks=lambda house: "" if house.clock.environment else "there is no C compiler",
    ),
    Fault(name="memory pressure", group="host", strike=_no_memory, end=_memory_again),
    Fault(name="server killed", group="host", strike=_kill, end=_nothing, counts=True),
    Fault(name="network cut", group="host", strike=_cut, end=_join),
    Fault(
        name="Home Assistant restarted",
        group="host",
        strike=_end_home_assistant,
        end=_home_assistant_again,
        lacks=lambda house: "" if house.hass else "there is no Home Assistant here",
    ),
)
BY_NAME = {one.name: one for one in FAULTS}
MOMENTS = ("idle", "mid-sentence", "mid-decode", "mid-upload", "mid-queue-replay")
