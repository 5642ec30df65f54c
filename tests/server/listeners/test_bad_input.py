"""Wrong bytes, wrong fields, wrong order: each gets its code, and the others are served."""

import json

import pytest

from ..home import Home
from ..peer import KITCHEN, SHAPE, audio, bystander, chunk, connected, event, kitchen

FRAMING_IS_LOST = {
    "no JSON": (b"GET / HTTP/1.1\r\n\r\n", "malformed-event"),
    "no JSON at all": (b"\x00\xff\xfe\x80\n", "malformed-event"),
    "half a JSON": (b'{"type": "describe"\n', "malformed-event"),
    "a list": (b"[]\n", "malformed-event"),
    "an empty line": (b"\n", "malformed-event"),
    "no type": (b'{"data_length": 2}\n{}', "malformed-event"),
    "a number as type": (b'{"type": 5}\n', "malformed-event"),
    "a nest of lists": (b'{"type": "ping", "data": ' + b"[" * 30_000 + b"]" * 30_000 + b"}\n", "malformed-event"),
    "a nest of lists as data": (
        event("ping", data_length=200_000) + b"[" * 100_000 + b"]" * 100_000,
        "malformed-event",
    ),
    "data that is a list": (event("ping", data_length=2) + b"[]", "malformed-event"),
    "data in the header that is a list": (b'{"type": "ping", "data": []}\n', "malformed-event"),
    "data that is no JSON": (event("ping", data_length=3) + b"{a}", "malformed-event"),
    "data that is no text": (event("ping", data_length=3) + b"{\xff}", "malformed-event"),
    "a header without an end": (b'{"type": "' + b"x" * 200_000, "event-too-large"),
    "a header over the limit": (b'{"type": "ping", "data": {"text": "' + b"x" * 70_000 + b'"}}\n', "event-too-large"),
    "2^40 bytes of data": (event("ping", data_length=2**40), "event-too-large"),
    "2^40 bytes of payload": (event("audio-chunk", SHAPE, payload_length=2**40), "event-too-large"),
    "10^400 bytes of payload": (event("audio-chunk", payload_length=10**400), "event-too-large"),
    "−1 bytes of data": (event("ping", data_length=-1), "malformed-event"),
    "−1 bytes of payload": (event("audio-chunk", payload_length=-1), "malformed-event"),
    "a text as length": (event("ping", data_length="2"), "malformed-event"),
    "an empty text as length": (event("ping", data_length=""), "malformed-event"),
    "true as length": (event("ping", payload_length=True), "malformed-event"),
    "false as length": (event("ping", payload_length=False), "malformed-event"),
    "2.0 as length": (event("ping", data_length=2.0), "malformed-event"),
    "0.0 as length": (event("ping", data_length=0.0), "malformed-event"),
    "NaN as length": (event("ping", data_length=float("nan")), "malformed-event"),
    "a list as length": (event("ping", data_length=[]), "malformed-event"),
}


async def test_what_cannot_be_framed_gets_its_code_and_the_connection_ends(served: Home) -> None:
    async with bystander(served.uri):
        for name, (said, code) in FRAMING_IS_LOST.items():
            async with connected(served.uri) as peer:
                assert (name, await peer.code(said)) == (name, code)
                assert await peer.is_closed(), name


async def test_the_code_reaches_a_peer_that_goes_on_sending(served: Home) -> None:
    """A close with unread bytes would reset the connection, and take the error with it."""
    async with bystander(served.uri), connected(served.uri) as peer:
        await peer.say(event("transcribe", {}), event("ping", data_length="x"))
        try:
            for part in audio(kitchen().pcm):
                await peer.say(part)
        except ConnectionError:
            pass
        assert (await peer.until("error")).code == "malformed-event"
        assert await peer.is_closed()


async def test_wrong_bytes_in_mid_turn_end_the_turn_with_the_code(served: Home) -> None:
    async with bystander(served.uri), connected(served.uri) as peer:
        start, *chunks, _ = audio(kitchen().pcm)
        await peer.say(event("transcribe", {}), start, *chunks[:20])
        assert await peer.code(b"{nonsense\n") == "malformed-event"
        assert await peer.is_closed()


