"""Commands from functions: options and arguments come from the signature, the help from the docstring.

    def get(context: click.Context, object_id: Annotated[str, argument("ID", "An id.")], as_json: JsonOption = False) -> None:

Built on click: Typer, which reads signatures too, takes a fifth of a second to start, because it checks every value with
pydantic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from inspect import Parameter, cleandoc, signature
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


class _Option(click.Option):
    """An option whose help says its default, but not between which numbers it lies: an error says that."""

    def get_help_extra(self, ctx: click.Context) -> Any:
        """What stands in brackets behind the help."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


class _Number(click.IntRange):
    """A whole number within limits. The error names the limit that was missed, not a range as mathematicians write it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number.

        Raises BadParameter.
        """
        number = click.INT.convert(value, param, ctx)
        assert isinstance(number, int)
        if self.min is not None and number < self.min:
            self.fail(f"{number} is less than {int(self.min)}", param, ctx)
        if self.max is not None and number > self.max:
            self.fail(f"{number} is more than {int(self.max)}", param, ctx)
        return number


@dataclass(frozen=True)
class Declared:
    """What a signature declares of an option (it has names) or argument (it has none), besides its type and default."""

    help: str
    metavar: str | None = None
    names: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    complete: Completer | None = None


def option(
    *names: str,
    help: str,  # noqa: A002 - click's word
    metavar: str | None = None,
    least: int | None = None,
    most: int | None = None,
    complete: Completer | None = None,
) -> Declared:
    """An option, as the annotation of a function's parameter: `Annotated[str | None, option("--kb", help="…")]`."""
    return Declared(help, metavar, names, least, most, complete)


def argument(metavar: str, help: str, complete: Completer | None = None) -> Declared:  # noqa: A002 - click's word
    """An argument, as the annotation of a function's parameter."""
    return Declared(help, metavar, complete=complete)


def declared(
    function: Callable[..., None],
    *examples: str,
    help_text: str | None = None,
    remark: str | None = None,
    hidden: bool = False,
) -> click.Command:
    """The command that runs this function. It is called with the context, then with a value for each parameter.

    A list that was not given is None. `remark` stands between the options and the examples.
    """
    kinds = get_type_hints(function, include_extras=True)
    own = [item for item in signature(function).parameters.values() if kinds[item.name] is not click.Context]
    enums = {item.name: kind for item in own if isinstance(kind := _kind(kinds[item.name])[0], type(StrEnum))}

    def run(**given: Any) -> None:
        values = {name: enums[name](value) if name in enums else _as_list(value) for name, value in given.items()}
        function(click.get_current_context(), **values)

    return click.Command(
        name=function.__name__,
        callback=run,
        params=[_parameter(item, kinds[item.name]) for item in own],
        help=help_text or cleandoc(function.__doc__ or ""),
        epilog="\n\n".join(part for part in (remark, example_lines(*examples)) if part),
        hidden=hidden,
    )


def group(help_text: str, commands: Mapping[str, click.Command], *examples: str) -> click.Group:
    """A command of several commands. Without one of them it prints its help, as wrong usage."""
    return click.Group(
        commands=dict(commands),
        callback=help_alone,
        help=help_text,
        epilog=example_lines(*examples),
        invoke_without_command=True,
    )


def help_alone() -> None:
    """Print a group's help and end as after wrong usage if none of its commands was named."""
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        context.exit(2)


def example_lines(*lines: str) -> str:
    """The examples at the end of a command's help, one a line."""
    heading = "Examples:" if len(lines) > 1 else "Example:"
    return f"{heading}\n\n\b\n" + "\n".join(f"    {line}" for line in lines)


def _parameter(item: Parameter, hint: object) -> click.Parameter:
    kind, is_list, about = _kind(hint)
    needed = item.default is Parameter.empty
    common: dict[str, Any] = {
        "type": _type(kind, about),
        "required": needed,
        "metavar": about.metavar,
        "help": about.help,
        "shell_complete": about.complete,
    }
    if not needed and item.default is not None:
        common["default"] = item.default.value if isinstance(item.default, StrEnum) else item.default
    if not about.names:
        return click.Argument([item.name], nargs=-1 if is_list else 1, **common)
    if kind is bool:
        flag = {**common, "type": None, "show_default": item.default is True}
        return _Option([item.name, *about.names], is_flag=True, **flag)
    shown = item.default not in (None, Parameter.empty)
    return _Option([item.name, *about.names], multiple=is_list, show_default=shown, **common)


def _kind(hint: object) -> tuple[Any, bool, Declared]:
    """The type of a value, whether there may be several, and what was declared."""
    assert get_origin(hint) is Annotated, hint
    kind, about = get_args(hint)
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    is_list = get_origin(kind) is list
    return get_args(kind)[0] if is_list else kind, is_list, about


def _type(kind: Any, about: Declared) -> click.ParamType[Any]:
    if kind is int:
        return _Number(about.least, about.most)
    if kind is Path:
        return click.Path(path_type=Path)
    if isinstance(kind, type(StrEnum)):
        return click.Choice([member.value for member in kind])
    return click.STRING


def _as_list(value: Any) -> Any:
    return (list(value) or None) if isinstance(value, tuple) else value
