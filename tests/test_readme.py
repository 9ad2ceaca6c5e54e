"""The commands in the README work as shown, in that order, and print the output shown there."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import httpx2
import pytest

from tests.catalogue import Catalogues, install
from tests.shared import shared_path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "ctibutler.svg"
DOCUMENTED = "http://127.0.0.1:8006"
COMMAND = [sys.executable, "-m", "ctibutler"]


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found


def shown() -> list[tuple[str, str]]:
    """The command and the output of every console block, in order."""
    steps = [step for block in blocks("console") for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(step.partition("\n")[0], step.partition("\n")[2]) for step in steps]


def plain_commands() -> list[str]:
    """The commands shown without output."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line.partition(" #")[0].strip() for line in lines]


def pattern(output: str) -> re.Pattern[str]:
    """The output as a pattern; `…` matches anything."""
    return re.compile(".*".join(re.escape(part) for part in output.strip().split("…")), re.DOTALL)


def environment_of(home: Path) -> dict[str, str]:
    """The environment of a user with this home folder and the real releases."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("CTIBUTLER_", "XDG_"))}
    return own | {"HOME": str(home), "CTIBUTLER_BUCKET": str(shared_path("kb")), "COLUMNS": "120"}


@pytest.mark.real
def test_the_tour_prints_the_output_in_the_readme_and_can_be_backed_up(tmp_path: Path) -> None:
    environment = environment_of(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server: subprocess.Popen[bytes] | None = None
    everything = ""
    try:
        for command, expected in shown():
            words = shlex.split(command)
            if words == ["ctibutler", "serve"]:
                serve = [*COMMAND, "serve", "--port", str(port)]
                server = subprocess.Popen(serve, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                continue
            if words[0] == "ctibutler":
                printed = printed_by([*COMMAND, *words[1:]], environment, tmp_path)
            else:
                printed = answer(words[-1].replace(DOCUMENTED, f"http://127.0.0.1:{port}"))
            assert pattern(expected).fullmatch(printed.strip()), f"$ {command}\n{printed}"
            everything += f"$ {command}\n{printed}\n"
        back_up_and_restore(
            environment, {**environment, "CTIBUTLER_DATA_DIR": str(tmp_path / "restored")}, tmp_path, "ZA"
        )
    finally:
        if server:
            server.terminate()
            server.wait(30)
    missing = [line for line in drawn_lines() if line.strip() not in everything]
    assert missing == [], "run scripts/picture"


def printed_by(command: list[str], environment: Mapping[str, str], folder: Path) -> str:
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def answer(url: str) -> str:
    for _ in range(200):
        try:
            return httpx2.get(url, timeout=30).text
        except httpx2.ConnectError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


def back_up_and_restore(
    environment: Mapping[str, str], restored: Mapping[str, str], folder: Path, object_id: str
) -> None:
    """Back up as shown, restore as shown elsewhere, and look an object up in both."""
    for beginning, where in (("ctibutler backup", environment), ("ctibutler restore", restored)):
        [line] = [line for line in plain_commands() if line.startswith(beginning)]
        printed_by([*COMMAND, *shlex.split(line, comments=True)[1:]], where, folder)
    before, after = (printed_by([*COMMAND, "get", object_id], where, folder) for where in (environment, restored))
    assert before == after


def drawn_lines() -> list[str]:
    """The lines in the picture of a terminal, in order."""
    lines: dict[float, str] = {}
    for text in ElementTree.parse(PICTURE).iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314 - our own file
        if "-title" not in text.get("class", ""):
            place = float(text.get("y", "0"))
            lines[place] = lines.get(place, "") + (text.text or "").replace("\xa0", " ")
    return [line for line in lines.values() if line.strip()]


@pytest.mark.server
def test_a_database_on_postgresql_is_backed_up_and_restored_as_shown(tmp_path: Path) -> None:
    with Catalogues("postgresql", tmp_path) as made:
        database, empty = made.empty(), made.bare()
        install(database, "tlp@2")
        full, bare = ({**os.environ, "CTIBUTLER_DATABASE_URL": each.url.text} for each in (database, empty))
        back_up_and_restore(full, bare, tmp_path, "clear")


def test_every_command_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make ([a-z-]+)", README.read_text(encoding="utf-8"))
    for line in plain_commands():
        words = shlex.split(re.sub(r"^(\w+=\S+ )+", "", line))
        named += words[1:2] if words[0] == "make" else []
        if words[0] == "ctibutler" and len(words) > 1 and not words[1].startswith("-"):
            printed = printed_by([*COMMAND, words[1], "--help"], os.environ, ROOT)
            assert [word for word in words if word.startswith("--") and word not in printed] == [], line
    assert named
    assert set(named) <= targets


def test_the_readme_links_to_files_that_exist() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert linked
    missing = [name for name in linked if not (README.parent / name).exists()]
    assert missing == []


@pytest.mark.slow
def test_the_installation_commands_work_in_a_fresh_clone(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    installed = subprocess.run(
        ["sh", "-e", "-c", blocks("sh")[0]], cwd=clone, env=environment, capture_output=True, text=True, timeout=900
    )
    assert installed.returncode == 0, installed.stderr
    assert re.search(r"^(ctibutler )?\d+\.\d+\.\d+$", installed.stdout.strip().splitlines()[-1])
