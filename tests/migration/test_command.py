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
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xlsxwriter
from markdown_it import MarkdownIt
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
    assert rows[0]["candidates"].startswith("TA0005 Stealth (0.60, flow); TA0112 Defense Impairment (0.40, flow)")
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
    [
        ("F9999", "row 2: `F9999` is not the id of a live object"),
        # An id of another knowledge base, and a name.
        ("T1059", "row 2: `T1059` is not the id of a live object"),
        ("Phishing", "row 2: `Phishing` is not the id of a live object"),
        ("keep F1001", "row 2: `keep` stands alone"),
    ],
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


ODD = "=cmd|' /C calc'!A0"
LAYER = {
    "name": "a",
    "versions": {"layer": "4.5"},
    "domain": "f3",
    "techniques": [
        {"techniqueID": "F1001"},
        {"techniqueID": ODD},
        {"techniqueID": "<script>|**x**"},
        {"techniqueID": "TA0005"},
        {"techniqueID": "@F1"},
    ],
}


def test_all_forms_of_a_review_say_the_same_and_no_cell_is_a_formula(database: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(LAYER))
    found: dict[str, list[list[str]]] = {}
    for form in ("csv", "md", "xlsx", "json"):
        arguments = ("a.json", "-o", "o", "--from", "1.0", "--kb", "mitre-f3", "--review", f"r.{form}")
        code, _, said = migrate(database, tmp_path, *arguments)
        assert code == 3, said
    rows = json.loads((tmp_path / "r.json").read_bytes())["items"]
    keys = ("handling", "where", "id", "name", "outcome", "also", "new_id", "new_name", "reason")
    texts = [["; ".join(one) if isinstance(one := row[key], list) else one or "" for key in keys] for row in rows]
    assert [row["id"] for row in rows if row["id"].startswith(("=", "@"))] == [ODD, "@F1"]
    columns = [key if key != "where" else "place" for key in keys]
    for form, table in (
        ("csv", list(csv.reader(io.StringIO((tmp_path / "r.csv").read_bytes().decode())))),
        ("xlsx", CalamineWorkbook.from_path(tmp_path / "r.xlsx").get_sheet_by_index(0).to_python()),
        ("md", markdown_rows((tmp_path / "r.md").read_text())),
    ):
        head = [str(cell) for cell in table[0]]
        found[form] = [[str(row[head.index(column)]) for column in columns] for row in table[1:]]
        assert not [cell for row in table for cell in row if str(cell).startswith(("=", "+", "@")) and form == "csv"]
    guarded = [["'" + cell if cell.startswith(("=", "+", "-", "@")) else cell for cell in row] for row in texts]
    assert found["csv"] == guarded
    assert found["xlsx"] in (texts, guarded)
    assert [[cell.lstrip("'") for cell in row] for row in found["md"]] == texts
    assert b"<f>" not in b"".join(
        zipfile.ZipFile(tmp_path / "r.xlsx").read(name) for name in sheets(tmp_path / "r.xlsx")
    )
    assert "<script>" not in (tmp_path / "r.md").read_text()


def sheets(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]


def markdown_rows(text: str) -> list[list[str]]:
    """The rows of the table, as a reader of Markdown understands its cells."""
    [table] = [token for token in MarkdownIt().enable("table").parse(text) if token.type == "table_open"]
    del table
    rows: list[list[str]] = []
    for token in MarkdownIt().enable("table").parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level >= 4:
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


@pytest.mark.parametrize("form", ["csv", "md", "xlsx", "json"])
def test_every_form_of_a_review_can_be_filled_in(database: str, tmp_path: Path, form: str) -> None:
    """The column `decision` is filled in by hand, whatever the form is, and applied."""
    given = b"F1001\nTA0005\n"
    (tmp_path / "ids.txt").write_bytes(given)
    arguments = ("ids.txt", "--from", "1.0", "--kb", "mitre-f3")
    migrate(database, tmp_path, *arguments, "-o", "o", "--review", f"r.{form}")
    path = tmp_path / f"r.{form}"
    if form == "json":
        review = json.loads(path.read_bytes())
        review["items"][0]["decision"] = "TA0112"
        path.write_text(json.dumps(review))
    elif form == "xlsx":
        table = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        table[1][table[0].index("decision")] = "TA0112"
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate(table):
                sheet.write_row(number, 0, [str(cell) for cell in row])
    elif form == "csv":
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode())))
        rows[1][rows[0].index("decision")] = "TA0112"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    else:
        lines = path.read_text().splitlines()
        [at] = [number for number, line in enumerate(lines) if "| TA0005 |" in line]
        cells = lines[at].split(" | ")
        head = next(line for line in lines if line.startswith("| handling")).strip("| ").split(" | ")
        cells[head.index("decision")] = "TA0112"
        lines[at] = " | ".join(cells)
        path.write_text("\n".join(lines))
    code, printed, said = migrate(database, tmp_path, *arguments, "--decisions", path.name)
    assert (code, printed) == (0, b"F1001\nTA0112\n"), said


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


def test_the_output_may_be_standard_output(database: str, tmp_path: Path) -> None:
    code, printed, errors = migrate(database, tmp_path, "-", "--from", "1.0", "-o", "-", given=b"F1001\nF1002\n")
    assert (code, printed) == (0, b"F1001\nF1002\n"), errors
    assert not (tmp_path / "-").exists()


def test_a_command_that_is_killed_leaves_whole_files(database: str, tmp_path: Path) -> None:
    """At moments that are spread over the time in which it writes, seen by the first and the last file that it makes anew."""
    folder = tmp_path / "many"
    folder.mkdir()
    # Long enough that writing one takes some time.
    old = RULE.encode() + b"# kept\n" * 20_000
    new = old.replace(b"defense-evasion", b"defense-impairment")
    paths = [folder / f"{number:03}.yml" for number in range(30)]
    between = 0
    for delay in (0, 0.004, 0.015):
        for path in paths:
            path.write_bytes(old)
        started = subprocess.Popen(
            [sys.executable, "-m", "ctibutler", "migrate", "many", "--in-place", "--from", "1.0", "--kb", "mitre-f3"],
            cwd=tmp_path,
            env={**os.environ, "CTIBUTLER_DATABASE_URL": database},
            stderr=subprocess.DEVNULL,
        )
        while started.poll() is None and not any(".yml." in path.name for path in folder.iterdir()):
            if paths[0].stat().st_size != len(old):
                break
        time.sleep(delay)
        started.send_signal(signal.SIGKILL)
        started.wait(30)
        found = [path.read_bytes() for path in paths]
        assert set(found) <= {old, new}
        between += 0 < found.count(new) < len(paths)
    assert between
    code, _, said = migrate(database, tmp_path, "many", "--in-place", "--from", "1.0", "--kb", "mitre-f3")
    assert code == 0, said
    assert {path.read_bytes() for path in paths} == {new}
