"""What the owner should mend: the hub's own warnings, and what in Home Assistant passes by the hub's care."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components.assist_pipeline.pipeline import Pipeline, async_get_pipelines
from homeassistant.components.assist_pipeline.runtime import KEY_ASSIST_PIPELINE
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import IssueSeverity

from .const import DOMAIN
from .coordinator import EdgeVoiceCoordinator
from .entity import satellite_name
from .errors import EdgeVoiceError, ServerTooNewError, ServerTooOldError
from .issues_bundles import REFUSED, ROLLED_BACK, bundle_issue
from .issues_past import DRIFT, RECORDS_KEY, SATURATED, drift_figures, is_key_usable
from .issues_queue import MODEL_CRASHED, mode_issue, of_requests
from .lanes import CONF_KIND, KIND_PROVIDER, ordered_lanes
from .own_entities import own_entity
from .protocol import Notice, Status, Suggestion
from .types import EdgeVoiceConfigEntry

type Data = dict[str, str | int | float | None]

KIND: Final = "kind"
"""In an issue's data: what mends it. The other keys say what it is about."""
KIND_DRIFT: Final = "drift"
KIND_LANE: Final = "lane"
KIND_PIPELINE: Final = "pipeline"
KIND_RECORDS_KEY: Final = "records_key"
KIND_REQUEST: Final = "request"
KIND_SETTING: Final = "setting"
_VERSIONS: Final = (ServerTooOldError, ServerTooNewError)
_SEVERITY: Final[Mapping[str, IssueSeverity]] = {
    "model-missing": IssueSeverity.ERROR,
    MODEL_CRASHED: IssueSeverity.ERROR,
    "records-unwritable": IssueSeverity.ERROR,
    "lane-credentials": IssueSeverity.ERROR,
    RECORDS_KEY: IssueSeverity.ERROR,
    ROLLED_BACK: IssueSeverity.WARNING,
    REFUSED: IssueSeverity.WARNING,
    DRIFT: IssueSeverity.WARNING,
    SATURATED: IssueSeverity.WARNING,
    "starter-model": IssueSeverity.WARNING,
    "microphone-clipping": IssueSeverity.WARNING,
    "microphone-noisy": IssueSeverity.WARNING,
}
"""The hub's warnings that are issues. Being over budget is none: it passes by itself, and has a sensor."""
_OF_SATELLITES: Final = ("microphone-clipping", "microphone-noisy")
_OF_BUNDLES: Final = (ROLLED_BACK, REFUSED)
_PASSING: Final = ("over-budget",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """One thing to mend."""

    key: str
    """Of its texts."""

    severity: IssueSeverity
    subject: str = ""
    placeholders: Mapping[str, str] = field(default_factory=dict)
    data: Data | None = None
    """For the repair; None for what only the owner can mend."""


@callback
def async_watch_issues(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> None:
    """Show and take back issues as the hub's status and the home's pipelines change, until the entry is unloaded.

    What stood before the hub went away still stands, and what the owner has dismissed stays so over reloads.
    """
    coordinator = entry.runtime_data.coordinator

    @callback
    def look() -> None:
        if coordinator.connected:
            found = (_of_status(hass, entry, coordinator), _of_pipelines(hass, entry, coordinator), _of_queue(entry))
            _async_show(hass, entry, [issue for issues in found for issue in issues])
        elif isinstance(coordinator.last_exception, EdgeVoiceError):
            async_tell_version(hass, entry, coordinator.last_exception)

    async def look_again(*_: object) -> None:
        look()

    entry.async_on_unload(coordinator.async_add_listener(look))
    entry.async_on_unload(entry.runtime_data.waiting.async_add_listener(look))
    entry.async_on_unload(hass.data[KEY_ASSIST_PIPELINE].pipeline_store.async_add_listener(look_again))


@callback
def async_tell_version(hass: HomeAssistant, entry: ConfigEntry, error: EdgeVoiceError) -> None:
    """Show that hub and integration are of versions that do not understand each other, if that is the error."""
    if isinstance(error, _VERSIONS):
        placeholders = {**error.placeholders, "hub": entry.title}
        _async_create(hass, entry, Issue(key=error.key, severity=IssueSeverity.ERROR, placeholders=placeholders))


@callback
def async_forget_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back every issue of an entry."""
    _async_show(hass, entry, [])


@callback
def _async_show(hass: HomeAssistant, entry: ConfigEntry, issues: Iterable[Issue]) -> None:
    """Make these an entry's issues, and no others."""
    shown = {_issue_id(entry, issue) for issue in issues}
    for domain, issue_id in tuple(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(entry.entry_id) and issue_id not in shown:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
    for issue in issues:
        _async_create(hass, entry, issue)


@callback
def _async_create(hass: HomeAssistant, entry: ConfigEntry, issue: Issue) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry, issue),
        data=None if issue.data is None else {"entry_id": entry.entry_id, **issue.data},
        is_fixable=issue.data is not None,
        severity=issue.severity,
        translation_key=issue.key,
        translation_placeholders=dict(issue.placeholders),
    )


def _issue_id(entry: ConfigEntry, issue: Issue) -> str:
    return f"{entry.entry_id}_{issue.key}_{issue.subject}"


def _of_status(hass: HomeAssistant, entry: ConfigEntry, coordinator: EdgeVoiceCoordinator) -> Iterator[Issue]:
    """Yield what the hub warns of, and what it suggests."""
    for notice in coordinator.data.warnings:
        if notice.code not in _PASSING:
            yield _of_notice(hass, entry, notice, coordinator.data)
    if (key := mode_issue(coordinator.data)) is not None:
        status = coordinator.data
        told = {"hub": entry.title, "reason": status.mode_reason, "ends": status.mode_ends}
        yield Issue(key=key, severity=IssueSeverity.ERROR, placeholders=told)
    for satellite in coordinator.data.satellites:
        if (suggestion := satellite.suggestion) is not None and isinstance(suggestion.value, str | int | float):
            yield _of_suggestion(hass, satellite.id, suggestion)


def _of_queue(entry: EdgeVoiceConfigEntry) -> Iterator[Issue]:
    """Yield each request that needs its owner's word."""
    data = entry.runtime_data
    for one in of_requests(data.waiting.known if data.coordinator.data.queue else None):
        satellite = one.request.satellite
        subject = satellite_name(data.coordinator.hass, satellite) if satellite else entry.title
        yield Issue(
            key=one.key,
            severity=IssueSeverity.WARNING,
            subject=one.request.id,
            placeholders={**one.placeholders, "subject": subject},
            data={KIND: KIND_REQUEST, "request": one.request.id},
        )


def _of_notice(hass: HomeAssistant, entry: ConfigEntry, notice: Notice, status: Status) -> Issue:
    """Return a warning as an issue; one that only newer integrations know is shown in the hub's own words."""
    placeholders = {"hub": entry.title, "subject": notice.subject, "message": notice.message}
    severity = _SEVERITY.get(notice.code)
    if severity is None or (notice.code == RECORDS_KEY and is_key_usable(status)):
        return Issue(
            key="hub_warning",
            severity=IssueSeverity.WARNING,
            subject=f"{notice.code}_{notice.subject}",
            placeholders=placeholders,
        )
    key = notice.code.replace("-", "_")
    data: Data | None = None
    if notice.code in _OF_SATELLITES:
        placeholders["subject"] = satellite_name(hass, notice.subject)
    if notice.code in _OF_BUNDLES:
        key, figures = bundle_issue(notice.code, notice.subject, status)
        placeholders |= figures
    if notice.code == DRIFT:
        placeholders |= drift_figures(notice.subject, status)
        data = {KIND: KIND_DRIFT, "language": notice.subject}
    if notice.code == RECORDS_KEY:
        data = {KIND: KIND_RECORDS_KEY}
    if notice.code == "lane-credentials":
        lane = _lane(entry, notice.subject)
        key = key if lane else f"{key}_file"
        data = {KIND: KIND_LANE, "subentry_id": lane} if lane else None
    return Issue(key=key, severity=severity, subject=notice.subject, placeholders=placeholders, data=data)


def _lane(entry: ConfigEntry, name: str) -> str | None:
    """Return the subentry of a lane whose key was entered in Home Assistant."""
    lanes = (one for one in ordered_lanes(entry) if one.data.get(CONF_KIND) == KIND_PROVIDER)
    return next((one.subentry_id for one in lanes if one.data.get("name", one.title) == name), None)


def _of_suggestion(hass: HomeAssistant, satellite_id: str, suggestion: Suggestion) -> Issue:
    """Return a setting that would suit a satellite better."""
    value: Any = suggestion.value
    return Issue(
        key=f"suggestion_{suggestion.setting}" if suggestion.setting in _SETTINGS else "suggestion",
        severity=IssueSeverity.WARNING,
        subject=f"{satellite_id}_{suggestion.setting}",
        placeholders={
            "subject": satellite_name(hass, satellite_id),
            "setting": suggestion.setting,
            "value": str(value),
            "why": suggestion.why,
        },
        data={KIND: KIND_SETTING, "satellite": satellite_id, "setting": suggestion.setting, "value": value},
    )


_SETTINGS: Final = ("answer_early", "microphone_class", "wake_threshold")


def _of_pipelines(hass: HomeAssistant, entry: ConfigEntry, coordinator: EdgeVoiceCoordinator) -> Iterator[Issue]:
    """Yield each pipeline that listens with the hub and yet would never ask back before something critical."""
    ears, agent = own_entity(hass, entry, Platform.STT), own_entity(hass, entry, Platform.CONVERSATION)
    if ears is None or agent is None or not coordinator.data.policy.confirm_critical:
        return
    for pipeline in async_get_pipelines(hass):
        if pipeline.stt_engine == ears and (reason := bypass(pipeline, agent)):
            yield Issue(
                key=f"pipeline_{reason}",
                severity=IssueSeverity.WARNING,
                subject=pipeline.id,
                placeholders={"pipeline": pipeline.name, "hub": entry.title},
                data={KIND: KIND_PIPELINE, "pipeline": pipeline.id},
            )


def bypass(pipeline: Pipeline, agent: str) -> str | None:
    """Return how a pipeline passes by an agent: `other_agent`, `local_first`, or None."""
    if pipeline.conversation_engine != agent:
        return "other_agent"
    return "local_first" if pipeline.prefer_local_intents else None