async def test_a_peer_that_breaks_off_in_an_event_costs_nothing(served: Home) -> None:
    broken = [b"", b'{"type": "desc', event("ping", data_length=100) + b"{", event("audio-chunk", SHAPE, b"xx")[:-1]]
    async with bystander(served.uri):
        for said in broken:
            async with connected(served.uri) as peer:
                await peer.say(said)
                peer.writer.write_eof()
                assert await peer.is_closed(), said


REFUSED = {
    "audio before anything": (chunk(b"\0\0"), "unexpected-event"),
    "a chunk without rate": (event("audio-chunk", {"width": 2, "channels": 1}, b"\0\0"), "malformed-event"),
    "a chunk without width": (event("audio-chunk", {"rate": 16_000, "channels": 1}, b"\0\0"), "malformed-event"),
    "a chunk without anything": (event("audio-chunk", None, b"\0\0"), "malformed-event"),
    "a start without anything": (event("audio-start"), "malformed-event"),
    "a rate in words": (event("audio-start", SHAPE | {"rate": "16000"}), "malformed-event"),
    "a rate with a point": (event("audio-start", SHAPE | {"rate": 16000.0}), "malformed-event"),
    "true as width": (event("audio-start", SHAPE | {"width": True}), "malformed-event"),
    "null as width": (event("audio-start", SHAPE | {"width": None}), "malformed-event"),
    "no channels": (event("audio-start", SHAPE | {"channels": 0}), "unsupported-audio"),
    "−1 channels": (chunk(b"\0\0", channels=-1), "unsupported-audio"),
    "nine channels": (event("audio-start", SHAPE | {"channels": 9}), "unsupported-audio"),
    "no rate": (event("audio-start", SHAPE | {"rate": 0}), "unsupported-audio"),
    "a rate beyond all": (chunk(b"\0\0", rate=10**30), "malformed-event"),
    "a width beyond all": (chunk(b"\0\0", width=int("9" * 4300)), "malformed-event"),
    "five bytes wide": (event("audio-start", SHAPE | {"width": 5}), "unsupported-audio"),
    "no width": (event("audio-start", SHAPE | {"width": 0}), "unsupported-audio"),
    "an odd byte": (chunk(b"\0\0\0"), "malformed-audio"),
    "half a frame of stereo": (chunk(b"\0\0", channels=2), "malformed-audio"),
    "two thirds of a sample": (chunk(b"\0\0", width=3), "malformed-audio"),
}


