"""`ctibutler migrate`: files and folders on the command line, exit codes, reviews and decisions."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from tests.catalogue import Catalogues, install_all

pytestmark = pytest.mark.real
RULE = "title: a\r\ntags:\r\n  - mitre-f3.f1005\r\n  - mitre-f3.defense-evasion\r\ndetection: {}\r\n"
ALONE = "title: b\ntags: [mitre-f3.defense-evasion] # alone\ndetection: {}\n"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Catalogues("sqlite", tmp_path_factory.mktemp("migrate")) as made:
        catalogue = made.empty()
        install_all(catalogue, "mitre-f3@1.0", "mitre-f3@1.1")
        yield catalogue.url.text


def migrate(database: str, folder: Path, *arguments: str, given: bytes = b"") -> tuple[int, bytes, str]:
    done = subprocess.run(
        [sys.executable, "-m", "ctibutler", "migrate", *arguments],
        cwd=folder,
        env={**os.environ, "CTIBUTLER_DATABASE_URL": database},
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.yml").write_bytes(RULE.encode())
    (folder / "deep" / "b.yaml").write_bytes(ALONE.encode())
    (folder / "same.yml").write_bytes(b"title: c\ntags: [mitre-f3.f1001]\ndetection: {}\n")
    (folder / "image.png").write_bytes(b"\x89PNG\r\n")
    return folder


def test_a_folder_is_migrated_in_place_and_then_as_a_human_decided(database: str, tmp_path: Path, rules: Path) -> None:
    untouched = (rules / "same.yml").stat().st_mtime_ns
    (rules / "a.yml").chmod(0o640)
    code, printed, said = migrate(
        database, tmp_path, "rules", "--in-place", "--from", "1.0", "--kb", "mitre-f3", "--review", "r.csv"
    )
    assert (code, printed) == (3, b""), said
    assert "rules/image.png: left alone" in said
    assert "mitre-f3 1.0 → 1.1: 4 items: 3 automatic, 0 look, 1 human" in said
    assert (rules / "a.yml").read_bytes() == RULE.replace("defense-evasion", "defense-impairment").encode()
    assert (rules / "a.yml").stat().st_mode & 0o777 == 0o640
    assert (rules / "deep" / "b.yaml").read_bytes() == ALONE.encode()
    assert (rules / "same.yml").stat().st_mtime_ns == untouched
    rows = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_bytes().decode())))
    assert (rows[0]["handling"], rows[0]["file"], rows[0]["id"]) == (
        "human",
        "rules/deep/b.yaml",
        "mitre-f3.defense-evasion",
    )
    rows[0]["decision"] = "TA0112 TA0005"
    written = io.StringIO()
    writer = csv.DictWriter(written, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    (tmp_path / "r.csv").write_bytes(written.getvalue().encode())
    code, _, said = migrate(
        database, tmp_path, "rules", "--in-place", "--from", "1.0", "--kb", "mitre-f3", "--decisions", "r.csv"
    )
    assert code == 0, said
    assert (rules / "deep" / "b.yaml").read_text() == ALONE.replace(
        "mitre-f3.defense-evasion", "mitre-f3.defense-impairment, mitre-f3.stealth"
    )


@pytest.mark.parametrize(
    ("decision", "said"),
    [("F9999", "row 2: `F9999` is not the id of a live object"), ("keep F1001", "row 2: `keep` stands alone")],
)
def test_a_decision_that_is_none_is_an_error_with_its_row(
    database: str, tmp_path: Path, rules: Path, decision: str, said: str
) -> None:
    (tmp_path / "d.csv").write_text(
        f"file,place,id,decision\nrules/deep/b.yaml,x,mitre-f3.defense-evasion,{decision}\n"
    )
    arguments = ("rules", "--in-place", "--from", "1.0", "--kb", "mitre-f3", "--decisions", "d.csv")
    code, _, printed = migrate(database, tmp_path, *arguments)
    assert code == 2
    assert said in printed
    assert (rules / "a.yml").read_bytes() == RULE.encode()


def test_all_forms_of_a_review_say_the_same(database: str, tmp_path: Path, rules: Path) -> None:
    del rules
    found: list[list[tuple[str, ...]]] = []
    for name in ("r.csv", "r.md", "r.xlsx", "r.json"):
        code, _, said = migrate(
            database, tmp_path, "rules/a.yml", "-o", "o", "--from", "1.0", "--kb", "mitre-f3", "--review", name
        )
        assert code == 0, said
        path = tmp_path / name
        if name.endswith(".json"):
            found.append([(row["id"], row["new_id"], row["reason"]) for row in json.loads(path.read_bytes())["items"]])
            continue
        if name.endswith(".csv"):
            table = list(csv.reader(io.StringIO(path.read_bytes().decode())))
        elif name.endswith(".xlsx"):
            table = [
                [str(cell) for cell in row]
                for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
            ]
        else:
            lines = [line for line in path.read_text().splitlines() if line.startswith("| ")]
            table = [[cell.strip().replace("\\", "") for cell in line.strip("|").split(" | ")] for line in lines]
            table = [row for row in table if not row[0].startswith("---")]
        head = table[0]
        keys = [head.index(key) for key in ("id", "new_id", "reason")]
        found.append([tuple(row[key] for key in keys) for row in table[1:]])
    assert found[0] == found[1] == found[2] == found[3]
    assert len(found[0]) == 2


@pytest.mark.parametrize(
    ("given", "arguments", "code", "said"),
    [
        (b"F1001\nF1002\n", (), 0, "2 items"),
        (b"F1001\nF1002\n", ("--from", "1.0", "--strict"), 0, "2 automatic"),
        (b"F1001\nF1005\n", ("--from", "1.0", "--strict"), 3, "1 look"),
        (b"F1001\nF1005\n", ("--from", "1.0"), 0, "1 look"),
        (b"F1001\nTA0005\n", ("--from", "1.0"), 3, "1 human"),
        (b"F1001\n", ("--from", "9"), 1, "no release `9`"),
        (b"F1001\n", ("--combine", "all"), 2, "combine"),
        (b"\xff\xfeF\x00", ("--kb", "mitre-f3"), 1, "standard input: the file is UTF-16"),
        (b"nothing here", (), 2, "no installed knowledge base"),
    ],
)
def test_the_exit_code_says_whether_a_human_is_needed(
    database: str, tmp_path: Path, given: bytes, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended, printed, errors = migrate(database, tmp_path, "-", "--check", *arguments, given=given)
    assert (ended, printed) == (code, b""), errors
    assert said in errors
    assert "Traceback" not in errors


def test_a_command_that_is_killed_leaves_whole_files(database: str, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    new = RULE.replace("defense-evasion", "defense-impairment").encode()
    for number in range(150):
        (folder / f"{number:03}.yml").write_bytes(RULE.encode())
    for delay in (0.3, 0.45, 0.6):
        started = subprocess.Popen(
            [sys.executable, "-m", "ctibutler", "migrate", "many", "--in-place", "--from", "1.0", "--kb", "mitre-f3"],
            cwd=tmp_path,
            env={**os.environ, "CTIBUTLER_DATABASE_URL": database},
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay)
        started.send_signal(signal.SIGKILL)
        started.wait(30)
        assert {path.read_bytes() for path in folder.glob("*.yml")} <= {RULE.encode(), new}
    code, _, said = migrate(database, tmp_path, "many", "--in-place", "--from", "1.0", "--kb", "mitre-f3")
    assert code in (0, 3), said
