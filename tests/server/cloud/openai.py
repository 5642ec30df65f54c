"""OpenAI's transcriptions, Groq's variant of them, and the many servers that are compatible with them.

Sources: OpenAI's API reference "Create transcription" and "List models" with its published OpenAPI description, the
streaming section of its speech-to-text guide; Groq's API reference and speech-to-text guide.
"""

import re
from typing import Any

from .audio import BadAudioError, Sound, read_wav
from .multipart import as_fields, only, read_form
from .protocol import TRANSCRIBE, WARM, Answer, Asked, Hear, RefusedError, Taken
from .schemas import check, typed

FORMATS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
LARGEST_BYTES = 25 * 2**20
SHORTEST_SECONDS = 0.1
NAMES = {"en": "english", "de": "german", "fr": "french", "es": "spanish", "nl": "dutch", "it": "italian"}
TOKEN_MODELS = ("gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe-2025-12-15")
"""These give log-probabilities, and JSON only."""
KINDS = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "permission_error",
    404: "invalid_request_error",
    429: "requests",
}


class OpenAi:
    """One service of this family."""

    def __init__(self, name: str, key: str, *, prefix: str, schema: str | None, models: tuple[str, ...]) -> None:
        """Serve below a path; without a schema any field, and with no models any model, will do."""
        self.name, self.key = name, key
        self._prefix, self._schema, self._models = prefix, schema, models

    def operation(self, method: str, path: str) -> str | None:
        """Return what a request is for."""
        here = {("POST", f"{self._prefix}/audio/transcriptions"): TRANSCRIBE, ("GET", f"{self._prefix}/models"): WARM}
        return here.get((method, path))

    def answer(self, asked: Asked, taken: Taken, hear: Hear, language: str) -> Answer:
        """Transcribe, or list the models."""
        self._authorise(asked)
        if asked.method == "GET":
            listed = [{"id": one, "object": "model", "created": 1, "owned_by": self.name} for one in self._models]
            return Answer(document={"object": "list", "data": listed})
        wanted = self._wanted(asked, taken)
        sound = taken.sound
        assert sound is not None
        return self._said(hear(sound), sound, wanted, language)

    def _authorise(self, asked: Asked) -> None:
        scheme, _, key = asked.headers.get("Authorization", "").partition(" ")
        if not self.key:
            return
        if scheme != "Bearer" or not key:
            raise RefusedError(401, "You didn't provide an API key. Use Authorization: Bearer.")
        if key != self.key:
            raise RefusedError(401, "Incorrect API key provided.")

    def _wanted(self, asked: Asked, taken: Taken) -> dict[str, Any]:
        if len(asked.body) > LARGEST_BYTES:
            raise RefusedError(413, "Maximum content size limit (26214400) exceeded.")
        parts = read_form(asked)
        taken.fields = as_fields(parts)
        file = only(parts, "file")
        if file is None or file.filename is None:
            raise RefusedError(400, "file: a file is required")
        wanted = typed(self._schema or "openai", taken.fields | {"file": ["…"]}, brackets=True)
        if self._schema:
            check(self._schema, wanted)
            self._compatible(wanted)
        if not wanted.get("model") or (self._models and wanted["model"] not in self._models):
            raise RefusedError(404, f"The model {wanted.get('model')!r} does not exist.")
        if file.filename.rpartition(".")[2] not in FORMATS:
            raise RefusedError(400, f"Unrecognized file format. Supported formats: {FORMATS}")
        try:
            taken.sound = read_wav(file.body)
        except BadAudioError as error:
            raise RefusedError(
                400, f"The audio file could not be decoded or its format is not supported: {error}"
            ) from error
        if taken.sound.seconds < SHORTEST_SECONDS:
            raise RefusedError(400, "Audio file is too short. Minimum audio length is 0.1 seconds.")
        return wanted

    def _compatible(self, wanted: dict[str, Any]) -> None:
        """Hold what the documentation says of fields that exclude each other."""
        form, model = wanted.get("response_format", "json"), wanted["model"]
        if model in TOKEN_MODELS and form not in ("json", "text"):
            raise RefusedError(400, f"response_format '{form}' is not compatible with model '{model}'.")
        if wanted.get("include") and (model not in TOKEN_MODELS or form != "json"):
            raise RefusedError(400, f"include[]=logprobs is not compatible with model '{model}' and '{form}'.")
        if wanted.get("timestamp_granularities") and form != "verbose_json":
            raise RefusedError(400, "timestamp_granularities needs response_format verbose_json.")
        if ("languages" in wanted or "keywords" in wanted) and model != "gpt-transcribe":
            raise RefusedError(400, f"languages and keywords are not compatible with model '{model}'.")
        if not re.fullmatch("[a-z]{2,3}", wanted.get("language", "en")):
            raise RefusedError(400, "Language parameter must be specified in ISO-639-1 format.")

    def _said(self, text: str, sound: Sound, wanted: dict[str, Any], language: str) -> Answer:
        form = wanted.get("response_format", "json")
        tokens = re.findall(r"\s*\S+", text)
        chances = [{"token": one, "logprob": -0.05, "bytes": list(one.encode())} for one in tokens]
        shown = {"logprobs": chances} if wanted.get("include") else {}
        if wanted.get("stream") and wanted["model"] != "whisper-1":
            deltas = tuple({"type": "transcript.text.delta", "delta": one} for one in tokens)
            return Answer(events=(*deltas, {"type": "transcript.text.done", "text": text, **shown, "usage": _tokens()}))
        if form == "text":
            return Answer(text=f"{text}\n")
        if form == "verbose_json":
            return Answer(document=self._verbose(text, sound, language))
        if form != "json":
            raise RefusedError(400, f"the stand-in speaks no {form}")
        mark = {"x_groq": {"id": "req_stand_in"}} if self.name == "groq" else {"usage": _tokens()}
        return Answer(document={"text": text, **shown, **mark})

    def _verbose(self, text: str, sound: Sound, language: str) -> dict[str, Any]:
        segment = {
            "id": 0, "seek": 0, "start": 0.0, "end": sound.seconds, "text": f" {text}", "tokens": [50364],
            "temperature": 0.0, "avg_logprob": -0.12, "compression_ratio": 0.9, "no_speech_prob": 0.01,
        }  # fmt: skip
        name = NAMES.get(language, language)
        return {
            "task": "transcribe",
            "language": name.title() if self.name == "groq" else name,
            "duration": sound.seconds,
            "text": text,
            "segments": [segment] if text else [],
        }

    def failure(self, status: int, reason: str) -> Answer:
        """Return OpenAI's error body."""
        code = "invalid_api_key" if status == 401 else "rate_limit_exceeded" if status == 429 else None
        kind = KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
        return Answer(status=status, document={"error": {"message": reason, "type": kind, "param": None, "code": code}})

    def spent(self) -> Answer:
        """Return 429 `insufficient_quota`."""
        reason = "You exceeded your current quota, please check your plan and billing details."
        error = {"message": reason, "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
        return Answer(status=429, document={"error": error})


def _tokens() -> dict[str, Any]:
    return {"type": "tokens", "input_tokens": 14, "output_tokens": 9, "total_tokens": 23}


def openai() -> OpenAi:
    """Return OpenAI itself."""
    models = (*TOKEN_MODELS, "gpt-transcribe", "gpt-4o-transcribe-diarize", "whisper-1")
    return OpenAi("openai", "sk-stand-in-5c1b7e", prefix="/v1", schema="openai", models=models)


def groq() -> OpenAi:
    """Return Groq's variant: two Whispers, no streaming, no log-probabilities of tokens."""
    models = ("whisper-large-v3", "whisper-large-v3-turbo")
    return OpenAi("groq", "gsk_stand_in_77ad0c", prefix="/openai/v1", schema="groq", models=models)


def compatible() -> OpenAi:
    """Return a server of the owner's own: no key, any model, unknown fields ignored."""
    return OpenAi("compatible", "", prefix="/local/v1", schema=None, models=())
