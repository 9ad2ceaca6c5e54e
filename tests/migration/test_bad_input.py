"""Files that nobody can migrate: each is one clear error, or an item that says so, and never stops the files beside it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ctibutler.errors import UnreadableFile
from ctibutler.knowledge_bases import HOSTED
from ctibutler.migration.ids import read_id
from ctibutler.migration.items import Reading
from ctibutler.migration.recognising import KINDS, recognised
from tests.catalogue import Catalogues, install_all
from tests.server.serving import Server, running

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("bad input")]
F3 = "/api/v1/mitre-f3/migrate/?from=1.0"
GOOD = b"title: a\ntags:\n  - mitre-f3.f1005\n  - mitre-f3.defense-evasion\ndetection: {}\n"
WRITTEN = GOOD.replace(b"defense-evasion", b"defense-impairment")


def layer(techniques: object) -> bytes:
    versions = {"attack": "1.0", "navigator": "5.1.0", "layer": "4.5"}
    return json.dumps({"name": "a", "versions": versions, "domain": "f3", "techniques": techniques}).encode()


def bomb() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 50_000_000)
    return raw.getvalue()


def cut_workbook() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("xl/workbook.xml", b'<workbook><sheets><sheet name="a"')
    return raw.getvalue()


LAUGHS = "tags: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"k{n}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)

BROKEN: dict[str, tuple[bytes, str]] = {
    "utf-16.txt": ("F1001\n".encode("utf-16"), "UTF-16"),
    "latin-1.txt": ("F1001\nü".encode("latin-1"), "line 2: not UTF-8 at byte 6"),
    "nul.csv": (b"id,a\nF1001,\x00\n", "line 2, column 7: a NUL character"),
    "without-techniques.json": (
        b'{"name": "a", "versions": {"layer": "4.5"}, "domain": "f3"}',
        "needs a list `techniques`",
    ),
    "techniques-object.json": (layer({"a": 1}), "/techniques: a layer needs a list of techniques here"),
    "many.json": (layer([{"techniqueID": "F1001"}] * 60_000), "60,000 items are more than 50,000"),
    "laughs.yml": (LAUGHS.encode(), "aliases expand to more than 1,000,000 values"),
    "constructed.yml": (b"tags: [!!python/object/apply:os.system [x]]\n", "line 1: the tag `tag:yaml.org,2002:python"),
    "second-broken.yml": (GOOD + b"---\ntitle: b\ntags: [a\n", "not YAML"),
    "cut.toml": (b'[[rule.threat]]\nframework = "MITRE', "not TOML"),
    "deep.json": (b"[" * 10_000 + b"]" * 10_000, "line 1, column 65: nested more than 64 deep"),
    "deep-layer.json": (
        layer([{"techniqueID": "F1001", "x": json.loads("[" * 500 + "]" * 500)}]),
        "nested more than 64 deep",
    ),
    "deep.yml": (b"tags: [a]\nx: " + b"[" * 10_000 + b"]" * 10_000, "nested more than 64 deep"),
    "bomb.xlsx": (bomb(), "as a zip bomb does"),
    "cut.xlsx": (cut_workbook(), "not XML"),
    "quote.csv": (b'id,a\nF1001,1\nF1002,2\nF1005,3\n"F1001,1\n', "line 5, column 1: a quote that is not closed"),
    "cut.json": (layer([{"techniqueID": "F1001"}])[:-8], "not JSON"),
}

READ: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "null.json": (
        layer([{"techniqueID": None}, {"techniqueID": "F1001"}]),
        [("null", "unreadable"), ("F1001", "touched")],
    ),
    "number.json": (
        layer([{"techniqueID": 5}, 7, {}]),
        [("5", "unreadable"), ("7", "unreadable"), ("null", "unreadable")],
    ),
    "score.json": (
        layer([{"techniqueID": "F1001", "score": "high"}] * 2),
        [("F1001", "touched"), ("F1001", "touched")],
    ),
    "wide.csv": (
        b"id" + b",x" * 4999 + b"\n" + b"F1001" + b"," * 4999 + b"\n",
        [("F1001", "touched")],
    ),
    "spelled.csv": (
        "id,n\nf1001,1\n F1001 ,2\nＦ１００１,3\nF1001/001,4\nF1001.1,5\nF10O1,6\n".encode(),
        [
            ("f1001", "touched"),
            ("F1001", "touched"),
            ("Ｆ１００１", "touched"),
            ("F1001/001", "unknown"),
            ("F1001.1", "unknown"),
            ("F10O1", "unknown"),
        ],
    ),
    "empty.txt": (b"", []),
    "only-a-mark.txt": (b"\xef\xbb\xbf", []),
    "no-ids.csv": (b"id,n\nid,n\n", [("id", "unreadable")]),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Catalogues("sqlite", tmp_path_factory.mktemp("bad")) as made:
        catalogue = made.empty()
        install_all(catalogue, "mitre-f3@1.0", "mitre-f3@1.1")
        yield catalogue.url.text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Catalogues("sqlite", tmp_path_factory.mktemp("bad-server")) as made:
        catalogue = made.empty()
        install_all(catalogue, "mitre-f3@1.0", "mitre-f3@1.1")
        with running(catalogue) as started:
            yield started


def migrate(database: str, folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "ctibutler", "migrate", *arguments, "--from", "1.0", "--kb", "mitre-f3"]
    environment = {**os.environ, "CTIBUTLER_DATABASE_URL": database}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stderr.decode()


def test_broken_files_of_a_folder_are_told_and_the_others_are_migrated(database: str, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, (content, _) in BROKEN.items():
        (folder / name).write_bytes(content)
    for name, (content, _) in READ.items():
        (folder / name).write_bytes(content)
    (folder / "good.yml").write_bytes(GOOD)
    code, said = migrate(database, tmp_path, "mixed", "--in-place", "--review", "r.json")
    assert code == 1, said
    assert "Traceback" not in said
    lines = said.splitlines()
    for name, (content, expected) in BROKEN.items():
        own = [line for line in lines if line.startswith(f"ctibutler: mixed/{name}: ")]
        assert len(own) == 1, (name, said)
        assert expected in own[0]
        assert (folder / name).read_bytes() == content
    assert len([line for line in lines if line.startswith("ctibutler: ")]) == len(BROKEN)
    assert (folder / "good.yml").read_bytes() == WRITTEN
    rows = json.loads((tmp_path / "r.json").read_bytes())["items"]
    for name, (_, expected_rows) in READ.items():
        found = sorted((row["id"], row["outcome"]) for row in rows if row["file"] == f"mixed/{name}")
        assert found == sorted(expected_rows), name
    assert sorted(path.name for path in folder.iterdir()) == sorted([*BROKEN, *READ, "good.yml"])


def test_a_broken_file_alone_writes_nothing(database: str, tmp_path: Path) -> None:
    (tmp_path / "cut.toml").write_bytes(BROKEN["cut.toml"][0])
    code, said = migrate(database, tmp_path, "cut.toml", "-o", "new.toml", "--review", "review.md")
    assert code == 1
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["cut.toml"]


@pytest.mark.parametrize("name", [*BROKEN, *READ])
def test_over_http_a_bad_file_is_never_an_error_of_ours(server: Server, name: str) -> None:
    content = (BROKEN.get(name) or READ[name])[0]
    answer = server.client.post(
        f"{F3}&filename={name}", content=content, headers={"content-type": "application/octet-stream"}
    )
    if name in BROKEN:
        assert answer.status_code == (413 if name == "many.json" else 400), answer.text
        assert BROKEN[name][1] in json.dumps(answer.json()["details"], ensure_ascii=False)
        assert name in answer.text
    elif content:
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["items"]) == len(READ[name][1])
    else:
        assert answer.status_code == 400


def test_all_broken_files_of_a_form_are_named_at_once(server: Server) -> None:
    names = ["utf-16.txt", "cut.toml", "deep.yml"]
    files = [("file", (name, BROKEN[name][0])) for name in names] + [("file", ("good.yml", GOOD))]
    answer = server.client.post(F3, files=files)
    assert answer.status_code == 400
    assert [text.partition(":")[0] for text in answer.json()["details"]["file"]] == names


def test_file_names_lead_nowhere(server: Server) -> None:
    bad = ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "..", "a/\x01b", "x" * 500]
    files = [("file", (name, GOOD)) for name in bad]
    answer = server.client.post(f"{F3}&answer=both", files=files)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        assert len(names) == len(bad) + 1
        assert all(name.count("/") <= 1 and ".." not in name.split("/") and len(name) < 230 for name in names)
        assert {archive.read(name) for name in names if name.startswith("files/")} == {WRITTEN}


def test_200_files_at_once_are_migrated(server: Server) -> None:
    files = [("file", (f"{number}.yml", GOOD)) for number in range(200)]
    answer = server.client.post(f"{F3}&answer=both", files=files)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sum(archive.read(name) == WRITTEN for name in archive.namelist()) == 200


def test_a_lower_release_is_a_goal_as_well(server: Server) -> None:
    answer = server.client.post("/api/v1/mitre-f3/migrate/?from=1.1&to=1.0", json={"ids": ["F1001", "TA0112"]})
    assert answer.status_code == 200, answer.text
    assert [(row["id"], row["outcome"]) for row in answer.json()["items"]] == [("TA0112", "gone"), ("F1001", "touched")]


@pytest.mark.parametrize(
    ("kb", "text", "expected"),
    [
        ("attack-enterprise", "t1059.001", "t1059.001"),
        ("attack-enterprise", "\tT1059 ", "T1059"),
        ("attack-enterprise", "Ｔ１０５９", "T1059"),
        ("attack-enterprise", "T1059/001", "T1059.001"),
        ("attack-enterprise", "T1059.1", "T1059.1"),
        ("attack-enterprise", "attack.t1059", "t1059"),
        ("attack-enterprise", "T1O59", None),
        ("attack-enterprise", "T1059 T1060", None),
        ("attack-enterprise", "T" + "1" * 500, None),
        ("cwe", "CWE79", "CWE-79"),
        ("cwe", "cwe 79", "cwe-79"),
        ("cwe", "ＣＷＥ－７９", "CWE-79"),
        ("cwe", "79", None),
    ],
)
def test_an_id_is_read_as_people_write_it(kb: str, text: str, expected: str | None) -> None:
    assert read_id(HOSTED.named(kb), text) == expected


NEARLY = {
    "misp": "misp-galaxy:",
    "misp tag": 'misp-galaxy:a="',
    "misp name": 'misp-galaxy:a="' + "x - " * 50,
    "address": "attack.mitre.org/versions/",
    "sub-technique": "T1059.",
    "slash": "T1059/",
    "columns": "a,",
    "quotes": '"',
    "quoted": '"a" ',
    "letters": "T",
    "digits": "1",
    "words": "attack.attack.",
    "dashes": "tool--00000000-",
    "brackets": "[[",
    "braces": '{"techniques":',
    "backslashes": "\\",
    "blanks": " \t",
    "headers": "[[rule.threat.",
    "lists": "tags: - ",
}


@pytest.mark.parametrize("name", NEARLY)
def test_time_grows_with_the_size_of_a_file(name: str) -> None:
    """Four times the text takes at most about four times as long. Backtracking would take sixteen times as long."""
    kb = HOSTED.named("attack-enterprise")

    def seconds(size: int) -> float:
        content = (NEARLY[name] * (size // len(NEARLY[name]))).encode()
        taken = []
        for _ in range(3):
            begun = time.process_time()
            with suppress(UnreadableFile):
                recognised(content, kb).read(content, Reading(kb))
            taken.append(time.process_time() - begun)
        return min(taken)

    assert seconds(160_000) < 8 * seconds(40_000) + 0.1


ODD = (
    b"6", b"null", b'"T1059"', b"[]", b"{}", b"[1]", b"[[]]", b"[{}]", b'{"techniques": 1}', b'{"objects": {}}', b"", b" ",
    b"\xff", b"\x00", b"---", b"- a", b"a: b", b"a = 1", b"[rule]", b"[[rule.threat]]\nframework = 1", b'"', b"a,b\n1",
    b"\xef\xbb\xbf", b"PK\x03\x04",
)  # fmt: skip


@pytest.mark.parametrize("form", KINDS)
def test_whatever_is_said_to_be_of_a_kind_is_read_or_refused(form: str) -> None:
    kind = KINDS[form]
    for content in ODD:
        with suppress(UnreadableFile):
            items = kind.read(content, Reading(HOSTED.named("mitre-f3")))
            kind.write(content, Reading(HOSTED.named("mitre-f3")), items, {})
