"""What the README shows is what the commands print."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from tests.shared import shared_path

README = Path(__file__).parents[1] / "README.md"
DOCUMENTED = "http://127.0.0.1:8006"


def shown() -> list[tuple[str, str]]:
    """Command and output of every console block, in order."""
    blocks = re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    steps = [step for block in blocks for step in block.split("$ ")[1:]]
    return [(step.partition("\n")[0], step.partition("\n")[2]) for step in steps]


def pattern(output: str) -> re.Pattern[str]:
    """The output as a pattern: `…` stands for anything."""
    return re.compile(".*".join(re.escape(part) for part in output.strip().split("…")), re.DOTALL)


@pytest.mark.real
def test_the_tour_prints_what_the_readme_shows(tmp_path: Path) -> None:
    environment = os.environ | {
        "CTIBUTLER_DATA_DIR": str(tmp_path),
        "CTIBUTLER_BUCKET": str(shared_path("kb")),
        "COLUMNS": "120",
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ctibutler"]
    server: subprocess.Popen[bytes] | None = None
    try:
        for asked, expected in shown():
            words = shlex.split(asked)
            if words[0] == "ctibutler":
                done = subprocess.run(
                    [*command, *words[1:]], env=environment, capture_output=True, text=True, timeout=300, check=False
                )
                assert done.returncode == 0, done.stderr
                printed = done.stdout + done.stderr
            else:
                server = server or subprocess.Popen([*command, "serve", "--port", str(port)], env=environment)
                printed = answer(words[-1].replace(DOCUMENTED, f"http://127.0.0.1:{port}"))
            assert pattern(expected).fullmatch(printed.strip()), f"$ {asked}\n{printed}"
    finally:
        if server:
            server.terminate()
            server.wait(30)


def answer(url: str) -> str:
    for _ in range(200):
        try:
            return httpx2.get(url, timeout=30).text
        except httpx2.ConnectError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


def test_the_readme_links_to_files_that_exist() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert linked
    missing = [name for name in linked if not (README.parent / name).exists()]
    assert missing == []
