"""Our own style sheets and scripts, below an address that changes with their content."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib import resources
from typing import Final

from starlette.responses import RedirectResponse, Response

from ctibutler.errors import NotFound
from ctibutler.http.requests import Request
from ctibutler.pages.headers import PAGE_HEADERS

_MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER: Final = "public, max-age=31536000, immutable"


@lru_cache
def files() -> dict[str, bytes]:
    """Return the content of each file, by its name."""
    folder = resources.files("ctibutler.pages") / "static"
    return {item.name: item.read_bytes() for item in sorted(folder.iterdir(), key=lambda item: item.name)}


@lru_cache
def digest() -> str:
    """Return a digest of all files."""
    whole = sha256()
    for name, content in files().items():
        whole.update(f"{name}:{len(content)}:".encode() + content)
    return whole.hexdigest()[:16]


def address_of(name: str) -> str:
    """Return the address of a file."""
    return f"/static/{digest()}/{name}"


def answer(request: Request) -> Response:
    """Return a file. An address with an older digest leads to the present one.

    Raises NotFound.
    """
    name = request.path["file"]
    suffix = name[name.rfind(".") :]
    if name not in files() or suffix not in _MEDIA_TYPES:
        raise NotFound("there is no such file")
    if request.path["digest"] != digest():
        return RedirectResponse(address_of(name), 302, {**PAGE_HEADERS, "Cache-Control": "no-cache"})
    headers = {**PAGE_HEADERS, "Cache-Control": _FOREVER}
    return Response(files()[name], media_type=_MEDIA_TYPES[suffix], headers=headers)
