"""Defaults < file < environment < flags, and what is said about wrong values."""

import dataclasses
import math
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.errors import InvalidSettingsError
from wyoming_server.settings import SECTIONS, Raw, Settings, read_settings


def _file(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, "utf-8")
    return path


def test_nothing_said_means_the_defaults() -> None:
    assert read_settings(None, {}, environ={}) == Settings()


def test_flags_overrule_the_environment_and_that_the_file(tmp_path: Path) -> None:
    file = _file(tmp_path, "asr: {threads: 1, waiting: 1, language: en}\nwake: {threshold: 0.7}\n")
    environ = {"EDGE_VOICE_ASR_THREADS": "2", "EDGE_VOICE_ASR_WAITING": "2"}
    settings = read_settings(file, {"asr": {"threads": 3}}, environ)
    assert (settings.asr.threads, settings.asr.waiting, settings.asr.language) == (3, 2, "en")
    assert settings.wake.threshold == 0.7


def test_the_environment_is_read_by_what_the_setting_is() -> None:
    environ = {
        "EDGE_VOICE_ASR_LANGUAGE": "no",  # Norwegian; YAML would make it false
        "EDGE_VOICE_ASR_MODEL": "2024",
        "EDGE_VOICE_ASR_LANGUAGES": "no, en",
        "EDGE_VOICE_HOME_NAMES": '["Off, on", "yes"]',
        "EDGE_VOICE_ASR_EARLY_ANSWERS": "no",
        "EDGE_VOICE_ENDPOINT_SHORT_HOLD_SECONDS": "0.25",
        "EDGE_VOICE_WAKE_THRESHOLDS": "{hey_jarvis: 0.6}",
        "EDGE_VOICE_HOME_AREAS": "no",
        "EDGE_VOICE_SERVER_DATA_DIR": "a: {b",
        "EDGE_VOICE_PYTHON": "/elsewhere",  # no section: not a setting
        "PATH": "{",
    }
    settings = read_settings(None, {}, environ)
    assert (settings.asr.language, settings.asr.model) == ("no", "2024")
    assert (settings.asr.languages, settings.home.names) == (("no", "en"), ("Off, on", "yes"))
    assert settings.asr.early_answers is False
    assert settings.endpoint.short_hold_seconds == 0.25
    assert dict(settings.wake.thresholds) == {"hey_jarvis": 0.6}
    assert (settings.home.areas, settings.server.data_dir) == (("no",), "a: {b")


def test_a_section_whose_keys_are_all_commented_out_is_empty(tmp_path: Path) -> None:
    assert read_settings(_file(tmp_path, "asr:\n  # threads: 2\nwake: {}\n"), {}, environ={}) == Settings()
    assert read_settings(_file(tmp_path, "# nothing yet\n"), {}, environ={}) == Settings()


WRONG: dict[str, tuple[str, tuple[str, ...]]] = {
    "too large": ("asr: {threads: 65}", ("asr.threads", "65", "0 to 64")),
    "too small": ("server: {max_event_kib: 1}", ("server.max_event_kib", "1", "64 to 65536")),
    "no whole number": ("asr: {threads: 1.5}", ("asr.threads", "1.5", "whole number")),
    "a truth as number": ("asr: {threads: true}", ("asr.threads", "True", "whole number")),
    "a text as number": ("turn: {budget_seconds: fast}", ("turn.budget_seconds", "'fast'", "number")),
    "NaN": ("turn: {budget_seconds: .nan}", ("budget_seconds", "nan", "0.2 to 30")),
    "infinite": ("turn: {budget_seconds: .inf}", ("turn.budget_seconds", "inf", "0.2 to 30")),
    "beyond floats": (f"turn: {{budget_seconds: 1{'0' * 400}}}", ("turn.budget_seconds", "10000", "number")),
    "a number as text": ("asr: {language: 5}", ("asr.language", "5", "text")),
    "a truth as text": ("asr: {language: no}", ("asr.language", "False", "text")),
    "nothing as text": ("asr: {model: }", ("asr.model", "None", "text")),
    "a list as text": ("server: {data_dir: [a]}", ("server.data_dir", "['a']", "text")),
    "no character": ('server: {data_dir: "a\\0b"}', ("server.data_dir", "a\\x00b", "text")),
    "half a character": ('asr: {model: "\\ud800"}', ("asr.model", "ud800", "text")),
    "a number in a list": ("home: {names: [lamp, 5]}", ("home.names", "5", "list of texts")),
    "an object as list": ("home: {names: {a: b}}", ("home.names", "{'a': 'b'}", "list of texts")),
    "a number as truth": ("asr: {early_answers: 2}", ("asr.early_answers", "2", "true or false")),
    "a list as truth": ("wake: {gate: [yes]}", ("wake.gate", "[True]", "true or false")),
    "nothing as truth": ("wake: {gate: }", ("wake.gate", "None", "true or false")),
    "a text as truth": ("wake: {gate: perhaps}", ("wake.gate", "perhaps", "true or false")),
    "a word's threshold": ("wake: {thresholds: {alexa: 3}}", ("wake.thresholds.alexa", "3", "0 to 1")),
    "thresholds that are a list": ("wake: {thresholds: [1]}", ("wake.thresholds is [1]: must hold keys below it",)),
    "an unknown section": ("asar: {threads: 2}", ("'asar'", "known here", "asr")),
    "an unknown key": ("asr: {tread: 2}", ("'asr.tread'", "known here", "threads")),
    "an unknown key of another kind": ("asr: {2: 2, null: 1}", ("'asr.2'", "known here", "threads")),
    "holds that descend": (
        "endpoint: {short_hold_seconds: 0.9, long_hold_seconds: 0.5}",
        ("endpoint", "short_hold_seconds", "0.9", "0.5", "must not descend"),
    ),
    "a list": ("[1, 2]", ("must hold sections", "asr")),
    "a text": ("hello", ("must hold sections", "asr")),
    "a section that is a text": ("asr: hello", ("must hold sections", "asr")),
    "no YAML": ("asr: {", ("is no YAML",)),
    "a tab": ("asr:\n\tthreads: 2", ("is no YAML",)),
    "an impossible date": ("asr: {model: 2024-13-45}", ("is no YAML",)),
    "a broken tag": ("asr: {threads: !!int ''}", ("is no YAML",)),
    "a program": ("asr: {model: !!python/object/apply:os.getcwd []}", ("is no YAML",)),
    "a nest": ("[" * 5000, ("is no YAML",)),
    "an unknown scheme": ("server: {uris: ['http://x']}", ("server.uris", "http://x", "tcp://HOST:PORT")),
    "no address": ("server: {uris: []}", ("server.uris", "at least one")),
    "no network": ("server: {allow: [home]}", ("server.allow", "home", "such as 192.168.1.0/24")),
    "a network with a host": (
        "server: {allow: [192.0.2.5/24]}",
        ("server.allow", "192.0.2.5/24", "write 192.0.2.0/24, or the single address 192.0.2.5"),
    ),
    "no log level": ("server: {log_level: loud}", ("server.log_level", "loud", "debug, info, warning, error")),
}


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_is_named_with_its_value_and_what_is_allowed(
    tmp_path: Path, text: str, told: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidSettingsError) as refusal:
        read_settings(_file(tmp_path, text), {}, environ={})
    sentence = str(refusal.value)
    assert [one for one in told if one not in sentence] == [], sentence
    assert "\n" not in sentence
    assert len(sentence) < 2000


