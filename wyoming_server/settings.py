"""What the owner decides: defaults < YAML file < environment < flags. The only reader of the environment.

Every value lives in the frozen dataclass of the part that uses it, with its range; the schema here is made from
those, so that a setting is written down once.
"""

import dataclasses
import datetime as dt
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import voluptuous as vol
import yaml

from .bundles.bundle_settings import BundleSettings
from .errors import InvalidSettingsError, UnknownProviderError
from .learning.drift_settings import DriftSettings
from .learning.pace import LearnerSettings
from .learning.threshold import ThresholdSettings
from .listeners.control_settings import ControlSettings, check_address
from .logs import LogFormat, LogLevel, set_up
from .pipeline.checked import Checked, ranged
from .pipeline.endpoint import EndpointSettings
from .pipeline.hedge import HedgeSettings
from .pipeline.lanes import PROVIDERS, LaneSettings, LanesSettings
from .pipeline.listen import ListenSettings
from .pipeline.policy import Costs, Policy, RoutingMode, Trust
from .pipeline.turn import TurnSettings
from .pipeline.wake import WakeSettings
from .records.caps import LedgerSettings
from .records.record_settings import RecordSettings
from .resilience.breaker import BreakerSettings
from .resilience.queue_settings import QueueSettings
from .settings_refusals import WRITE_A_DAY, sentences
from .settings_schema import schema_of, texts_of

