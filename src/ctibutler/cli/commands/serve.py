"""The commands that stay: `up`, `serve`, `worker`."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ctibutler import __version__
from ctibutler.cli.options import examples
from ctibutler.cli.output import text as output
from ctibutler.cli.session import Session, session_of
from ctibutler.errors import InvalidRequest, Problem

if TYPE_CHECKING:
    from ctibutler.answers.library import Library
    from ctibutler.cli.output.progress import Board
    from ctibutler.cli.processes.supervision import Household
    from ctibutler.settings import Settings

_START_SECONDS = 60.0
_WATCH_SECONDS = 0.5

HostOption = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on. Default: CTIBUTLER_HOST.")
]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one. Default: CTIBUTLER_PORT.")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, max=64, help="Processes that answer. Default: CTIBUTLER_WORKERS.")
]


def add_commands(app: typer.Typer) -> None:
    """Put the commands of this group in."""
    app.command(epilog=examples("ctibutler up", "CTIBUTLER_BUCKET=../kb ctibutler up --port 9000"))(up)
    app.command(epilog=examples("ctibutler serve", "ctibutler serve --host 0.0.0.0 --workers 4"))(serve)
    app.command(epilog=examples("CTIBUTLER_LOG_LEVEL=debug ctibutler worker"))(worker)


def up(context: typer.Context, host: HostOption = None, port: PortOption = None, workers: WorkersOption = None) -> None:
    """Start API and worker, and install what is missing.

    Of every knowledge base the newest release that can be had is installed where it is not there yet, while the API
    answers already. Ctrl-C ends both.
    """
    from ctibutler.cli.processes.listen import listen
    from ctibutler.cli.processes.supervision import Household, Stopped, stopped_by_signals
    from ctibutler.logs import set_up_logs

    session = _told(session_of(context), host, port, workers)
    with stopped_by_signals():
        try:
            with session.library() as library:
                # Only to say now, and clearly, what would keep the server from starting: it binds again itself.
                with listen(session.settings.host, session.settings.port) as probe:
                    session = _told(session, None, _port(probe), None)
                _refuse_open_door(session.settings, library)
                set_up_logs(session.settings, least=logging.WARNING)
                voice = _Voice()
                household = Household(voice.child_line if output.on_terminal() else None)
                try:
                    _keep_house(session, library, household, voice)
                finally:
                    household.stop()
        except Stopped:
            raise typer.Exit(0) from None


def serve(
    context: typer.Context, host: HostOption = None, port: PortOption = None, workers: WorkersOption = None
) -> None:
    """Start the API alone: it answers, and jobs wait for a worker."""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from ctibutler.cli.processes.listen import address, listen
    from ctibutler.cli.processes.supervision import end_with_parent, has_parent
    from ctibutler.logs import set_up_logs

    session = _told(session_of(context), host, port, workers)
    settings = session.settings
    with session.library() as library:
        _refuse_open_door(settings, library)
    listening = listen(settings.host, settings.port)
    settings = _told(session, None, _port(listening), None).settings
    set_up_logs(settings, least=_least(settings))
    if not has_parent():
        output.line(f"API on {address(settings)}/api/v1/")
    end_with_parent()
    config = uvicorn.Config(
        "ctibutler.api.app:from_environment",
        factory=True,
        workers=settings.workers,
        log_config=None,
        log_level=max(_least(settings), getattr(logging, settings.log_level.upper())),
        access_log=settings.log_level == "debug",
        proxy_headers=False,  # who came through a proxy is not taken for somebody else
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=10,
    )
    # uvicorn ends by itself, and raises the signal again when it has: that is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    if settings.workers > 1:
        Multiprocess(config, sockets=[listening]).run()
        return
    server = uvicorn.Server(config)
    server.run(sockets=[listening])
    if not server.started:
        raise Problem("the API did not start")


def worker(context: typer.Context) -> None:
    """Start a worker alone: it runs jobs, one after the other."""
    from ctibutler.cli.processes.supervision import end_with_parent, has_parent
    from ctibutler.logs import set_up_logs
    from ctibutler.publishers.sources.offers import Sources
    from ctibutler.worker.loop import Worker

    session = session_of(context)
    settings = session.settings
    set_up_logs(settings, least=_least(settings))
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


class _Voice:
    """Where lines go that come from elsewhere: above the bars while there are any."""

    def __init__(self) -> None:
        self.board: Board | None = None

    def child_line(self, text: str) -> None:
        """A line that a child wrote."""
        if self.board is not None:
            self.board.line(text)
        else:
            output.note(text)


def _keep_house(session: Session, library: Library, household: Household, voice: _Voice) -> None:
    """Start the API, ask the sources, start the worker, see the installations through, and watch over both."""
    from ctibutler.catalog.releases import latest
    from ctibutler.cli.offering import install_newest, not_to_be_had
    from ctibutler.cli.processes.listen import answers
    from ctibutler.cli.processes.supervision import wait_for

    def check() -> None:
        ended = household.ended()
        if ended is not None:
            raise Problem(f"the {ended.name} has ended by itself (exit code {ended.process.returncode})")

    settings = session.settings
    household.start("API", ["serve"])
    if not wait_for(lambda: answers(settings), check, _START_SECONDS):
        raise Problem(f"the API does not answer after {_START_SECONDS:.0f} seconds")
    _say_where(settings, library)
    looked = install_newest(library, settings)
    household.start("worker", ["worker"])
    for sentence in not_to_be_had(library, looked.report):
        output.note(sentence)
    _see_through(library, looked.job_ids, voice, check)
    with library.database.read() as connection:
        installed = len(latest(connection))
    output.line(f"{installed} of {len(library.knowledge_bases.all)} knowledge bases are installed; Ctrl-C ends")
    library.database.close()
    while True:
        check()
        threading.Event().wait(_WATCH_SECONDS)


def _see_through(library: Library, job_ids: list[str], voice: _Voice, check: Callable[[], None]) -> None:
    from ctibutler.cli.output.job_progress import follow, links_since
    from ctibutler.cli.output.progress import board
    from ctibutler.stix.times import now

    if not job_ids:
        return
    moment = now()
    with board() as shown:
        voice.board = shown
        try:
            follow(library, job_ids, shown, check)
            follow(library, links_since(library, moment), shown, check)
        finally:
            voice.board = None


def _say_where(settings: Settings, library: Library) -> None:
    from ctibutler.cli.offering import sources_in_words
    from ctibutler.cli.processes.listen import address

    base = address(settings)
    output.line(f"ctibutler {__version__}")
    output.line(f"  API            {base}/api/v1/")
    output.line(f"  documentation  {base}/api/schema/swagger-ui/")
    output.line(f"  data           {library.database}")
    output.line(f"  releases from  {sources_in_words(settings)}")


def _told(session: Session, host: str | None, port: int | None, workers: int | None) -> Session:
    """The session with these settings in its environment, where the processes that we start find them too."""
    for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[f"CTIBUTLER_{name}"] = str(value)
    return Session(session.knowledge_bases)


def _port(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def _least(settings: Settings) -> int:
    """The least level to log at: what `up` says itself its children need not, unless a person set the level."""
    from ctibutler.cli.processes.supervision import has_parent

    return logging.WARNING if has_parent() and "log_level" not in settings.given else logging.NOTSET


def _refuse_open_door(settings: Settings, library: Library) -> None:
    """A server that others can reach needs a key, or the word that it is open.

    Raises Problem: the command was used well, and cannot do what it was asked to.
    """
    from ctibutler.http.access import refuse_to_start_without_key

    try:
        refuse_to_start_without_key(settings, library.database)
    except InvalidRequest as refusal:
        raise Problem(str(refusal)) from None
