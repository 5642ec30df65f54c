"""Everything that can be refused, with one stable code per leaf.

EdgeVoiceError
├── UsageError                     exit status 2; the caller's to mend
│   ├── InvalidSettingsError       invalid-settings
│   ├── PortBusyError              port-busy
│   ├── UnknownModelError          unknown-model
│   ├── UnknownProviderError       unknown-provider
│   ├── NoRepositoryError          no-repository
│   ├── RootRefusedError           root-refused
│   ├── UnknownWakeWordError       unknown-wake-word
│   └── UnsupportedLanguageError   unsupported-language
├── AudioError
│   ├── MalformedAudioError        malformed-audio
│   └── UnsupportedAudioError      unsupported-audio
├── ProtocolError
│   ├── MalformedEventError        malformed-event
│   ├── AddressRefusedError        address-refused
│   ├── EventTooLargeError         event-too-large
│   ├── TooManyConnectionsError    too-many-connections
│   └── UnexpectedEventError       unexpected-event
├── ModelError
│   ├── ModelMissingError          model-missing
│   ├── ModelCorruptError          model-corrupt
│   ├── EngineMissingError         engine-missing
│   ├── ModelCrashedError          model-crashed
│   ├── ModelDownloadError         model-download-failed
│   └── SelfTestError              self-test-failed
├── TurnError
│   ├── DecodeError                decode-failed
│   ├── NeedsConfirmationError     needs-confirmation
│   ├── OverloadedError            overloaded
│   └── TurnTimeoutError           turn-timeout
├── LaneError                      a speech service was asked in vain; carries `lane`, `retry_after_s`
│   ├── CapReachedError            cap-reached
│   ├── KeyUnreadableError         key-unreadable
│   ├── LaneBusyError              lane-busy
│   ├── LaneCertificateError       lane-certificate
│   ├── LaneCredentialsError       lane-credentials
│   ├── LaneEmptyError             lane-empty
│   ├── LaneFailedError            lane-failed
│   ├── LaneForbiddenError         lane-forbidden
│   ├── LaneLanguageError          lane-language
│   ├── LaneMalformedError         lane-malformed
│   ├── LaneNotPrivateError        lane-not-private
│   ├── LaneRedirectedError        lane-redirected
│   ├── LaneRefusedError           lane-refused
│   ├── LaneTimeoutError           lane-timeout
│   └── LaneUnreachableError       lane-unreachable
├── ControlError                   a request to the control API that is refused
│   ├── BaselineRunningError       baseline-running
│   ├── InvalidRequestError        invalid-request
│   ├── NoBaselineError            no-baseline
│   ├── NotConsentedError          not-consented
│   ├── NotKeptError               not-kept
│   ├── OriginRefusedError         origin-refused
│   ├── PairingRefusedError        pairing-refused
│   ├── PlainHttpRefusedError      plain-http-refused
│   ├── RequestTakenError          request-taken
│   ├── TokenInUrlError            token-in-url
│   ├── TokenRefusedError          token-refused
│   ├── TooManyRequestsError       too-many-requests; carries `retry_after_s`
│   ├── UnknownLaneError           unknown-lane
│   ├── UnknownMonthError          unknown-month
│   ├── UnknownRequestError        unknown-request
│   ├── UnknownSatelliteError      unknown-satellite
│   └── UnknownTurnError           unknown-turn
├── BundleError                    a bundle, or the repository it comes from, is refused; what serves goes on serving
│   ├── RepositoryError            what a repository says is not believed
│   │   ├── WrongKeyError          wrong-key
│   │   ├── RotatedKeyError        rotated-out-key
│   │   ├── ThresholdError         threshold-not-met
│   │   ├── MetadataRollbackError  metadata-rollback
│   │   ├── MixAndMatchError       mix-and-match
│   │   ├── FrozenError            repository-frozen
│   │   ├── ExpiredError           metadata-expired
│   │   ├── MalformedMetadataError metadata-malformed
│   │   └── UnreachableRepositoryError  repository-unreachable
│   ├── ArtefactError              what a repository sends is not what it has signed, or is not fit to be unpacked
│   │   ├── TamperedError          tampered
│   │   ├── TruncatedError         truncated
│   │   ├── OversizedError         oversized
│   │   ├── EndlessDataError       endless-data
│   │   ├── WrongArtefactError     wrong-artefact
│   │   ├── PathEscapeError        path-escape
│   │   ├── LinkEntryError         link-entry
│   │   ├── DeviceEntryError       device-entry
│   │   ├── ArchiveBombError       archive-bomb
│   │   └── MalformedArchiveError  archive-malformed
│   ├── BundleManifestError        bundle-manifest
│   ├── BundleDamagedError         bundle-damaged
│   ├── TrialError                 it was tried in a process of its own
│   │   ├── TrialCrashedError      self-test-crashed
│   │   ├── TrialMemoryError       self-test-memory
│   │   └── TrialTimeoutError      self-test-timeout
│   ├── VersionRollbackError       version-rollback
│   ├── NotEligibleError           not-eligible
│   ├── DeniedError                bundle-denied
│   ├── NothingToRollBackError     nothing-to-roll-back
│   ├── UnknownBundleError         unknown-bundle
│   ├── UpdateRunningError         update-running
│   └── ReportRefusedError         report-refused
├── PublishError                   a repository of one's own cannot be written so
│   ├── PublisherKeyError          publisher-key
│   ├── RepositoryStateError       repository-state
│   └── CalibrationError           calibration-failed
├── EvaluationError
│   ├── ManifestError              unreadable-manifest
│   ├── NotBetterError             not-better
│   ├── OverlapError               seen-in-fitting
│   └── TooFewRecordingsError      too-few-recordings
├── QueueFullError                 queue-full
├── DiskError                      disk-full
│   └── NewerRecordsError          newer-records
├── RecordsKeyError                records-key
├── SnapshotError                  damaged-snapshot
├── RecordingError                 unreadable-recording
└── ServerUnreachableError         server-unreachable
"""

