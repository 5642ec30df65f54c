"""Any speech-to-text entity of Home Assistant over its REST API: POST /api/stt/{entity}.

Source: homeassistant/components/stt of 2026.10.4, whose view checks, in this order: the token, the entity, the
X-Speech-Content header, and whether the entity can take what the header says. The audio itself it passes on unseen;
its own pipelines send raw samples although the header says `format=wav`.
"""

from .audio import BadAudioError, read_pcm, read_wav
from .protocol import TRANSCRIBE, WARM, Answer, Asked, Hear, RefusedError, Taken

ENTITY = "stt.stand_in"
CAPABILITIES = {
    "languages": ["de-DE", "en-GB", "en-US", "es-ES", "fr-FR", "nl-NL"],
    "formats": ["wav", "ogg"],
    "codecs": ["pcm", "opus"],
    "sample_rates": [16000],
    "bit_rates": [16],
    "channels": [1],
}
"""Those of a cloud entity: languages only with their region."""
FIELDS = ("language", "format", "codec", "bit_rate", "sample_rate", "channel")
KNOWN = {
    "format": ("wav", "ogg"),
    "codec": ("pcm", "opus"),
    "bit_rate": (8, 16, 24, 32),
    "sample_rate": (8000, 11000, 16000, 18900, 22000, 32000, 37800, 44100, 48000),
    "channel": (1, 2),
}
TEXTS = {400: "400: Bad Request", 401: "401: Unauthorized", 404: "404: Not Found", 415: "415: Unsupported Media Type"}


class HomeAssistant:
    """Home Assistant with one entity."""

    name = "home_assistant"
    key = "eyJhbGciOiJIUzI1NiJ9.stand-in-long-lived-access-token.c2lnbmF0dXJl"

    def operation(self, method: str, path: str) -> str | None:
        """Return what a request is for."""
        if path.startswith("/api/stt/"):
            return {"POST": TRANSCRIBE, "GET": WARM}.get(method)
        return WARM if (method, path) == ("GET", "/api/") else None

    def answer(self, asked: Asked, taken: Taken, hear: Hear, language: str) -> Answer:
        """Transcribe, or tell what the entity can take."""
        if asked.headers.get("Authorization") != f"Bearer {self.key}":
            raise RefusedError(401, "401: Unauthorized")
        if asked.path == "/api/":
            return Answer(document={"message": "API running."})
        if asked.path != f"/api/stt/{ENTITY}":
            raise RefusedError(404, "404: Not Found")
        if asked.method == "GET":
            return Answer(document=CAPABILITIES)
        said = _metadata(asked.headers.get("X-Speech-Content"))
        taken.fields = {name: [str(value)] for name, value in said.items()}
        plural = {name: CAPABILITIES[f"{name}s"] for name in FIELDS}
        if any(value not in plural[name] for name, value in said.items()):
            raise RefusedError(415, f"415: Unsupported Media Type ({said})")
        try:
            taken.sound = read_wav(asked.body) if asked.body[:4] == b"RIFF" else read_pcm(asked.body, 16_000)
        except BadAudioError:
            return Answer(document={"text": None, "result": "error"})
        return Answer(document={"text": hear(taken.sound), "result": "success"})

    def failure(self, status: int, reason: str) -> Answer:
        """Return an error as Home Assistant does: a line of text."""
        return Answer(status=status, text=TEXTS.get(status, reason))

    def spent(self) -> Answer:
        """Return what an entity says whose cloud has no subscription: no error of HTTP."""
        return Answer(document={"text": None, "result": "error"})


def complaint(header: str | None) -> str:
    """Return what Home Assistant has against an X-Speech-Content header; empty when it has nothing."""
    try:
        _metadata(header)
    except RefusedError as refused:
        return refused.reason
    return ""


def _metadata(header: str | None) -> dict[str, str | int]:
    if header is None:
        raise RefusedError(400, "Missing X-Speech-Content header")
    said: dict[str, str | int] = {}
    for entry in header.split(";"):
        name, _, value = entry.strip().partition("=")
        if name not in FIELDS:
            raise RefusedError(400, f"Invalid field: {name}")
        said[name] = value
    for name in FIELDS:
        if name not in said:
            raise RefusedError(400, f"Missing {name} in X-Speech-Content header")
    for name, allowed in KNOWN.items():
        try:
            value = said[name] if isinstance(allowed[0], str) else int(said[name])
        except ValueError as error:
            raise RefusedError(400, f"Wrong format of X-Speech-Content: {error}") from error
        if value not in allowed:
            raise RefusedError(400, f"Wrong format of X-Speech-Content: {name}={value}")
        said[name] = value
    return said
