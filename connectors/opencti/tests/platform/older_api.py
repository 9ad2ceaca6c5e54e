"""A stand-in of the older CTI Butler API: pages of 50, no whole releases, answers below `/api/v1/` as well as `/v1/`.

It can be told to misbehave, once or for good, path by path.
"""

import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.platform import kb

PAGE = 50
_LISTED = {
    "capec": ("attack-pattern", "course-of-action", "identity", "marking-definition"),
    "cwe": ("weakness", "grouping"),
    "atlas": (
        "attack-pattern",
        "campaign",
        "course-of-action",
        "x-mitre-collection",
        "x-mitre-matrix",
        "x-mitre-tactic",
    ),
    "disarm": (
        "attack-pattern",
        "identity",
        "marking-definition",
        "x-mitre-matrix",
        "x-mitre-tactic",
    ),
    "location": ("location",),
    "d3fend": ("course-of-action", "indicator", "x-mitre-tactic", "x-mitre-matrix"),
}
_VERSION_PARAMETERS = {
    "attack-enterprise": "attack",
    "attack-mobile": "attack",
    "attack-ics": "attack",
    "mitre-f3": "f3",
}
_ROUTE = re.compile(r"/(?:api/)?v1/(?P<kb>[\w-]+)/(?P<rest>.*)")

Misbehaviour = Callable[[BaseHTTPRequestHandler], bool]
"""Answers a request in place of the server; `False` leaves it to the server."""


class OlderApi:
    """Serves real releases the way the hosted API does."""

    def __init__(
        self,
        releases: dict[str, list[str]],
        key: str | None = None,
        prefixes: tuple[str, ...] = ("/v1/", "/api/v1/"),
        objects: Callable[[str, str], list[Any]] = kb.objects,
    ) -> None:
        """`releases`: the versions of each knowledge base, newest first. `objects` reads one of them."""
        self.releases = releases
        self._objects = objects
        self.requests: list[str] = []
        self.misbehaviour: Misbehaviour | None = None
        self.short_page = False
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                api.requests.append(self.path)
                if api.misbehaviour and api.misbehaviour(self):
                    return
                if not self.path.startswith(prefixes):
                    answer(
                        self, 404, {"code": 404, "message": "Not Found", "details": {}}
                    )
                elif key is not None and self.headers.get("API-KEY") != key:
                    answer(
                        self,
                        401,
                        {
                            "code": 401,
                            "message": "Unauthorized",
                            "details": {"error": "no valid key"},
                        },
                    )
                else:
                    answer(self, *api.look_up(self.path))

            def log_message(self, *_: Any) -> None:
                """Nothing to the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def look_up(self, url: str) -> tuple[int, Any]:
        parts = urlsplit(url)
        found = _ROUTE.fullmatch(parts.path)
        slug = found["kb"] if found else ""
        if not found or slug not in self.releases:
            return 404, {"code": 404, "message": "Not Found", "details": {}}
        versions, rest = self.releases[slug], found["rest"]
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if rest == "versions/installed/":
            return 200, {"latest": versions[0], "versions": versions}
        version = given.get(
            f"{_VERSION_PARAMETERS.get(slug, slug)}_version", versions[0]
        )
        if rest == "objects/":
            return 200, self._page(self._list(slug, version, given), "objects", given)
        item = re.fullmatch(r"objects/([\w-]+--[\w-]+)/(relationships/)?", rest)
        if not item:
            return 404, {"code": 404, "message": "Not Found", "details": {}}
        everything = self._objects(slug, version)
        if item[2]:
            ends = [
                one
                for one in everything
                if one["type"] == "relationship"
                and item[1] in (one["source_ref"], one["target_ref"])
            ]
            return 200, self._page(ends, "relationships", given)
        return 200, self._page(
            [one for one in everything if one["id"] == item[1]], "objects", given
        )

    def _list(self, slug: str, version: str, given: dict[str, str]) -> list[Any]:
        listed = _LISTED.get(slug)
        found = [
            one
            for one in self._objects(slug, version)
            if one["type"] not in ("relationship", "extension-definition")
            and (listed is None or one["type"] in listed)
            and (slug != "sector" or one.get("identity_class") == "class")
            and ("types" not in given or one["type"] in given["types"].split(","))
        ]
        if slug.startswith("attack"):
            for name, key in (
                ("include_revoked", "revoked"),
                ("include_deprecated", "x_mitre_deprecated"),
            ):
                if given.get(name) != "true":
                    found = [one for one in found if not one.get(key)]
        return found

    def _page(
        self, items: list[Any], key: str, given: dict[str, str]
    ) -> dict[str, Any]:
        page = int(given.get("page", "1"))
        shown = items[(page - 1) * PAGE : page * PAGE]
        if self.short_page and shown:
            shown = shown[:-1]
        counts = {
            "page_size": PAGE,
            "page_number": page,
            "page_results_count": len(shown),
            "total_results_count": len(items),
        }
        return {**counts, key: shown}


def answer(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: Any,
    headers: dict[str, str] | None = None,
) -> None:
    content = json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} -",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    ]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    handler.wfile.write("\r\n".join([*lines, "", ""]).encode() + content)


def fails(
    status: int, times: int = 10**9, headers: dict[str, str] | None = None
) -> Misbehaviour:
    """Answers with an error, so many times."""
    left = [times]

    def misbehave(handler: BaseHTTPRequestHandler) -> bool:
        if left[0] <= 0:
            return False
        left[0] -= 1
        answer(
            handler,
            status,
            {"code": status, "message": "-", "details": {"error": "played by a test"}},
            headers,
        )
        return True

    return misbehave


def stalls(seconds: float = 30.0) -> Misbehaviour:
    """Begins an answer and says no more."""

    def misbehave(handler: BaseHTTPRequestHandler) -> bool:
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        )
        handler.wfile.flush()
        time.sleep(seconds)
        handler.close_connection = True
        return True

    return misbehave


def cuts(times: int = 10**9) -> Misbehaviour:
    """Promises more than it sends, so many times."""
    left = [times]

    def misbehave(handler: BaseHTTPRequestHandler) -> bool:
        if left[0] <= 0:
            return False
        left[0] -= 1
        handler.wfile.write(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"versions"'
        )
        handler.close_connection = True
        return True

    return misbehave
