"""OpenAI's transcription API, which Groq, speaches, vLLM, LocalAI and many others speak too.

POST {base}/v1/audio/transcriptions, multipart. How much of it a server offers is tried out once: a form that it refuses
is followed by a plainer one, and what worked is remembered for the life of the lane.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import LaneFailedError
from ..pipeline.lanes import LaneRequest, LaneSettings
from ..pipeline.policy import Trust
from .cloud_http import EVENTS, HttpService, multipart
from .cloud_lane import CloudLane, Heard, fitting, mean_probability, wav_of
from .cloud_languages import code_of
from .cloud_refusals import Reply
from .cloud_trust import header_key

_PATH = "/audio/transcriptions"
_MOST_NAMES, _MOST_CHARACTERS = 100, 600
"""With the commas between them less than the 224 tokens that Whisper takes, and the 896 characters that Groq does."""
_VERSIONED = re.compile(r"/v\d+$")
_TOO_MUCH_ASKED = frozenset({400, 415, 422, 501})
"""What a server answers to fields or formats that it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How much of the protocol is asked for."""

    response_format: str = "json"
    """verbose_json tells language and confidence; OpenAI's own newer models know json only."""
    stream: bool = False
    """Server-sent events. A server that ignores the wish and answers JSON is fine."""
    log_probabilities: bool = False


PLAIN = Form()


def forms_for(model: str) -> tuple[Form, ...]:
    """Return the forms to try with a model, the richest first, by what OpenAI documents of its model families."""
    name = model.casefold()
    if "gpt-4o" in name and "transcribe" in name and "diarize" not in name:
        return Form(stream=True, log_probabilities=True), PLAIN
    if "transcribe" in name and "gpt" in name:
        return Form(stream=True), PLAIN
    if "whisper" in name:
        return Form(response_format="verbose_json"), PLAIN
    return (PLAIN,)


class OpenAiProvider:
    """Satisfies `Provider`."""

    def __init__(self, settings: LaneSettings, service: HttpService, key: str) -> None:
        """Ask a model at an address, with or without `/v1` at its end; servers at home may want no key."""
        self._service, self._model = service, settings.model
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._path = _PATH if _VERSIONED.search(service.url) else f"/v1{_PATH}"
        self._forms = forms_for(settings.model)

    async def hear(self, request: LaneRequest) -> Heard:
        """Return what it hears. Raises LaneError."""
        wav, sent = wav_of(request.samples), 0
        forms = self._forms  # another question may find out more while this one is under way
        for form in (*forms[:-1], None):
            asked = form or forms[-1]
            kind, body = multipart(self._fields(request, asked), file=("file", "speech.wav", "audio/wav", wav))
            sent += len(body)
            reply = await self._service.post(
                self._path,
                body,
                headers={**self._headers, "Content-Type": kind, **_accepted(asked)},
                names=request.prompt,
                tolerated=_TOO_MUCH_ASKED if form else (),
            )
            if reply.status not in _TOO_MUCH_ASKED:
                break
        self._forms = min(self._forms, forms[forms.index(asked) :], key=len)
        return self._heard(reply, sent)

    async def warm(self) -> None:
        """Have a connection ready."""
        await self._service.warm()

    async def aclose(self) -> None:
        """Drop its connections."""
        await self._service.aclose()

    def _fields(self, request: LaneRequest, form: Form) -> Iterator[tuple[str, str]]:
        yield "model", self._model
        yield "response_format", form.response_format
        if code := code_of(request.language):
            yield "language", code
        names = fitting(request.prompt, most=_MOST_NAMES, characters=_MOST_CHARACTERS)
        if names and self._model.startswith("gpt-transcribe"):
            yield from (("keywords[]", name) for name in names)
        elif names:
            yield "prompt", ", ".join(names)
        if form.stream:
            yield "stream", "true"
        if form.log_probabilities:
            yield "include[]", "logprobs"

    def _heard(self, reply: Reply, sent: int) -> Heard:
        answer = self._last_event(reply) if reply.kind == EVENTS else self._service.object_of(reply)
        return Heard(
            text=self._service.text_of(answer.get("text")),
            language=_language(answer),
            confidence=_confidence(answer),
            bytes_sent=sent,
        )

    def _last_event(self, reply: Reply) -> dict[str, Any]:
        """Return the event that holds the whole text; the pieces before it are never taken for it."""
        try:
            stream = reply.body.decode()
        except UnicodeDecodeError as error:
            raise self._service.refusals.malformed("is damaged text") from error
        for data in events(stream):
            if data == "[DONE]":
                continue
            event = self._service.parsed(data)
            if event.get("type") == "transcript.text.done":
                return event
            if event.get("type") == "error" or event.get("error"):
                raise LaneFailedError(
                    f"Lane '{self._service.lane}' failed while it was writing its answer; it is asked again later",
                    lane=self._service.lane,
                )
        # Some servers stream in a form of their own; as one document, all answer alike.
        self._forms = (PLAIN,)
        raise self._service.refusals.malformed("ended before the text was complete")


def events(stream: str) -> Iterator[str]:
    """Yield the data of each complete server-sent event (WHATWG HTML, 9.2); one that the end cuts off is dropped."""
    data: list[str] = []
    for line in stream.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]:
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))


def _accepted(form: Form) -> dict[str, str]:
    return {"Accept": f"{EVENTS}, application/json"} if form.stream else {}


def _language(answer: dict[str, Any]) -> object:
    """Return the language of verbose_json, or the only one that gpt-transcribe detected."""
    several = answer.get("languages")
    if isinstance(several, list) and len(several) == 1 and isinstance(several[0], dict):
        return several[0].get("code")
    return answer.get("language")


def _confidence(answer: dict[str, Any]) -> float | None:
    """Return the mean probability of the tokens, or of Whisper's segments."""
    for field, key in (("logprobs", "logprob"), ("segments", "avg_logprob")):
        parts = answer.get(field)
        if isinstance(parts, list) and parts:
            return mean_probability(part.get(key, math.nan) for part in parts if isinstance(part, dict))
    return None


def make(settings: LaneSettings, wall_clock: Callable[[], float]) -> CloudLane:
    """Return a lane. Raises InvalidSettingsError."""
    key = header_key(settings)
    service = HttpService(settings, settings.url, secret=key, wall_clock=wall_clock)
    open_to_all = settings.trust_class is not Trust.CLOUD
    return CloudLane(settings, OpenAiProvider(settings, service, key) if key or open_to_all else None)
