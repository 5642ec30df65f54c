"""Figures as people read them."""

import datetime as dt
import math

from .month import NAMES

NONE = "–"
"""Stands for what is not known."""
_LANGUAGES = """
    ar=Arabic bg=Bulgarian ca=Catalan cs=Czech da=Danish de=German el=Greek en=English es=Spanish et=Estonian eu=Basque
    fa=Persian fi=Finnish fr=French he=Hebrew hi=Hindi hr=Croatian hu=Hungarian id=Indonesian is=Icelandic it=Italian
    ja=Japanese ko=Korean lt=Lithuanian lv=Latvian nb=Norwegian nl=Dutch no=Norwegian pl=Polish pt=Portuguese
    ro=Romanian ru=Russian sk=Slovak sl=Slovenian sr=Serbian sv=Swedish th=Thai tr=Turkish uk=Ukrainian ur=Urdu
    vi=Vietnamese zh=Chinese
"""
LANGUAGES = dict(pair.split("=") for pair in _LANGUAGES.split())
MICROPHONES = {
    "far_field": "satellites across the room",
    "near_field": "satellites at hand",
    "phone": "phones",
    "headset": "headsets",
}
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def language(code: str) -> str:
    """Return a language's name."""
    base, _, region = code.partition("-")
    known = LANGUAGES.get(base.lower())
    return code if known is None else f"{known} ({region})" if region else known


def count(number: float) -> str:
    """Return a count with its thousands apart."""
    return f"{number:,.0f}"


def share(value: float | None) -> str:
    """Return a share of 1 in per cent: two figures where it is small."""
    if value is None:
        return NONE
    percent = 100.0 * value
    if 0.0 < percent < 0.1:
        return "<0.1%"
    return f"{percent:.1f}%" if 0.0 < percent < 10.0 or 99.0 < percent < 100.0 else f"{percent:.0f}%"


def milliseconds(value: float | None) -> str:
    """Return a time; from a second on in seconds."""
    if value is None:
        return NONE
    return f"{value / 1000.0:.1f} s" if value >= 999.5 else f"{value:.0f} ms"


def seconds(value: float) -> str:
    """Return an amount of sound in the unit that fits."""
    if value < 99.5:
        return f"{value:.0f} s"
    return f"{value / 60.0:.0f} min" if value < 5970.0 else f"{value / 3600.0:.1f} h"


def money(value: float, currency: str) -> str:
    """Return an amount of money; small ones to a tenth of a cent."""
    digits = 2 if value == 0.0 or value >= 0.995 else 3 if value < 0.1 else 2
    if 0.0 < value < 0.0005:
        return f"under {money(0.001, currency)}"
    sign = _SIGNS.get(currency)
    return f"{sign}{value:,.{digits}f}" if sign else f"{value:,.{digits}f} {currency}"


def price(value: float, currency: str) -> str:
    """Return what a unit costs, to four figures."""
    sign = _SIGNS.get(currency)
    return f"{sign}{value:.4g}" if sign else f"{value:.4g} {currency}"


def times(value: float) -> str:
    """Return how many times as much, for a sentence."""
    return f"{value:.0f}" if value >= 9.5 else f"{value:.1f}"


def day(text: str) -> str:
    """Return a day (YYYY-MM-DD, or a moment) as `3 October`; what is none, as it is."""
    try:
        one = dt.date.fromisoformat(text[:10])
    except ValueError:
        return text
    return f"{one.day} {NAMES[one.month - 1]}"


def moment(text: str) -> str:
    """Return a moment as `3 October, 18:05`."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{day(text)}, {at:%H:%M}"


def points(before: float, now: float) -> float:
    """Return the difference of two shares in percentage points, to a tenth."""
    return math.floor(1000.0 * (now - before) + 0.5) / 10.0
