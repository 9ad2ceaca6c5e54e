"""Stands between the connector and a server: counts what is asked, and misbehaves when told to."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.platform.older_api import Misbehaviour


class FaultyProxy:
    """A reverse proxy in front of one server."""

    def __init__(self, url: str) -> None:
        self.requests: list[str] = []
        self.misbehaviour: Misbehaviour | None = None
        place = urlsplit(url)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                proxy.requests.append(self.path)
                if proxy.misbehaviour and proxy.misbehaviour(self):
                    return
                server = http.client.HTTPConnection(
                    place.hostname or "", place.port, timeout=120
                )
                kept = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() in ("accept", "accept-encoding", "api-key")
                }
                server.request("GET", self.path, headers=kept)
                answer = server.getresponse()
                body = answer.read()
                lines = [f"HTTP/1.1 {answer.status} -", f"Content-Length: {len(body)}"]
                passed = ("Content-Type", "Content-Encoding", "ETag")
                lines += [
                    f"{name}: {answer.getheader(name)}"
                    for name in passed
                    if answer.getheader(name)
                ]
                self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)
                server.close()

            def log_message(self, *_: Any) -> None:
                """Nothing to the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def asked(self) -> list[str]:
        """What was asked since the last time, without the API's root."""
        found = [path.split("/v1/", 1)[-1] for path in self.requests]
        self.requests.clear()
        return found

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
