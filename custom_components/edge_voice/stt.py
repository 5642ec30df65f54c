"""Speech to text: a satellite's audio goes to the hub while it is being said, and its text comes back early."""

import math
import time
from collections.abc import AsyncIterable, Mapping
from dataclasses import replace
from typing import Any, Final, override

from homeassistant.components import stt
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.components.conversation.models import ConversationInput
from homeassistant.components.stt.models import SpeechAudioProcessing
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers import chat_session
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client_lane import ClientLanes
from .complaints import Complaints
from .const import EVENT_TRANSCRIPT
from .entity import EdgeVoiceEntity
from .entity_lane import Ending, EntityLane, can_hear, entity_lanes
from .entry_options import CONF_REQUIRES_EXTERNAL_VAD, chosen
from .errors import CannotConnectError, EdgeVoiceError, RefusedError, SlowServerError
from .exchanges import Heard, Wish
from .microphone_test import Recorder, microphone_tests
from .own_entities import own_entity
from .satellite import Speaker, who_is_speaking
from .signals import SIGNAL_TEXT_RETURNED
from .tape import Tape
from .types import EdgeVoiceConfigEntry
from .wyoming_client import CONNECT_SECONDS, Transcript, WyomingTarget, transcribe

PARALLEL_UPDATES = 0
SPEECH_TO_TEXT: Final = EntityDescription(key="speech_to_text", translation_key="speech_to_text")
LIVE_SECONDS: Final = 20.0
"""The hub ends a turn after 15 s; where even that does not come, the network is cut."""
AWAY_SECONDS: Final = 1.0
"""For a connection to a hub that is not heard of otherwise: who speaks should not wait for what is not there."""
UNSAID: Final = "…"
"""Stands for a text that is not to be acted upon, or that there is none of: the agent knows what to say instead."""
_WISHES: Final = {"confirm": Wish.ASK_BACK, "defer": Wish.ASK_BACK, "ask_text": Wish.ASK_TEXT}
"""What the hub's actions ask of the agent. What could have waited and was not kept is said back: nothing gets lost."""
_UNDONE: Final = {
    Wish.REFUSE: "A text that matters was too unsure, and nobody could be asked",
    Wish.KEPT: "A request waits for a speech service, and nobody could be told",
}
"""What must not be done now, whoever the agent is, and why nothing was."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the hub's ears, where they can be reached."""
    if entry.runtime_data.wyoming is not None:
        async_add_entities([EdgeVoiceSpeechToText(entry, entry.runtime_data.wyoming)])


