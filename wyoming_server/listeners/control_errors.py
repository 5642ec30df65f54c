"""A refusal → the status and the JSON of its answer."""

from ..errors import (
    AddressRefusedError,
    ArtefactError,
    AudioError,
    BaselineRunningError,
    BundleError,
    CapReachedError,
    DiskError,
    EdgeVoiceError,
    InvalidRequestError,
    LaneError,
    ModelError,
    NeedsConfirmationError,
    NoBaselineError,
    NotConsentedError,
    NotKeptError,
    OriginRefusedError,
    OverloadedError,
    PairingRefusedError,
    PlainHttpRefusedError,
    QueueFullError,
    RecordingError,
    RecordsKeyError,
    RepositoryError,
    RequestTakenError,
    TokenInUrlError,
    TokenRefusedError,
    TooManyRequestsError,
    TurnTimeoutError,
    UnknownBundleError,
    UnknownLaneError,
    UnknownMonthError,
    UnknownRequestError,
    UnknownSatelliteError,
    UnknownTurnError,
    UsageError,
)

STATUSES: tuple[tuple[type[EdgeVoiceError], int], ...] = (
    (TokenRefusedError, 401),
    (PairingRefusedError, 401),
    (OriginRefusedError, 403),
    (AddressRefusedError, 403),
    (NotConsentedError, 403),
    (PlainHttpRefusedError, 403),
    (UnknownTurnError, 404),
    (UnknownLaneError, 404),
    (UnknownSatelliteError, 404),
    (UnknownBundleError, 404),
    (UnknownMonthError, 404),
    (UnknownRequestError, 404),
    (NotKeptError, 404),
    (NoBaselineError, 404),
    (BaselineRunningError, 409),
    (RequestTakenError, 409),
    (QueueFullError, 409),
    (CapReachedError, 409),
    (RepositoryError, 502),
    (ArtefactError, 502),
    (BundleError, 409),
    (TooManyRequestsError, 429),
    (TokenInUrlError, 400),
    (InvalidRequestError, 400),
    (UsageError, 400),
    (AudioError, 400),
    (RecordingError, 400),
    (LaneError, 400),
    (NeedsConfirmationError, 400),
    (DiskError, 503),
    (RecordsKeyError, 503),
    (ModelError, 503),
    (OverloadedError, 503),
    (TurnTimeoutError, 503),
)
"""The first that fits counts; everything else is our own fault."""
OF_HTTP = {
    400: "invalid-request",
    401: TokenRefusedError.code,
    403: OriginRefusedError.code,
    404: "not-found",
    405: "wrong-method",
    411: "invalid-request",
    413: "body-too-large",
    415: "wrong-content-type",
    429: TooManyRequestsError.code,
    503: OverloadedError.code,
}
"""Status that HTTP itself asks for → code."""
INTERNAL = EdgeVoiceError.code


def status_of(error: EdgeVoiceError) -> int:
    """Return the status of a refusal."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def code_of(status: int) -> str:
    """Return the code of what HTTP itself refuses."""
    return OF_HTTP.get(status, INTERNAL if status >= 500 else OF_HTTP[400])


def told(code: str, message: str) -> dict[str, str]:
    """Return the body of an answer that refuses."""
    return {"code": code, "message": message}
