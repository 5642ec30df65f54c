"""One cell: a fault at a moment, what came of it, and whether that is what was designed."""

import time

from .cell import Cell
from .checks import Before, shown
from .designed import designed
from .faults import Fault
from .house import House
from .moments import replay, spoken_and_struck
from .waiting import AWAY

REPLAY = "mid-queue-replay"


async def tried(house: House, fault: Fault, moment: str) -> Cell:
    """Try one cell; where it held, the house is as it was."""
    cell = Cell(fault=fault.name, moment=moment, design=designed(fault.name, moment), skipped=fault.lacks(house))
    if cell.skipped:
        return cell
    began_s = time.monotonic()
    if fault.counts:
        await house.hub.start_anew()
    before = await Before.of(house)
    try:
        await _gone_wrong(house, fault, cell)
    except (*AWAY, AssertionError) as error:
        cell.wrong.append(f"broke off: {type(error).__name__} {error}"[:300])
    finally:
        await fault.end(house)
    ended_s = time.monotonic()
    if await before.healed(house, cell):
        cell.heals_s = time.monotonic() - ended_s
        house.clock.move(0)
        if moment == REPLAY:
            await before.replayed(house, cell)
        await before.held(house, cell)
    cell.seconds = time.monotonic() - began_s
    return cell


async def _gone_wrong(house: House, fault: Fault, cell: Cell) -> None:
    """Strike, speak while it lasts, and look at what is shown."""
    everything = "cloud" if cell.design.sends_all else "auto"
    await house.hub.put("/api/v1/policy", {"routing_mode": everything})
    await _strike(house, fault, cell)
    if fault.worsen:
        await fault.worsen(house, cell.moment)
    if cell.design.during and house.is_there:
        cell.ended("meanwhile", await house.says(), cell.design.during)
    await shown(house, cell)


async def _strike(house: House, fault: Fault, cell: Cell) -> None:
    moment = cell.moment

    async def strike() -> None:
        await fault.strike(house, moment)

    async def well() -> None:
        await (strike() if fault.answers else house.service.fails(None))

    async def nothing() -> None:
        """Stand for a fault that lies in the answer, and so was made before."""

    if moment == REPLAY:
        cell.turns.append(("kept", await replay(house, well, nothing if fault.answers else strike)))
        return
    early = fault.answers and moment == "mid-upload"
    if early:
        await strike()
    got = await spoken_and_struck(house, moment, nothing if early else strike)
    if got is not None:
        cell.ended("struck", got, cell.design.struck)
