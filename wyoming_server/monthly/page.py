"""A scorecard → one HTML page that holds all it needs: no script, no request, readable on paper and on a phone."""

from collections.abc import Iterator

from . import page_sections as sections
from . import page_summary as summary
from .facts import Json
from .month import Month
from .page_charts import escaped
from .page_style import STYLE, STYLE_SHA256

POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_SHA256}'; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy that it is under, as a file, too."""
_MOST_LINKS = 13
_MARK = (
    '<svg viewBox="0 0 256 256" aria-hidden="true"><path class="roof" d="M22 122 L128 26 L234 122 M50 100 V206 Q50 226 '
    '70 226 H186 Q206 226 206 206 V100"/><path class="sound" d="M92 138 V170 M128 108 V196 M164 138 V170"/></svg>'
)


def page_of(scorecard: Json, *, is_linked: bool = True) -> str:
    """Return the page; without links to other months where it is to be a file."""
    month = Month.read(scorecard["headline"]["month"])
    body = "\n".join(_body(scorecard, month, is_linked=is_linked))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>Edge Voice, {month.name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _body(scorecard: Json, month: Month, *, is_linked: bool) -> Iterator[str]:
    state = "the whole month" if scorecard["complete"] else "so far: the month is running"
    yield (
        f'<header><p class="brand">{_MARK}Edge Voice</p><p class="pill">{state}</p><h1>{month.name}</h1></header>'
        + (_links(scorecard, month) if is_linked else "")
    )
    yield "<main>"
    if scorecard["figures"]["turns"]:
        yield summary.told(scorecard)
        yield summary.tiles(scorecard, month)
        yield summary.advice(scorecard)
        yield sections.days(scorecard, month)
        yield sections.stages(scorecard)
        yield sections.against(scorecard)
        yield sections.languages(scorecard)
    else:
        yield '<p class="told">Nobody has spoken to the assistant in this month.</p>'
        yield summary.advice(scorecard)
    yield sections.lanes(scorecard)
    yield sections.models(scorecard)
    yield sections.incidents(scorecard)
    yield f"</main>\n{sections.footer(scorecard)}"


def _links(scorecard: Json, month: Month) -> str:
    others = scorecard["months"][-_MOST_LINKS:]
    if len(others) < 2 and str(month) in others:
        return ""
    links = (
        f'<b aria-current="page">{escaped(Month.read(one).name)}</b>'
        if one == str(month)
        else f'<a href="scorecard?month={escaped(one)}">{escaped(Month.read(one).name)}</a>'
        for one in others
    )
    return f'<nav aria-label="Other months">{"".join(links)}</nav>'
