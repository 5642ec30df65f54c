"""One Wyoming connection: events in, ears on and off, faults answered and ended here."""

import asyncio
import functools
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from wyoming.event import Event
from wyoming.ping import Pong

from ..errors import EdgeVoiceError, UnexpectedEventError
from ..pipeline.audio import PcmConverter
from ..pipeline.denoise import DenoisedVad, DenoisedWake, Denoiser
from ..pipeline.interpret import TurnRequest
from ..pipeline.policy import Caller, RoutingMode
from ..pipeline.turn import Stages
from ..pipeline.types import WakeHit
from ..pipeline.wake import WakeDetector, WakeEngine, WakeSession, WakeSettings
from ..pipeline.weighing import mode_of
from .describe import Recogniser, describe
from .ears import Ear, OnAsking, OnFailure, OnTurn, OnWake, TurnEar, WakeEar
from .framing import EventWriter, read_event
from .replies import error
from .requests import Defaults, audio_format, caller_of, satellite_of, turn_request, wanted_words

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denoise:
    """Noise suppression, and for whom."""

    denoiser: Denoiser
    satellites: frozenset[str]
    """As they name themselves, or their addresses; * for all."""


type BeginTurn = Callable[[TurnRequest, Stages], tuple[Stages, Callable[[], None]]]
"""Gives a turn its stages, which are its own to its end, and what to call when it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every connection shares. Nothing in it changes: a change of the owner's makes a new one, for later turns."""

    stages: Stages
    wake: WakeEngine
    wake_settings: WakeSettings
    defaults: Defaults
    recogniser: Callable[[], Recogniser]
    """Says what can be said of the recogniser at this moment."""
    requires_external_vad: bool
    denoise: Denoise | None
    on_turn: OnTurn
    on_failure: OnFailure
    max_event_bytes: int
    begin_turn: BeginTurn = lambda _request, stages: (stages, lambda: None)
    on_asking: OnAsking = lambda _request, _lane: None
    on_wake: OnWake = lambda _caller, _hit: None