from typing import ClassVar


class EdgeVoiceError(Exception):
    """A refusal with a stable code and a sentence that names the cure."""

    code: ClassVar[str] = "internal-error"


class UsageError(EdgeVoiceError):
    """The command line, the settings or the machine's set-up is the caller's to mend."""


class InvalidSettingsError(UsageError):
    """A setting has a value outside what is allowed."""

    code = "invalid-settings"


class PortBusyError(UsageError):
    """The address cannot be listened on."""

    code = "port-busy"


class UnknownModelError(UsageError):
    """No model has that name or folder."""

    code = "unknown-model"


class UnknownProviderError(UsageError):
    """No kind of lane has that name."""

    code = "unknown-provider"


class NoRepositoryError(UsageError):
    """No repository of bundles is trusted here."""

    code = "no-repository"


class RootRefusedError(UsageError):
    """What was given to trust is no root of a repository."""

    code = "root-refused"


class UnknownWakeWordError(UsageError):
    """No loaded wake model has that name."""

    code = "unknown-wake-word"


class UnsupportedLanguageError(UsageError):
    """The loaded model does not know that language."""

    code = "unsupported-language"


class AudioError(EdgeVoiceError):
    """Audio that cannot be heard."""


class MalformedAudioError(AudioError):
    """The bytes do not make whole samples."""

    code = "malformed-audio"


class UnsupportedAudioError(AudioError):
    """The rate, width or channel count is outside what can be converted."""

    code = "unsupported-audio"


class ProtocolError(EdgeVoiceError):
    """A Wyoming peer said something that cannot be understood."""


class MalformedEventError(ProtocolError):
    """An event's header, data or fields do not parse."""

    code = "malformed-event"


class AddressRefusedError(ProtocolError):
    """A peer from outside the networks that may connect."""

    code = "address-refused"


class TooManyConnectionsError(ProtocolError):
    """One address holds as many connections as it may."""

    code = "too-many-connections"


