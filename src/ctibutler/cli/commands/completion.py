"""The command `completion`: the script with which a shell completes commands."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion.shells import Shell, script
from ctibutler.cli.declaring import argument, declared
from ctibutler.cli.output import text as output


def completion(
    context: click.Context, shell: Annotated[Shell, argument("SHELL", "Your shell: bash, zsh or fish.")]
) -> None:
    """Print a shell completion script.

    The script completes commands, options, knowledge bases, releases, types, ids and jobs.
    """
    root = context.find_root().command
    assert isinstance(root, click.Group)
    output.write(script(shell, root))


_SET_UP = """\
Set it up once, then start a new shell:

\b
    bash 4.4 or newer
        echo 'eval "$(ctibutler completion bash)"' >> ~/.bashrc
    zsh, after compinit
        echo 'eval "$(ctibutler completion zsh)"' >> ~/.zshrc
    fish
        ctibutler completion fish > ~/.config/fish/completions/ctibutler.fish"""

command = declared(completion, "ctibutler completion bash", remark=_SET_UP)
