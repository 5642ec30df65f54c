"""OpenAI's own client at the server's own endpoint: one line of JSON.

`python -m tests.sdks.own_endpoint URL KEY FILE TEXT`, in the clients' environment.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai


def main() -> int:
    """Ask in every way that is offered, and in some that are not; return 1 when an answer is wrong."""
    url, key, path, text = sys.argv[1:]
    ours = openai.OpenAI(api_key=key, base_url=url, max_retries=0)
    wrong = openai.OpenAI(api_key="wrong", base_url=url, max_retries=0)
    file = ("speech.wav", Path(path).read_bytes(), "audio/wav")

    def ask(client: openai.OpenAI = ours, **wanted: Any) -> Any:
        return client.audio.transcriptions.create(file=file, **{"model": "whisper-1", **wanted})

    def stream() -> str:
        events = list(ask(stream=True))
        assert [one.type for one in events] == ["transcript.text.delta", "transcript.text.done"]
        said: str = events[-1].text
        return said

    cases: dict[str, tuple[Callable[[], str], str]] = {
        "json": (lambda: ask().text, text),
        "text": (lambda: ask(response_format="text").strip(), text),
        "verbose_json": (lambda: ask(response_format="verbose_json", language="en", prompt="Kitchen light").text, text),
        "verbose_json tells the length": (lambda: str(ask(response_format="verbose_json").duration > 1), "True"),
        "stream": (stream, text),
        "models": (lambda: ours.models.list().data[0].id, "starter"),
        "srt": (lambda: ask(response_format="srt"), "invalid-request"),
        "log-probabilities": (lambda: ask(include=["logprobs"]).text, "invalid-request"),
        "an unknown language": (lambda: ask(language="xx").text, "unsupported-language"),
        "a wrong key": (lambda: ask(wrong).text, "token-refused"),
    }
    found = {name: _ending(ending) for name, (ending, _) in cases.items()}
    failed = {name: ending for name, ending in found.items() if ending != cases[name][1]}
    print(json.dumps({"client": f"openai {openai.__version__}", "cases": len(cases), "wrong": failed}))
    return int(bool(failed))


def _ending(case: Callable[[], str]) -> str:
    """Return the text, or the refusal's code."""
    try:
        return case()
    except openai.APIStatusError as error:
        return str(error.code)


if __name__ == "__main__":
    sys.exit(main())
