"""One object that was asked for before, as fast as a server can send it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, Skipped, at_least
from benchmarks.processes import Asker, Server
from benchmarks.servers import api, bare_asgi, nginx, requests_by, server_core
from benchmarks.workshop import Workshop

OBJECT = "/api/v1/attack-enterprise/objects/T1059/"
HOW = "requests per second of the server's processor time, pinned to one core, the client on another"
ROWS = (
    Row(
        "cached-asgi",
        "One object by its id, asked before, with a line in the log for each request",
        "a constant from a bare ASGI application under uvicorn, without a log",
        at_least(0.7, "of its rate"),
        HOW,
    ),
    Row("cached-nginx", "The same", "nginx serving it as a file, without a log", at_least(0.3, "of its rate"), HOW),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    core, seconds = server_core(), 1 if workshop.quick else 3
    rates: dict[str, list[float]] = {}
    with ExitStack() as stack:
        environment = workshop.everything
        logged = stack.enter_context(api(environment, core))
        body = Asker(logged).body(OBJECT)
        kept = workshop.folder / "object.json"
        kept.write_bytes(body)
        quiet = stack.enter_context(api(environment | {"CTIBUTLER_LOG_LEVEL": "warning"}, core))
        servers: dict[str, tuple[Server, str]] = {
            "ctibutler": (logged, OBJECT),
            "ctibutler without a log": (quiet, OBJECT),
            "bare ASGI": (stack.enter_context(bare_asgi(kept, core)), "/"),
        }
        missing = ""
        try:
            fixed = stack.enter_context(nginx(workshop.folder / "nginx-object", {"object.json": body}, core))
            servers["nginx"] = (fixed, "/object.json")
        except Skipped as reason:
            missing = str(reason)
        for server, path in servers.values():
            requests_by(server, path, 1)
        for _ in range(workshop.runs):
            for name, (server, path) in servers.items():
                count, processor = requests_by(server, path, seconds)
                rates.setdefault(name, []).append(count / processor)
    figures = {f"{name}, requests/s": median(each) for name, each in rates.items()}
    ours = median(rates["ctibutler"])
    quiet_ratio = median(rates["ctibutler without a log"]) / median(rates["bare ASGI"])
    yield Outcome(
        "cached-asgi",
        ours / median(rates["bare ASGI"]),
        figures | {"of its rate, without our log": quiet_ratio},
    )
    if missing:
        raise Skipped(missing)
    yield Outcome("cached-nginx", ours / median(rates["nginx"]), figures)


GROUP = Group("cached", ROWS, measure)
