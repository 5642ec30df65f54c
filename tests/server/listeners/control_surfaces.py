"""A surface that remembers what it was asked, behind a real control port."""

import asyncio
import contextlib
import io
import time
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from wyoming_server.errors import EdgeVoiceError, UnknownSatelliteError, UnknownTurnError
from wyoming_server.listeners.control_door import ControlDoor, open_control
from wyoming_server.listeners.control_settings import ControlSettings
from wyoming_server.listeners.control_surface import Json

from .past_surfaces import ALARM, AT, BASELINE, HEADLINE, KEPT_NOW, RecordingDrift, RecordingPast
from .queue_surfaces import WAITING_NOW, RecordingQueue

SERVER_ID = "0123456789abcdef" * 2
TURN: Json = {
    "turn_id": "a-turn", "at": AT, "satellite": "assist_satellite.kitchen", "microphone_class": "far_field",
    "language": "en", "action": "accept", "reason": "the risk is low", "why": "+18 quiet room noise",
    "intent": "HassTurnOn", "route": "edge", "lane": None, "risk": 0.04, "threshold": 0.31, "points": {"base": -20.0},
    "class": "device-command", "critical": False,
    "lanes": [{"lane": "OpenAI", "ending": "answered", "seconds": 1.9, "took_ms": 412.0, "cost": 0.0002}],
    "model": "base", "rules": [], "ended_by": "silence", "quality": {"snr_db": 21.0, "clipping": 0.0},
    "latency_ms": {"capture": 64.0, "last_word_to_text": 182.2}, "error": None,
}  # fmt: skip
SATELLITE: Json = {
    "id": "assist_satellite.kitchen", "microphone_class": "far_field", "answer_early": True, "wake_threshold": None,
    "routing_mode": None, "state": "good", "reason": "", "since": AT, "ends": "",
    "evidence": {"turns": 20, "wakes": 31, "false_wakes": 2, "snr_db": 18.5, "clipping": 0.0, "clipped_turns": 0,
                 "noisy_turns": 1, "cut_starts": 1},
    "suggestion": {"setting": "wake_threshold", "value": 0.6, "why": "it wakes at the television"},
}  # fmt: skip
POLICY: Json = {
    "routing_mode": "auto", "cloud_allowed": True, "audits": True, "keep_transcripts": False, "error_target": 0.05,
    "cloud_seconds_per_day": 600, "audit_seconds_per_day": 60, "hedge_seconds_per_day": 60,
    "cloud_money_per_month": 5, "hedge": False, "wake_threshold": 0.5, "answer_early": True, "confirm_critical": True,
    "refuse_unconfirmed": False, "defer": False, "list_hours": 24.0, "note_hours": 24.0, "reminder_hours": 4.0,
    "ask_text": True, "release_channel": "stable",
    "automatic_updates": True, "cohort_reports": False, "log_level": "info", "keep_recordings": False,
}  # fmt: skip
LANE: Json = {
    "name": "OpenAI", "provider": "openai", "trust": "cloud", "state": "ready", "reason": "", "consent": "2026-11-22",
    "key_ends": "x4Qz", "languages": [], "error_code": None, "from_file": False,
}  # fmt: skip
LANES: Json = {
    "lanes": [LANE, LANE | {"name": "LAN", "consent": None, "key_ends": None, "deadline_seconds": 1.5}],
    "providers": [{"provider": "openai", "title": "OpenAI", "needs": ["key"], "optional": ["url", "model"],
                   "url": "https://api.openai.com/v1", "models": ["gpt-transcribe"], "price_per_minute": 0.0045,
                   "as_of": "2026-11-22", "trust": "cloud"}],
}  # fmt: skip
LABEL = "home-en@1.2.0"
EVIDENCE: list[Json] = [
    {"metric": "failed", "baseline": 0.05, "candidate": 0.04, "baseline_turns": 500, "candidate_turns": 50,
     "e_value": 0.3},
]  # fmt: skip
OFFER: Json = {
    "label": LABEL, "name": "home-en", "version": "1.2.0", "kind": "asr", "eligible": True, "notes": "",
    "bytes": 48_000_000, "reasons": [{"code": "region", "holds": True, "message": "It is for every region."}],
}  # fmt: skip
_NONE: Json = dict.fromkeys(("active", "previous", "offered", "candidate", "work", "last_rollback", "last_refusal"))
BUNDLES: Json = {
    "repository": {"url": "https://models.example.org", "channel": "stable", "checked_at": AT,
                   "error": {"code": "repository-frozen", "message": "it shows what it showed"}},
    "region": "DE", "hub_class": "pi5",
    "kinds": [
        {"kind": "asr",
         "active": {"label": "home-en@1.1.0", "name": "home-en", "version": "1.1.0", "signed": True, "since": AT},
         "previous": "home-en@1.0.0", "offered": OFFER,
         "candidate": {"label": LABEL, "stage": "shadow", "since": AT, "turns": 12, "turns_to_go": 38, "share": 0.5,
                       "evidence": EVIDENCE},
         "work": {"action": "install", "label": LABEL, "state": "downloading", "progress": 0.4},
         "last_rollback": {"label": LABEL, "to": "home-en@1.1.0", "code": "worse", "at": AT, "message": "it fails more",
                           "evidence": EVIDENCE},
         "last_refusal": {"label": LABEL, "code": "tampered", "at": AT, "message": "its bytes are others"}},
        {"kind": "wake", **_NONE}, {"kind": "vad", **_NONE},
    ],
    "denied": [{"label": LABEL, "code": "worse", "at": AT, "message": "it fails more"}],
}  # fmt: skip
ALL_BUNDLES: Json = {
    **BUNDLES, "offers": [OFFER],
    "installed": [
        {"label": "base", "kind": "asr", "signed": False, "bytes": 5_000_000,
         "repository": "Systran/faster-whisper-base", "revision": "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"},
    ],
}  # fmt: skip
MOVED: Json = {
    "type": "bundle", "event": "rolled_back", "kind": "asr", "label": LABEL, "at": AT, "code": "worse",
    "message": "it fails more", "evidence": EVIDENCE,
}  # fmt: skip
STATUS: Json = {
    "schema": 1,
    "server": {"id": SERVER_ID, "name": "Edge Voice", "version": "0.1.0", "started_at": AT, "uptime_seconds": 12.3},
    "mode": "normal", "mode_reason": "", "mode_since": AT, "mode_ends": "",
    "model": {"name": "base", "wanted": "base", "state": "ready", "progress": 1.0, "starter": False,
              "languages": ["en"], "note": ""},
    "wake_words": [{"id": "hey_jarvis", "phrase": "hey jarvis", "languages": ["en"]}], "policy": POLICY,
    "lanes": [LANE],
    "cloud": {"reachable": True, "over_budget": False, "currency": "USD", "seconds_today": 12.5,
              "seconds_this_month": 80.0, "cost_this_month": 0.01, "seconds_left_today": 587.5,
              "money_left_this_month": 4.99},
    "figures": {"turns": 120, "escalations": 9, "errors": 1, "window_turns": 100, "escalation_rate": 0.08,
                "last_word_to_text_ms": {"p50": 180.0, "p95": 260.0}, "end_to_text_ms": None,
                "stages_p95_ms": {"capture": 70.0, "inference": 110.0, "hold": 60.0, "post": 3.0, "cloud": 0.0,
                                  "transport": 0.3},
                "retry_rate": None, "abandonment_rate": 0.01},
    "last_turn": TURN,
    "thresholds": [{"language": "en", "microphone_class": "far_field", "value": 0.31, "guaranteed": False,
                    "reason": "few turns", "turns_to_go": 180}],
    "disagreement": [{"language": "en", "value": 0.07, "low": 0.03, "high": 0.12, "pairs": 44,
                      "population": "escalated"}],
    "resources": {"cpu_percent": 12.0, "memory_percent": 41.0, "memory_mb": 210.0, "throttled": None,
                  "decode_busy": 0.02, "waiting": 0, "most_waiting": 16, "saturated": False, "reason": ""},
    "drift": {"state": "drifted", "turns_to_go": 0, "alarms": [ALARM]}, "records": KEPT_NOW, "queue": WAITING_NOW,
    "baseline": BASELINE, "scorecard": HEADLINE,
    "satellites": [SATELLITE], "bundles": BUNDLES,
    "warnings": [{"code": "starter-model", "message": "a small vocabulary", "subject": ""}],
}  # fmt: skip
LEDGER: Json = {
    "rows": [{"number": 17, "at": AT, "lane": "OpenAI", "turn_id": "a-turn", "reason": "risk", "consent": "2026-11-22",
              "seconds": 1.9, "bytes": 60_844, "cost": 0.0002, "currency": "USD", "ending": "answered",
              "took_seconds": 0.4, "left": True}],
    "today": [{"lane": "OpenAI", "trust": "cloud", "uploads": 1, "seconds": 1.9, "cost": 0.0002}], "this_month": [],
}  # fmt: skip
WAKE: Json = {"type": "wake", "satellite": None, "word": "hey_jarvis", "score": 0.9, "at": AT}


