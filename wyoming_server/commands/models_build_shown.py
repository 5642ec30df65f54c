"""What `models build` tells."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..bundles.bundle import Bundle, FloorError, Kind
from ..publisher.calibrate import Calibrated, Held


def told(folder: Path, bundle: Bundle, found: Calibrated | None) -> dict[str, Any]:
    """Return the JSON object."""
    return {
        "label": bundle.label,
        "folder": str(folder),
        "bytes": sum(one.length for one in bundle.files),
        "golden": len(bundle.golden),
        "context_floor_frames": bundle.context_floor_frames,
        "recordings": found.calibration.recordings if found else 0,
        "floors": [asdict(one) for one in found.calibration.floors] if found else [],
        "held": [asdict(one) for one in found.held] if found else [],
        "resources": asdict(bundle.resources) if bundle.resources else None,
    }


def shown(folder: Path, bundle: Bundle, found: Calibrated | None) -> list[str]:
    """Return the lines that people read."""
    lines = [] if found is None else [*_table(found), ""]
    if bundle.kind is Kind.ASR and found is None:
        lines.append("Not calibrated: --recordings would show whether a shorter context is as good.")
    lines.append(f"{bundle.label} is in '{folder}'; `edge-voice models publish` brings it to a channel.")
    if bundle.kind is Kind.ASR:
        lines.append(f"Context: {bundle.context_floor_frames / 100:g} s at least.")
    lines.append(f"Golden recordings: {len(bundle.golden)}, heard right in a process of its own.")
    if (took := bundle.resources) is not None:
        times = f"{took.p50_ms:.0f} ms (p95 {took.p95_ms:.0f} ms)"
        lines.append(f"It takes {took.memory_mb:.0f} MB, and {times} for a recording, on {took.machine}.")
    return lines


def _table(found: Calibrated) -> list[str]:
    held = {one.context_floor_frames: one for one in found.held}
    rows = [_row(error, held.get(error.context_floor_frames)) for error in found.calibration.floors]
    return [f"{'floor':>6}  word error  sentence error", *rows]


def _row(error: FloorError, held: Held | None) -> str:
    verdict = "the whole context" if held is None else f"{'allowed' if held.allowed else 'refused'}: {held.reason}"
    floor = f"{error.context_floor_frames / 100:g} s"
    return f"{floor:>6}  {error.word_error:10.1%}  {error.sentence_error:14.1%}  {verdict}"
