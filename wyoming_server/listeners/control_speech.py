"""OpenAI's transcriptions: any client of that API gets the hybrid router."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ..errors import InvalidRequestError
from .control_audio import Intake, Upload, form_of, names_of, wav_of
from .control_operation import EVENTS, FORM
from .control_schemas import SPEECH_FORM
from .control_surface import Json, Surface
from .control_values import checked

_LISTS = ("keywords[]", "languages[]")
_NOT_OFFERED = {
    "include[]": "log-probabilities are not offered",
    "timestamp_granularities[]": "timestamps are not offered",
}


async def transcription(request: web.Request, surface: Surface, intake: Intake) -> web.StreamResponse:
    """Answer a recording as OpenAI documents it. Raises EdgeVoiceError, web.HTTPException."""
    if request.content_type != FORM:
        raise web.HTTPUnsupportedMediaType(reason=f"send {FORM} with a `file`")
    async with intake.body(request) as body:
        wanted, turn = await _heard(form_of(body, request.headers["Content-Type"]), surface)
    if wanted.get("stream") == "true":
        return await _streamed(request, turn["text"])
    if wanted.get("response_format") == "text":
        return web.Response(text=f"{turn['text']}\n")
    return web.json_response(_said(turn, verbose=wanted.get("response_format") == "verbose_json"))


async def _heard(form: Upload, surface: Surface) -> tuple[Mapping[str, Any], Json]:
    """Return what was wanted, and the turn. Raises EdgeVoiceError."""
    if form.file is None:
        raise InvalidRequestError("file: send a recording")
    wanted, names, language = _wanted(form)
    wav = await wav_of(form.file)
    prompt = (*names, *names_of(wanted.get("prompt", "")))
    return wanted, await surface.transcribe(wav, language=language, lane="auto", prompt=prompt)


def _wanted(form: Upload) -> tuple[Mapping[str, Any], tuple[str, ...], str | None]:
    """Return the fields, names to expect and the language. Raises InvalidRequestError."""
    for name, why in _NOT_OFFERED.items():
        if form.fields.get(name) or form.fields.get(name.removesuffix("[]")):
            raise InvalidRequestError(f"{name}: {why}; leave it out")
    single = {name: values for name, values in form.fields.items() if name not in _LISTS}
    if twice := [name for name, values in single.items() if len(values) > 1]:
        raise InvalidRequestError(f"{twice[0][:40]!r}: send it once")
    known = sorted(["file", *_LISTS, *(str(key) for key in SPEECH_FORM.schema)])
    wanted = checked(SPEECH_FORM, {name: values[0] for name, values in single.items()}, known=known)
    languages = form.fields.get("languages[]", ())
    language = wanted.get("language") or (languages[0] if len(languages) == 1 else None)
    return wanted, form.fields.get("keywords[]", ()), language or None


def _said(turn: Json, *, verbose: bool) -> Json:
    seconds = turn["seconds"]
    told: Json = {"text": turn["text"], "usage": {"type": "duration", "seconds": seconds}}
    if not verbose:
        return told
    return {"task": "transcribe", "language": turn["language"] or "und", "duration": seconds, **told}


async def _streamed(request: web.Request, text: str) -> web.StreamResponse:
    """Answer by server-sent events; the text is known as a whole, so it is one piece."""
    response = web.StreamResponse(headers={"Content-Type": EVENTS, "Cache-Control": "no-store"})
    await response.prepare(request)
    pieces = [{"type": "transcript.text.delta", "delta": text}] if text else []
    for event in (*pieces, {"type": "transcript.text.done", "text": text}):
        await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    await response.write_eof()
    return response
