"""Google's Speech-to-Text v2: `recognize` with a recogniser made for the request, and a service account's token."""

import asyncio
import base64
import json
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ..errors import InvalidSettingsError, LaneCredentialsError, LaneRefusedError
from ..pipeline.lanes import LaneRequest, LaneSettings
from .cloud_http import HttpService
from .cloud_lane import CloudLane, Heard, probability, wav_of
from .cloud_languages import locale_of
from .cloud_refusals import Reply
from .cloud_trust import read_key

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_SECONDS = 3600
_SPARE_SECONDS = 120.0
"""A token is renewed this long before it ends: clocks differ, and a turn takes its time."""
_LONGEST_SECONDS = 86_400
_MOST_PHRASES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """What a service account's JSON key says."""

    email: str
    key_id: str
    project: str
    token_url: str
    signer: RSAPrivateKey = field(repr=False)

    def assertion(self, now_s: float) -> str:
        """Return a JWT (RFC 7523) that asks for a token, signed with RS256; `now_s` is the wall clock."""
        issued = int(now_s)
        head = {"alg": "RS256", "typ": "JWT", "kid": self.key_id}
        claims = {
            "iss": self.email,
            "scope": _SCOPE,
            "aud": self.token_url,
            "iat": issued,
            "exp": issued + _LIFETIME_SECONDS,
        }
        signed = b".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
        return (signed + b"." + _base64(self.signer.sign(signed, PKCS1v15(), SHA256()))).decode()


class GoogleProvider:
    """Satisfies `Provider`."""

    def __init__(
        self,
        settings: LaneSettings,
        service: HttpService,
        tokens: HttpService,
        account: ServiceAccount,
        wall_clock: Callable[[], float],
    ) -> None:
        """Ask in a project and region; `tokens` is where the account's token comes from."""
        self._service, self._tokens, self._account, self._wall_clock = service, tokens, account, wall_clock
        self._model = settings.model
        location = settings.region or "global"
        self._path = f"/v2/projects/{settings.project or account.project}/locations/{location}/recognizers/_:recognize"
        self._fallback = settings.languages
        self._token, self._token_ends_s = "", 0.0
        self._renewing = asyncio.Lock()

    async def hear(self, request: LaneRequest) -> Heard:
        """Return what it hears. Raises LaneError."""
        body = json.dumps(self._document(request)).encode()
        reply = await self._ask(body, request, await self._bearer(), tolerated={401})
        if reply.status == 401:  # a token may be withdrawn before its end
            self._token = ""
            reply = await self._ask(body, request, await self._bearer())
        results = self._service.object_of(reply).get("results", [])
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            raise self._service.refusals.malformed("holds no results")
        best = [first for one in results if (first := _first(one.get("alternatives")))]
        return Heard(
            text=" ".join(self._service.text_of(one.get("transcript", "")) for one in best),
            language=results[0].get("languageCode") if results else None,
            # 0.0 stands for "not set".
            confidence=(probability(best[0].get("confidence")) or None) if best else None,
            bytes_sent=len(body),
        )

    async def _ask(self, body: bytes, request: LaneRequest, token: str, *, tolerated: Container[int] = ()) -> Reply:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await self._service.post(self._path, body, headers=headers, names=request.prompt, tolerated=tolerated)

    def _document(self, request: LaneRequest) -> dict[str, Any]:
        languages = [request.language] if request.language else list(self._fallback)[:3]
        config: dict[str, Any] = {
            "autoDecodingConfig": {},
            "languageCodes": [locale_of(one) for one in languages] or ["auto"],
            "model": self._model,
            "features": {"enableAutomaticPunctuation": True, "enableWordConfidence": True},
        }
        if request.prompt:
            phrases = [{"value": name} for name in request.prompt[:_MOST_PHRASES]]
            config["adaptation"] = {"phraseSets": [{"inlinePhraseSet": {"phrases": phrases}}]}
        return {"config": config, "content": base64.b64encode(wav_of(request.samples)).decode()}

    async def _bearer(self) -> str:
        """Return a token that still lives for a while; one request at a time renews it. Raises LaneError."""
        async with self._renewing:
            if not self._token or self._wall_clock() > self._token_ends_s - _SPARE_SECONDS:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        now_s = self._wall_clock()
        # Signing takes a millisecond; a thread would cost more than it saves.
        form = f"grant_type={_GRANT.replace(':', '%3A')}&assertion={self._account.assertion(now_s)}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            reply = await self._tokens.post("", form.encode(), headers=headers)
        except LaneRefusedError as error:
            raise LaneCredentialsError(
                f"Lane '{self._tokens.lane}': Google does not accept the service account; "
                "make a new JSON key for it, and check this machine's clock",
                lane=self._tokens.lane,
            ) from error
        answer = self._tokens.object_of(reply)
        lasts_s = answer.get("expires_in")
        token = self._tokens.text_of(answer.get("access_token"))
        if not _sendable(token) or not isinstance(lasts_s, int | float) or not 0 < lasts_s <= _LONGEST_SECONDS:
            raise self._tokens.refusals.malformed("holds no token")
        self._token, self._token_ends_s = token, now_s + lasts_s

    async def warm(self) -> None:
        """Have a token and a connection ready."""
        await self._bearer()
        await self._service.warm()

    async def aclose(self) -> None:
        """Drop its connections."""
        await self._service.aclose()
        await self._tokens.aclose()


def _sendable(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable()


def _first(several: object) -> dict[str, Any] | None:
    return several[0] if isinstance(several, list) and several and isinstance(several[0], dict) else None


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def read_account(settings: LaneSettings, text: str) -> ServiceAccount:
    """Return what a service account's JSON says. Raises InvalidSettingsError, which quotes nothing of it."""
    try:
        content = json.loads(text)
        signer = load_pem_private_key(content["private_key"].encode(), None)
        account = {name: str(content[name]) for name in ("client_email", "private_key_id", "project_id", "token_uri")}
    except (ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm) as error:
        raise InvalidSettingsError(
            f"Lane '{settings.name}': the key is not the JSON of a Google service account "
            f"({type(error).__name__}); make one in the Cloud console, under IAM, Service accounts, Keys"
        ) from None  # the error may quote the key
    if not isinstance(signer, RSAPrivateKey):
        raise InvalidSettingsError(f"Lane '{settings.name}': the service account's private key is not an RSA key")
    return ServiceAccount(
        email=account["client_email"],
        key_id=account["private_key_id"],
        project=account["project_id"],
        token_url=account["token_uri"],
        signer=signer,
    )


def make(settings: LaneSettings, wall_clock: Callable[[], float]) -> CloudLane:
    """Return a lane. Raises InvalidSettingsError."""
    service = HttpService(settings, settings.url, wall_clock=wall_clock)
    text = read_key(settings)
    if not text:
        return CloudLane(settings, None)
    account = read_account(settings, text)
    tokens = HttpService(settings, account.token_url, wall_clock=wall_clock)
    return CloudLane(settings, GoogleProvider(settings, service, tokens, account, wall_clock))
