"""multipart/form-data (RFC 7578), read strictly and from bytes."""

import re
from dataclasses import dataclass

from .protocol import Asked, RefusedError

PARAMETER = re.compile(r';\s*([a-z*-]+)="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
BOUNDARY = re.compile(r"""boundary=(?:"([^"]{1,70})"|([0-9A-Za-z'()+_,./:=?-]{1,70}))\s*(?:;|$)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One field of a form."""

    name: str
    filename: str | None
    content_type: str
    """Without parameters; empty when it has none."""
    body: bytes

    @property
    def text(self) -> str:
        """Its value."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise RefusedError(400, f"field {self.name} is not UTF-8") from error


def read_form(asked: Asked) -> list[Part]:
    """Return a form's parts in order. Raises RefusedError (400, 415)."""
    if asked.content_type != "multipart/form-data":
        raise RefusedError(415, f"multipart/form-data was expected, not {asked.content_type!r}")
    found = BOUNDARY.search(asked.headers["Content-Type"])
    if not found:
        raise RefusedError(400, "multipart/form-data without a boundary")
    delimiter = b"--" + (found[1] or found[2]).encode()
    pieces = (b"\r\n" + asked.body).split(b"\r\n" + delimiter)
    if len(pieces) < 2 or pieces[0] not in (b"", b"\r\n") or pieces[-1].rstrip(b"\r\n") != b"--":
        raise RefusedError(400, "the form does not begin and end with its boundary")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, separator, body = piece.partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"\r\n"):
        raise RefusedError(400, "a part of the form has no headers")
    headers = {}
    for line in head[2:].split(b"\r\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise RefusedError(400, "a header of a part has no colon")
        headers[name.strip().lower()] = value.strip()
    disposition = headers.get("content-disposition", "")
    parameters = {key.lower(): value for key, value in PARAMETER.findall(disposition)}
    if not disposition.lower().startswith("form-data") or "name" not in parameters:
        raise RefusedError(400, "a part of the form has no name")
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    name = parameters["name"]
    return Part(name=name, filename=parameters.get("filename"), content_type=media, body=body)


def only(parts: list[Part], name: str) -> Part | None:
    """Return the one part of that name, if there is one. Raises RefusedError when there are several."""
    found = [part for part in parts if part.name == name]
    if len(found) > 1:
        raise RefusedError(400, f"field {name} is there {len(found)} times")
    return found[0] if found else None


def as_fields(parts: list[Part]) -> dict[str, list[str]]:
    """Return what is no file, by name."""
    fields: dict[str, list[str]] = {}
    for part in parts:
        if part.filename is None:
            fields.setdefault(part.name, []).append(part.text)
    return fields