class EventTooLargeError(ProtocolError):
    """An event declares more bytes than any real one has."""

    code = "event-too-large"


class UnexpectedEventError(ProtocolError):
    """A known event at a moment where it means nothing."""

    code = "unexpected-event"


class ModelError(EdgeVoiceError):
    """A model that cannot serve."""


class ModelMissingError(ModelError):
    """A file of the model is not there."""

    code = "model-missing"


class ModelCorruptError(ModelError):
    """The model's files are there and cannot be loaded."""

    code = "model-corrupt"


class ModelCrashedError(ModelError):
    """The model took the server down, failed on whatever it was given, or found no memory; it is tried again later."""

    code = "model-crashed"


class EngineMissingError(ModelError):
    """The library that runs this kind of model is not installed."""

    code = "engine-missing"


class ModelDownloadError(ModelError):
    """The model could not be fetched whole."""

    code = "model-download-failed"


class SelfTestError(ModelError):
    """The model loads and does not hear its golden recordings right."""

    code = "self-test-failed"


class TurnError(EdgeVoiceError):
    """A turn that ends without a text."""


class DecodeError(TurnError):
    """The model failed on this utterance."""

    code = "decode-failed"


class NeedsConfirmationError(TurnError):
    """Risky text that matters, and nobody who could be asked whether it is right."""

    code = "needs-confirmation"


class OverloadedError(TurnError):
    """More turns wait than the budget allows."""

    code = "overloaded"


class TurnTimeoutError(TurnError):
    """The turn's budget ran out."""

    code = "turn-timeout"


class LaneError(EdgeVoiceError):
    """A speech service was asked in vain; the edge text stays."""

    def __init__(self, message: str, *, lane: str = "", retry_after_s: float | None = None) -> None:
        """Say what happened and the cure, which lane it was, and when asking again may help."""
        super().__init__(message)
        self.lane, self.retry_after_s = lane, retry_after_s


class CapReachedError(LaneError):
    """The owner's cap on seconds or money is reached."""

    code = "cap-reached"


class KeyUnreadableError(LaneError):
    """Its key was sealed with a master key that is gone; it has to be entered again."""

    code = "key-unreadable"


class LaneBusyError(LaneError):
    """The service asks for patience: 429, or a quota that is spent."""

    code = "lane-busy"


class LaneCertificateError(LaneError):
    """The server's certificate is not to be trusted; there is no way around it but a `ca_file`."""

    code = "lane-certificate"


class LaneCredentialsError(LaneError):
    """The key is missing, empty or wrong."""

    code = "lane-credentials"


class LaneEmptyError(LaneError):
    """The service heard nothing."""

    code = "lane-empty"


class LaneFailedError(LaneError):
    """The service failed: 5xx, or a connection that broke."""

    code = "lane-failed"


class LaneForbiddenError(LaneError):
    """The key is right and may not do this: 403."""

    code = "lane-forbidden"


class LaneLanguageError(LaneError):
    """The service answered in another language than was spoken."""

    code = "lane-language"


class LaneMalformedError(LaneError):
    """The answer is not what the protocol says: HTML, half a stream, too long."""

    code = "lane-malformed"


class LaneNotPrivateError(LaneError):
    """A home lane's address leads out of the home."""

    code = "lane-not-private"


class LaneRedirectedError(LaneError):
    """The service sent us elsewhere; speech follows no redirect."""

    code = "lane-redirected"


class LaneRefusedError(LaneError):
    """The service refused the request: 400, 404, 413, 415, 422."""

    code = "lane-refused"


class LaneTimeoutError(LaneError):
    """No text within the lane's deadline."""

    code = "lane-timeout"


class LaneUnreachableError(LaneError):
    """The service's name or address could not be reached."""

    code = "lane-unreachable"


class ControlError(EdgeVoiceError):
    """A request to the control API that is refused."""


class InvalidRequestError(ControlError):
    """The body or the query is not what the API describes."""

    code = "invalid-request"


