"""Google's client over its REST transport, with a service account's token and with a self-signed one."""

import json
from typing import Any

from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.cloud import speech_v2
from google.cloud.speech_v2.services.speech.transports import SpeechRestTransport
from google.oauth2 import service_account

from .given import Case, Given

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def cases(given: Given) -> list[Case]:
    """Return what it does."""
    scheme, _, host = given.urls["google"].partition("://")
    account = json.loads(given.keys["google"])

    def ask(info: dict[str, Any], *, self_signed: bool = False, wanted: dict[str, Any] | None = None) -> str:
        credentials = service_account.Credentials.from_service_account_info(info, scopes=SCOPES)
        transport = SpeechRestTransport(
            host=host,
            url_scheme=scheme,
            credentials=credentials,
            always_use_jwt_access=self_signed,
            api_audience="https://speech.googleapis.com/" if self_signed else None,
        )
        config = {"auto_decoding_config": {}, "model": "short", "language_codes": ["en-US"], **(wanted or {})}
        with speech_v2.SpeechClient(transport=transport) as client:
            heard = client.recognize(
                {
                    "recognizer": f"projects/{info['project_id']}/locations/global/recognizers/_",
                    "config": config,
                    "content": given.audio,
                },
                retry=None,
                timeout=10,
            )
        best = heard.results[0].alternatives[0]
        assert heard.results[0].language_code == "en-us", heard
        assert best.confidence > 0.9, heard
        return best.transcript

    words = {"features": {"enable_automatic_punctuation": True, "enable_word_confidence": True}}
    phrases = {"phrases": [{"value": "kitchen", "boost": 5.0}]}
    biased = {"adaptation": {"phrase_sets": [{"inline_phrase_set": phrases}]}}
    stranger = account | {"client_email": "someone@else.example"}
    return [
        Case(sdk="google", name="recognize with an OAuth token", run=lambda: ask(account)),
        Case(sdk="google", name="recognize with a self-signed token", run=lambda: ask(account, self_signed=True)),
        Case(sdk="google", name="features and phrases", run=lambda: ask(account, wanted=words | biased)),
        Case(sdk="google", name="wrong account", run=lambda: ask(stranger), error=auth_exceptions.RefreshError),
        Case(
            sdk="google",
            name="wrong project",
            run=lambda: ask(account | {"project_id": "other"}),
            error=exceptions.Forbidden,
            status=403,
        ),
        Case(
            sdk="google",
            name="busy",
            run=lambda: ask(account),
            fault="http-429-seconds",
            error=exceptions.TooManyRequests,
            status=429,
        ),
    ]
