"""The documentation page: Swagger UI from its package. It loads nothing from other hosts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from starlette.responses import Response
from swagger_ui_bundle import swagger_ui_path

from ctibutler.errors import NotFound
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint

# Swagger UI draws its icons from `data:` addresses; everything else comes from this server, and nothing is inline.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ctibutler API</title>
<link rel="icon" type="image/png" href="/api/schema/swagger-ui/favicon-32x32.png">
<link rel="stylesheet" href="/api/schema/swagger-ui/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. <a href="/api/schema/">The OpenAPI document</a> does not.</noscript>
<script src="/api/schema/swagger-ui/swagger-ui-bundle.js"></script>
<script src="/api/schema/swagger-ui/start.js"></script>
</body>
</html>
"""
_START = """"use strict";
window.ui = SwaggerUIBundle({
  url: "/api/schema/?format=json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
});
"""
_MEDIA_TYPES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "application/javascript",
    "favicon-32x32.png": "image/png",
}


def endpoints() -> Iterator[Endpoint]:
    """Yield the endpoints of the page and its files. Their paths are below the root."""
    yield Endpoint(
        "GET",
        "api/schema/swagger-ui/",
        _page,
        "Read and try this documentation",
        "Text",
        media_type="text/html",
        right="open",
        tag="service",
        description="Returns the documentation as a web page (Swagger UI). It loads nothing from other hosts.",
    )
    file = "api/schema/swagger-ui/{file}/"
    yield Endpoint("GET", file, _file, "A file of the page", "Text", right="open", alias_of=file)


def _page(_: Request) -> Response:
    return Response(_PAGE, media_type="text/html", headers=_HEADERS)


def _file(request: Request) -> Response:
    name = request.path["file"]
    if name == "start.js":
        return Response(_START, media_type="application/javascript", headers=_HEADERS)
    if name not in _MEDIA_TYPES:
        raise NotFound("there is no such file")
    return Response(_content(name), media_type=_MEDIA_TYPES[name], headers=_HEADERS)


@lru_cache
def _content(name: str) -> bytes:
    content: bytes = (swagger_ui_path / name).read_bytes()
    return content