class NotConsentedError(ControlError):
    """The owner has not agreed that speech goes there."""

    code = "not-consented"


class OriginRefusedError(ControlError):
    """The request names a host that is not this server, or comes from another site's page."""

    code = "origin-refused"


class PairingRefusedError(ControlError):
    """The pairing code is wrong, used or too old."""

    code = "pairing-refused"


class PlainHttpRefusedError(ControlError):
    """A secret would cross the network in the clear."""

    code = "plain-http-refused"


class TokenRefusedError(ControlError):
    """The token is missing or wrong."""

    code = "token-refused"


class TooManyRequestsError(ControlError):
    """Asked too often."""

    code = "too-many-requests"

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        """Say when asking again may help."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotKeptError(ControlError):
    """That text or recording was not kept, or is not any more."""

    code = "not-kept"


class NoBaselineError(ControlError):
    """No baseline is being recorded."""

    code = "no-baseline"


class BaselineRunningError(ControlError):
    """A baseline is being recorded already."""

    code = "baseline-running"


class TokenInUrlError(ControlError):
    """A secret came in an address, which browsers, proxies and logs keep."""

    code = "token-in-url"


class UnknownMonthError(ControlError):
    """There are no records of that month."""

    code = "unknown-month"


class UnknownRequestError(ControlError):
    """No request that waits has that id."""

    code = "unknown-request"


class RequestTakenError(ControlError):
    """That request is not in a state in which this may be done with it."""

    code = "request-taken"


class UnknownLaneError(ControlError):
    """No lane has that name."""

    code = "unknown-lane"


class UnknownSatelliteError(ControlError):
    """No satellite of that name was heard."""

    code = "unknown-satellite"


class UnknownTurnError(ControlError):
    """No turn of the last ones has that id."""

    code = "unknown-turn"


class BundleError(EdgeVoiceError):
    """A bundle, or the repository that it comes from, is refused; what serves goes on serving."""


class RepositoryError(BundleError):
    """What a repository says is not believed."""


class WrongKeyError(RepositoryError):
    """A signature is by a key that was never trusted for this."""

    code = "wrong-key"


class RotatedKeyError(RepositoryError):
    """A signature is by a key that the root has withdrawn."""

    code = "rotated-out-key"


class ThresholdError(RepositoryError):
    """Some signatures are right, and fewer than the root asks for."""

    code = "threshold-not-met"


class MetadataRollbackError(RepositoryError):
    """The repository shows something older than what it has shown before."""

    code = "metadata-rollback"


class MixAndMatchError(RepositoryError):
    """Parts of different states of the repository are shown together."""

    code = "mix-and-match"


class FrozenError(RepositoryError):
    """The repository shows the same state since before it expired."""

    code = "repository-frozen"


class ExpiredError(RepositoryError):
    """What the repository shows has expired."""

    code = "metadata-expired"


class MalformedMetadataError(RepositoryError):
    """What the repository shows cannot be read."""

    code = "metadata-malformed"


class UnreachableRepositoryError(RepositoryError):
    """The repository does not answer, or has not what it should have."""

    code = "repository-unreachable"


class ArtefactError(BundleError):
    """What a repository sends is not what it has signed, or is not fit to be unpacked."""


class TamperedError(ArtefactError):
    """The bytes are not those that were signed."""

    code = "tampered"


class TruncatedError(ArtefactError):
    """Fewer bytes came than were signed, however often they were asked for."""

    code = "truncated"


class OversizedError(ArtefactError):
    """More bytes were announced than were signed, or are allowed."""

    code = "oversized"


class EndlessDataError(ArtefactError):
    """Bytes kept coming beyond what was signed, or so slowly that they would never end."""

    code = "endless-data"


class WrongArtefactError(ArtefactError):
    """A signed name leads to another bundle than it says."""

    code = "wrong-artefact"


class PathEscapeError(ArtefactError):
    """An entry of the archive leads out of the folder."""

    code = "path-escape"


class LinkEntryError(ArtefactError):
    """An entry of the archive is a link."""

    code = "link-entry"


class DeviceEntryError(ArtefactError):
    """An entry of the archive is a device, a pipe, or anything else but a file or folder."""

    code = "device-entry"


class ArchiveBombError(ArtefactError):
    """The archive would take more of the disk than was signed, or than is allowed."""

    code = "archive-bomb"


class MalformedArchiveError(ArtefactError):
    """The archive cannot be read, is compressed, or holds a name twice."""

    code = "archive-malformed"


class BundleManifestError(BundleError):
    """The description in a bundle cannot be used."""

    code = "bundle-manifest"


class BundleDamagedError(BundleError):
    """A bundle on this disk is not what was verified when it came."""

    code = "bundle-damaged"


class TrialError(BundleError):
    """A bundle was tried in a process of its own, and failed."""


class TrialCrashedError(TrialError):
    """The process that tried it died."""

    code = "self-test-crashed"


class TrialMemoryError(TrialError):
    """It took more memory than it may."""

    code = "self-test-memory"


class TrialTimeoutError(TrialError):
    """It took longer than it may."""

    code = "self-test-timeout"


class VersionRollbackError(BundleError):
    """The bundle is older than one that served here, and nobody signed that it shall go back."""

    code = "version-rollback"


class NotEligibleError(BundleError):
    """The publisher has not offered the bundle to this hub; carries why in its sentence."""

    code = "not-eligible"


class DeniedError(BundleError):
    """This version failed here before and is not tried again."""

    code = "bundle-denied"


class NothingToRollBackError(BundleError):
    """There is no bundle from before."""

    code = "nothing-to-roll-back"


class UnknownBundleError(BundleError):
    """No bundle has that name and version."""

    code = "unknown-bundle"


class UpdateRunningError(BundleError):
    """An update is under way, in this process or in another."""

    code = "update-running"


class ReportRefusedError(BundleError):
    """A cohort's report is not one."""

    code = "report-refused"


