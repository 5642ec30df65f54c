"""Azure's speech-to-text REST API for short audio.

Source: Microsoft Learn, "Speech to text REST API for short audio" (headers, query parameters, status codes, sample
responses) and its section on authentication.
"""

import re
from typing import Any

from .audio import BadAudioError, Sound, read_wav
from .protocol import TOKEN, TRANSCRIBE, Answer, Asked, Hear, RefusedError, Taken

PATH = "/speech/recognition/conversation/cognitiveservices/v1"
TOKEN_PATH = "/sts/v1.0/issueToken"
CONTENT = re.compile(r'audio/wav;\s*codecs="?audio/pcm"?;\s*samplerate=16000')
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?-([A-Z]{2}|[0-9]{3})")
LONGEST_SECONDS = 60.0
QUERY = {"language": None, "format": ("simple", "detailed"), "profanity": ("masked", "removed", "raw"), "cid": None}
TICKS = 10_000_000
"""Azure counts in 100 ns."""


class Azure:
    """Azure."""

    name = "azure"
    key = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    token = "eyJhbGciOiJFUzI1NiJ9.c3RhbmQtaW4.c2lnbmF0dXJl"

    def operation(self, method: str, path: str) -> str | None:
        """Return what a request is for."""
        return {("POST", PATH): TRANSCRIBE, ("POST", TOKEN_PATH): TOKEN}.get((method, path))

    def answer(self, asked: Asked, taken: Taken, hear: Hear, language: str) -> Answer:
        """Recognise, or issue a token."""
        by_key = asked.headers.get("Ocp-Apim-Subscription-Key") == self.key
        if asked.path == TOKEN_PATH:
            if not by_key:
                raise RefusedError(401, "Access denied due to invalid subscription key or wrong API endpoint.")
            return Answer(text=self.token)
        if not by_key and asked.headers.get("Authorization") != f"Bearer {self.token}":
            raise RefusedError(401, "Access denied due to invalid subscription key or wrong API endpoint.")
        for name in asked.query:
            taken.fields[name] = asked.query.getall(name)
        self._check(asked, taken.fields)
        try:
            taken.sound = read_wav(asked.body)
        except BadAudioError as error:
            raise RefusedError(400, f"the audio is not valid: {error}") from error
        if taken.sound.rate_hz != 16_000 or taken.sound.seconds > LONGEST_SECONDS:
            raise RefusedError(400, "at most 60 s of audio at 16 kHz")
        return Answer(document=_document(hear(taken.sound), taken.sound, taken.fields))

    def _check(self, asked: Asked, query: dict[str, list[str]]) -> None:
        for name, values in query.items():
            allowed = QUERY.get(name, ())
            if len(values) != 1 or (allowed is not None and values[0] not in allowed):
                raise RefusedError(400, f"query parameter {name}={values} is not valid")
        if not LOCALE.fullmatch(query.get("language", [""])[0]):
            raise RefusedError(400, "the language parameter is required and is a locale such as en-US")
        if not CONTENT.fullmatch(asked.headers.get("Content-Type", "")):
            raise RefusedError(415, "Content-Type: audio/wav; codecs=audio/pcm; samplerate=16000 is expected")
        accepted = asked.headers.get("Accept")
        if accepted is not None and not accepted.startswith("application/json"):
            raise RefusedError(406, f"Accept must be application/json, not {accepted}")
        chunked = "chunked" in asked.headers.get("Transfer-Encoding", "")
        if chunked and asked.headers.get("Expect", "").lower() != "100-continue":
            raise RefusedError(400, "chunked audio needs Expect: 100-continue")

    def failure(self, status: int, reason: str) -> Answer:
        """Return Azure's error body."""
        return Answer(status=status, document={"error": {"code": str(status), "message": reason}})

    def spent(self) -> Answer:
        """Return 403: out of call volume quota."""
        return self.failure(403, "Out of call volume quota. Quota will be replenished in 6 days.")


def _document(text: str, sound: Sound, query: dict[str, list[str]]) -> dict[str, Any]:
    if not text:
        return {"RecognitionStatus": "InitialSilenceTimeout", "Offset": 0, "Duration": round(TICKS * sound.seconds)}
    shown = {"RecognitionStatus": "Success", "Offset": 400_000, "Duration": round(TICKS * sound.seconds)}
    if query.get("format") != ["detailed"]:
        return shown | {"DisplayText": text}
    lexical = re.sub(r"[^\w\s']", "", text).lower()
    best = {"Confidence": 0.93, "Lexical": lexical, "ITN": lexical, "MaskedITN": lexical, "Display": text}
    return shown | {"NBest": [best]}
