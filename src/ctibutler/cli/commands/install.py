"""The command `install`: releases into the catalogue, in this process."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import JsonOption, SourceOption
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of
from ctibutler.cli.targets import Target, labels_of, read_targets, require_release
from ctibutler.errors import InvalidRequest, NotFound, SourceUnavailable

if TYPE_CHECKING:
    from ctibutler.cli.output.progress import Board
    from ctibutler.publishers.sources.offers import Sources


def install(
    context: click.Context,
    targets: Annotated[
        list[str],
        argument(
            "KB[@RELEASE]",
            "KB for the newest release, KB@RELEASE for that one, KB@all for all. `attack` means all three matrices.",
            candidates.installable,
        ),
    ],
    file: Annotated[
        Path | None,
        option(
            "--from",
            metavar="FILE",
            help="Install this file as KB@RELEASE: a STIX 2.1 bundle or the publisher's own file, plain, .gz or .zst.",
        ),
    ] = None,
    convert: Annotated[
        bool,
        option("--convert", help="With --from: read the file as the publisher's own, even if it is a STIX bundle."),
    ] = False,
    source: SourceOption = None,
    force: Annotated[bool, option("--force", help="Install again, even if nothing has changed.")] = False,
    ignore_embedded: Annotated[
        bool, option("--ignore-embedded-relationships", help="Create no relationships from embedded references.")
    ] = False,
    ignore_embedded_sro: Annotated[
        bool, option("--ignore-embedded-relationships-sro", help="Create none from those in relationships.")
    ] = False,
    ignore_embedded_smo: Annotated[
        bool, option("--ignore-embedded-relationships-smo", help="Create none from those in meta objects.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Install releases.

    Creates the links between knowledge bases too. No server has to run; one that is running shows the release at once.
    """
    from ctibutler.cli.output.progress import board
    from ctibutler.cli.processes.priority import give_way
    from ctibutler.cli.processes.run_jobs import Runner
    from ctibutler.cli.processes.supervision import Stopped, stopped_by_signals
    from ctibutler.forms.jobs import job_form
    from ctibutler.forms.json_form import record_as_json
    from ctibutler.logs import set_up_logs
    from ctibutler.publishers.sources.offers import Sources
    from ctibutler.requesting import InstallRequest

    session = session_of(context)
    if file is not None and source is not None:
        raise InvalidRequest("--source cannot be used with --from: the release comes from the file")
    if convert and file is None:
        raise InvalidRequest("--convert needs --from")
    asked = read_targets(session, targets)
    if file is not None:
        _check_own_file(asked, file)
    set_up_logs(session.settings, least=logging.WARNING)
    give_way()
    sources = Sources(session.settings, only=source)
    named = _from_anywhere(source)

    def request(label: str) -> InstallRequest:
        return InstallRequest(
            version=label,
            ignore_embedded_relationships=ignore_embedded,
            ignore_embedded_relationships_sro=ignore_embedded_sro,
            ignore_embedded_relationships_smo=ignore_embedded_smo,
            force=force,
            file=None if file is None else str(file.resolve()),
            convert=convert,
            source=named,
        )

    try:
        with stopped_by_signals(once=True), session.library() as library, board(quiet=as_json) as shown:
            runner = Runner(library, session.settings, sources, shown)
            wanted, are_missing = _wanted(sources, asked, shown)
            ended = runner.install((target.kb, request(label)) for target, label in wanted)
    except Stopped as stop:
        raise click.exceptions.Exit(stop.exit_code) from None
    if as_json:
        output.write_json(record_as_json({"jobs": [job_form(job) for job in ended]}))
    if are_missing or any(job.state != "completed" for job in ended):
        raise click.exceptions.Exit(1)


def _wanted(sources: Sources, asked: Sequence[Target], board: Board) -> tuple[list[tuple[Target, str]], bool]:
    """The releases that the targets mean, and whether any are missing: the others are installed all the same.

    Raises Problem if the only target is missing.
    """
    from ctibutler.cli.output.progress import without_name

    wanted: list[tuple[Target, str]] = []
    missing = False
    for target in asked:
        try:
            labels, is_partial = labels_of(sources, target, partial(board.end, str(target), failed=True))
        except (NotFound, SourceUnavailable) as problem:
            if len(asked) == 1:
                raise
            board.end(str(target), f"failed: {without_name(str(target), str(problem))}", failed=True)
            missing = True
            continue
        missing = missing or is_partial
        wanted += [(target, label) for label in labels]
    return wanted, missing


def _check_own_file(asked: Sequence[Target], file: Path) -> None:
    if len(asked) > 1:
        raise InvalidRequest(f"--from: a file holds one release, but {len(asked)} are named")
    require_release(asked[0])
    if not file.is_file():
        raise InvalidRequest(f"--from: {file}: {'is a folder' if file.is_dir() else 'there is no such file'}")


def _from_anywhere(source: str | None) -> str | None:
    """A source as a job names it, so that a worker in another folder finds it.

    Raises InvalidRequest if the job would store a secret.
    """
    from ctibutler.publishers.sources.configuration import is_source
    from ctibutler.publishers.web.addresses import WebAddress

    if source is None or is_source(source) or source.lower().startswith("file:"):
        return source
    if "://" not in source:
        return str(Path(source).expanduser().resolve())
    if WebAddress.parse(source, "--source").has_secrets:
        raise InvalidRequest(
            "--source: jobs are stored, so the address must not have a user name, password or query; set it as"
            " CTIBUTLER_BUCKET and use `--source bucket`"
        )
    return source


command = declared(
    install,
    "ctibutler install attack-enterprise",
    "ctibutler install attack@18.1",
    "ctibutler install attack-enterprise@17.1 cwe capec",
    "ctibutler install cwe@all",
    "ctibutler install cwe --source publisher",
    "ctibutler install d3fend --source ./kb",
    "ctibutler install attack-ics@17.1 --from ics-attack-17.1.json.zst",
)
