"""Everything that can be refused, with one stable code per leaf.

EdgeVoiceError
├── UsageError                     exit status 2; the caller's to mend
│   ├── InvalidSettingsError       invalid-settings
│   ├── PortBusyError              port-busy
│   ├── UnknownModelError          unknown-model
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
│   ├── ModelDownloadError         model-download-failed
│   └── SelfTestError              self-test-failed
├── TurnError
│   ├── DecodeError                decode-failed
│   ├── OverloadedError            overloaded
│   └── TurnTimeoutError           turn-timeout
├── DiskError                      disk-full
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


class OverloadedError(TurnError):
    """More turns wait than the budget allows."""

    code = "overloaded"


class TurnTimeoutError(TurnError):
    """The turn's budget ran out."""

    code = "turn-timeout"


class DiskError(EdgeVoiceError):
    """The disk refused a write."""

    code = "disk-full"


class RecordingError(EdgeVoiceError):
    """A recording cannot be read."""

    code = "unreadable-recording"


class ServerUnreachableError(EdgeVoiceError):
    """No server answers at that address."""

    code = "server-unreachable"