class Connection:
    """Serves one peer until it goes."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: EventWriter, services: Callable[[], Services], *, address: str = ""
    ) -> None:
        """Own both sides of a stream; `services` are those of now, `address` the peer's, empty where it has none."""
        self._reader, self._writer, self._now, self._address = reader, writer, services, address
        self._name = address or uuid.uuid4().hex
        """Stands for the session of a client that names none: Home Assistant makes a connection per turn."""
        self._ear: Ear | None = None
        self._turn: TurnEar | None = None
        self._format: tuple[int, int, int] | None = None
        self._converter: PcmConverter | None = None
        self._deaf = False
        """The rest of this stream has been answered, or refused."""
        self._handlers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "describe": self._describe,
            "ping": self._ping,
            "detect": self._detect,
            "transcribe": self._transcribe,
            "audio-start": self._audio_start,
            "audio-chunk": self._audio_chunk,
            "audio-stop": self._audio_stop,
        }

    @property
    def _services(self) -> Services:
        return self._now()

    async def serve(self) -> None:
        """Answer events until the peer goes or its framing is lost."""
        try:
            limit_bytes = self._services.max_event_bytes
            while (event := await read_event(self._reader, limit_bytes=limit_bytes)) is not None:
                await self._handle(event)
            if self._turn is not None and self._ear is None and not self._writer.closing:
                await self._turn.finished()  # it has said all and closed only its own side: the answer is still due
        except EdgeVoiceError as failure:
            _LOGGER.warning("connection ended: %s", failure.code)
            if self._turn is not None:
                await self._turn.drop()
            self._writer.write(error(failure))
            await self._writer.close_after_refusal(self._reader)
        finally:
            if self._turn is not None:
                await self._turn.drop()
            await self._writer.close()

    async def _handle(self, event: Event) -> None:
        handler = self._handlers.get(event.type)
        if handler is None:
            return  # the protocol grows: what is unknown is skipped, as its library does
        try:
            await handler(event)
        except EdgeVoiceError as failure:
            await self._refuse(failure)
        except Exception:
            # A mistake of ours, or a wake model's: it must not look to the peer as if the server had died.
            _LOGGER.exception("an event of type %r failed", event.type[:40])
            await self._refuse(EdgeVoiceError("The server failed on this event; its log says why"))

    async def _refuse(self, failure: EdgeVoiceError) -> None:
        """Answer a wrong request once; the audio that follows it is not worth more errors."""
        self._deaf = True
        if self._turn is not None and self._ear is self._turn:
            self._ear = None
            await self._turn.fail(failure)
            return
        self._ear = None
        self._writer.write(error(failure))
        await self._writer.flush()

    async def _describe(self, event: Event) -> None:  # noqa: ARG002  # it asks nothing particular
        services = self._services
        info = describe(
            services.recogniser(), services.wake.words, requires_external_vad=services.requires_external_vad
        )
        self._writer.write(info.event())
        await self._writer.flush()

    async def _ping(self, event: Event) -> None:
        text = event.data.get("text")
        self._writer.write(Pong(text=text if isinstance(text, str) else None).event())
        await self._writer.flush()

    async def _detect(self, event: Event) -> None:
        names = wanted_words(event)
        wake = self._services.wake
        session: WakeSession = wake.open(names)
        if (denoiser := self._denoiser(event)) is not None:
            session = DenoisedWake(session=session, denoise=denoiser.open())
        words = [word for word in wake.words if not names or word.name in names]
        await self._finish_turn()
        caller = caller_of(event, defaults=self._services.defaults, address=self._address, connection=self._name)
        detector = WakeDetector(words, self._wake_settings(caller))
        self._take(WakeEar(session, detector, self._writer, on_wake=functools.partial(self._woken, caller)))

    def _wake_settings(self, caller: Caller) -> WakeSettings:
        """Return the home's settings, or with the threshold that the owner has set for this satellite."""
        home = self._services.wake_settings
        own = self._services.defaults.satellite(caller.satellite).wake_threshold
        return home if own is None else replace(home, threshold=own, thresholds={})

    def _woken(self, caller: Caller, hit: WakeHit) -> None:
        """Have a connection to a lane ready: words will follow, and TLS takes as long as some of them."""
        self._services.on_wake(caller, hit)
        stages = self._services.stages
        if mode_of(stages.judgement.policy, caller) is not RoutingMode.EDGE:
            stages.lanes.warm(caller, self._services.defaults.language)

    async def _transcribe(self, event: Event) -> None:
        await self._finish_turn()  # first: what was said before is answered before
        recogniser = self._services.recogniser()  # not the model itself: it may still be loading
        request = turn_request(
            event,
            defaults=self._services.defaults,
            model=recogniser.model,
            known=recogniser.languages,
            address=self._address,
            connection=self._name,
        )
        stages = self._services.stages
        request = replace(request, began_s=stages.clock())
        if (denoiser := self._denoiser(event)) is not None:
            stages = replace(stages, vad=DenoisedVad(vad=stages.vad, denoiser=denoiser))
        stages, over = self._services.begin_turn(request, stages)
        self._turn = TurnEar(
            request,
            stages,
            self._writer,
            on_turn=self._services.on_turn,
            on_failure=self._services.on_failure,
            on_asking=self._services.on_asking,
            on_end=functools.partial(self._turn_ended, over),
        )
        self._take(self._turn)

    def _denoiser(self, event: Event) -> Denoiser | None:
        """Return the denoiser when this peer's audio is to be cleaned for wake word and VAD."""
        wanted = self._services.denoise
        if wanted is None or wanted.satellites.isdisjoint({"*", self._address, satellite_of(event)}):
            return None
        return wanted.denoiser

    async def _finish_turn(self) -> None:
        """Let a turn that is still at it end as if its audio had."""
        if self._turn is not None:
            await self._turn.stop(self._services.stages.clock())
            await self._turn.finished()

    def _take(self, ear: Ear) -> None:
        self._ear, self._deaf = ear, False
        if self._format is not None:
            self._new_stream(self._format)

    def _turn_ended(self, over: Callable[[], None]) -> None:
        over()
        if self._ear is self._turn:
            self._ear, self._deaf = None, True

    async def _audio_start(self, event: Event) -> None:
        self._new_stream(audio_format(event))

    async def _audio_chunk(self, event: Event) -> None:
        if self._ear is None:
            if not self._deaf:
                raise UnexpectedEventError("Audio came before 'transcribe' or 'detect' said what to do with it")
            return
        ear, arrived_s = self._ear, self._services.stages.clock()
        form = audio_format(event)
        converter = self._converter
        if form != self._format or converter is None:
            converter = self._new_stream(form)
        samples = converter.convert(event.payload or b"")
        if len(samples):
            await ear.push(samples, arrived_s)

    async def _audio_stop(self, event: Event) -> None:  # noqa: ARG002  # its type says all
        ear, at_s = self._ear, self._services.stages.clock()
        self._ear, self._deaf = None, False
        if ear is not None:
            if self._converter is not None and len(rest := self._converter.flush()):
                await ear.push(rest, at_s)
            await ear.stop(at_s)
        self._converter = None

    def _new_stream(self, form: tuple[int, int, int]) -> PcmConverter:
        """Make the converter anew: a resampler must not carry one stream's tail into the next."""
        rate, width, channels = form
        self._converter = PcmConverter(rate_hz=rate, width_bytes=width, channels=channels)
        self._format = form  # only now: a format that was refused is no format of the next stream
        return self._converter
