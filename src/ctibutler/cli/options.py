"""Options that several commands share, and how they are explained and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

KbOption = Annotated[
    str | None, typer.Option("--kb", metavar="KB", help="The knowledge base to look in. Default: in all of them.")
]
ReleaseOption = Annotated[
    str | None, typer.Option("--release", metavar="RELEASE", help="The release to read. Default: the latest installed.")
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="SOURCE",
        help="Take it from there alone: publisher, bucket, snapshot, built-in, or the folder or URL of a bucket.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PageOption = Annotated[int, typer.Option("--page", metavar="N", min=1, max=2**32 - 1, help="Which page, from 1.")]
PageSizeOption = Annotated[
    int | None,
    typer.Option("--page-size", metavar="N", min=1, help="How many on a page. Default: CTIBUTLER_DEFAULT_PAGE_SIZE."),
]


def words(given: list[str] | None) -> list[str] | None:
    """The items of an option that may be given several times, each time with commas; None where it was not given."""
    if not given:
        return None
    return [item.strip() for part in given for item in part.split(",") if item.strip()]


def declared(
    function: Callable[..., None],
    *examples: str,
    help_text: str | None = None,
    remark: str | None = None,
    hidden: bool = False,
) -> TyperCommand:
    """The command that runs this function: its options from the signature, its help from the docstring unless given.

    A remark stands between the options and the examples.
    """
    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    below = "\n\n".join(part for part in (remark, example_lines(*examples)) if part)
    app.command(help=help_text, epilog=below, hidden=hidden)(function)
    command = typer.main.get_command(app)
    assert isinstance(command, TyperCommand)
    return command


def group(help_text: str, commands: Mapping[str, TyperCommand], *examples: str) -> TyperGroup:
    """A command of several commands. Without one of them it prints its help, as wrong usage."""
    app = typer.Typer(
        help=help_text,
        epilog=example_lines(*examples),
        invoke_without_command=True,
        rich_markup_mode=None,
        add_completion=False,
    )
    app.callback()(_help_alone)
    made = typer.main.get_command(app)
    assert isinstance(made, TyperGroup)
    made.commands.update(commands)
    return made


def _help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)
        raise typer.Exit(2)


def example_lines(*lines: str) -> str:
    """The examples at the end of a command's help, one a line."""
    heading = "Examples:" if len(lines) > 1 else "Example:"
    return f"{heading}\n\n\b\n" + "\n".join(f"    {line}" for line in lines)
