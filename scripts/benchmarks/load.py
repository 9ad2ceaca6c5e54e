"""A client that is no bottleneck: wrk if it is installed, otherwise requests over a few connections without reading them."""

from __future__ import annotations

import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import time

CONNECTIONS = 8


def with_wrk(program: str, port: int, path: str, seconds: float) -> int:
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}"]
    printed = subprocess.run(
        [program, *options, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    counted = re.search(r"(\d+) requests in", printed)
    if not counted or "Non-2xx" in printed:
        raise SystemExit(printed)
    return int(counted[1])


def with_sockets(port: int, path: str, seconds: float) -> int:
    """Every answer has the same length, so bytes are counted instead of answers."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    length = length_of_answer(port, request)
    waiting = selectors.DefaultSelector()
    missing: dict[socket.socket, int] = {}
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        waiting.register(connection, selectors.EVENT_READ)
        connection.sendall(request)
        missing[connection] = length
    count, end, buffer = 0, time.perf_counter() + seconds, bytearray(1 << 18)
    while time.perf_counter() < end:
        for key, _ in waiting.select(1):
            connection = key.fileobj  # type: ignore[assignment]
            missing[connection] -= connection.recv_into(buffer)
            if missing[connection] <= 0:
                count += 1
                missing[connection] = length
                connection.sendall(request)
    return count


def length_of_answer(port: int, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1 << 16)
    head = head.partition(b"\r\n\r\n")[0]
    body = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if not body or b" 200 " not in head[:16]:
        raise SystemExit(head.decode())
    return len(head) + 4 + int(body[1])


def main() -> None:
    port, path, seconds, core = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    os.sched_setaffinity(0, {core})
    program = shutil.which("wrk")
    print(with_wrk(program, port, path, seconds) if program else with_sockets(port, path, seconds))


if __name__ == "__main__":
    main()
