"""Deepgram's client."""

from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment

from .given import Case, Given


def cases(given: Given) -> list[Case]:
    """Return what it does."""
    here = DeepgramClientEnvironment(
        base=given.urls["deepgram"], production=given.urls["deepgram"], agent="", agent_rest=given.urls["deepgram"]
    )

    def ask(key: str) -> str:
        client = DeepgramClient(api_key=key, environment=here)
        heard = client.listen.v1.media.transcribe_file(
            request=given.audio,
            model="nova-3",
            language="en",
            smart_format=True,
            keyterm=["kitchen", "hall"],
            mip_opt_out=True,
            request_options={"max_retries": 0},
        )
        best = heard.results.channels[0].alternatives[0]
        assert best.confidence > 0.9, best
        assert [word.punctuated_word for word in best.words] == best.transcript.split(), best.words
        return best.transcript

    key = given.keys["deepgram"]
    return [
        Case(sdk="deepgram", name="transcribe_file", run=lambda: ask(key)),
        Case(sdk="deepgram", name="wrong key", run=lambda: ask("wrong"), error=ApiError, status=401),
        Case(sdk="deepgram", name="busy", run=lambda: ask(key), fault="http-429-seconds", error=ApiError, status=429),
    ]
