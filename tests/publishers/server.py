"""A local web server whose answers a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[[BaseHTTPRequestHandler], None]


class LocalServer:
    """Answers at `url` and records requests. `stop` is set when the test ends: answers may wait for it.

    `requested` has the paths with their queries, `headers` the headers of the same requests.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.otherwise: Answer = status(404)
        self.requested: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.stop = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.requested.append(self.path)
                server.headers.append(dict(self.headers))
                server.answers.get(self.path.partition("?")[0], server.otherwise)(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Some tests disconnect on purpose."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @contextmanager
    def running(self) -> Iterator[LocalServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self.stop.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def serve_folder(self, folder: Path) -> None:
        """Answer with the files of a folder, as a plain web server does."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            path = folder / request.path.partition("?")[0].lstrip("/")
            (body(path.read_bytes()) if path.is_file() else status(404))(request)

        self.otherwise = answer


def status(code: int, **headers: str) -> Answer:
    """An empty answer with this status."""
    return body(b"", code, **headers)


def body(content: bytes, code: int = 200, **headers: str) -> Answer:
    """An answer with this body. In names of headers, `_` stands for `-`."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        for name, value in ({"content-length": str(len(content))} | named).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)
        if named.get("content-length", str(len(content))) != str(len(content)):
            request.close_connection = True

    return answer


def in_turn(*answers: Answer) -> Answer:
    """These answers in turn; the last one is repeated."""
    left = list(answers)

    def answer(request: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


def silence(server: LocalServer, after: bytes = b"", length: int = 1000) -> Answer:
    """The beginning of a body, if any, then nothing until the test ends."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if after:
            request.send_response(200)
            request.send_header("Content-Length", str(length))
            request.end_headers()
            request.wfile.write(after)
        server.stop.wait(30)
        request.close_connection = True

    return answer


def endless(server: LocalServer, piece: bytes, pause: float = 0.0) -> Answer:
    """A body without a length that does not end."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        while not server.stop.wait(pause):
            request.wfile.write(piece)

    return answer


def trickling_headers(server: LocalServer) -> Answer:
    """Endless headers, a few bytes at a time."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not server.stop.wait(0.05):
            request.wfile.write(b"X-A: b\r\n")

    return answer
