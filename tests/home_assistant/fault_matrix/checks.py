"""What is looked at in a cell: what is shown, whether all heals by itself, and that nothing vanished."""

import contextlib
from dataclasses import dataclass
from typing import Any

from tests.home_assistant.recoveries import there

from .cell import Cell
from .designed import CLOUD, EDGE, HEALS_SECONDS
from .house import House
from .waiting import AWAY, until

MODE = "_mode"
"""How the entity ends that shows it."""
OF_THIS_MACHINE = "hub-saturated"
"""A warning that several houses on one machine bring about."""


async def shown(house: House, cell: Cell) -> None:
    """Check what the hub and Home Assistant show while it lasts."""
    design = cell.design
    if design.modes:
        await _mode_shown(house, cell)
    if design.warns:
        await _warned(house, cell)
    seen = frozenset({design.seen}) if design.seen else design.modes

    async def sees() -> bool:
        return bool(seen & set(_modes(await house.states())))

    if house.hass is not None and seen and not await until(sees, design.shown_s):
        cell.wrong.append(f"Home Assistant does not show {' or '.join(sorted(seen))}")


async def _mode_shown(house: House, cell: Cell) -> None:
    status: dict[str, Any] = {}

    async def shows() -> bool:
        status.update(await house.hub.get("/api/v1/status"))
        return status["mode"] in cell.design.modes

    if not await until(shows, cell.design.shown_s):
        cell.wrong.append(f"mode {status.get('mode')}, not {' or '.join(sorted(cell.design.modes))}")
    cell.mode = status.get("mode", "")
    if not (status.get("mode_reason") and status.get("mode_ends") and status.get("mode_since")):
        cell.wrong.append("the mode says not why, since when, or what ends it")


async def _warned(house: House, cell: Cell) -> None:
    codes: set[str] = set()

    async def warns() -> bool:
        status = await house.hub.get("/api/v1/status")
        codes.clear()
        codes.update(one["code"] for one in status["warnings"])
        return cell.design.warns in codes or await _is_written(house, status["last_turn"])

    if not await until(warns, cell.design.shown_s):
        cell.wrong.append(f"warns of {sorted(codes)}, not of {cell.design.warns}")


async def _is_written(house: House, turn: dict[str, Any] | None) -> bool:
    """Tell whether a turn is in the records: SQLite's log may have room of its own left on a full disk."""
    with contextlib.suppress(*AWAY):
        newest = (await house.hub.get("/api/v1/records?limit=1"))["records"]
        return bool(turn and newest and newest[0].get("turn_id") == turn["turn_id"])
    return False


def _modes(states: dict[str, str]) -> list[str]:
    return [state for name, state in states.items() if name.startswith("sensor.") and name.endswith(MODE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """How the house was before anything went wrong."""

    mode: str
    model: str
    entities: frozenset[str]
    uploads: int
    rows: int
    shopping: tuple[str, ...]
    server_said: int
    hass_said: int

    @classmethod
    async def of(cls, house: House) -> Before:
        """Look at it."""
        status = await house.hub.get("/api/v1/status")
        return cls(
            mode=status["mode"],
            model=status["model"]["name"],
            entities=frozenset(await house.states()),
            uploads=house.service.uploads,
            rows=await _newest_row(house),
            shopping=tuple(await house.shopping()) if house.hass else (),
            server_said=len(house.hub.said()),
            hass_said=len(house.said()),
        )

    async def healed(self, house: House, cell: Cell) -> bool:
        """Wait until all is as it was, and speak; nobody does anything for it. Return whether it came to that."""
        missing: list[str] = []

        async def is_back() -> bool:
            missing[:] = [await self._missing(house)]
            if missing[0].startswith("mode edge_only"):  # a lane is tried again by a turn that needs it
                await house.says()
            return not missing[0]

        if not await until(is_back, cell.design.heals_s, every=0.2):
            cell.wrong.append(f"not healed: {missing}")
            return False
        await house.hub.put("/api/v1/policy", {"routing_mode": "auto"})
        # Who was failed before, and says it again, may be heard by a lane.
        failed = any(got.kind == "error" for _, got in cell.turns)
        cell.ended("healed", await house.says(), frozenset({EDGE, CLOUD} if failed else {EDGE}))
        return True

    async def _missing(self, house: House) -> str:
        """Return what is not as it was; empty where all is."""
        try:
            status = await house.hub.get("/api/v1/status")
        except AWAY as error:
            return f"the hub does not answer ({type(error).__name__})"
        warnings = {one["code"] for one in status["warnings"]} - {OF_THIS_MACHINE}
        differs = [
            f"mode {status['mode']}: {status['mode_reason']}" * (status["mode"] != self.mode),
            f"the model is {status['model']['name']}" * (status["model"]["name"] != self.model),
            f"warnings {sorted(warnings)}" * bool(warnings),
        ]
        if house.hass is not None:
            states = await house.states()
            all_there = there(states) and self.entities <= states.keys()
            differs += ["entities are not available" * (not all_there)]
            differs += [f"Home Assistant shows {_modes(states)}" * (_modes(states) != [self.mode])]
        return next(filter(None, differs), "")

    async def held(self, house: House, cell: Cell) -> None:
        """Check that nothing has vanished, and nothing of ours broke."""
        uploads, rows = house.service.uploads - self.uploads, await _newest_row(house) - self.rows
        if rows < uploads:
            cell.wrong.append(f"{uploads} uploads and {rows} rows in the ledger")
        if traces := house.hub.said()[self.server_said :].count("Traceback"):
            cell.wrong.append(f"{traces} stack traces in the server's log")
        if "Traceback" in (said := house.said()[self.hass_said :]) and "edge_voice" in said:
            cell.wrong.append("stack traces in Home Assistant's log")

    async def replayed(self, house: House, cell: Cell) -> None:
        """Wait until the request was done once, or is shown to its owner; without Home Assistant, until it is ready."""
        states: list[str] = []
        added: list[str] = []

        async def is_over() -> bool:
            states[:] = [one["state"] for one in await house.waiting()]
            if house.hass is None:
                return states == ["ready"]
            added[:] = (await house.shopping())[len(self.shopping) :]
            return added == ["Milk"] if not states else set(states) <= {"interrupted", "failed", "unheard"}

        if not await until(is_over, HEALS_SECONDS, every=0.2):
            cell.wrong.append(f"the request is not over: {states}, added {added}")
        if len(added) > 1 or (added and states):
            cell.wrong.append(f"done twice, or done and kept: {added}, {states}")
        cell.request = "done" if added else ", ".join(states)
        await house.hub.delete("/api/v1/queue")


async def _newest_row(house: House) -> int:
    """Return the number of the last upload that was written down; it may be on its way to the disk."""
    rows: list[dict[str, Any]] = []
    with contextlib.suppress(*AWAY):
        rows = (await house.hub.get("/api/v1/ledger?limit=1"))["rows"]
    return int(rows[0]["number"]) if rows else 0
