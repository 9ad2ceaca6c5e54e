"""Reads on PostgreSQL and SQLite, with many clients."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from uuid import uuid4

from benchmarks.declaring import Group, Outcome, Row, Skipped, at_most
from benchmarks.processes import Failed, Server, run
from benchmarks.servers import NO_CACHE, api
from benchmarks.workshop import Workshop, ctibutler

CLIENTS = 200
TECHNIQUES = ("T1059", "T1003", "T1055", "T1021", "T1053", "T1078", "T1027", "T1105", "T1110", "T1036")
HOW = f"median time of an answer to {CLIENTS} clients at once, 10 objects, in turns"
ROWS = (
    Row(
        "postgresql-uncached",
        "One object on PostgreSQL, never asked before",
        "on SQLite",
        at_most(2, "times its time"),
        HOW,
    ),
    Row("postgresql-cached", "One object on PostgreSQL, asked before", "on SQLite", at_most(2, "times its time"), HOW),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    url = os.environ.get("CTIBUTLER_TEST_POSTGRES_URL")
    if not url:
        raise Skipped('PostgreSQL is not there: eval "$(scripts/services postgres)"')
    seconds = 2 if workshop.quick else 4
    with temporary_database(url) as own:
        engines = {
            "SQLite": workshop.data("engine"),
            "PostgreSQL": workshop.environment | {"CTIBUTLER_DATABASE_URL": own},
        }
        for environment in engines.values():
            run(ctibutler("install", "attack-enterprise@18.1"), environment)
        for row, extra in (("postgresql-uncached", NO_CACHE), ("postgresql-cached", {})):
            taken: dict[str, list[float]] = {name: [] for name in engines}
            with api(engines["SQLite"] | extra) as light, api(engines["PostgreSQL"] | extra) as heavy:
                for server in (light, heavy):
                    asyncio.run(crowd(server, 1))
                for _ in range(workshop.runs):
                    taken["SQLite"] += asyncio.run(crowd(light, seconds))
                    taken["PostgreSQL"] += asyncio.run(crowd(heavy, seconds))
            middle = {name: median(times) * 1000 for name, times in taken.items()}
            rates = {f"{name}, answers/s": len(times) / seconds / workshop.runs for name, times in taken.items()}
            figures = {f"{name}, ms": each for name, each in middle.items()} | rates
            yield Outcome(row, middle["PostgreSQL"] / middle["SQLite"], figures)


@contextmanager
def temporary_database(url: str) -> Iterator[str]:
    """A database on this server that is there only for a while."""
    import psycopg

    name = f"bench_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield f"{url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


async def crowd(server: Server, seconds: float) -> list[float]:
    """The times of all answers to clients that ask again as soon as they have an answer."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    await asyncio.gather(*(client(server, random.Random(number), end, taken) for number in range(CLIENTS)))  # noqa: S311
    return taken


async def client(server: Server, chance: random.Random, end: float, taken: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    while time.perf_counter() < end:
        path = f"/api/v1/attack-enterprise/objects/{chance.choice(TECHNIQUES)}/"
        started = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not length or b" 200 " not in head[:16]:
            raise Failed(f"{path} answered {head[:40]!r}")
        await reader.readexactly(int(length[1]))
        taken.append(time.perf_counter() - started)
    writer.close()


GROUP = Group("postgresql", ROWS, measure)
