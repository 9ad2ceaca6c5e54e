"""The command line: every command, and how its end is said."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from ctibutler import __version__
from ctibutler.cli.output import text as output
from ctibutler.cli.session import Session
from ctibutler.errors import InvalidRequest, Problem
from ctibutler.knowledge_bases import HOSTED, KnowledgeBases

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
EXIT_CODE: dict[type[Problem], int] = {InvalidRequest: WRONG_USAGE}


def build(knowledge_bases: KnowledgeBases) -> typer.Typer:
    """The command line of an installation with these knowledge bases."""
    from ctibutler.cli.commands import install as installing
    from ctibutler.cli.commands import jobs, keys, objects, releases, status
    from ctibutler.cli.commands import list as listing
    from ctibutler.cli.commands import mirror as mirroring
    from ctibutler.cli.commands import serve as serving

    app = typer.Typer(
        name="ctibutler",
        help="Threat-intelligence knowledge bases, release by release: as STIX 2.1, over HTTP and here.",
        epilog="Knowledge bases: " + ", ".join(kb.slug for kb in knowledge_bases.all) + ".",
        invoke_without_command=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def start(
        context: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Say the version of ctibutler and end.")] = False,
    ) -> None:
        context.obj = Session(knowledge_bases)
        # Commands say themselves what went wrong; those that log set that up.
        logging.getLogger("ctibutler").addHandler(logging.NullHandler())
        if version:
            output.line(f"ctibutler {__version__}")
            raise typer.Exit(DONE)
        if context.invoked_subcommand is None:
            typer.echo(context.get_help(), nl=False)
            raise typer.Exit(WRONG_USAGE)

    serving.add_commands(app)
    installing.add_commands(app)
    mirroring.add_commands(app)
    releases.add_commands(app)
    objects.add_commands(app)
    listing.add_commands(app, knowledge_bases)
    jobs.add_commands(app)
    status.add_commands(app)
    keys.add_commands(app)
    return app


cli = build(HOSTED)


def run() -> None:
    """The command `ctibutler`."""
    sys.exit(end_of(cli, sys.argv[1:]))


def end_of(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command; gives its exit code. What goes wrong is one line on standard error."""
    try:
        code = typer.main.get_command(app).main(list(arguments), prog_name="ctibutler", standalone_mode=False)
    except typer.TyperException as failure:
        output.note(_usage(failure))
        return failure.exit_code
    except typer.Abort:
        return INTERRUPTED
    except Problem as problem:
        output.note(f"ctibutler: {problem}")
        return EXIT_CODE.get(type(problem), FAILED)
    except OSError as failure:
        where = f"{failure.filename}: " if failure.filename else ""
        output.note(f"ctibutler: {where}{failure.strerror or failure}")
        return FAILED
    except Exception as failure:
        # A fault of ours. Who wants to report it sees where it was with CTIBUTLER_LOG_LEVEL=debug.
        output.note(f"ctibutler: an error in ctibutler: {type(failure).__name__}: {failure}")
        if os.environ.get("CTIBUTLER_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exception(failure)
        return FAILED
    return code if isinstance(code, int) else DONE


def _usage(failure: typer.TyperException) -> str:
    """What was wrong with the usage, and where the right one is said."""
    context = getattr(failure, "ctx", None)
    path = getattr(context, "command_path", "ctibutler")
    return f"{path}: {failure.format_message().rstrip('.')}; see {path} --help"


if __name__ == "__main__":
    run()
