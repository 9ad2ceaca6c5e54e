"""The command `worker`: a worker without the API."""

from __future__ import annotations

import threading

import click

from ctibutler.cli.declaring import declared
from ctibutler.cli.output import text as output
from ctibutler.cli.processes.server_options import least_level
from ctibutler.cli.session import session_of


def worker(context: click.Context) -> None:
    """Start a worker without the API.

    It runs jobs, one after the other. Ctrl-C stops it at once: another worker starts its job again.
    """
    from ctibutler.cli.processes.priority import give_way
    from ctibutler.cli.processes.supervision import Stopped, end_with_parent, has_parent, stopped_by_signals
    from ctibutler.logs import set_up_logs
    from ctibutler.publishers.sources.offers import Sources
    from ctibutler.worker.loop import Worker

    session = session_of(context)
    settings = session.settings
    set_up_logs(settings, least=least_level(settings))
    give_way()
    try:
        with stopped_by_signals(once=True), session.library() as library:
            if not has_parent():
                output.line(f"worker on {library.database}")
            end_with_parent()
            Worker(library.database, library.knowledge_bases, settings, Sources(settings)).run(threading.Event())
    except Stopped:
        raise click.exceptions.Exit(0) from None


command = declared(worker, "CTIBUTLER_LOG_LEVEL=debug ctibutler worker")
