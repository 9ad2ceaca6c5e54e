"""The servers that are measured: ctibutler, a bare ASGI application under uvicorn, and nginx."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.declaring import Skipped
from benchmarks.processes import Server, free_port, serving
from benchmarks.workshop import ROOT, ctibutler

HEALTH = "/api/healthcheck/"
NO_CACHE = {"CTIBUTLER_ANSWER_CACHE_BYTES": "0"}
NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    default_type application/json;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {folder}/files; }}
}}
"""


@contextmanager
def api(environment: Mapping[str, str], core: int | None = None) -> Iterator[Server]:
    """`ctibutler serve`, one process."""
    with serving(environment, ctibutler("serve", "--port", "{port}"), HEALTH, core) as server:
        yield server


@contextmanager
def bare_asgi(body: Path, core: int | None = None) -> Iterator[Server]:
    """An ASGI application that sends a constant, under uvicorn with the parser that ctibutler uses, without a log."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts"), "BENCH_BODY": str(body)}
    options = ["--http", "httptools", "--loop", "asyncio", "--no-access-log", "--log-level", "error"]
    command = [sys.executable, "-m", "uvicorn", *options, "--port", "{port}", "benchmarks.constant:application"]
    with serving(environment, command, "/", core) as server:
        yield server


@contextmanager
def nginx(folder: Path, files: Mapping[str, bytes], core: int | None = None) -> Iterator[Server]:
    """nginx, one worker, serving files."""
    program = os.environ.get("CTIBUTLER_TEST_NGINX") or shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if not program:
        raise Skipped('nginx is not installed: eval "$(scripts/services nginx)"')
    (folder / "files").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / "files" / name).write_bytes(content)
    port = free_port()
    configuration = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""  # its worker reads the folder of whoever started it
    configuration.write_text(user + NGINX.format(folder=folder, port=port))
    command = [program, "-c", str(configuration), "-e", str(folder / "error.log")]
    with serving(os.environ, command, f"/{next(iter(files))}", port=port) as fixed:
        children = Path(f"/proc/{fixed.pid}/task/{fixed.pid}/children").read_text().split()
        if core is not None:
            os.sched_setaffinity(int(children[0]), {core})
        yield Server(int(children[0]), port)


def client_core() -> int:
    return max(os.sched_getaffinity(0))


def server_core() -> int:
    return min(os.sched_getaffinity(0))


def requests_by(server: Server, path: str, seconds: float) -> tuple[int, float]:
    """Load a server for some seconds from another core. Returns how many requests it answered, and its processor time."""
    before = server.processor_seconds()
    count = int(
        subprocess.run(
            [sys.executable, "-m", "benchmarks.load", str(server.port), path, str(seconds), str(client_core())],
            env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    return count, server.processor_seconds() - before
