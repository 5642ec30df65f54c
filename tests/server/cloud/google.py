"""Google's Speech-to-Text v2 `recognize` over REST, and the OAuth token endpoint that its keys need.

Sources: reference "Method: projects.locations.recognizers.recognize", "RecognitionConfig", the quotas page (60 s,
10 MB); "Using OAuth 2.0 for Server to Server Applications" (RFC 7523, RS256).
"""

import base64
import binascii
import functools
import json
import re
import time
import urllib.parse
import uuid
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .audio import BadAudioError, Sound, read_pcm, read_wav
from .protocol import TOKEN, TRANSCRIBE, Answer, Asked, Hear, RefusedError, Taken
from .schemas import check

RECOGNISER = re.compile(r"/v2/(projects/([a-z0-9-]+)/locations/([a-z0-9-]+)/recognizers/([a-z0-9_-]+)):recognize")
PROJECT, EMAIL, KEY_ID = "stand-in-project", "speech@stand-in-project.iam.gserviceaccount.com", "5eed" * 10
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
AUDIENCE = "https://speech.googleapis.com/"
TOKEN_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What Google's own library signs for, wherever token_uri leads."""
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOCALE = re.compile(r"auto|[a-z]{2,3}(-[A-Z][a-z]{3})?-([A-Z]{2}|[0-9]{3})")
LARGEST_BYTES, LONGEST_SECONDS = 10 * 2**20, 60.0
STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
STATUSES |= {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


@functools.cache
def _private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Google:
    """Google. `key` is a service account's JSON whose token_uri leads back here."""

    name = "google"

    def __init__(self) -> None:
        """Start without any token issued."""
        self.token_uri = ""
        self._tokens: dict[str, float] = {}
        """Access token → when it expires, Unix time."""

    @property
    def key(self) -> str:
        """The service account's JSON."""
        pem = _private_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": KEY_ID,
            "private_key": pem.decode(),
            "client_email": EMAIL,
            "client_id": "100000000000000000001",
            "token_uri": self.token_uri,
        }
        return json.dumps(account)

    def expire(self) -> None:
        """Let every token that was issued be no longer valid."""
        self._tokens.clear()

    def operation(self, method: str, path: str) -> str | None:
        """Return what a request is for."""
        if method == "POST" and path == "/token":
            return TOKEN
        return TRANSCRIBE if method == "POST" and RECOGNISER.fullmatch(path) else None

    def answer(self, asked: Asked, taken: Taken, hear: Hear, language: str) -> Answer:
        """Recognise, or issue a token for a signed assertion."""
        if asked.path == "/token":
            return self._issue(asked)
        scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not (self._tokens.get(token, 0.0) > time.time() or _self_signed(token)):
            raise RefusedError(401, "Request had invalid authentication credentials.")
        found = RECOGNISER.fullmatch(asked.path)
        assert found
        if found[2] != PROJECT:
            raise RefusedError(403, f"Permission 'speech.recognizers.recognize' denied on project {found[2]}.")
        body = self._body(asked)
        config = body.get("config", {})
        taken.fields = {name: [json.dumps(value)] for name, value in config.items()}
        if found[4] == "_" and not (config.get("model") and config.get("languageCodes")):
            raise RefusedError(
                400, "Invalid recognizer: model and language_codes are required with an implicit recognizer."
            )
        if not all(LOCALE.fullmatch(code) for code in config.get("languageCodes", ())):
            raise RefusedError(400, f"The language codes {config['languageCodes']} are not supported.")
        taken.sound = self._audio(body, config)
        return Answer(document=_document(hear(taken.sound), taken.sound, language, config))

    def _body(self, asked: Asked) -> dict[str, Any]:
        if asked.content_type != "application/json":
            raise RefusedError(400, "Content-Type application/json is expected")
        try:
            body = json.loads(asked.body)
        except ValueError as error:
            raise RefusedError(400, "Invalid JSON payload received.") from error
        check("google", body)
        return dict(body)

    def _audio(self, body: dict[str, Any], config: dict[str, Any]) -> Sound:
        try:
            content = base64.b64decode(body["content"], validate=True)
        except (KeyError, binascii.Error) as error:
            raise RefusedError(400, "content must be base64") from error
        if len(content) > LARGEST_BYTES:
            raise RefusedError(400, "Request payload size exceeds the limit: 10485760 bytes.")
        explicit = config.get("explicitDecodingConfig")
        if explicit is None and "autoDecodingConfig" not in config:
            raise RefusedError(400, "Either auto_decoding_config or explicit_decoding_config is required.")
        try:
            sound = read_pcm(content, explicit["sampleRateHertz"]) if explicit else read_wav(content)
        except (BadAudioError, KeyError) as error:
            raise RefusedError(400, f"Audio data does not appear to be in a supported encoding: {error}") from error
        if sound.seconds > LONGEST_SECONDS:
            raise RefusedError(400, "Audio can be of a maximum of 60 seconds.")
        return sound

    def _issue(self, asked: Asked) -> Answer:
        """Check a JWT as RFC 7523 and Google ask for it, and hand out a token."""
        if asked.content_type != "application/x-www-form-urlencoded":
            raise _denied("invalid_request", "the token endpoint takes a urlencoded form")
        form = urllib.parse.parse_qs(asked.body.decode("ascii", "replace"))
        if form.get("grant_type") != [GRANT] or len(form.get("assertion", ())) != 1:
            raise _denied("unsupported_grant_type", "one JWT bearer assertion is expected")
        header, claims = _verified(form["assertion"][0])
        now = time.time()
        if header.get("alg") != "RS256" or header.get("kid", KEY_ID) != KEY_ID:
            raise _denied("invalid_grant", "alg must be RS256 and kid the key's")
        if claims.get("iss") != EMAIL or claims.get("aud") not in (self.token_uri, TOKEN_AUDIENCE):
            raise _denied("invalid_grant", "iss or aud is not right")
        if SCOPE not in str(claims.get("scope", "")).split():
            raise _denied("invalid_scope", "the cloud-platform scope is missing")
        issued, expires = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int) or not isinstance(expires, int):
            raise _denied("invalid_grant", "iat and exp must be whole seconds")
        if not (issued <= now + 300 and now < expires <= issued + 3600):
            raise _denied("invalid_grant", "token must be short-lived (60 minutes) and in a reasonable timeframe")
        token = f"ya29.stand-in-{uuid.uuid4().hex}"
        self._tokens[token] = now + 3599
        return Answer(document={"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def failure(self, status: int, reason: str) -> Answer:
        """Return Google's error body."""
        named = STATUSES.get(status, "UNKNOWN")
        return Answer(status=status, document={"error": {"code": status, "message": reason, "status": named}})

    def spent(self) -> Answer:
        """Return 429 RESOURCE_EXHAUSTED."""
        return self.failure(429, "Quota exceeded for quota metric 'Recognize requests' of service 'speech'.")


def _denied(error: str, description: str) -> RefusedError:
    """Return an error of OAuth (RFC 6749, 5.2)."""
    return RefusedError(400, f"{error}: {description}", {"error": error, "error_description": description})


def _verified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a JWT's header and claims when its signature is right. Raises RefusedError."""
    try:
        head, middle, tail = assertion.split(".")
        signature = _decoded(tail)
        _private_key().public_key().verify(signature, f"{head}.{middle}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return json.loads(_decoded(head)), json.loads(_decoded(middle))
    except (ValueError, InvalidSignature) as error:
        raise _denied("invalid_grant", "Invalid JWT Signature.") from error


def _self_signed(token: str) -> bool:
    """Tell whether it is a JWT that stands for an access token by itself, as Google allows for its own APIs."""
    try:
        _, claims = _verified(token)
    except RefusedError:
        return False
    named = claims.get("iss") == claims.get("sub") == EMAIL
    meant = claims.get("aud") == AUDIENCE or SCOPE in str(claims.get("scope", "")).split()
    return named and meant and claims.get("iat", 0) - 300 <= time.time() < claims.get("exp", 0)


def _decoded(text: str) -> bytes:
    if "=" in text:
        raise _denied("invalid_grant", "base64url without padding is expected")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _document(text: str, sound: Sound, language: str, config: dict[str, Any]) -> dict[str, Any]:
    metadata = {"totalBilledDuration": f"{-(-sound.seconds // 1):.0f}s", "requestId": uuid.uuid4().hex}
    if not text:
        return {"metadata": metadata}
    alternative: dict[str, Any] = {"transcript": text, "confidence": 0.92}
    if config.get("features", {}).get("enableWordConfidence"):
        alternative["words"] = [{"word": word, "confidence": 0.9} for word in text.split()]
    asked = next((one for one in config["languageCodes"] if one.startswith(language)), f"{language}-xx")
    end = f"{sound.seconds:.3f}s"
    result = {"alternatives": [alternative], "resultEndOffset": end, "languageCode": asked.lower()}
    return {"results": [result], "metadata": metadata}