class RecordingBundles:
    """Satisfies `Bundles` with the values above."""

    def __init__(self, hear: Callable[..., None]) -> None:
        """Tell `hear` what was asked."""
        self._hear = hear

    async def all(self) -> Json:
        self._hear("bundles")
        return ALL_BUNDLES

    async def trust(self, url: str, root: Mapping[str, Any]) -> Json:
        self._hear("trust_repository", url, dict(root))
        return ALL_BUNDLES

    async def distrust(self) -> Json:
        self._hear("distrust_repository")
        return ALL_BUNDLES | {"repository": None}

    async def check(self) -> Json:
        self._hear("check_bundles")
        return ALL_BUNDLES

    async def install(self, kind: str, label: str | None, *, again: bool) -> Json:
        self._hear("install_bundle", kind, label, again)
        return ALL_BUNDLES

    async def roll_back(self, kind: str) -> Json:
        self._hear("roll_back_bundle", kind)
        return ALL_BUNDLES


class RecordingSurface:
    """Satisfies `Surface` with the values above, or refuses everything with an error."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.refuses: EdgeVoiceError | None = None
        self.happens: list[Json] = []
        """What `events` yields after the status."""
        self.behind = asyncio.Event()
        """Ends `events`, as it ends for a client that is behind."""
        self.listening = 0
        self.text = "turn on the kitchen light"
        self.hearing = 0
        """Recordings that are being transcribed."""
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._past = RecordingPast(self._hear)
        self._bundles = RecordingBundles(self._hear)
        self._queue = RecordingQueue(self._hear)

    def _hear(self, *asked: object) -> None:
        self.asked.append(asked)
        if self.refuses is not None:
            raise self.refuses

    def health(self) -> Json:
        api = {"version": 1, "min_version": 1}
        known = {"id": SERVER_ID, "name": "Edge Voice", "version": "0.1.0", "model": "starter", "languages": ["en"]}
        return {"status": "ok", **known, "api": api, "wyoming_port": 10300}

    def status(self) -> Json:
        self._hear("status")
        return STATUS

    def admit(self, address: str) -> None:
        pass

    async def events(self) -> AsyncIterator[Json]:
        self.listening += 1
        try:
            for message in ({"type": "status", "status": STATUS}, *self.happens):
                yield message
            await self.behind.wait()
        finally:
            self.listening -= 1

    def policy(self) -> Json:
        self._hear("policy")
        return POLICY

    async def change_policy(self, changes: Mapping[str, Any]) -> Json:
        self._hear("change_policy", dict(changes))
        return POLICY | changes

    async def reset_policy(self) -> Json:
        self._hear("reset_policy")
        return POLICY

    def lanes(self) -> Json:
        self._hear("lanes")
        return LANES

    async def change_lanes(self, lanes: Sequence[Mapping[str, Any]]) -> Json:
        self._hear("change_lanes", [dict(one) for one in lanes])
        return LANES

    async def test_lane(self, lane: Mapping[str, Any]) -> Json:
        self._hear("test_lane", dict(lane))
        return {"text": "turn on the light", "took_ms": 412.0, "matches": True}

    async def change_vocabulary(self, vocabulary: Mapping[str, Sequence[str]], country: str | None = None) -> Json:
        self._hear("change_vocabulary", dict(vocabulary), *([] if country is None else [country]))
        return {kind: len(names) for kind, names in vocabulary.items()}

    def turns(self, most: int) -> Sequence[Json]:
        self._hear("turns", most)
        return [TURN, TURN | {"text": self.text}]

    def told_outcome(self, turn_id: str, result: str, intent: str | None) -> Json:
        self._hear("told_outcome", turn_id, result, intent)
        self._known(turn_id)
        return {"counted": True}

    def told_correction(self, turn_id: str, text: str) -> Json:
        self._hear("told_correction", turn_id, text)
        self._known(turn_id)
        return {"counted": True, "was_right": False}

    async def begin_upload(self, turn_id: str, lane: str, seconds: float) -> Json:
        self._hear("begin_upload", turn_id, lane, seconds)
        self._known(turn_id)
        return {"upload": 17}

    async def end_upload(self, turn_id: str, upload: int, ended: Mapping[str, Any]) -> Json:
        self._hear("end_upload", turn_id, upload, dict(ended))
        self._known(turn_id)
        return {"counted": True}

    def satellites(self) -> Sequence[Json]:
        self._hear("satellites")
        return [SATELLITE]

    async def change_satellite(self, satellite: str, changes: Mapping[str, Any]) -> Json:
        self._hear("change_satellite", satellite, dict(changes))
        return SATELLITE | {"id": satellite} | changes

    async def forget_satellite(self, satellite: str) -> None:
        self._hear("forget_satellite", satellite)
        if satellite != SATELLITE["id"]:
            raise UnknownSatelliteError(f"no satellite '{satellite}' was heard")

    async def ledger(self, most: int, before: int | None) -> Json:
        self._hear("ledger", most, before)
        return LEDGER

    async def write_ledger(self, rows: Sequence[Mapping[str, Any]]) -> Json:
        self._hear("write_ledger", [dict(one) for one in rows])
        return {"written": len(rows)}

    async def transcribe(self, wav: bytes, *, language: str | None, lane: str, prompt: Sequence[str]) -> Json:
        with wave.open(io.BytesIO(wav)) as file:
            seconds = file.getnframes() / file.getframerate()
        self._hear("transcribe", round(seconds, 1), language, lane, tuple(prompt))
        self.hearing += 1
        await self.may_answer.wait()
        self.hearing -= 1
        return TURN | {"text": self.text, "seconds": seconds}

    @property
    def bundles(self) -> RecordingBundles:
        return self._bundles

    @property
    def history(self) -> RecordingPast:
        return self._past

    @property
    def privacy(self) -> RecordingPast:
        return self._past

    @property
    def drift(self) -> RecordingDrift:
        return RecordingDrift(self._hear)

    @property
    def months(self) -> RecordingPast:
        return self._past

    @property
    def queue(self) -> RecordingQueue:
        return self._queue

    @property
    def metrics(self) -> RecordingPast:
        return self._past

    def _known(self, turn_id: str) -> None:
        if turn_id != TURN["turn_id"]:
            raise UnknownTurnError("no turn of the last ones has that id")


@contextlib.asynccontextmanager
async def opened(surface: Any, folder: Path) -> AsyncGenerator[tuple[ControlDoor, aiohttp.ClientSession]]:
    """Serve a surface on loopback, and give a session that shows the token."""
    settings = ControlSettings(address="127.0.0.1:0", announce=False)
    port = open_control(
        settings, surface, data_dir=folder, allow=(), clock=time.monotonic, wall=lambda: datetime.now(UTC)
    )
    async with port as door:
        assert door is not None
        headers = {"Authorization": f"Bearer {door.token}"}
        async with aiohttp.ClientSession(door.url, headers=headers) as session:
            yield door, session
