"""Our own style sheets and scripts, below an address that changes with their content."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from typing import Final

from starlette.responses import RedirectResponse, Response

from ctibutler.errors import NotFound
from ctibutler.http.requests import Request
from ctibutler.pages.headers import PAGE_HEADERS

_MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_COLOUR: Final = re.compile(r"(--[\w-]+):\s*light-dark\((#\w+), (#\w+)\);")
# Style sheets that are served as one, so that a browser waits for one answer before it draws: their parts in order.
_JOINED: Final = {"pages.css": ("tokens.css", "pages.css", "print.css"), "graph.css": ("drawing.css", "graph.css")}
_FOREVER: Final = "public, max-age=31536000, immutable"


@lru_cache
def files() -> dict[str, bytes]:
    """Return the content of each file that is served, by its name."""
    sources = _sources()
    joined = {name: b"".join(sources[part] for part in parts) for name, parts in _JOINED.items()}
    parts = {part for several in _JOINED.values() for part in several}
    return {name: content for name, content in sources.items() if name not in parts} | joined


@lru_cache
def _sources() -> dict[str, bytes]:
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


@lru_cache
def drawing_style() -> str:
    """Return the style of drawings that stand alone: the colours of pages, in both schemes, and the rules of drawings."""
    tokens = _sources()["tokens.css"].decode()
    colours = {"light": list[str](), "dark": list[str]()}
    for name, light, dark in _COLOUR.findall(tokens):
        colours["light"].append(f"{name}:{light};")
        colours["dark"].append(f"{name}:{dark};")
    schemes = (
        f":root{{{''.join(colours['light'])}}}@media(prefers-color-scheme:dark){{:root{{{''.join(colours['dark'])}}}}}"
    )
    return schemes + _sources()["drawing.css"].decode()


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
