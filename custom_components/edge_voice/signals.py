"""What the parts of the integration tell each other without holding on to each other: a reload loses no listener."""

from typing import Final

from homeassistant.util.signal_type import SignalType

from .protocol import Asking, Turn
from .protocol_bundles import BundleMoved

SIGNAL_TURN: Final[SignalType[str, Turn]] = SignalType("edge_voice_turn")
"""A turn has ended: the entry's id, the turn."""
SIGNAL_ASKING: Final[SignalType[str, Asking]] = SignalType("edge_voice_asking")
"""A turn has just been sent to a speech service: the entry's id, which turn and which service."""
SIGNAL_BUNDLE: Final[SignalType[str, BundleMoved]] = SignalType("edge_voice_bundle")
"""A bundle has moved: the entry's id, what has become of which bundle."""
SIGNAL_TEXT_RETURNED: Final[SignalType[str, float]] = SignalType("edge_voice_text_returned")
"""The speech-to-text entity has returned: the turn's id, and the milliseconds since the server's transcript came."""
