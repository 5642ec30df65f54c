"""OpenAI's and Groq's clients."""

from typing import Any

import groq
import openai

from .given import Case, Given


def cases(given: Given) -> list[Case]:
    """Return what these clients do."""
    file = ("speech.wav", given.audio, "audio/wav")

    def ask(client: Any, **wanted: Any) -> Any:
        return client.audio.transcriptions.create(file=file, **wanted)

    def stream() -> str:
        done = list(ask(ours, model="gpt-4o-mini-transcribe", stream=True))
        heard = "".join(one.delta for one in done if one.type == "transcript.text.delta")
        assert done[-1].type == "transcript.text.done", done[-1]
        assert heard == done[-1].text, heard
        return done[-1].text

    def chances() -> str:
        heard = ask(ours, model="gpt-4o-transcribe", language="en", include=["logprobs"], prompt="Kitchen, Hall")
        assert "".join(one.token for one in heard.logprobs) == heard.text, heard.logprobs
        return heard.text

    def verbose(client: Any, model: str) -> str:
        heard = ask(client, model=model, response_format="verbose_json", timestamp_granularities=["segment"])
        segments = heard.segments
        first = segments[0] if isinstance(segments[0], dict) else segments[0].model_dump()
        assert first["avg_logprob"] < 0, first
        return heard.text

    def models() -> str:
        found = {one.id for one in ours.models.list()}
        return given.text if "gpt-4o-transcribe" in found else str(found)

    ours = openai.OpenAI(api_key=given.keys["openai"], base_url=given.urls["openai"], max_retries=0)
    wrong = openai.OpenAI(api_key="sk-wrong", base_url=given.urls["openai"], max_retries=0)
    own = openai.OpenAI(api_key="none", base_url=given.urls["compatible"], max_retries=0)
    root = given.urls["groq"].removesuffix("/openai/v1")  # Groq's client adds the path itself
    theirs = groq.Groq(api_key=given.keys["groq"], base_url=root, max_retries=0)
    stranger = groq.Groq(api_key="gsk_wrong", base_url=root, max_retries=0)
    turbo, plain = "whisper-large-v3-turbo", {"model": "gpt-4o-transcribe"}
    return [
        Case(sdk="openai", name="json with log-probabilities", run=chances),
        Case(sdk="openai", name="stream", run=stream),
        Case(sdk="openai", name="verbose_json", run=lambda: verbose(ours, "whisper-1")),
        Case(sdk="openai", name="text", run=lambda: ask(ours, model="whisper-1", response_format="text")),
        Case(sdk="openai", name="models", run=models),
        Case(
            sdk="openai",
            name="wrong key",
            run=lambda: ask(wrong, **plain),
            error=openai.AuthenticationError,
            status=401,
        ),
        Case(
            sdk="openai",
            name="busy",
            run=lambda: ask(ours, **plain),
            fault="http-429-seconds",
            error=openai.RateLimitError,
            status=429,
        ),
        Case(
            sdk="openai",
            name="an error event in the stream",
            run=stream,
            fault="stream-error",
            error=openai.APIError,
        ),
        Case(
            sdk="openai", name="a server of one's own", run=lambda: ask(own, model="Systran/faster-whisper-small").text
        ),
        Case(sdk="groq", name="json", run=lambda: ask(theirs, model=turbo, language="en", prompt="Kitchen").text),
        Case(sdk="groq", name="verbose_json", run=lambda: verbose(theirs, turbo)),
        Case(
            sdk="groq",
            name="wrong key",
            run=lambda: ask(stranger, model=turbo),
            error=groq.AuthenticationError,
            status=401,
        ),
        Case(
            sdk="groq",
            name="busy",
            run=lambda: ask(theirs, model=turbo),
            fault="http-429-seconds",
            error=groq.RateLimitError,
            status=429,
        ),
    ]
