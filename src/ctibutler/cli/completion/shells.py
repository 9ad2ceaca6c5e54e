"""How bash, zsh and fish ask what completes a line, and the scripts that make them ask.

It is click's mechanism: a script calls the command with `_CTIBUTLER_COMPLETE` in its environment. What differs is what
click leaves out. Bash takes `@`, `:` and `=` for ends of words. Fish's script cuts values and descriptions at commas.
"""

from __future__ import annotations

import os
import re
from enum import StrEnum
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

NAME = "ctibutler"
VARIABLE = "_CTIBUTLER_COMPLETE"


class Shell(StrEnum):
    """A shell that completes our commands."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


class _WithEqualsSign(ShellComplete):
    """Offers whole words for `--option=value`: click offers the value alone, which zsh and fish put in place of both."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """What completes the last word."""
        found = super().get_completions(args, incomplete)
        option, sign, _ = incomplete.partition("=")
        if not sign or not option.startswith("--"):
            return found
        return [CompletionItem(f"{option}={item.value}", item.type, item.help) for item in found]


class Bash(_WithEqualsSign, BashComplete):
    """Bash: the words come from the line as it was typed, and answers begin where bash takes the last word to begin."""

    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local line
    local -a lines
    COMPREPLY=()
    mapfile -t lines < <(
        COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD="${COMP_WORDS[COMP_CWORD]}" \\
            COMP_WORDBREAKS="$COMP_WORDBREAKS" %(complete_var)s=bash_complete "${1/#\\~/$HOME}" 2>/dev/null
    )
    for line in "${lines[@]}"; do
        case $line in
            plain,*) COMPREPLY+=("${line#plain,}") ;;
            dir,*) compopt -o dirnames ;;
            file,*) compopt -o default ;;
        esac
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
    _END = "\x01"  # no character that anybody types
    # Of the ends of words in COMP_WORDBREAKS those that our words have, with what of each bash replaces: `@`, with which
    # names of hosts begin, belongs to the word that follows.
    _ENDS_OF_WORDS: ClassVar = {"@": 0, ":": 1, "=": 1}
    _SPECIAL = re.compile(r"[^\w@%+=:,./-]")

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words of the line, and the last one, which may be empty."""
        *words, last = split_arg_string(os.environ["COMP_LINE"] + self._END)
        return words[1:], last.removesuffix(self._END)

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """What completes the last word, as bash is to put it in: from the last end of a word in it, and escaped."""
        found = super().get_completions(args, incomplete)
        if os.environ["COMP_WORD"].startswith(("'", '"')):
            return found
        stays = self._what_stays(incomplete)
        return [
            CompletionItem(self._SPECIAL.sub(r"\\\g<0>", item.value[len(stays) :]), item.type)
            for item in found
            if item.value.casefold().startswith(stays.casefold())
        ]

    def _what_stays(self, word: str) -> str:
        ends = [char for char in self._ENDS_OF_WORDS if char in word and char in os.environ["COMP_WORDBREAKS"]]
        return word[: max((word.rfind(char) + self._ENDS_OF_WORDS[char] for char in ends), default=0)]


class Zsh(_WithEqualsSign, ZshComplete):
    """Zsh, as click has it."""


class Fish(_WithEqualsSign, FishComplete):
    """Fish: values and descriptions keep their commas."""

    source_template: ClassVar[str] = FishComplete.source_template.replace(
        'string split "," ', 'string split --max 1 "," '
    )


_CLASSES: dict[Shell, type[ShellComplete]] = {Shell.BASH: Bash, Shell.ZSH: Zsh, Shell.FISH: Fish}


def register() -> None:
    """Let click answer the shells in our way."""
    for shell, complete in _CLASSES.items():
        add_completion_class(complete, shell.value)


def script(shell: Shell, application: click.Group) -> str:
    """The script that sets up completion in a shell."""
    return _CLASSES[shell](application, {}, NAME, VARIABLE).source()
