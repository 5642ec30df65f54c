"""ElevenLabs' speech-to-text.

Sources: ElevenLabs' API reference "Create transcript", its published OpenAPI description, and the help page "API -
Error Code 400 or 401".
"""

from typing import Any

from .audio import BadAudioError, Sound, read_pcm, read_wav
from .multipart import as_fields, only, read_form
from .protocol import TRANSCRIBE, WARM, Answer, Asked, Hear, RefusedError, Taken
from .schemas import check, typed

KINDS = {400: "invalid_request", 401: "invalid_api_key", 403: "missing_permissions", 404: "not_found"}
KINDS |= {429: "too_many_concurrent_requests"}
LONG_NAMES = {"en": "eng", "de": "deu", "fr": "fra", "es": "spa", "nl": "nld", "it": "ita"}
"""It answers in ISO 639-3."""


class ElevenLabs:
    """ElevenLabs."""

    name = "elevenlabs"
    key = "sk_stand_in_9b7c5d3e1f"

    def operation(self, method: str, path: str) -> str | None:
        """Return what a request is for."""
        return {("POST", "/v1/speech-to-text"): TRANSCRIBE, ("GET", "/v1/user"): WARM}.get((method, path))

    def answer(self, asked: Asked, taken: Taken, hear: Hear, language: str) -> Answer:
        """Transcribe, or say whose key it is."""
        if asked.headers.get("xi-api-key") != self.key:
            raise RefusedError(401, "Invalid API key")
        if asked.method == "GET":
            return Answer(document={"user_id": "stand-in", "is_new_user": False})
        if unknown := set(asked.query) - {"enable_logging", "token"}:
            raise RefusedError(422, f"unknown query parameters {sorted(unknown)}")
        parts = read_form(asked)
        taken.fields = as_fields(parts)
        file = only(parts, "file")
        if file is None or file.filename is None:
            raise RefusedError(422, "file: field required")
        wanted = typed("elevenlabs", taken.fields | {"file": ["…"]})
        check("elevenlabs", wanted, status=422)
        try:
            raw = wanted.get("file_format") == "pcm_s16le_16"
            taken.sound = read_pcm(file.body, 16_000) if raw and file.body[:4] != b"RIFF" else read_wav(file.body)
        except BadAudioError as error:
            raise RefusedError(400, f"the file is corrupted: {error}") from error
        if raw and file.body[:4] == b"RIFF":
            raise RefusedError(400, "file_format pcm_s16le_16 is for raw samples, and this is a WAV file")
        return Answer(document=_document(hear(taken.sound), taken.sound, wanted, language))

    def failure(self, status: int, reason: str) -> Answer:
        """Return ElevenLabs' error body; 422 is FastAPI's."""
        if status == 422:
            location = {"loc": ["body"], "msg": reason, "type": "value_error"}
            return Answer(status=422, document={"detail": [location]})
        kind = KINDS.get(status, "system_busy" if status >= 500 else "invalid_request")
        return Answer(status=status, document={"detail": {"status": kind, "message": reason}})

    def spent(self) -> Answer:
        """Return 401 `quota_exceeded`: it is no wrong key."""
        reason = "This request exceeds your quota. You have 0 credits remaining."
        return Answer(status=401, document={"detail": {"status": "quota_exceeded", "message": reason}})


def _document(text: str, sound: Sound, wanted: dict[str, Any], language: str) -> dict[str, Any]:
    words: list[dict[str, Any]] = []
    said = text.split()
    step = sound.seconds / max(1, len(said))
    for at, word in enumerate(said):
        shared = {"speaker_id": None, "characters": None}
        if at:
            words.append(
                {"text": " ", "start": at * step, "end": at * step, "type": "spacing", "logprob": 0.0, **shared}
            )
        words.append(
            {"text": word, "start": at * step, "end": (at + 1) * step, "type": "word", "logprob": -0.08, **shared}
        )
    kept = [] if wanted.get("timestamps_granularity") == "none" else words
    code = LONG_NAMES.get(language, language)
    return {"language_code": code, "language_probability": 0.99, "text": text, "words": kept}
