"""PostgreSQL servers of a test's own: a primary, and a standby that streams from it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest

_FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=120", "wal_keep_size=64MB")


def programs() -> Path:
    """The folder of PostgreSQL's own programs; skips the test if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server is installed (`scripts/services postgres` installs one)")
    return found[-1].parent


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@dataclass(frozen=True)
class PostgresServer:
    """A server with its data in `folder`, listening on `host`."""

    folder: Path
    host: str
    port: int

    @property
    def url(self) -> str:
        """The URL of its database."""
        return f"postgresql://ctibutler@{self.host}:{self.port}/postgres"

    def run(self, statement: str) -> object:
        """Run a statement and return the first column of its first row, if it has one."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def start(self, *prefix: str, listen: str | None = None) -> None:
        """Start it. `prefix` is a command that runs another one, as `ip netns exec NAME` does."""
        options = f"-h {listen or self.host} -p {self.port} -k {self.folder}"
        options += "".join(f" -c {setting}" for setting in _FAST)
        _as_postgres(
            *prefix,
            command=["pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-o", options, "start"],
        )

    def stop(self, how: str = "immediate") -> None:
        """Stop it, if it runs."""
        if (self.folder / "data" / "postmaster.pid").exists():
            _as_postgres(command=["pg_ctl", "-D", self.folder / "data", "-m", how, "-w", "stop"])


@contextmanager
def primary(host: str = "127.0.0.1", *prefix: str, listen: str | None = None) -> Iterator[PostgresServer]:
    """A running primary that standbys can follow."""
    with _folder() as folder:
        server = PostgresServer(folder, host, free_port())
        data = folder / "data"
        _as_postgres(
            command=[
                "initdb",
                "-D",
                data,
                "-U",
                "ctibutler",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ]
        )
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 trust\nhost replication all 127.0.0.1/32 trust\n")
        server.start(*prefix, listen=listen)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def standby_of(followed: PostgresServer) -> Iterator[PostgresServer]:
    """A running standby that streams from this primary."""
    with _folder() as folder:
        server = PostgresServer(folder, "127.0.0.1", free_port())
        source = ["-h", followed.host, "-p", str(followed.port), "-U", "ctibutler"]
        _as_postgres(
            command=["pg_basebackup", *source, "-D", folder / "data", "-R", "-X", "stream", "--no-sync", "-c", "fast"]
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(mkdtemp(prefix="ctibutler-pg-", dir="/tmp"))
    if os.getuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_postgres(*prefix: str, command: list[str | Path]) -> None:
    """Run one of PostgreSQL's programs. They refuse to run as root."""
    program, *arguments = map(str, command)
    user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.getuid() == 0 else []
    done = subprocess.run(
        [*prefix, *user, str(programs() / program), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
        cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, f"{program}: {done.stderr}"
