"""Bodies with several parts: `multipart/form-data` (RFC 7578)."""

from __future__ import annotations

import email.message
import email.parser
import email.policy
from dataclasses import dataclass

from ctibutler.errors import InvalidRequest

MEDIA_TYPE = "multipart/form-data"
MOST_PARTS = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form: its name, the file name if it is a file, and its bytes."""

    name: str
    file_name: str | None
    content: bytes


def read_parts(content: bytes, media_type: str) -> list[Part]:
    """Return the parts of a body.

    Raises InvalidRequest if it is not what its media type says.
    """
    boundary = _header("Content-Type", media_type.encode("latin-1", "replace")).get_boundary()
    if not boundary:
        raise InvalidRequest("the body's media type has no boundary")
    pieces = (b"\r\n" + content).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise InvalidRequest("the body does not end as its media type says")
    if len(pieces) > MOST_PARTS:
        raise InvalidRequest(f"the body has more than {MOST_PARTS} parts")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, _, content = piece.partition(b"\r\n\r\n")
    headers = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        head.strip() + b"\r\n\r\n", headersonly=True
    )
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise InvalidRequest("a part of the body has no name")
    return Part(name, headers.get_filename(), content)


def _header(name: str, value: bytes) -> email.message.Message:
    raw = name.encode() + b": " + value.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n\r\n"
    return email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(raw, headersonly=True)
