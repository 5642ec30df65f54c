"""Languages as speech services name them: `en`, `en-GB`, `eng`, `English`."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

import yaml

_KIN = ({"no", "nb", "nn"}, {"zh", "yue"})
"""Codes that services use for each other."""
_OTHERS = """
cmn=zh mandarin=zh fil=tl filipino=tl jw=jv iw=he in=id castilian=es flemish=nl valencian=ca burmese=my
ger=de fre=fr dut=nl cze=cs gre=el chi=zh rum=ro slo=sk per=fa ice=is wel=cy
"""
_OTHER_NAMES: Mapping[str, str] = dict(pair.split("=") for pair in _OTHERS.split())
"""What the table does not hold: older codes, ISO 639-2's bibliographic ones, and second names."""


@cache
def _table() -> Mapping[str, tuple[str, str, str]]:
    text = resources.files(__package__).joinpath("cloud_languages.yaml").read_text("utf-8")
    return {code: tuple(row) for code, row in yaml.safe_load(text).items()}


@cache
def _names() -> Mapping[str, str]:
    """Return every name of a language, in lower case → its code."""
    named = {name: code for code, (three, word, _) in _table().items() for name in (code, three, word)}
    return {**_OTHER_NAMES, **named}


def code_of(said: object) -> str | None:
    """Return the code of a language as a service says it; None for what names no single language ("multi")."""
    if not isinstance(said, str):
        return None
    name = said.strip().casefold().replace("_", "-")
    return _names().get(name) or _names().get(name.partition("-")[0])


def same_language(one: str, other: str) -> bool:
    """Tell whether two codes may stand for one language."""
    return one == other or any({one, other} <= kin for kin in _KIN)


def locale_of(language: str) -> str:
    """Return a locale (`en-US`) for a code, or the locale that was named already."""
    if "-" in language:
        return language
    row = _table().get(language)
    return row[2] if row else language


def closest(language: str, offered: Iterable[str]) -> str | None:
    """Return which of the offered languages a request should name: itself, its usual locale, or the first of its code.

    None when the service does not know the language.
    """
    known = list(offered)
    by_name = {one.casefold().replace("_", "-"): one for one in known}
    for wanted in (language, locale_of(language), language.partition("-")[0]):
        if wanted.casefold() in by_name:
            return by_name[wanted.casefold()]
    code = code_of(language)
    return next((one for one in known if code is not None and code_of(one) == code), None)