ENVIRONMENT_PREFIX = "EDGE_VOICE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(Checked):
    """Where the server listens and what it keeps."""

    uris: tuple[str, ...] = ("tcp://0.0.0.0:10300",)
    """tcp://HOST:PORT, unix://PATH or stdio://."""
    allow: tuple[str, ...] = ()
    """Networks besides loopback and private ones that may connect, such as 203.0.113.0/24."""
    connections_per_address: int = ranged(32, at_least=1, at_most=1000)
    """Connections that one address may have at a time."""
    data_dir: str = "data"
    """Where fetched models, the ledger and what was learned lie."""
    log_level: LogLevel = LogLevel.INFO
    """debug, info, warning or error; `PUT /api/v1/policy` changes it while the server runs."""
    log_format: LogFormat = LogFormat.TEXT
    """text, or json: one object a line."""
    requires_external_vad: bool = True
    """Whether clients are asked to end a turn by themselves; the answer comes early all the same."""
    max_event_kib: int = ranged(1024, at_least=64, at_most=65_536)
    """Largest event that a peer may send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeWordSettings(WakeSettings):
    """Which words wake, and when."""

    words: tuple[str, ...] = ()
    """Words to load; empty for all packaged ones that are on by default."""
    folder: str = ""
    """A folder with words of your own, .onnx or .tflite."""
    gate: bool = True
    """Whether audio far below the room's noise floor skips the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsrSettings(Checked):
    """The recogniser on the hub."""

    model: str = ""
    """A faster-whisper name, a folder, a bundle's name, or starter.

    Empty: the signed bundle that was taken up, else what fits this machine, the starter until it is there.
    """
    language: str = ""
    """The language when the client names none; empty: detect it among `languages`."""
    languages: tuple[str, ...] = ()
    """Languages that detection may answer; empty for all that the model knows."""
    threads: int = ranged(0, at_least=0, at_most=64)
    """Threads of one decode; 0 for what `tune` found, else half the cores, since two decodes may run side by side."""
    context_floor_frames: int = ranged(0, at_least=0, at_most=3000)
    """Fewest mel frames (10 ms each) that the encoder sees; 0 for what the model's manifest or `tune` says."""
    waiting: int = ranged(16, at_least=1, at_most=1000)
    """Decodes that may wait; further turns are refused at once instead of being late."""
    early_answers: bool = True
    """Whether a turn may end before the client says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSettings:
    """The names that the home has, until a client sends its own."""

    names: tuple[str, ...] = ()
    """Devices as your people call them."""
    areas: tuple[str, ...] = ()
    """Areas, likewise."""
    floors: tuple[str, ...] = ()
    """Floors, likewise."""
    critical: tuple[str, ...] = ()
    """Devices, scripts and sentences whose commands matter as an unlocked door does, beyond what their words say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoiseSettings(Checked):
    """Noise suppression for wake word and VAD; the recogniser always gets the untouched audio."""

    satellites: tuple[str, ...] = ()
    """Satellites (as they name themselves, or their addresses) whose audio is denoised; * for all."""
    level: int = ranged(2, at_least=1, at_most=4)
    """1 (gentle) to 4 (strong)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingSettings(Policy):
    """Who may use what, and when the hub asks for help."""

    trusted: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Networks whose peers may use lanes, name satellites and teach the thresholds; all others get the edge only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of it."""

    server: ServerSettings = field(default_factory=ServerSettings)
    wake: WakeWordSettings = field(default_factory=WakeWordSettings)
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    asr: AsrSettings = field(default_factory=AsrSettings)
    home: HomeSettings = field(default_factory=HomeSettings)
    listen: ListenSettings = field(default_factory=ListenSettings)
    turn: TurnSettings = field(default_factory=TurnSettings)
    denoise: DenoiseSettings = field(default_factory=DenoiseSettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    hedge: HedgeSettings = field(default_factory=HedgeSettings)
    cloud: LanesSettings = field(default_factory=LanesSettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    records: RecordSettings = field(default_factory=RecordSettings)
    threshold: ThresholdSettings = field(default_factory=ThresholdSettings)
    learning: LearnerSettings = field(default_factory=LearnerSettings)
    drift: DriftSettings = field(default_factory=DriftSettings)
    control: ControlSettings = field(default_factory=ControlSettings)
    bundles: BundleSettings = field(default_factory=BundleSettings)


type Raw = dict[str, dict[str, Any]]
"""Section → key → value, before it is checked."""

SECTIONS: Mapping[str, Any] = {one.name: one.default_factory for one in dataclasses.fields(Settings)}


def read_settings(file: Path | None, flags: Raw, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings from all three sources. Raises InvalidSettingsError."""
    raw: Raw = {name: {} for name in SECTIONS}
    for source in (_from_file(file), _from_environment(os.environ if environ is None else environ), flags):
        for section, values in source.items():
            raw.setdefault(section, {}).update(values)
    try:
        checked = _SCHEMA(raw)
    except vol.MultipleInvalid as error:
        raise InvalidSettingsError(sentences(error.errors, raw, _known)) from error
    return check_settings(Settings(**{name: _made(name, checked[name]) for name in SECTIONS}))


def check_settings(settings: Settings) -> Settings:
    """Return the settings when their parts go together. Raises InvalidSettingsError, UnknownProviderError."""
    try:
        _check(settings)
    except ValueError as error:
        raise InvalidSettingsError(str(error)) from error
    return settings


def _made(section: str, values: Mapping[str, Any]) -> Any:
    """Return a section; its dataclass checks what concerns several keys. Raises InvalidSettingsError."""
    try:
        return SECTIONS[section](**values)
    except ValueError as error:
        given = ", ".join(f"{key} {value!r}" for key, value in values.items())
        raise InvalidSettingsError(f"{section} is wrong ({given}): {error}") from error


def _from_file(file: Path | None) -> Raw:
    if file is None:
        return {}
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise InvalidSettingsError(f"The settings file '{file}' cannot be read: {error.strerror}") from error
    except ValueError as error:  # bytes that are no UTF-8
        raise InvalidSettingsError(f"The settings file '{file}' is no YAML: {error}") from error
    content = _yaml(text, f"The settings file '{file}'")
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(one, dict | None) for one in content.values()):
        raise InvalidSettingsError(
            f"The settings file '{file}' must hold sections ({', '.join(SECTIONS)}) with keys below them"
        )
    return {section: values or {} for section, values in content.items()}


def _yaml(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)
    # Beyond its own errors, PyYAML lets those of its converters out: of 2024-99-99, !!int '', !!bool x, a deep nest.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise InvalidSettingsError(f"{source} is no YAML: {' '.join(str(error).split())[:300]}") from error


def _from_environment(environ: Mapping[str, str]) -> Raw:
    """Return what variables such as EDGE_VOICE_ENDPOINT_SHORT_HOLD_SECONDS say."""
    raw: Raw = {}
    for variable, text in environ.items():
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("_")
        if key:
            is_text = key in _TEXTS.get(section, ()) and not text.lstrip().startswith("[")
            raw.setdefault(section, {})[key] = text if is_text else _yaml(text, f"The environment's {variable}")
    return raw


_TEXTS = {name: texts_of(make) for name, make in SECTIONS.items()}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_SCHEMA = vol.Schema({vol.Optional(name): schema_of(make) for name, make in SECTIONS.items()})


def _known(path: Sequence[str]) -> Iterable[str]:
    """Return the keys that would have been right beside a wrong one."""
    if len(path) == 1:
        return SECTIONS
    make = {"lanes": LaneSettings, "costs": Costs}.get(path[1], SECTIONS[path[0]])
    return [one.name for one in dataclasses.fields(make)]


def _check_lanes(settings: Settings) -> None:
    """Check what lanes and routing say of each other. Raises ValueError, UnknownProviderError."""
    lanes, mode = settings.cloud.lanes, settings.routing.mode
    names = [lane.name for lane in lanes]
    for index, lane in enumerate(lanes):
        where = f"cloud.lanes[{index}]"
        if not lane.name or names.count(lane.name) > 1:
            raise ValueError(f"{where}.name is {lane.name!r}: each lane needs a name of its own")
        _check_lane(where, lane)
    if mode is RoutingMode.CLOUD and not lanes:
        raise ValueError("routing.mode is cloud and cloud.lanes is empty: name a lane, or set the mode to auto")
    if mode is RoutingMode.CLOUD and not any(
        lane.provider == "client" or may_be_asked(lane, settings) for lane in lanes
    ):
        raise ValueError(
            "routing.mode is cloud and no lane may be asked: no lane at home, and none that is consented to while "
            "ledger.cloud_seconds_per_day and cloud_money_per_month are above 0; set the mode to auto, or allow one"
        )
    if mode is RoutingMode.EDGE and settings.hedge.hedge:
        raise ValueError("routing.mode is edge and hedge.hedge is on: nothing may leave, so nothing can leave early")
    if settings.hedge.hedge and not lanes:
        raise ValueError("hedge.hedge is on and cloud.lanes is empty: name a lane, or switch it off")


def _check_lane(where: str, lane: LaneSettings) -> None:
    """Check what one lane says. Raises ValueError, UnknownProviderError."""
    if lane.provider not in PROVIDERS:
        raise UnknownProviderError(
            f"{where}.provider is {lane.provider!r}, which is none; known are {', '.join(PROVIDERS)}"
        )
    if lane.trust not in {"", Trust.HOME, Trust.CLOUD}:
        raise ValueError(f"{where}.trust is {lane.trust!r}: allowed is home or cloud")
    for language in lane.languages:
        if not _LANGUAGE.fullmatch(language):
            raise ValueError(f"{where}.languages holds {language!r}: write codes such as en, or en-GB")
    try:
        dt.date.fromisoformat(lane.consent or "2000-01-01")
    except ValueError as error:
        raise ValueError(f"{where}.consent is {lane.consent!r}: {WRITE_A_DAY}") from error


def may_be_asked(lane: LaneSettings, settings: Settings) -> bool:
    """Tell whether a lane may ever get speech from us: it is at home, or consented to and not capped at nothing."""
    capped = 0.0 in {settings.ledger.cloud_seconds_per_day, settings.ledger.cloud_money_per_month}
    if lane.provider == "client":
        return False
    return lane.trust_class is Trust.HOME or bool(lane.consent and settings.cloud.allowed and not capped)


def _check_networks(name: str, networks: Iterable[str]) -> None:
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ValueError(f"{name} holds {network!r}: {error}; {_network_cure(network)}") from error


def _network_cure(wrong: str) -> str:
    try:
        meant = ipaddress.ip_interface(wrong)
    except ValueError:
        return "write one such as 192.168.1.0/24, or a single address"
    return f"write {meant.network}, or the single address {meant.ip}"


def _check(settings: Settings) -> None:
    """Check what no single range can. Raises ValueError."""
    for uri in settings.server.uris:
        if not uri.startswith(("tcp://", "unix://", "stdio://")):
            raise ValueError(f"server.uris is {uri!r}: allowed is tcp://HOST:PORT, unix://PATH or stdio://")
    if not settings.server.uris:
        raise ValueError("server.uris is empty: name at least one address to listen on")
    check_address(settings.control.address)
    if not re.fullmatch("([A-Z]{2})?", settings.bundles.region):
        raise ValueError(f"bundles.region is {settings.bundles.region!r}: write a country's ISO 3166 code, such as DE")
    _check_networks("server.allow", settings.server.allow)
    _check_networks("routing.trusted", settings.routing.trusted)
    _check_lanes(settings)


def set_up_logging(settings: Settings) -> None:
    """Send logs to standard error, so that standard output carries results only."""
    set_up(settings.server.log_level, settings.server.log_format)