class PublishError(EdgeVoiceError):
    """A repository of one's own cannot be written so."""


class PublisherKeyError(PublishError):
    """A key is missing, cannot be read, or is not one that may sign this."""

    code = "publisher-key"


class RepositoryStateError(PublishError):
    """The repository is not in a state in which that can be done."""

    code = "repository-state"


class CalibrationError(PublishError):
    """A model cannot be calibrated with those recordings."""

    code = "calibration-failed"


class EvaluationError(EdgeVoiceError):
    """Recordings that cannot be measured on."""


class OverlapError(EvaluationError):
    """The recordings, voices, sentences or noises were seen in fitting."""

    code = "seen-in-fitting"


class ManifestError(EvaluationError):
    """A manifest of recordings lacks what it needs."""

    code = "unreadable-manifest"


class NotBetterError(EvaluationError):
    """A scorecard that was fitted is no better than what it would replace."""

    code = "not-better"


class TooFewRecordingsError(EvaluationError):
    """The recordings are too few, or too much alike, to fit a scorecard to."""

    code = "too-few-recordings"


class QueueFullError(EdgeVoiceError):
    """As many requests wait as may, or this kind may not."""

    code = "queue-full"


class DiskError(EdgeVoiceError):
    """The disk refused a write."""

    code = "disk-full"


class NewerRecordsError(DiskError):
    """The records were begun by a newer version; they are left as they are, and nothing is written down."""

    code = "newer-records"


class RecordsKeyError(EdgeVoiceError):
    """The key of what was kept is gone, or another one than it was sealed with."""

    code = "records-key"


class SnapshotError(EdgeVoiceError):
    """What was learned before cannot be taken up again: the snapshot is damaged, or of another version."""

    code = "damaged-snapshot"


class RecordingError(EdgeVoiceError):
    """A recording cannot be read."""

    code = "unreadable-recording"


class ServerUnreachableError(EdgeVoiceError):
    """No server answers at that address."""

    code = "server-unreachable"
