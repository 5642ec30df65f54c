"""ElevenLabs' client."""

import io
import wave

from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError

from .given import Case, Given


def cases(given: Given) -> list[Case]:
    """Return what it does."""
    with wave.open(io.BytesIO(given.audio)) as recording:
        raw = recording.readframes(recording.getnframes())

    def ask(key: str, *, pcm: bool = False) -> str:
        client = ElevenLabs(api_key=key, base_url=given.urls["elevenlabs"])
        heard = client.speech_to_text.convert(
            model_id="scribe_v2",
            file=("speech.raw", raw) if pcm else ("speech.wav", given.audio, "audio/wav"),
            file_format="pcm_s16le_16" if pcm else "other",
            language_code="en",
            tag_audio_events=False,
            diarize=False,
            keyterms=["kitchen", "hall"],
            request_options={"max_retries": 0},
        )
        assert heard.language_code == "eng", heard.language_code
        assert "".join(word.text for word in heard.words) == heard.text, heard.words
        return heard.text

    key = given.keys["elevenlabs"]
    return [
        Case(sdk="elevenlabs", name="a WAV file", run=lambda: ask(key)),
        Case(sdk="elevenlabs", name="raw samples", run=lambda: ask(key, pcm=True)),
        Case(sdk="elevenlabs", name="wrong key", run=lambda: ask("wrong"), error=ApiError, status=401),
        Case(sdk="elevenlabs", name="busy", run=lambda: ask(key), fault="http-429-seconds", error=ApiError, status=429),
    ]
