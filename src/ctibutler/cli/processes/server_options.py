"""Options of `up` and `serve`, and how they reach the processes that these start."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING, Annotated

from ctibutler.cli.declaring import option
from ctibutler.cli.session import Session
from ctibutler.errors import InvalidRequest, Problem

if TYPE_CHECKING:
    from ctibutler.answers.library import Library
    from ctibutler.settings import Settings

HostOption = Annotated[
    str | None, option("--host", metavar="ADDRESS", help="Listen on this address. Default: CTIBUTLER_HOST (127.0.0.1).")
]
PortOption = Annotated[
    int | None,
    option(
        "--port",
        least=0,
        most=65535,
        metavar="PORT",
        help="Listen on this port; 0 picks a free one. Default: CTIBUTLER_PORT (8006).",
    ),
]
WorkersOption = Annotated[
    int | None,
    option(
        "--workers", least=1, most=64, metavar="N", help="Number of server processes. Default: CTIBUTLER_WORKERS (1)."
    ),
]


def with_options(session: Session, host: str | None, port: int | None, workers: int | None) -> Session:
    """Return the session with these options. They are set in the environment, where child processes find them."""
    for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[f"CTIBUTLER_{name}"] = str(value)
    return Session(session.knowledge_bases)


def port_of(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def least_level(settings: Settings) -> int:
    """Return the least level to log at. Children of `up` log only warnings, unless a level is set."""
    from ctibutler.cli.processes.supervision import has_parent

    return logging.WARNING if has_parent() and "log_level" not in settings.given else logging.NOTSET


def require_key(settings: Settings, library: Library) -> None:
    """Refuse to start a server that other machines can reach, unless there is a key or CTIBUTLER_ACCESS is set.

    Raises Problem rather than InvalidRequest: the usage is right, but the server cannot start.
    """
    from ctibutler.http.access import refuse_to_start_without_key

    try:
        refuse_to_start_without_key(settings, library.database)
    except InvalidRequest as refusal:
        raise Problem(str(refusal)) from None
