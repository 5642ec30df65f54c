"""What becomes of bundles, as automations see it."""

from dataclasses import asdict
from typing import Any, Final

from .protocol_bundles import BundleMoved

ROLLED_BACK: Final = "rolled_back"
BUNDLE_EVENTS: Final = (
    *("offered", "installing", "shadow", "serving", "watch", "settled", "activated"),
    *(ROLLED_BACK, "refused"),
)


def bundle_attributes(moved: BundleMoved) -> dict[str, Any]:
    """Return what is known of it as JSON."""
    known = asdict(moved)
    del known["event"]
    return known | {"at": moved.at.isoformat() if moved.at else None, "evidence": [*known["evidence"]]}
