"""The command `up`: API and worker, and every knowledge base installed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from ctibutler import __version__
from ctibutler.cli.declaring import declared
from ctibutler.cli.output import text as output
from ctibutler.cli.processes.server_options import (
    HostOption,
    PortOption,
    WorkersOption,
    port_of,
    require_key,
    with_options,
)
from ctibutler.cli.session import Session, session_of
from ctibutler.errors import Problem

if TYPE_CHECKING:
    from ctibutler.answers.library import Library
    from ctibutler.cli.output.progress import Board
    from ctibutler.cli.processes.supervision import Children
    from ctibutler.publishers.sources.source import OfferReport
    from ctibutler.settings import Settings

_START_SECONDS = 60.0
_WATCH_SECONDS = 0.5


def up(context: click.Context, host: HostOption = None, port: PortOption = None, workers: WorkersOption = None) -> None:
    """Start the API and a worker, and install what is missing.

    Installs the newest available release of each knowledge base that has none, while the API already answers. Ctrl-C stops
    everything.
    """
    from ctibutler.cli.processes.listen import listen
    from ctibutler.cli.processes.supervision import Children, Stopped, stopped_by_signals
    from ctibutler.logs import set_up_logs

    session = with_options(session_of(context), host, port, workers)
    with stopped_by_signals():
        try:
            with session.library() as library:
                # Only to report at once what would keep the server from starting: it binds the address again.
                with listen(session.settings.host, session.settings.port) as probe:
                    session = with_options(session, None, port_of(probe), None)
                require_key(session.settings, library)
                set_up_logs(session.settings, least=logging.WARNING)
                messages = _Messages()
                children = Children(messages.child_line)
                try:
                    _run(session, library, children, messages)
                finally:
                    children.stop()
        except Stopped:
            raise click.exceptions.Exit(0) from None


class _Messages:
    """Prints what the child processes write: above the progress bars while there are any.

    Lines about jobs that this command follows are left out: it reports itself how they end.
    """

    def __init__(self) -> None:
        self.board: Board | None = None
        self.followed: Callable[[], Iterable[str]] = tuple

    def child_line(self, text: str) -> None:
        """A line that a child wrote."""
        if any(job_id in text for job_id in self.followed()):
            return
        if self.board is not None:
            self.board.line(text)
        else:
            output.note(text)


def _run(session: Session, library: Library, children: Children, messages: _Messages) -> None:
    """Start the API, ask the sources, start the worker, follow the installations, and watch both processes."""
    from ctibutler import updates
    from ctibutler.catalog.releases import latest
    from ctibutler.cli.processes.listen import answers
    from ctibutler.cli.processes.supervision import wait_for
    from ctibutler.publishers.sources.offers import Sources

    def check() -> None:
        ended = children.ended()
        if ended is not None:
            raise Problem(f"the {ended.name} stopped unexpectedly (exit code {ended.process.returncode})")

    settings = session.settings
    children.start("API", ["serve"])
    if not wait_for(lambda: answers(settings), check, _START_SECONDS):
        raise Problem(f"the API does not answer after {_START_SECONDS:.0f} seconds")
    _print_addresses(settings, library)
    looked = updates.look(library, Sources(settings), settings.update_days, missing_too=True)
    assert looked is not None
    children.start("worker", ["worker"])
    for sentence in _missing(library, looked.report):
        output.note(sentence)
    _follow_jobs(library, looked.job_ids, messages, check)
    with library.database.read() as connection:
        installed = len(latest(connection))
    output.line(
        f"{installed} of {len(library.knowledge_bases.all)} knowledge bases are installed. Press Ctrl-C to stop."
    )
    library.database.close()
    while True:
        check()
        threading.Event().wait(_WATCH_SECONDS)


def _missing(library: Library, report: OfferReport) -> list[str]:
    """Sentences about what is missing: the problems of sources, then the knowledge bases that no source offers."""
    from ctibutler.catalog.releases import latest
    from ctibutler.importing.offers import problems_of

    with library.database.read() as connection:
        installed = {release.knowledge_base for release in latest(connection)}
    lacking = [kb.slug for kb in library.knowledge_bases.all if kb.slug not in installed and not report.of(kb.slug)]
    return [*problems_of(report), *([f"No source offers: {', '.join(lacking)}"] if lacking else [])]


def _follow_jobs(library: Library, job_ids: list[str], messages: _Messages, check: Callable[[], None]) -> None:
    from ctibutler.cli.output.job_progress import follow, links_since
    from ctibutler.cli.output.progress import board
    from ctibutler.stix.times import now

    if not job_ids:
        return
    moment = now()
    with board() as shown:
        messages.board = shown
        messages.followed = lambda: [*job_ids, *links_since(library, moment)]
        try:
            follow(library, job_ids, shown, check)
            link_ids = links_since(library, moment)
            follow(library, link_ids, shown, check)
            messages.followed = lambda: [*job_ids, *link_ids]
        finally:
            messages.board = None


def _print_addresses(settings: Settings, library: Library) -> None:
    from ctibutler.cli.processes.listen import address
    from ctibutler.http.access import in_words

    base = address(settings)
    output.line(f"ctibutler {__version__}")
    if settings.pages:
        output.line(f"  in a browser   {base}/")
    output.line(f"  API            {base}/api/v1/")
    output.line(f"  documentation  {base}{'/help/api' if settings.pages else '/api/schema/'}")
    output.line(f"  access         {in_words(settings)}")
    output.line(f"  data           {library.database}")
    output.line(f"  releases from  {_sources_in_words(settings)}")


def _sources_in_words(settings: Settings) -> str:
    """The sources in order of preference, with the place of the bucket."""
    from ctibutler.settings import SOURCES, without_secrets

    places = {
        "publisher": without_secrets(settings.publishers_url) or "publishers",
        "bucket": without_secrets(settings.bucket),
        "snapshot": "packages",
        "built-in": "built in",
    }
    return ", ".join(places[name] for name in settings.sources_of(SOURCES) if places[name])


command = declared(up, "ctibutler up", "CTIBUTLER_BUCKET=../kb ctibutler up --port 9000")
