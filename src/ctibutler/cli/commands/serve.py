"""The command `serve`: the API without a worker."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import click

from ctibutler.cli.declaring import declared
from ctibutler.cli.output import text as output
from ctibutler.cli.processes.server_options import (
    HostOption,
    PortOption,
    WorkersOption,
    least_level,
    port_of,
    require_key,
    with_options,
)
from ctibutler.cli.session import session_of
from ctibutler.errors import Problem


def serve(
    context: click.Context, host: HostOption = None, port: PortOption = None, workers: WorkersOption = None
) -> None:
    """Start the API without a worker.

    Jobs wait until a worker runs.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from ctibutler.cli.processes.listen import address, listen
    from ctibutler.cli.processes.supervision import end_with_parent, has_parent
    from ctibutler.http.access import in_words, missing_key
    from ctibutler.http.connections import UVICORN
    from ctibutler.logs import set_up_logs

    session = with_options(session_of(context), host, port, workers)
    settings = session.settings
    with session.library() as library:
        require_key(settings, library)
        lack = missing_key(settings, library.database)
    listening = listen(settings.host, settings.port)
    settings = with_options(session, None, port_of(listening), None).settings
    set_up_logs(settings, least=least_level(settings))
    if not has_parent():
        output.line(f"API on {address(settings)}/api/v1/")
        output.line(f"access: {in_words(settings)}")
    if lack is not None:
        logging.getLogger("ctibutler.api").warning("%s", lack)
    end_with_parent()
    config = uvicorn.Config(
        "ctibutler.app:from_environment",
        factory=True,
        workers=settings.workers,
        log_level=max(least_level(settings), getattr(logging, settings.log_level.upper())),
        access_log=False,  # ours leaves secrets out
        **UVICORN,
    )
    if settings.workers > 1:
        with _shared_metrics():
            Multiprocess(config, sockets=[listening]).run()
        return
    server = uvicorn.Server(config)
    # uvicorn ends by itself, and raises the signal again when it has: that is no failure. One that comes before uvicorn
    # listens to signals ends it too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listening])
    if not server.started:
        raise Problem("the API did not start")


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder in which the server processes share their counts, so that each can report those of all."""
    from ctibutler.http.metrics import SHARED_FOLDER

    if SHARED_FOLDER in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="ctibutler-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        yield


command = declared(serve, "ctibutler serve", "ctibutler serve --host 0.0.0.0 --workers 4")
