"""AssemblyAI's Sync API, and as much of its upload-and-poll API as its own client needs.

Sources: AssemblyAI's API reference "Sync API", the pages "Audio requirements", "Error handling", "Connection
pre-warming" and "Rate limits"; API reference "Upload a media file", "Transcribe audio", "Get transcript".
"""

import json
import uuid
from typing import Any

from .audio import BadAudioError, Sound, read_pcm, read_wav
from .multipart import Part, only, read_form
from .protocol import TRANSCRIBE, WARM, Answer, Asked, Hear, RefusedError, Taken
from .schemas import check

MODELS = ("universal-3-5-pro",)
LIVE = ("/v1/transcribe/live", "/v1/transcribe/stream")
SYNC = (*LIVE, "/v1/transcribe", "/transcribe")
RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
SHORTEST_SECONDS, LONGEST_SECONDS, LARGEST_BYTES = 0.08, 120.0, 40 * 2**20
LONGEST_TERMS = 8000
TITLES = {400: "Bad Request", 401: "Unauthorized", 413: "Audio Too Large", 415: "Unsupported Media Type"}
TITLES |= {429: "Too Many Requests", 503: "Capacity Exceeded", 504: "Inference Timeout"}


class AssemblyAi:
    """AssemblyAI."""

    name = "assemblyai"
    key = "aai00stand00in00d41d8cd98f00b204"

    def __init__(self) -> None:
        """Start with nothing uploaded."""
        self._uploads: dict[str, bytes] = {}
        self._jobs: dict[str, dict[str, Any]] = {}

    def operation(self, method: str, path: str) -> str | None:
        """Return what a request is for."""
        if path in SYNC and method == "POST":
            return TRANSCRIBE
        if path in ("/v1/warm", "/warm") and method == "GET":
            return WARM
        steps = method == "POST" and path in ("/v2/upload", "/v2/transcript")
        return "job" if steps or (method == "GET" and path.startswith("/v2/transcript/")) else None

    def answer(self, asked: Asked, taken: Taken, hear: Hear, language: str) -> Answer:
        """Transcribe, or do one step of the upload-and-poll API."""
        if asked.headers.get("Authorization") != self.key:
            raise RefusedError(401, "Missing or invalid API key")
        if asked.path in SYNC:
            return Answer(document=self._sync(asked, taken, hear))
        if asked.path == "/v2/upload":
            return self._upload(asked)
        if asked.path == "/v2/transcript":
            return self._job(asked, taken, hear, language)
        if asked.path.startswith("/v2/transcript/"):
            return self._poll(asked)
        return Answer(document={"status": "ok"})

    def _sync(self, asked: Asked, taken: Taken, hear: Hear) -> dict[str, Any]:
        if asked.headers.get("X-AAI-Model") not in MODELS:
            raise RefusedError(400, "The X-AAI-Model header is required and names a model.")
        if len(asked.body) > LARGEST_BYTES:
            raise RefusedError(413, "the file exceeds 40 MB")
        parts = read_form(asked)
        audio, config = only(parts, "audio"), only(parts, "config")
        if audio is None or len(parts) != (2 if config else 1):
            raise RefusedError(400, "one audio part and at most one config part are expected")
        if asked.path in LIVE and (config is None or parts.index(config) > parts.index(audio)):
            raise RefusedError(400, "the config part must come before the audio part")
        wanted = self._config(config)
        taken.fields = {name: [json.dumps(value)] for name, value in wanted.items()}
        taken.sound = self._audio(audio, wanted)
        return self._heard(hear(taken.sound), taken.sound, wanted)

    def _config(self, part: Part | None) -> dict[str, Any]:
        if part is None:
            return {}
        try:
            wanted: dict[str, Any] = json.loads(part.text)
        except ValueError as error:
            raise RefusedError(400, "config is not valid JSON") from error
        check("assemblyai", wanted)
        if sum(map(len, wanted.get("keyterms_prompt", ()))) > LONGEST_TERMS:
            raise RefusedError(400, f"keyterms_prompt exceeds {LONGEST_TERMS} characters")
        return wanted

    def _audio(self, part: Part, wanted: dict[str, Any]) -> Sound:
        try:
            if part.content_type == "audio/pcm":
                if "sample_rate" not in wanted or wanted.get("channels") != 1:
                    raise RefusedError(400, "raw PCM needs sample_rate and channels in config (one channel here)")
                sound = read_pcm(part.body, wanted["sample_rate"])
            elif part.content_type in ("audio/wav", "audio/x-wav", "audio/wave"):
                sound = read_wav(part.body)
            else:
                raise RefusedError(415, f"unsupported media type {part.content_type!r}")
        except BadAudioError as error:
            raise RefusedError(400, f"bad audio: {error}") from error
        if sound.rate_hz not in RATES:
            raise RefusedError(415, f"unsupported sample rate {sound.rate_hz}")
        if sound.seconds < SHORTEST_SECONDS:
            raise RefusedError(400, "audio is below 80 ms")
        if sound.seconds > LONGEST_SECONDS:
            raise RefusedError(413, f"audio duration {1000 * sound.seconds:.0f} ms exceeds limit 120000 ms")
        return sound

    def _heard(self, text: str, sound: Sound, wanted: dict[str, Any]) -> dict[str, Any]:
        step = 1000 * sound.seconds / max(1, len(text.split()))
        words = [{"text": word, "confidence": 0.97} for word in text.split()]
        if wanted.get("timestamps"):
            words = [word | {"start": round(at * step), "end": round((at + 1) * step)} for at, word in enumerate(words)]
        return {
            "text": text,
            "words": words,
            "confidence": 0.97 if text else 0.0,
            "audio_duration_ms": round(1000 * sound.seconds),
            "session_id": str(uuid.uuid4()),
            "request_time_ms": 42.0,
        }

    def _upload(self, asked: Asked) -> Answer:
        number = str(uuid.uuid4())
        self._uploads[number] = asked.body
        return Answer(document={"upload_url": f"{asked.origin}/upload/{number}"})

    def _job(self, asked: Asked, taken: Taken, hear: Hear, language: str) -> Answer:
        try:
            wanted = json.loads(asked.body)
            body = self._uploads[wanted["audio_url"].rpartition("/")[2]]
            taken.sound = read_wav(body)
        except (ValueError, KeyError, TypeError, BadAudioError) as error:
            raise RefusedError(400, f"audio_url must lead to audio that was uploaded: {error}") from error
        number = str(uuid.uuid4())
        heard = self._heard(hear(taken.sound), taken.sound, {"timestamps": True})
        shown = {"id": number, "audio_url": wanted["audio_url"], "language_code": language}
        duration = {"audio_duration": round(taken.sound.seconds)}
        kept = {name: heard[name] for name in ("text", "words", "confidence")}
        self._jobs[number] = {**shown, **duration, **kept, "status": "completed"}
        return Answer(document={**shown, "status": "queued"})

    def _poll(self, asked: Asked) -> Answer:
        found = self._jobs.get(asked.path.rpartition("/")[2])
        if found is None:
            raise RefusedError(404, "no such transcript")
        return Answer(document=found)

    def failure(self, status: int, reason: str) -> Answer:
        """Return a problem document (RFC 9457)."""
        title = TITLES.get(status, "Inference Error" if status >= 500 else "Bad Request")
        return Answer(status=status, document={"status": status, "title": title, "detail": reason})

    def spent(self) -> Answer:
        """Return 402."""
        return self.failure(402, "Your current account balance is negative. Please top up to continue.")
