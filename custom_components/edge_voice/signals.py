"""What the parts of the integration tell each other without holding on to each other: a reload loses no listener."""

from typing import Final

from homeassistant.util.signal_type import SignalType

from .protocol import Asking, MonthOver, Satellite, Status, Turn
from .protocol_bundles import BundleMoved
from .protocol_past import DriftMoved
from .protocol_queue import QueueMoved
from .queue_stages import Finished

SIGNAL_TURN: Final[SignalType[str, Turn]] = SignalType("edge_voice_turn")
"""A turn has ended: the entry's id, the turn."""
SIGNAL_ASKING: Final[SignalType[str, Asking]] = SignalType("edge_voice_asking")
"""A turn has just been sent to a speech service: the entry's id, which turn and which service."""
SIGNAL_BUNDLE: Final[SignalType[str, BundleMoved]] = SignalType("edge_voice_bundle")
"""A bundle has moved: the entry's id, what has become of which bundle."""
SIGNAL_DRIFT: Final[SignalType[str, DriftMoved]] = SignalType("edge_voice_drift")
"""A figure has become worse, or is as before again: the entry's id, which and how."""
SIGNAL_MONTH: Final[SignalType[str, MonthOver]] = SignalType("edge_voice_month")
"""A month's scorecard is there: the entry's id, its headline."""
SIGNAL_QUEUE: Final[SignalType[str, QueueMoved]] = SignalType("edge_voice_queue")
"""A request that waits has moved: the entry's id, which and how."""
SIGNAL_FINISHED: Final[SignalType[str, Finished]] = SignalType("edge_voice_finished")
"""A request that waited was done, or was not, here: the entry's id, how it ended and what was answered."""
SIGNAL_MODE: Final[SignalType[str, Status, str]] = SignalType("edge_voice_mode")
"""A hub's mode has changed: the entry's id, its status, and the mode before."""
SIGNAL_SATELLITE: Final[SignalType[str, Satellite, str]] = SignalType("edge_voice_satellite")
"""A satellite's state has changed: the entry's id, the satellite, and the state before."""
SIGNAL_TEXT_RETURNED: Final[SignalType[str, float]] = SignalType("edge_voice_text_returned")
"""The speech-to-text entity has returned: the turn's id, and the milliseconds since the server's transcript came."""
