"""Four hosts, as network namespaces on one bridge: two with the API, one with a worker, one with the database."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Command
from tests.cli.test_serving import eventually, free_port
from tests.machines.postgres_servers import PostgresServer, primary

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("postgresql")]

NETWORK = "10.77.0"
HOSTS = ("database", "first", "second", "worker")
ASK = """
import http.client, json, sys
method, path, body = sys.argv[2:5]
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=90)
connection.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
answer = connection.getresponse()
print(json.dumps([answer.status, json.loads(answer.read() or b"null")]))
"""


@dataclass(frozen=True)
class Hosts:
    """The namespaces, by the name of the host."""

    prefix: str

    def inside(self, host: str) -> list[str]:
        """The beginning of a command that runs on this host."""
        return ["ip", "netns", "exec", f"{self.prefix}-{host}"]

    def run(self, host: str, *words: str) -> str:
        """Run a command on this host and return what it prints."""
        done = subprocess.run([*self.inside(host), *words], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, host: str, port: int, path: str, method: str = "GET", body: object = None) -> Any:
        """Ask the API of this host, from the same host. None if it does not answer."""
        words = [sys.executable, "-c", ASK, str(port), method, path, "" if body is None else json.dumps(body)]
        done = subprocess.run([*self.inside(host), *words], capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            return None
        return json.loads(done.stdout)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Four hosts on one bridge; skips the test where namespaces are not permitted."""
    if shutil.which("ip") is None:
        pytest.skip("no `ip` (Debian's package iproute2)")
    made = Hosts(f"ctib{os.getpid()}")
    bridge = f"{made.prefix}-bridge"
    try:
        _ip("netns", "add", bridge)
    except subprocess.CalledProcessError as failure:
        pytest.skip(f"network namespaces are not permitted: {failure.stderr.strip()}")
    try:
        _ip("-n", bridge, "link", "add", "bridge", "type", "bridge")
        _ip("-n", bridge, "link", "set", "bridge", "up")
        for number, host in enumerate(HOSTS, start=1):
            space = f"{made.prefix}-{host}"
            _ip("netns", "add", space)
            _ip("-n", bridge, "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("-n", bridge, "link", "set", f"to{number}", "master", "bridge", "up")
            _ip("-n", space, "address", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")
        yield made
    finally:
        for host in ("bridge", *HOSTS):
            subprocess.run(["ip", "netns", "delete", f"{made.prefix}-{host}"], check=False, capture_output=True)


@pytest.fixture
def database(hosts: Hosts) -> Iterator[PostgresServer]:
    """The database on its host."""
    with primary(f"{NETWORK}.1", *hosts.inside("database"), listen=f"{NETWORK}.1") as server:
        yield server


def test_api_and_worker_on_several_hosts_share_one_database(
    hosts: Hosts, database: PostgresServer, command: Command, tmp_path: Path
) -> None:
    port = free_port()
    settings = {
        "CTIBUTLER_DATABASE_URL": database.url,
        "CTIBUTLER_ACCESS": "open",
        "CTIBUTLER_HOST": "0.0.0.0",
        "CTIBUTLER_PORT": str(port),
        "CTIBUTLER_UPDATE_DAYS": "0",
    }
    processes = []
    try:
        # All at once on an empty database: one of them makes the tables.
        for host, word in (("first", "serve"), ("second", "serve"), ("worker", "worker")):
            words = [*hosts.inside(host), *command.words(word)]
            log = (tmp_path / f"{host}.log").open("w")
            with log:
                processes.append(
                    subprocess.Popen(
                        words, env=command.environment(**settings), stdin=subprocess.DEVNULL, stdout=log, stderr=log
                    )
                )
        for host in ("first", "second"):
            eventually(partial(hosts.ask, host, port, "/api/healthcheck/"))

        status, job = hosts.ask("first", port, "/api/v1/tlp/", "POST", {"version": "2"})
        assert status == 201
        path = f"/api/v1/jobs/{job['id']}/"
        eventually(lambda: hosts.ask("second", port, path)[1]["state"] == "completed")
        answers = [hosts.ask(host, port, "/api/v1/tlp/objects/") for host in ("first", "second")]
        assert answers[0] == answers[1]
        assert answers[0][1]["total_results_count"] == 5
        assert hosts.ask("second", port, "/api/readiness/")[1]["checks"]["worker"] == "ok"

        # A host without network says so, and the other goes on; then it is back by itself.
        hosts.run("first", "ip", "link", "set", "eth0", "down")
        eventually(lambda: hosts.ask("first", port, "/api/readiness/")[0] == 503)
        assert hosts.ask("second", port, "/api/v1/tlp/objects/?name=red")[0] == 200
        hosts.run("first", "ip", "link", "set", "eth0", "up")
        eventually(lambda: hosts.ask("first", port, "/api/readiness/")[0] == 200)
        assert hosts.ask("first", port, "/api/v1/tlp/objects/")[1]["total_results_count"] == 5
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
    for host in ("first", "second", "worker"):
        assert "Traceback" not in (tmp_path / f"{host}.log").read_text()