class EdgeVoiceSpeechToText(EdgeVoiceEntity, stt.SpeechToTextEntity):
    """The hub's recogniser, with the owner's own lanes behind it."""

    _attr_name = None  # what the hub is for bears its name

    def __init__(self, entry: EdgeVoiceConfigEntry, hub: WyomingTarget) -> None:
        """Hear for one hub."""
        super().__init__(entry.runtime_data.coordinator, SPEECH_TO_TEXT)
        self._entry, self._hub = entry, hub
        self._voice = entry.runtime_data.voice
        self._complaints = Complaints()
        self._client_lanes = ClientLanes(
            entry.runtime_data.coordinator.hass, entry.runtime_data.client, self._voice.errands, self._complaints
        )
        self._languages: list[str] = []
        self._take_languages()

    @property
    @override
    def supported_languages(self) -> list[str]:
        return self._languages

    @property
    @override
    def supported_formats(self) -> list[stt.AudioFormats]:
        return [stt.AudioFormats.WAV]

    @property
    @override
    def supported_codecs(self) -> list[stt.AudioCodecs]:
        return [stt.AudioCodecs.PCM]

    @property
    @override
    def supported_bit_rates(self) -> list[stt.AudioBitRates]:
        return [stt.AudioBitRates.BITRATE_16]

    @property
    @override
    def supported_sample_rates(self) -> list[stt.AudioSampleRates]:
        return [stt.AudioSampleRates.SAMPLERATE_16000]

    @property
    @override
    def supported_channels(self) -> list[stt.AudioChannels]:
        return [stt.AudioChannels.CHANNEL_MONO]

    @property
    @override
    def audio_processing(self) -> SpeechAudioProcessing:
        return SpeechAudioProcessing(
            requires_external_vad=chosen(self._entry.options, CONF_REQUIRES_EXTERNAL_VAD),
            prefers_auto_gain_enabled=False,
            prefers_noise_reduction_enabled=False,
        )

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._take_languages()
        super()._handle_coordinator_update()

    @override
    async def async_process_audio_stream(
        self, metadata: stt.SpeechMetadata, stream: AsyncIterable[bytes]
    ) -> stt.SpeechResult:
        """Return the text as soon as it is known. Every failure is a result, and a line in the log."""
        async with Tape(stream) as tape:
            try:
                text = await self._hear(metadata.language, tape)
            except Exception as error:  # noqa: BLE001  # a TimeoutError, for one, would leave satellites without an end
                self._complaints.about(type(error).__name__, "A turn failed: %s", type(error).__name__)
                text = None
        if text is None:
            return stt.SpeechResult(None, stt.SpeechResultState.ERROR)
        return stt.SpeechResult(text, stt.SpeechResultState.SUCCESS)

    async def _hear(self, language: str, tape: Tape) -> str | None:
        """Return what is said on a tape; "" for silence, None for a failure that was logged."""
        ours = own_entity(self.hass, self._entry, "conversation")
        speaker = replace(who_is_speaking(self.hass, self.status, ours), began_s=self._voice.exchanges.now())
        recorder = microphone_tests(self.hass).armed(speaker.satellite_id)
        try:
            return await self._hear_speaker(speaker, language, tape, recorder)
        finally:
            if recorder is not None:
                recorder.fail("the turn was broken off")  # unless it knows better already

    async def _hear_speaker(self, speaker: Speaker, language: str, tape: Tape, recorder: Recorder | None) -> str | None:
        """Have the hub hear it, and whoever is there instead when it cannot."""
        lanes = [one for one in entity_lanes(self.hass, self._entry) if one.serves(speaker.satellite_id)]
        chunks = tape.chunks(math.inf if speaker.is_file else LIVE_SECONDS)
        try:
            transcript = await transcribe(
                self._hub,
                language=language,
                context=self._told_of(speaker, any(can_hear(self.hass, one, language) for one in lanes)),
                chunks=chunks if recorder is None else _recorded(chunks, recorder),
                sensitivity=speaker.vad_sensitivity,
                connect_timeout=CONNECT_SECONDS if self.coordinator.connected else AWAY_SECONDS,
            )
        except (CannotConnectError, SlowServerError) as error:
            return await self._without_hub(language, tape, speaker, recorder, error)
        except EdgeVoiceError as error:
            return self._refused(speaker, recorder, error)
        if recorder is not None:
            recorder.finish(transcript.text, transcript.fields)
        return await self._conclude(transcript, language, tape, speaker, lanes)

    async def _conclude(
        self, transcript: Transcript, language: str, tape: Tape, speaker: Speaker, lanes: list[EntityLane]
    ) -> str | None:
        """Return the text that the pipeline goes on with."""
        came = time.monotonic()
        fields = transcript.fields
        wish, text = _wish_of(fields), transcript.text
        if fields.get("route") == "client":
            answer = await self._client_lanes.async_ask(fields, language, tape, lanes)
            text = answer.text or text
            if not answer.text and fields.get("critical"):
                wish = Wish.ASK_BACK if speaker.can_confirm else Wish.REFUSE
        if wish is Wish.ASK_BACK and not speaker.can_confirm:
            wish = Wish.REFUSE
        shown = await self._tell_agent(fields, text, wish, speaker, language)
        self._publish(fields, text, speaker, language)
        if (turn_id := fields.get("turn_id")) is not None:
            async_dispatcher_send(self.hass, SIGNAL_TEXT_RETURNED, str(turn_id), 1000.0 * (time.monotonic() - came))
        return shown

    async def _tell_agent(self, fields: Any, text: str, wish: Wish, speaker: Speaker, language: str) -> str | None:
        """Leave the turn to our agent where it has to say something; return the text that it is shown."""
        if wish in _UNDONE and not speaker.meets_us:
            self._complaints.about(str(wish), _UNDONE[wish])
            return None
        session = chat_session.current_session.get()
        if session is None:
            return text
        turn_id = fields.get("turn_id")
        if wish is Wish.NOTHING and text:
            self._voice.outcomes.expect(session.conversation_id, turn_id)
        if wish is Wish.ASK_TEXT:
            self._voice.phone.ask(speaker.place, language)
        if wish is Wish.NOTHING or (wish is Wish.ASK_BACK and not await self._would_trigger(text, language)):
            shown = text
        else:
            shown = UNSAID
        heard = Heard(turn_id=turn_id, wish=wish, text=text, shown=shown, began_s=speaker.began_s)
        self._voice.exchanges.tell(session, heard)
        return shown

    async def _would_trigger(self, text: str, language: str) -> bool:
        """Tell whether a sentence trigger waits for a text: it would act before our agent can ask."""
        agent = get_agent_manager(self.hass).default_agent
        if agent is None:
            return False
        asked = ConversationInput(
            text=text,
            context=Context(),
            conversation_id=None,
            device_id=None,
            satellite_id=None,
            language=language,
            agent_id=self.entity_id,
        )
        return await agent.async_recognize_sentence_trigger(asked) is not None

    async def _without_hub(
        self, language: str, tape: Tape, speaker: Speaker, recorder: Recorder | None, error: EdgeVoiceError
    ) -> str | None:
        """Have a lane of the owner's hear it from the beginning, where the owner wants that; else fail at once."""
        direct = self._voice.direct
        lane = direct.lane_for(language, speaker.satellite_id)
        if isinstance(lane, str):
            self._complaints.about("away", "The hub cannot be reached (%s), and %s", error, lane)
            _fail(recorder, "the hub cannot be reached")
            return None
        self._complaints.about("direct", "The hub cannot be reached (%s); %s is asked instead", error, lane.name)
        _fail(recorder, "the hub cannot be reached")
        answer = await direct.async_ask(lane, language, tape)
        if answer.ending is Ending.EMPTY:
            return ""
        if answer.ending is not Ending.ANSWERED:
            self._complaints.about(f"direct {answer.ending}", "%s did not answer: %s", lane.name, answer.ending)
            return None
        return answer.text

    def _refused(self, speaker: Speaker, recorder: Recorder | None, error: EdgeVoiceError) -> str | None:
        """Have our agent say why, where it is heard; else log it."""
        _fail(recorder, error.message if isinstance(error, RefusedError) else str(error))
        code = error.code if isinstance(error, RefusedError) else type(error).__name__
        session = chat_session.current_session.get()
        if code == "needs-confirmation" and speaker.meets_us and session is not None:
            self._voice.exchanges.tell(session, Heard(turn_id=None, wish=Wish.REFUSE, shown=UNSAID))
            return UNSAID
        self._complaints.about(code, "A turn was refused: %s", code)
        return None

    def _told_of(self, speaker: Speaker, client_lane: bool) -> dict[str, Any]:
        """Return what the hub is told of who speaks; what is not known is left out."""
        told: dict[str, Any] = {
            "session_id": speaker.session_id,
            "satellite_id": speaker.satellite_id,
            "microphone_class": speaker.microphone_class,
            "device_id": speaker.device_id,
            "can_confirm": speaker.can_confirm,
            "keeps_queue": speaker.meets_us or None,
            "client_lane": client_lane,
            "answer_early": speaker.answer_early,
            "expect": "confirm" if self._voice.exchanges.is_asked(speaker.session_id, speaker.place) else None,
            "mode": "file" if speaker.is_file else None,
        }
        return {key: value for key, value in told.items() if value is not None}

    @callback
    def _publish(self, fields: Any, text: str, speaker: Speaker, language: str) -> None:
        """Put what was said on Home Assistant's bus, while the owner keeps transcripts."""
        if not text or not self.status.policy.keep_transcripts:
            return
        told = {key: fields.get(key) for key in ("turn_id", "action", "route", "lane")}
        self.hass.bus.async_fire(
            EVENT_TRANSCRIPT,
            told
            | {
                "text": text,
                "language": language,
                "satellite": speaker.satellite_id,
                "device_id": speaker.device_id,
            },
        )

    def _take_languages(self) -> None:
        """Offer what the hub's models know. What was offered once stays: pipelines hold on to it."""
        for language in self.status.model.languages:
            if language not in self._languages:
                self._languages.append(language)


async def _recorded(chunks: AsyncIterable[bytes], recorder: Recorder) -> Any:
    async for chunk in chunks:
        recorder.hear(chunk)
        yield chunk


def _wish_of(fields: Mapping[str, Any]) -> Wish:
    """Return what a transcript's action asks of the agent."""
    action = str(fields.get("action"))
    if action == "defer" and fields.get("queued"):
        return Wish.KEPT
    return _WISHES.get(action, Wish.NOTHING)


def _fail(recorder: Recorder | None, reason: str) -> None:
    if recorder is not None:
        recorder.fail(reason)
