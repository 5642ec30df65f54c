"""Lanes by their provider's name."""

import subprocess
import sys

import pytest

from wyoming_server.engines.cloud_lane import mean_probability, one_line, probability
from wyoming_server.engines.cloud_languages import closest, code_of, locale_of, same_language
from wyoming_server.engines.lanes import make_lane, with_defaults
from wyoming_server.errors import InvalidSettingsError, UnknownProviderError
from wyoming_server.pipeline.lanes import PROVIDERS, LaneSettings


def test_an_unknown_provider_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UnknownProviderError) as refused:
        make_lane(LaneSettings(name="x", provider="siri"))
    assert all(one in str(refused.value) for one in ("'siri'", *PROVIDERS))


def test_the_callers_own_lane_is_not_made_here() -> None:
    with pytest.raises(InvalidSettingsError):
        make_lane(LaneSettings(name="phone", provider="client"))


@pytest.mark.parametrize(
    ("provider", "more", "url", "model"),
    [
        ("openai", {}, "https://api.openai.com/v1", "gpt-transcribe"),
        (
            "openai",
            {"url": "https://api.groq.com/openai/v1"},
            "https://api.groq.com/openai/v1",
            "whisper-large-v3-turbo",
        ),
        ("deepgram", {}, "https://api.deepgram.com", "nova-3"),
        ("assemblyai", {"region": "eu"}, "https://sync.eu.assemblyai.com", "universal-3-5-pro"),
        ("azure", {"region": "westeurope"}, "https://westeurope.stt.speech.microsoft.com", "short-audio"),
        ("google", {}, "https://speech.googleapis.com", "chirp_3"),
        ("google", {"region": "global"}, "https://speech.googleapis.com", "chirp_3"),
        ("google", {"region": "europe-west4"}, "https://europe-west4-speech.googleapis.com", "chirp_3"),
        ("elevenlabs", {}, "https://api.elevenlabs.io", "scribe_v2"),
    ],
)
def test_what_an_owner_does_not_say_is_filled_in(provider: str, more: dict[str, str], url: str, model: str) -> None:
    complete = with_defaults(LaneSettings(name="x", provider=provider, **more))
    assert (complete.url, complete.model) == (url, model)
    assert complete.price_per_minute > 0
    assert complete.price_as_of


@pytest.mark.parametrize(("field", "value"), [("region", "evil.example/"), ("region", "x@y"), ("project", "a/b?c")])
def test_a_region_cannot_lead_elsewhere(field: str, value: str) -> None:
    with pytest.raises(InvalidSettingsError, match="region"):
        make_lane(LaneSettings(name="x", provider="azure", key="k", **{field: value}))


def test_an_owners_own_words_outrank_the_table() -> None:
    said = LaneSettings(name="x", provider="openai", model="whisper-1", price_per_minute=0.5, price_as_of="2026-01-01")
    complete = with_defaults(said)
    assert (complete.model, complete.price_per_minute, complete.price_as_of) == ("whisper-1", 0.5, "2026-01-01")


def test_a_model_that_the_table_does_not_know_costs_what_its_dearest_costs() -> None:
    assert with_defaults(LaneSettings(name="x", provider="openai", model="next")).price_per_minute == 0.006


def test_a_server_of_the_home_has_no_price() -> None:
    complete = with_defaults(LaneSettings(name="x", provider="openai", trust="home", url="http://192.168.1.4:8000"))
    assert (complete.price_per_minute, complete.model) == (0.0, "whisper-1")


def test_groq_charges_for_ten_seconds_at_least() -> None:
    groq = with_defaults(LaneSettings(name="x", provider="openai", url="https://api.groq.com/openai/v1"))
    assert groq.cost(2.0) == groq.cost(10.0) < groq.cost(11.0)


def test_a_server_without_lanes_does_not_pay_for_aiohttp() -> None:
    script = (
        "import sys, wyoming_server.engines.lanes as lanes; before = 'aiohttp' in sys.modules\n"
        "from wyoming_server.pipeline.lanes import LaneSettings\n"
        "lanes.make_lane(LaneSettings(name='x', provider='deepgram', key='k'))\n"
        "print(before, 'aiohttp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("en", "en"), ("en-GB", "en"), ("en_us", "en"), ("eng", "en"), ("English", "en"), (" german ", "de"),
        ("cmn-Hans-CN", "zh"), ("zh-Hant", "zh"), ("nob", "nb"), ("fil", "tl"), ("haitian creole", "ht"),
        ("multi", None), ("auto", None), ("", None), (None, None), (7, None), ("und", None),
    ],
)  # fmt: skip
def test_a_language_is_known_by_all_its_names(said: object, code: str | None) -> None:
    assert code_of(said) == code


def test_kin_languages_pass_for_each_other_and_others_do_not() -> None:
    assert same_language("no", "nb")
    assert same_language("en", "en")
    assert not same_language("de", "nl")


def test_a_locale_is_found_for_a_code() -> None:
    assert [locale_of(one) for one in ("en", "en-GB", "nb", "xx")] == ["en-US", "en-GB", "nb-NO", "xx"]
    assert closest("en", ["de-DE", "en-GB", "en-US"]) == "en-US"
    assert closest("en-IN", ["en", "de"]) == "en"
    assert closest("pt-BR", ["pt-PT"]) == "pt-PT"
    assert closest("ja", ["en"]) is None


def test_a_text_is_one_line_that_every_socket_can_carry() -> None:
    assert one_line(" a\x00b\r\n\tc\u2028d\u202e \ud83d") == "a b c d"
    assert one_line("می\u200cخواهم") == "می\u200cخواهم"
    one_line("🙂 ünïcödé 日本").encode()


def test_a_probability_is_a_number_between_0_and_1() -> None:
    assert [probability(one) for one in (0.5, 1, 0, 1.2, -0.1, float("nan"), True, "0.5", None)] == [
        0.5, 1.0, 0.0, *[None] * 6
    ]  # fmt: skip
    assert mean_probability([-0.1, -0.3]) == pytest.approx(0.8187, abs=1e-4)
    assert mean_probability([float("nan"), None, "x", True]) is None
    assert mean_probability([]) is None
