"""What the control API needs of the server behind it. Values are JSON as docs/control-api.md describes it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from .control_told import Bundles, Drift, History, Metrics, Months, Privacy, Queue

type Json = dict[str, Any]
"""A JSON object."""


class Surface(Protocol):
    """What the owner sees and steers. Every refusal is an EdgeVoiceError; nothing here blocks the loop."""

    def health(self) -> Json:
        """Return what anybody may know."""

    def status(self) -> Json:
        """Return the whole status."""

    def admit(self, address: str) -> None:
        """Hear that a peer at an address has shown the token: it may use lanes and name satellites."""

    def events(self) -> AsyncIterator[Json]:
        """Yield messages: `status` first, `asking`, `turn`, `wake`, `bundle`, `drift`, `queue` and `scorecard`.

        Ends when the listener is behind.
        """

    # Policy.

    def policy(self) -> Json:
        """Return every choice of the owner."""

    async def change_policy(self, changes: Mapping[str, Any]) -> Json:
        """Take some and return all. Raises InvalidSettingsError, DiskError."""

    async def reset_policy(self) -> Json:
        """Return to the settings file. Raises DiskError."""

    # Lanes.

    def lanes(self) -> Json:
        """Return `lanes` and `providers`."""

    async def change_lanes(self, lanes: Sequence[Mapping[str, Any]]) -> Json:
        """Replace those that are not from the settings file. Raises UsageError, DiskError."""

    async def test_lane(self, lane: Mapping[str, Any]) -> Json:
        """Send a packaged recording to a lane. Raises LaneError, UsageError."""

    # What the integration tells.

    async def change_vocabulary(self, vocabulary: Mapping[str, Sequence[str]], country: str | None = None) -> Json:
        """Take the home's names; return how many of each. `country` says where it is; None: nothing about that."""

    def turns(self, most: int) -> Sequence[Json]:
        """Return the last turns, the newest first."""

    def told_outcome(self, turn_id: str, result: str, intent: str | None) -> Json:
        """Hear what the conversation made of a turn's text. Raises UnknownTurnError."""

    def told_correction(self, turn_id: str, text: str) -> Json:
        """Hear what was really said. Raises UnknownTurnError."""

    async def begin_upload(self, turn_id: str, lane: str, seconds: float) -> Json:
        """Write down that the client is about to ask its own lane. Raises LaneError, UnknownLaneError, DiskError."""

    async def end_upload(self, turn_id: str, upload: int, ended: Mapping[str, Any]) -> Json:
        """Hear how that ended: `ending`, `took_ms` and `text`. Raises UnknownTurnError."""

    # Satellites, ledger, recordings.

    def satellites(self) -> Sequence[Json]:
        """Return each that was heard, or has settings."""

    async def change_satellite(self, satellite: str, changes: Mapping[str, Any]) -> Json:
        """Change some of a satellite's settings and return it. Raises InvalidSettingsError, DiskError."""

    async def forget_satellite(self, satellite: str) -> None:
        """Forget its settings and evidence. Raises UnknownSatelliteError, DiskError."""

    async def ledger(self, most: int, before: int | None) -> Json:
        """Return rows and sums. Raises DiskError."""

    async def write_ledger(self, rows: Sequence[Mapping[str, Any]]) -> Json:
        """Write down uploads that a client made while the server was away. Raises DiskError, UnknownLaneError."""

    async def transcribe(self, wav: bytes, *, language: str | None, lane: str, prompt: Sequence[str]) -> Json:
        """Return a turn's fields with its `text`; its times in `seconds`. Raises EdgeVoiceError."""

    # What is asked of parts of their own.

    @property
    def bundles(self) -> Bundles:
        """Signed models."""

    @property
    def history(self) -> History:
        """Turns as the records have them."""

    @property
    def privacy(self) -> Privacy:
        """What is kept, and its end."""

    @property
    def drift(self) -> Drift:
        """Slow changes for the worse."""

    @property
    def months(self) -> Months:
        """Scorecards and baselines."""

    @property
    def queue(self) -> Queue:
        """Requests that wait."""

    @property
    def metrics(self) -> Metrics:
        """Counters for Prometheus."""
