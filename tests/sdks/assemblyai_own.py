"""AssemblyAI's client: its Sync API, and the one that uploads and polls."""

import assemblyai as aai

from .given import Case, Given


def cases(given: Given) -> list[Case]:
    """Return what it does."""

    def client(key: str) -> aai.Client:
        settings = aai.Settings(
            api_key=key,
            base_url=given.urls["assemblyai"],
            sync_base_url=given.urls["assemblyai"],
            polling_interval=0.05,
        )
        return aai.Client(settings=settings)

    def sync(key: str) -> str:
        config = aai.SyncTranscriptionConfig(language_codes=["en"], keyterms_prompt=["kitchen"], timestamps=True)
        transcriber = aai.SyncTranscriber(client=client(key))
        transcriber.warm()
        heard = transcriber.transcribe(given.wav, config=config)
        assert [word.text for word in heard.words] == heard.text.split(), heard.words
        assert heard.confidence > 0.9, heard
        return heard.text

    def job(key: str) -> str:
        heard = aai.Transcriber(client=client(key)).transcribe(given.wav)
        if heard.error:
            raise aai.TranscriptError(heard.error)
        return heard.text or ""

    def busy() -> str:
        try:
            return aai.SyncTranscriber(client=client(key)).transcribe(given.wav).text
        except aai.SyncTranscriptError as error:
            if (error.retry_after, error.error_code) != (7, "too_many_requests"):
                raise RuntimeError(f"{error.retry_after}, {error.error_code}") from error
            raise

    key = given.keys["assemblyai"]
    return [
        Case(sdk="assemblyai", name="sync", run=lambda: sync(key)),
        Case(sdk="assemblyai", name="upload and poll", run=lambda: job(key)),
        Case(sdk="assemblyai", name="wrong key", run=lambda: sync("wrong"), error=aai.SyncTranscriptError, status=401),
        Case(
            sdk="assemblyai",
            name="busy",
            run=busy,
            fault="http-429-seconds",
            error=aai.SyncTranscriptError,
            status=429,
        ),
        Case(
            sdk="assemblyai",
            name="quota spent",
            run=lambda: sync(key),
            fault="quota-spent",
            error=aai.SyncTranscriptError,
            status=402,
        ),
    ]
