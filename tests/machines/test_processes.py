"""Several processes on one database: server processes that share a socket, and starts at the same moment."""

from __future__ import annotations

import signal
import subprocess
import threading
from multiprocessing.synchronize import Barrier

import pytest

from ctibutler.catalog.engine import migrations
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED
from tests.catalog.test_migrations import fill_first_version
from tests.catalogue import Catalogues
from tests.cli.command import Command
from tests.cli.test_serving import Started, alive, answer_of, eventually, free_port, started
from tests.faults.processes import CONTEXT

__all__ = ["started"]

STARTS = 8
INDEX = "/api/v1/"


def servers(parent: subprocess.Popen[str]) -> list[int]:
    """The ids of the server processes below `serve`."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [int(pid) for pid, above, words in rows if int(above) == parent.pid and "spawn_main" in words]


def test_a_server_process_that_dies_is_started_again_and_a_signal_ends_all(command: Command, started: Started) -> None:
    port = free_port()
    serve = started("serve", "--port", port, "--workers", 3)
    eventually(lambda: answer_of(port, INDEX))
    first = eventually(lambda: found if len(found := servers(serve)) == 3 else None)
    subprocess.run(["kill", "-9", str(first[0])], check=True)
    now = eventually(lambda: found if len(found := servers(serve)) == 3 and first[0] not in found else None)
    assert set(first[1:]) < set(now)
    assert all(answer_of(port, INDEX)["name"] == "ctibutler" for _ in range(20))
    serve.send_signal(signal.SIGTERM)
    _, errors = serve.communicate(timeout=60)
    assert serve.returncode == 0
    assert "Traceback" not in errors
    assert not any(map(alive, now))


def test_server_processes_end_with_the_one_that_supervises_them(command: Command, started: Started) -> None:
    port = free_port()
    serve = started("serve", "--port", port, "--workers", 2)
    eventually(lambda: answer_of(port, INDEX))
    below = eventually(lambda: found if len(found := servers(serve)) == 2 else None)
    serve.kill()
    eventually(lambda: not any(map(alive, below)))


def _open(url: str, barrier: Barrier) -> None:
    barrier.wait(60)
    open_catalogue(url, HOSTED).close()


@pytest.mark.parametrize("before", ["empty", "a001"])
def test_eight_starts_at_once_make_or_upgrade_the_tables_once(catalogues: Catalogues, before: str) -> None:
    database = catalogues.bare()
    if before != "empty":
        migrations.bring_up_to_date(database, {}, before)
        fill_first_version(database)
    barrier = CONTEXT.Barrier(STARTS)
    processes = [CONTEXT.Process(target=_open, args=(database.url.text, barrier)) for _ in range(STARTS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * STARTS
    with database.read() as connection:
        assert connection.rows("SELECT version_num FROM alembic_version") == [(migrations.CURRENT,)]
        assert connection.value("SELECT count(*) FROM member") == (60 if before != "empty" else 0)
    assert _tables(database) == _tables(catalogues.empty())


def test_eight_threads_of_one_process_may_open_it_too(catalogues: Catalogues) -> None:
    database = catalogues.bare()
    opened: list[Database] = []
    barrier = threading.Barrier(STARTS)

    def open_one() -> None:
        barrier.wait()
        opened.append(open_catalogue(database.url.text, HOSTED))

    threads = [threading.Thread(target=open_one) for _ in range(STARTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in opened:
        one.close()
    assert len(opened) == STARTS


def _tables(database: Database) -> set[str]:
    with database.read() as connection:
        rows = connection.rows(
            connection.by_engine(
                sqlite="SELECT name FROM sqlite_master WHERE type IN ('table', 'view', 'index')",
                postgresql="SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
            )
        )
    return {row.name for row in rows}
