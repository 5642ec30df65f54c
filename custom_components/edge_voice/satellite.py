"""Who is speaking. The pipeline tells a speech-to-text entity only what is said: the rest is looked up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.components.assist_pipeline import DOMAIN as PIPELINE_DOMAIN
from homeassistant.components.assist_satellite import DOMAIN as SATELLITE_DOMAIN
from homeassistant.components.assist_satellite.entity import AssistSatelliteState
from homeassistant.components.select import DOMAIN as SELECT_DOMAIN
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import chat_session
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er

from .const import LOGGER
from .exchanges import Place
from .protocol import Status

FAR_FIELD: Final = "far_field"
PHONE: Final = "phone"
_PHONE_INTEGRATIONS: Final = frozenset({"mobile_app"})
_DEAF_TO_QUESTIONS: Final = frozenset({"wyoming"})
"""Integrations whose satellites take an answer only behind their wake word."""
_SENSITIVITIES: Final = frozenset({"default", "relaxed", "aggressive"})
_AFTER_SPEECH: Final = frozenset({"intent", "tts"})
"""Last stages of runs whose text goes to an agent; `ask_question` ends at the text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaker:
    """Who speaks, through what, to whom. Whatever cannot be known is None or False."""

    session_id: str | None = None
    """The conversation's id: the same in the agent."""

    satellite_id: str | None = None
    device_id: str | None = None
    microphone_class: str = FAR_FIELD
    vad_sensitivity: str | None = None
    answer_early: bool | None = None
    """The owner's setting for this satellite."""

    meets_us: bool = False
    """The text goes to our own conversation entity, unless something of Home Assistant's takes it before."""

    can_confirm: bool = False
    """It goes there for certain, so it can be asked back."""

    began_s: float | None = None
    """Monotonic time when they began."""

    @property
    def place(self) -> Place:
        """Where it is said."""
        return Place(satellite_id=self.satellite_id, device_id=self.device_id)

    @property
    def is_file(self) -> bool:
        """Tell whether nobody speaks: a recording came without a conversation."""
        return self.session_id is None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """What is known of a pipeline's run."""

    satellite_id: str | None
    device_id: str | None
    agent: str | None
    prefers_local: bool


@callback
def listens_on(hass: HomeAssistant, satellite_id: str | None) -> bool:
    """Tell whether a satellite opens its microphone by itself for the answer to a question."""
    known = er.async_get(hass).async_get(satellite_id) if satellite_id else None
    return known is None or known.platform not in _DEAF_TO_QUESTIONS


@callback
def who_is_speaking(hass: HomeAssistant, status: Status | None, our_agent: str | None) -> Speaker:
    """Return who speaks in the pipeline's run that this is called from. Raises nothing."""
    session = chat_session.current_session.get()
    if session is None:
        return Speaker()
    run = _run_of(hass, session.conversation_id)
    satellite_id = run.satellite_id if run else _only_listener(hass)
    device_id = _device_of(hass, satellite_id) or (run.device_id if run else None)
    known = status.satellite(satellite_id) if status and satellite_id else None
    meets_us = run is not None and our_agent is not None and run.agent == our_agent
    return Speaker(
        session_id=session.conversation_id,
        satellite_id=satellite_id,
        device_id=device_id,
        microphone_class=(known and known.microphone_class) or _class_of(hass, device_id),
        vad_sensitivity=_sensitivity_of(hass, device_id),
        answer_early=known.answer_early if known else None,
        meets_us=meets_us,
        can_confirm=meets_us and run is not None and not run.prefers_local,
    )


def _run_of(hass: HomeAssistant, conversation_id: str) -> _Run | None:
    """Return the run of a conversation that is under way.

    These structures are Home Assistant's own, and nothing promises that they stay: this is the only place that looks
    into them, and without them speech is heard all the same.
    """
    try:
        return _look_up(hass.data[PIPELINE_DOMAIN], conversation_id)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        LOGGER.debug("The pipeline's run cannot be looked up, so nobody knows which satellite speaks: %r", error)
        return None


def _look_up(pipelines: Any, conversation_id: str) -> _Run | None:
    """Return the newest run of a conversation that has begun and not ended."""
    for pipeline_id, runs in pipelines.pipeline_debug.items():
        for run_id in reversed(list(runs)):
            events = runs[run_id].events
            told: Mapping[str, Any] = (events[0].data or {}) if events else {}
            if told.get("conversation_id") == conversation_id and events[-1].type != "run-end":
                return _run(pipelines.pipeline_runs._pipeline_runs[pipeline_id][run_id])  # noqa: SLF001  # no other way
    return None


def _run(run: Any) -> _Run:
    processor = getattr(run, "_processor", None)
    agent = getattr(processor, "intent_agent", None)
    goes_on = str(run.end_stage) in _AFTER_SPEECH
    return _Run(
        satellite_id=run.satellite_id,
        device_id=run.device_id,
        agent=(agent.id if agent else run.pipeline.conversation_engine) if goes_on else None,
        # An agent that asked back is given the answer at once, whatever the pipeline prefers.
        prefers_local=run.pipeline.prefer_local_intents and not getattr(processor, "_intent_agent_only", False),
    )


def _only_listener(hass: HomeAssistant) -> str | None:
    """Return the satellite that listens, or None when it could be any of several."""
    listening = [
        one.entity_id for one in hass.states.async_all(SATELLITE_DOMAIN) if one.state == AssistSatelliteState.LISTENING
    ]
    return listening[0] if len(listening) == 1 else None


def _device_of(hass: HomeAssistant, satellite_id: str | None) -> str | None:
    entry = er.async_get(hass).async_get(satellite_id) if satellite_id else None
    return entry.device_id if entry else None


def _class_of(hass: HomeAssistant, device_id: str | None) -> str:
    """Return the class of a device's microphone: phones are held, everything else stands in a room."""
    device = dr.async_get(hass).async_get(device_id) if device_id else None
    integrations = {identifier[0] for identifier in device.identifiers} if device else set()
    return PHONE if integrations & _PHONE_INTEGRATIONS else FAR_FIELD


def _sensitivity_of(hass: HomeAssistant, device_id: str | None) -> str | None:
    """Return how long a device's owner wants it to wait for more words."""
    if device_id is None:
        return None
    for entry in er.async_entries_for_device(er.async_get(hass), device_id):
        if entry.domain == SELECT_DOMAIN and entry.translation_key == "vad_sensitivity":
            state = hass.states.get(entry.entity_id)
            return state.state if state and state.state in _SENSITIVITIES else None
    return None
