"""The address that the API listens on."""

from __future__ import annotations

import http.client
import os
import socket

from ctibutler.errors import Problem
from ctibutler.settings import Settings

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to this address.

    Raises Problem if the port is in use, or if the address is not one of this machine.
    """
    where = f"{bracketed(host)}:{port}"
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as failure:
        raise Problem(f"{host} is not an address to listen on: {failure.strerror}") from None
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as failure:
        listening.close()
        hint = "; choose another with --port or CTIBUTLER_PORT" if "in use" in str(failure) else ""
        raise Problem(f"cannot listen on {where}: {failure.strerror}{hint}") from None
    return listening


def address(settings: Settings) -> str:
    """The server's address for a browser on this machine: `http://127.0.0.1:8006`."""
    return f"http://{bracketed(reachable(settings.host))}:{settings.port}"


def reachable(host: str) -> str:
    """The host by which this machine reaches a server that listens there."""
    return _EVERYWHERE.get(host, host)


def bracketed(host: str) -> str:
    """A host as it is written before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def answers(settings: Settings) -> bool:
    """Whether the API answers."""
    connection = http.client.HTTPConnection(reachable(settings.host), settings.port, timeout=2)
    try:
        connection.request("GET", "/api/healthcheck/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
