"""Values whose numbers are checked at birth, and whose ranges the settings can read."""

import dataclasses
import math
from typing import Any


def ranged(default: float | None = None, *, at_least: float, at_most: float = math.inf) -> Any:
    """Return a dataclass field for a number within [at_least, at_most]."""
    metadata = {"at_least": at_least, "at_most": at_most}
    if default is None:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class Checked:
    """A dataclass that refuses, with ValueError, a `ranged` field outside its range."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Check every ranged field."""
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            if "at_least" not in field.metadata:
                continue
            value = getattr(self, field.name)
            low, high = field.metadata["at_least"], field.metadata["at_most"]
            if not low <= value <= high:  # NaN fails here too
                raise ValueError(f"{type(self).__name__}.{field.name} is {value}; allowed is {low} to {high}")
