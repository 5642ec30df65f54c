"""What can go wrong with a hub, and how Home Assistant says it.

EdgeVoiceError
├── CannotConnectError        nothing answers, or the answer broke off
├── SlowServerError           it answers, but not in time
├── NotEdgeVoiceError         something else answers at this address
│   └── OtherServerError      an Edge Voice hub, but another one
├── MalformedAnswerError      ours, and yet not to be understood
├── TokenRefusedError
├── CertificateChangedError
├── ServerTooOldError
├── ServerTooNewError
└── RefusedError              the hub's own refusals, with their code
"""

from typing import ClassVar, TypedDict

from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    ConfigEntryNotReady,
    HomeAssistantError,
    ServiceValidationError,
)

from .const import DOMAIN


class Translated(TypedDict):
    """What every exception of Home Assistant takes, so that it is shown in the user's language."""

    translation_domain: str
    translation_key: str
    translation_placeholders: dict[str, str]


class EdgeVoiceError(Exception):
    """Whatever a hub, or the way to it, has refused. Its text is for logs; people read its translation."""

    key: ClassVar[str]

    def __init__(self, message: str = "", /, **placeholders: str) -> None:
        super().__init__(message or self.key)
        self.placeholders = placeholders

    @property
    def translation_key(self) -> str:
        """Return the key below `exceptions` of the translations."""
        return self.key


class CannotConnectError(EdgeVoiceError):
    """Nothing answers there, or the answer broke off."""

    key = "cannot_connect"


class SlowServerError(EdgeVoiceError):
    """It did not answer in time."""

    key = "slow_server"


class NotEdgeVoiceError(EdgeVoiceError):
    """Something else answers there."""

    key = "not_edge_voice"


class OtherServerError(NotEdgeVoiceError):
    """Another hub than the one that was paired answers there."""

    key = "other_server"


class MalformedAnswerError(EdgeVoiceError):
    """The hub said something that its contract does not know."""

    key = "malformed_answer"


class TokenRefusedError(EdgeVoiceError):
    """The token is not, or no longer, the hub's."""

    key = "token_refused"


class CertificateChangedError(EdgeVoiceError):
    """The hub shows another certificate than when it was paired: it was set up anew, or it is not the hub."""

    key = "certificate_changed"


class ServerTooOldError(EdgeVoiceError):
    """The hub's control API is older than this integration understands."""

    key = "server_too_old"


class ServerTooNewError(EdgeVoiceError):
    """The hub's control API no longer serves this integration."""

    key = "server_too_new"


class RefusedError(EdgeVoiceError):
    """The hub understood and said no."""

    key = "refused"

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{code}: {message}", code=code, message=message)
        self.code = code
        self.message = message
        self.status = status
        """Of HTTP; 0 where the refusal came through Wyoming."""

    @property
    def translation_key(self) -> str:
        """Return the code's own sentence; codes without one are told in the hub's words."""
        return _REFUSALS.get(self.code, self.key)


_REFUSALS = {
    code: f"refused_{code.replace('-', '_')}"
    for code in (
        "baseline-running",
        "bundle-denied",
        "cap-reached",
        "disk-full",
        "lane-credentials",
        "lane-timeout",
        "lane-unreachable",
        "model-missing",
        "no-baseline",
        "no-repository",
        "not-consented",
        "not-eligible",
        "nothing-to-roll-back",
        "overloaded",
        "pairing-refused",
        "plain-http-refused",
        "queue-full",
        "records-key",
        "request-taken",
        "too-many-requests",
        "unknown-bundle",
        "unknown-month",
        "unknown-request",
        "unknown-turn",
        "unsupported-language",
        "update-running",
        "version-rollback",
    )
}
"""The refusals that an owner meets, whose cure deserves the owner's language."""
_NEW_PAIRING = (TokenRefusedError, CertificateChangedError)
_CLIENT_ERRORS = range(400, 500)


def translated(error: EdgeVoiceError) -> Translated:
    """Return how an error is said to people, in Home Assistant's own terms."""
    return Translated(
        translation_domain=DOMAIN, translation_key=error.translation_key, translation_placeholders=error.placeholders
    )


def raised(error: EdgeVoiceError) -> HomeAssistantError:
    """Return what a command, of an entity or a service, raises instead. Use it with `from error`."""
    if isinstance(error, RefusedError) and error.status in _CLIENT_ERRORS:
        return ServiceValidationError(**translated(error))
    return HomeAssistantError(**translated(error))


def raised_in_setup(error: EdgeVoiceError) -> ConfigEntryNotReady | ConfigEntryAuthFailed:
    """Return what the setup of an entry raises instead: only a new pairing helps, or it is tried again by itself."""
    if isinstance(error, _NEW_PAIRING):
        return ConfigEntryAuthFailed(**translated(error))
    return ConfigEntryNotReady(**translated(error))