def _ends() -> Iterator[tuple[str, str, float]]:
    """Yield every number's section, name, and the next value beyond each of its ends."""
    for section, make in SECTIONS.items():
        for field in dataclasses.fields(make):
            for end, away in (("at_least", -1), ("at_most", 1)):
                edge = field.metadata.get(end, math.inf)
                if not math.isinf(edge):
                    is_whole = isinstance(field.default, int)
                    yield section, field.name, edge + away if is_whole else math.nextafter(edge, away * math.inf)


@pytest.mark.parametrize(("section", "name", "wrong"), list(_ends()))
def test_every_number_is_refused_just_beyond_its_ends(section: str, name: str, wrong: float) -> None:
    with pytest.raises(InvalidSettingsError) as refusal:
        read_settings(None, {section: {name: wrong}}, environ={})
    assert f"{section}.{name} is {wrong!r}: allowed is " in str(refusal.value)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("EDGE_VOICE_ASR_THREADS", "many", "asr.threads is 'many'"),
        ("EDGE_VOICE_ASR_THREADS", "{", "EDGE_VOICE_ASR_THREADS is no YAML"),
        ("EDGE_VOICE_HOME_NAMES", "[lamp", "EDGE_VOICE_HOME_NAMES is no YAML"),
        ("EDGE_VOICE_ASR_THREADS", "", "asr.threads is None"),
        ("EDGE_VOICE_WAKE_THRESHOLDS", "2024-99-99", "EDGE_VOICE_WAKE_THRESHOLDS is no YAML"),
        ("EDGE_VOICE_ASR_TREADS", "2", "'asr.treads' is no setting"),
        ("EDGE_VOICE_NOSUCH_KEY", "2", "'nosuch' is no setting"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, told: str) -> None:
    with pytest.raises(InvalidSettingsError) as refusal:
        read_settings(None, {}, {variable: value})
    assert told in str(refusal.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, told in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InvalidSettingsError, match=told):
            read_settings(path, {}, environ={})
    (tmp_path / "latin.yaml").write_bytes("home: {names: [Küche]}".encode("latin-1"))
    with pytest.raises(InvalidSettingsError, match="is no YAML"):
        read_settings(tmp_path / "latin.yaml", {}, environ={})


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.binary(max_size=4)
)
_KEYS = st.one_of(st.sampled_from(sorted(SECTIONS)), st.text(max_size=4), st.integers(), st.none(), st.booleans())
_FIELDS = st.one_of(
    st.sampled_from(sorted({name for make in SECTIONS.values() for name in make.__dataclass_fields__})), _KEYS
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=3), max_leaves=8
)
_CONTENTS = st.dictionaries(_KEYS, st.dictionaries(_FIELDS, _VALUES, max_size=4) | _VALUES, max_size=4) | _VALUES


def _read_or_refused(text: str, environ: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.yaml"
        path.write_text(text, "utf-8", "surrogatepass")
        with suppress(InvalidSettingsError):
            assert isinstance(read_settings(path, {}, environ), Settings)


@given(content=_CONTENTS)
def test_any_yaml_is_settings_or_refused(content: Any) -> None:
    _read_or_refused(yaml.safe_dump(content, allow_unicode=True), {})


@given(text=st.text(alphabet="!&*%@{}[]:,-?#|>'\"\\ \n\taeintxy0159._~=<", max_size=60))
def test_any_text_is_settings_or_refused(text: str) -> None:
    _read_or_refused(text, {})
    _read_or_refused("", {"EDGE_VOICE_ASR_THREADS": text, "EDGE_VOICE_WAKE_THRESHOLDS": text})


_NAMED = st.dictionaries(_FIELDS.filter(lambda one: isinstance(one, str)), _VALUES, max_size=3)


@given(flags=st.dictionaries(st.sampled_from(sorted(SECTIONS)), _NAMED, max_size=3))
def test_any_flags_are_settings_or_refused(flags: Raw) -> None:
    with suppress(InvalidSettingsError):
        assert isinstance(read_settings(None, flags, environ={}), Settings)
