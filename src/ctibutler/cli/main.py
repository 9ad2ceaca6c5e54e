"""The entry point of the command `ctibutler`: the least that answers `--version`, then the rest."""

from __future__ import annotations

import os
import sys

from ctibutler import __version__


def run() -> None:
    """The command `ctibutler`, with the arguments of this process."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(f"ctibutler {__version__}")  # noqa: T201 - before anything is imported that could print it
        return
    # numpy's linear algebra would start a thread for each core. Its matrices here are small: the threads only spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ctibutler.cli.application import end_of
    from ctibutler.knowledge_bases import HOSTED

    sys.exit(end_of(HOSTED, arguments))
