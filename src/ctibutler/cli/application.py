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
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from ctibutler import __version__
from ctibutler.cli.completion import shells
from ctibutler.cli.declaring import help_alone
from ctibutler.cli.output import text as output
from ctibutler.cli.session import Session
from ctibutler.errors import InvalidRequest, Problem
from ctibutler.knowledge_bases import KnowledgeBases

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
EXIT_CODE: dict[type[Problem], int] = {InvalidRequest: WRONG_USAGE}

SECTIONS = {
    "Look things up": {
        "get": "Show one object, or what is related to it.",
        "search": "Search all knowledge bases.",
        "list": "List and filter the objects of a knowledge base.",
        "questions": "List the questions that `get ID QUESTION` answers.",
        "compare": "Compare two objects, or two sets of them, by what they have in common.",
        "path": "Show what leads from one object to another, also across knowledge bases.",
        "chain": "Count what an object leads to, and what leads to it, also across knowledge bases.",
        "coverage": "Count what leads from one knowledge base to the next, and what leads nowhere.",
        "history": "Show what happened to an object from release to release.",
        "diff": "Show what differs between two releases of an object.",
        "changes": "Compare two releases of a knowledge base.",
        "tie": "List the techniques that most likely go with those that were observed.",
        "migrate": "Bring ids in files to another release.",
        "navigator": "Create an ATT&CK Navigator layer.",
        "export": "Export a release as a STIX bundle, for ArangoDB, or as an Excel workbook.",
    },
    "Manage releases": {
        "versions": "List installed and available releases.",
        "install": "Install releases.",
        "remove": "Remove releases.",
        "sources": "Show where releases come from, and what is wrong there.",
        "mirror": "Copy releases to a folder for offline use.",
        "jobs": "List jobs, or show one in full.",
    },
    "Look after the catalogue": {
        "backup": "Write a backup of everything to a file.",
        "restore": "Read a backup.",
        "copy": "Copy everything to another database.",
        "check": "Check the catalogue for damage.",
    },
    "Run a server": {
        "up": "Start the API and a worker, and install what is missing.",
        "serve": "Start the API without a worker.",
        "worker": "Start a worker without the API.",
        "keys": "Manage API keys.",
        "status": "Show what is installed and what is running.",
    },
    "More": {
        "completion": "Print a shell completion script.",
    },
}
"""The sections of the help, with the first sentence of each command's help."""

COMMANDS = {name: sentence for section in SECTIONS.values() for name, sentence in section.items()}


class Application(click.Group):
    """The group of all commands. Its help and its completion need no command's module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"ctibutler.cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Ctrl-C ends it quietly: click would print an empty line first."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; the error of an unknown word names the nearest ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:
            raise click.NoSuchCommand(unknown.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names with their sentences, section by section."""
        widest = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), sentence) for name, sentence in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that begin so; the options where it begins like one."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]


def application(knowledge_bases: KnowledgeBases) -> Application:
    """The command line of an installation with these knowledge bases, for one run."""
    shells.register()
    return Application(
        name=shells.NAME,
        callback=_start,
        params=[click.Option(["--version"], is_flag=True, help="Print the version and exit.")],
        help="Look up ATT&CK, CWE, CAPEC and other knowledge bases, release by release, as STIX 2.1.",
        epilog="Knowledge bases: " + ", ".join(kb.slug for kb in knowledge_bases.all) + ".",
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"], "obj": Session(knowledge_bases)},
    )


def _start(version: bool) -> None:
    # Commands report what went wrong; those that log set that up.
    logging.getLogger("ctibutler").addHandler(logging.NullHandler())
    if version:
        output.line(f"ctibutler {__version__}")
        raise click.exceptions.Exit(DONE)
    help_alone()


def end_of(knowledge_bases: KnowledgeBases, arguments: Sequence[str]) -> int:
    """Run a command and return its exit code. What goes wrong is one line on standard error."""
    try:
        code = application(knowledge_bases).main(list(arguments), prog_name=shells.NAME, standalone_mode=False)
    except click.ClickException as failure:
        output.note(_usage(failure))
        return failure.exit_code
    except click.Abort:
        return INTERRUPTED
    except SystemExit as ended:  # click has answered a shell that completes a line
        return int(ended.code or DONE)
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


def _usage(failure: click.ClickException) -> str:
    """What was wrong with the usage, and where to read about it."""
    context = getattr(failure, "ctx", None)
    path = getattr(context, "command_path", "ctibutler")
    message = " ".join(failure.format_message().split()).rstrip(".")
    return f"{path}: {message}{' See' if message.endswith('?') else '; see'} {path} --help"
