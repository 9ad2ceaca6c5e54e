"""All commands by name, each imported when it is used, and how a run ends: with an exit code and at most one line.

Importing every command and reading its options takes longer than most commands run. So `COMMANDS` says what `--help` and
completion need, and the module `ctibutler.cli.commands.NAME` is imported for the one command that runs. Such a module
imports what its options need; what its function works with (the catalogue, downloads, uvicorn) it imports in the function,
so that completion and `--help` do without.
"""

from __future__ import annotations

import importlib
import logging
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, cast

import typer
from typer.core import TyperCommand, TyperGroup

from ctibutler import __version__
from ctibutler.cli.output import text as output
from ctibutler.cli.session import Session
from ctibutler.errors import InvalidRequest, Problem
from ctibutler.knowledge_bases import KnowledgeBases

if TYPE_CHECKING:
    # Typer brings its own copy of click, and gives these no public name.
    from typer._click.formatting import HelpFormatter
    from typer._click.shell_completion import CompletionItem

Command = TyperCommand | TyperGroup

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
EXIT_CODE: dict[type[Problem], int] = {InvalidRequest: WRONG_USAGE}

COMMANDS = {
    "up": "Start the API and a worker, and install what is missing.",
    "serve": "Start the API alone.",
    "worker": "Start a worker alone.",
    "install": "Install releases.",
    "mirror": "Write releases into a folder laid out like the public bucket.",
    "versions": "Show which releases are installed and available.",
    "remove": "Remove releases.",
    "changes": "Show what changed from one release to another.",
    "export": "Write a release as a STIX bundle, or for ArangoDB.",
    "get": "Show one object.",
    "search": "Search all knowledge bases.",
    "navigator": "Make an ATT&CK Navigator layer.",
    "list": "List the objects of a knowledge base, filtered and sorted.",
    "jobs": "Show the newest jobs, or one in full.",
    "status": "Show what is installed, where, and what is running.",
    "keys": "Create, list and revoke API keys.",
}
"""Every command with the first sentence of its help."""


class _Commands(Mapping[str, Command]):
    """The commands by name, imported when one is asked for."""

    def __init__(self, knowledge_bases: KnowledgeBases) -> None:
        self._knowledge_bases = knowledge_bases

    def __getitem__(self, name: str) -> Command:
        if name not in COMMANDS:
            raise KeyError(name)
        module = importlib.import_module(f"ctibutler.cli.commands.{name}")
        for_these = getattr(module, "command_for", None)  # `list`, whose options differ by knowledge base
        return cast("Command", module.command if for_these is None else for_these(self._knowledge_bases))

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Application(TyperGroup):
    """The group of all commands. Its help and its completion need no command's module."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # a subclass of click's
        """The names, in the order of the help."""
        return list(COMMANDS)

    def format_commands(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override]
        """Write the names with their sentences."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: typer.Context, incomplete: str) -> list[CompletionItem]:  # type: ignore[override]
        """The names that begin so; the options where it begins like one."""
        from typer._click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]


def application(knowledge_bases: KnowledgeBases) -> TyperGroup:
    """The command line of an installation with these knowledge bases, for one run."""
    app = typer.Typer(
        name="ctibutler",
        cls=Application,
        help="Threat-intelligence knowledge bases, release by release: as STIX 2.1, over HTTP and here.",
        epilog="Knowledge bases: " + ", ".join(kb.slug for kb in knowledge_bases.all) + ".",
        invoke_without_command=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "obj": Session(knowledge_bases)},
    )
    app.callback()(_start)
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    group.commands = _Commands(knowledge_bases)  # type: ignore[assignment]  # read only: nobody adds to it
    return group


def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    # Commands report themselves what went wrong; those that log set that up.
    logging.getLogger("ctibutler").addHandler(logging.NullHandler())
    if version:
        output.line(f"ctibutler {__version__}")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)
        raise typer.Exit(WRONG_USAGE)


def end_of(knowledge_bases: KnowledgeBases, arguments: Sequence[str]) -> int:
    """Run a command and return its exit code. What goes wrong is one line on standard error."""
    try:
        code = application(knowledge_bases).main(list(arguments), prog_name="ctibutler", standalone_mode=False)
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
        # A bug of ours. CTIBUTLER_LOG_LEVEL=debug shows where, for a report.
        output.note(f"ctibutler: an error in ctibutler: {type(failure).__name__}: {failure}")
        if os.environ.get("CTIBUTLER_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exception(failure)
        return FAILED
    return code if isinstance(code, int) else DONE


def _usage(failure: typer.TyperException) -> str:
    """What was wrong with the usage, and where to read about it."""
    context = getattr(failure, "ctx", None)
    path = getattr(context, "command_path", "ctibutler")
    return f"{path}: {failure.format_message().rstrip('.')}; see {path} --help"
