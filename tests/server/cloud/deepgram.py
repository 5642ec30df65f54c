"""Deepgram's POST /v1/listen for recorded audio.

Sources: Deepgram's API reference, its published OpenAPI description, and its guides "Errors", "Encoding" and "Keyterm
prompting".
"""

import re
import uuid
from typing import Any

from .audio import BadAudioError, Sound, read_pcm, read_wav
from .protocol import TRANSCRIBE, WARM, Answer, Asked, Hear, RefusedError, Taken
from .schemas import check, typed

MODELS = re.compile(r"(nova-3|nova-2|nova|enhanced|base|whisper)(-[a-z]+)*")
LANGUAGE = re.compile(r"multi|[a-z]{2,3}(-[A-Za-z0-9]{2,4})*")
CODES = {
    400: "Bad Request",
    401: "INVALID_AUTH",
    402: "ASR_PAYMENT_REQUIRED",
    403: "INSUFFICIENT_PERMISSIONS",
    404: "PROJECT_NOT_FOUND",
    429: "TOO_MANY_REQUESTS",
}


class Deepgram:
    """Deepgram."""

    name = "deepgram"
    key = "5f2d9c1e4b7a8036deepgramstandin0"

    def operation(self, method: str, path: str) -> str | None:
        """Return what a request is for."""
        return {("POST", "/v1/listen"): TRANSCRIBE, ("GET", "/v1/projects"): WARM}.get((method, path))

    def answer(self, asked: Asked, taken: Taken, hear: Hear, language: str) -> Answer:
        """Transcribe, or list the projects."""
        if asked.headers.get("Authorization") != f"Token {self.key}":
            raise RefusedError(401, "Invalid credentials.")
        if asked.method == "GET":
            return Answer(document={"projects": [{"project_id": str(uuid.UUID(int=1)), "name": "Stand-in"}]})
        for name in asked.query:
            taken.fields[name] = asked.query.getall(name)
        wanted = typed("deepgram", taken.fields)
        check("deepgram", wanted)
        self._compatible(wanted)
        taken.sound = self._audio(asked, wanted)
        return Answer(document=_document(hear(taken.sound), taken.sound, wanted, language))

    def _compatible(self, wanted: dict[str, Any]) -> None:
        model = wanted.get("model", "base-general")
        if not MODELS.fullmatch(model):
            raise RefusedError(400, "Bad Request: No such model/language/tier combination found.")
        if not LANGUAGE.fullmatch(wanted.get("language", "en")):
            raise RefusedError(400, "Bad Request: No such model/language/tier combination found.")
        if "keyterm" in wanted and not model.startswith("nova-3"):
            raise RefusedError(400, "Bad Request: Keyterm prompting is only available for Nova-3.")
        if "keywords" in wanted and model.startswith("nova-3"):
            raise RefusedError(400, "Bad Request: Keywords are not supported for Nova-3; use keyterm.")

    def _audio(self, asked: Asked, wanted: dict[str, Any]) -> Sound:
        if not asked.content_type.startswith("audio/") and asked.content_type != "application/octet-stream":
            raise RefusedError(415, f"Content-Type {asked.content_type!r} is no audio.")
        try:
            if "encoding" not in wanted:
                return read_wav(asked.body)
            if wanted["encoding"] != "linear16" or "sample_rate" not in wanted or wanted.get("channels", 1) != 1:
                raise RefusedError(
                    400, "Bad Request: raw audio needs encoding=linear16, sample_rate and one channel here."
                )
            if asked.body[:4] == b"RIFF":
                raise RefusedError(400, "Bad Request: encoding is for raw audio and must not be set for a container.")
            return read_pcm(asked.body, wanted["sample_rate"])
        except BadAudioError as error:
            raise RefusedError(
                400, f"Bad Request: failed to process audio: corrupt or unsupported data ({error})"
            ) from error

    def failure(self, status: int, reason: str) -> Answer:
        """Return Deepgram's error body."""
        code = CODES.get(status, "INTERNAL_SERVER_ERROR" if status >= 500 else "Bad Request")
        return Answer(status=status, document={"err_code": code, "err_msg": reason, "request_id": str(uuid.uuid4())})

    def spent(self) -> Answer:
        """Return 402: the project has no credits left."""
        return self.failure(
            402, "Project does not have enough credits for an ASR request and does not have an overage."
        )


def _document(text: str, sound: Sound, wanted: dict[str, Any], language: str) -> dict[str, Any]:
    said = text.split()
    step = sound.seconds / max(1, len(said))
    words = [
        {
            "word": word.lower().strip(".,?!"),
            "start": index * step,
            "end": (index + 1) * step,
            "confidence": 0.98,
            "punctuated_word": word,
        }
        for index, word in enumerate(said)
    ]
    heard: dict[str, Any] = {"transcript": text, "confidence": 0.98 if text else 0.0, "words": words}
    if wanted.get("language") == "multi":
        heard["languages"] = [language]
    channel: dict[str, Any] = {"alternatives": [heard]}
    if wanted.get("detect_language"):
        channel |= {"detected_language": language, "language_confidence": 0.97}
    model = str(uuid.UUID(int=3))
    metadata = {
        "transaction_key": "deprecated",
        "request_id": str(uuid.uuid4()),
        "sha256": sound.digest,
        "created": "2026-11-22T12:00:00.000Z",
        "duration": sound.seconds,
        "channels": 1,
        "models": [model],
        "model_info": {model: {"name": "stand-in", "version": "2026-11-22.0", "arch": "nova-3"}},
    }
    return {"metadata": metadata, "results": {"channels": [channel]}}