@pytest.mark.parametrize(("said", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_wrong_audio_gets_its_code_and_the_next_turn_its_text(served: Home, said: bytes, code: str) -> None:
    async with connected(served.uri) as peer:
        if code != "unexpected-event":
            await peer.say(event("transcribe", {}))
        assert await peer.code(said, chunk(b"\0\0"), chunk(b"\0\0"), event("audio-stop")) == code
        await peer.serves()
        assert [one.kind for one in peer.heard].count("error") == 1


UNTAKEN = {
    "a language that it does not know": ({"language": "xx"}, "unsupported-language"),
    "a language in another script": ({"language": "\ud800"}, "unsupported-language"),
    "a number as language": ({"language": 5}, "malformed-event"),
    "a model that is not there": ({"name": "large-v9"}, "unknown-model"),
    "a model's name cut in a character": ({"name": "\udfff"}, "unknown-model"),
    "a list as model": ({"name": []}, "malformed-event"),
    "a text as names": ({"transcript_names": "kitchen"}, "malformed-event"),
    "numbers as names": ({"transcript_names": [1, 2]}, "malformed-event"),
    "an object as terms": ({"transcript_terms": {}}, "malformed-event"),
    "a number as sensitivity": ({"vad_sensitivity": 3}, "malformed-event"),
}


@pytest.mark.parametrize(("asked", "code"), UNTAKEN.values(), ids=UNTAKEN.keys())
async def test_a_request_that_cannot_be_met_gets_its_code_once(
    served: Home, asked: dict[str, object], code: str
) -> None:
    async with connected(served.uri) as peer:
        assert await peer.code(event("transcribe", asked), *audio(kitchen().pcm)) == code
        await peer.serves()
        assert [one.kind for one in peer.heard].count("error") == 1


TAKEN = {
    "a language with its country": {"language": "en-GB"},
    "a language with an underscore": {"language": "en_US"},
    "a language in capitals": {"language": "EN"},
    "an empty language": {"language": ""},
    "any language": {"language": "auto"},
    "nothing named": {"name": None, "language": None, "transcript_names": None, "transcript_terms": []},
    "the program's name": {"name": "edge-voice"},
    "a sensitivity of a later protocol": {"vad_sensitivity": "telepathic"},
    "a context that is a list": {"context": ["x"]},
    "a context of ours that is a text": {"context": {"edge_voice": "x"}},
    "a mode of a later version": {"context": {"edge_voice": {"mode": 7, "answer_early": "no", "unknown": {}}}},
    "fields of a later version": {"unknown": [1, {"a": None}]},
    "names cut in a character": {"transcript_names": ["kitchen \ud83d"], "transcript_terms": ["\udc00"]},
    "names that are empty": {"transcript_names": ["", "  ", "\0", "{", "[<("]},
}


@pytest.mark.parametrize("asked", TAKEN.values(), ids=TAKEN.keys())
async def test_what_is_merely_odd_gets_its_text(served: Home, asked: dict[str, object]) -> None:
    async with connected(served.uri) as peer:
        answer = await peer.turn(kitchen().pcm, asked)
        assert (answer.kind, answer.data.get("text")) == ("transcript", KITCHEN)


async def test_an_unknown_wake_word_gets_its_code(served: Home) -> None:
    async with bystander(served.uri), connected(served.uri) as peer:
        assert (
            await peer.code(event("detect", {"names": ["hey nobody \ud800"]}), *audio(b"\0\0")) == "unknown-wake-word"
        )
        assert await peer.code(event("detect", {"names": "hey_jarvis"})) == "malformed-event"
        await peer.serves()


async def test_unknown_events_are_ignored(served: Home) -> None:
    async with connected(served.uri) as peer:
        start, *rest = audio(kitchen().pcm)
        unknown = [event("satellite-dance", {"a": [1]}, b"xyz"), event("transcript", {"text": 5}), event("error")]
        await peer.say(*unknown, event("transcribe", {}), *unknown, start, *unknown, *rest)
        assert (await peer.answer()).text == KITCHEN


async def test_no_data_and_null_as_data_are_the_same(served: Home) -> None:
    async with connected(served.uri) as peer:
        for said in (b'{"type": "ping"}\n', b'{"type": "ping", "data": null, "data_length": null}\n'):
            await peer.say(said)
            assert (await peer.until("pong", "error")).kind == "pong"


async def test_a_ping_comes_back_whatever_its_text(served: Home) -> None:
    async with connected(served.uri) as peer:
        for text in ("", "häß", "\0", "\ud800 alone", "x" * 100_000):
            await peer.say(event("ping", {"text": text}))
            assert (await peer.until("pong")).data.get("text", "")[:3] in {text[:3], "? a"}
        await peer.say(event("ping", {"text": {"an": "object"}}))
        assert (await peer.until("pong")).data.get("text") is None


async def test_data_in_the_header_counts_and_data_behind_it_overrules(served: Home) -> None:
    async with connected(served.uri) as peer:
        body = json.dumps({"text": "behind"}).encode()
        await peer.say(b'{"type": "ping", "data": {"text": "in the header"}}\n')
        assert (await peer.until("pong")).text == "in the header"
        await peer.say(b'{"type": "ping", "data": {"text": "in"}, "data_length": %d}\n' % len(body) + body)
        assert (await peer.until("pong")).text == "behind"
