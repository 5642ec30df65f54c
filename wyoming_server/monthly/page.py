"""A scorecard → one HTML page that holds all it needs."""

from .facts import Json

POLICY = "default-src 'none'; style-src 'sha256-'; base-uri 'none'; form-action 'none'"


def page_of(scorecard: Json) -> str:
    """Return the page."""
    return f"<!doctype html><title>{scorecard['headline']['month']}</title>"
