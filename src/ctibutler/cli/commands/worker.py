"""The command `worker`: a worker without the API."""

from __future__ import annotations

import signal
import threading

import click

from ctibutler.cli.declaring import declared
from ctibutler.cli.output import text as output
from ctibutler.cli.processes.server_options import least_level
from ctibutler.cli.session import session_of


def worker(context: click.Context) -> None:
    """Start a worker without the API.

    It runs jobs, one after the other.
    """
    from ctibutler.cli.processes.supervision import end_with_parent, has_parent
    from ctibutler.logs import set_up_logs
    from ctibutler.publishers.sources.offers import Sources
    from ctibutler.worker.loop import Worker

    session = session_of(context)
    settings = session.settings
    set_up_logs(settings, least=least_level(settings))
    stop = threading.Event()

    def end(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt  # asked twice: not after this job, but now
        stop.set()

    with session.library() as library:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        if not has_parent():
            output.line(f"worker on {library.database}")
        end_with_parent()
        Worker(library.database, library.knowledge_bases, settings, Sources(settings)).run(stop)


command = declared(worker, "CTIBUTLER_LOG_LEVEL=debug ctibutler worker")
