"""The migration desk: it shows and gives what the API answers, and keeps nothing."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx2
import pytest
import xlsxwriter

from tests.catalogue import Catalogues, install_all
from tests.pages.conftest import BROWSER, read
from tests.pages.documents import Document, check
from tests.server.serving import Server, running

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("desk")]
RULE = b"title: a\r\ntags:\r\n  - mitre-f3.f1005\r\n  - mitre-f3.defense-evasion  # kept\r\ndetection: {}\r\n"


def workbook() -> bytes:
    raw = io.BytesIO()
    with xlsxwriter.Workbook(raw) as book:
        book.add_worksheet().write_column(0, 0, ["technique_id", "F1001", "F1005", "TA0005"])
    return raw.getvalue()


FILES = {
    "list.txt": b"F1001\r\nTA0005\r\nF9999\r\n",
    "text.md": b"We saw F1005 (and not XF1005), then TA0005.\n",
    "table.csv": b'\xef\xbb\xbfid;n\r\n"F1005";1\r\nTA0005;2\r\n',
    "table.tsv": b"id\tn\nF1005\t1\nF1001\t2\n",
    "rule.yml": RULE,
    "book.xlsx": workbook(),
    "layer.json": json.dumps(
        {
            "name": "a",
            "versions": {"layer": "4.5"},
            "domain": "f3",
            "techniques": [
                {"techniqueID": "F1005", "tactic": "defense-evasion", "score": 1},
                {"techniqueID": "TA0005"},
            ],
        },
        indent=1,
    ).encode(),
    "bundle.json": json.dumps(
        {
            "type": "bundle",
            "id": "bundle--6d2ec0b4-6f0e-4c5c-8f4d-5f9d6b8c2a11",
            "objects": [
                {
                    "type": "report",
                    "id": "report--00000000-0000-4000-8000-000000000001",
                    "modified": "2024-02-02T00:00:00.123Z",
                    "external_references": [{"source_name": "mitre-f3", "external_id": "F1005"}],
                    "object_refs": [],
                }
            ],
        }
    ).encode(),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Catalogues("sqlite", tmp_path_factory.mktemp("desk")) as made:
        database = made.empty()
        install_all(database, "mitre-f3@1.0", "mitre-f3@1.1", "disarm@1.6")
        with running(database) as started:
            yield started


def send(server: Server, fields: dict[str, str], *files: tuple[str, str, bytes]) -> httpx2.Response:
    parts = [(name, (file_name, content)) for name, file_name, content in files]
    # As browsers send a field without a file.
    parts += [("file", ("", b""))] if not files else []
    return server.client.post("/desk", data=fields, files=parts, headers={"accept": BROWSER})


class Shown(HTMLParser):
    """The rows of the tables, cell by cell, and what is in the text area."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.area = ""
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "textarea"):
            self._in = tag
            if tag == "td":
                self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "textarea"):
            self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "td":
            self.rows[-1][-1] += data
        elif self._in == "textarea":
            self.area += data


def rows_of(text: str) -> list[list[str]]:
    return [[" ".join(cell.split()) for cell in row] for row in Shown(text).rows if row]


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_back_as_the_api_gives_it(server: Server, name: str) -> None:
    fields = {"kb": "mitre-f3", "from": "1.0", "to": "", "give": "file"}
    api = server.client.post("/api/v1/mitre-f3/migrate/?from=1.0&answer=file", files=[("file", (name, FILES[name]))])
    desk = send(server, fields, ("file", name, FILES[name]))
    assert (desk.status_code, api.status_code) == (200, 200), desk.text
    assert desk.content == api.content
    for header in ("content-type", "content-disposition"):
        assert desk.headers[header] == api.headers[header]
    assert desk.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", FILES)
def test_the_page_shows_what_the_api_answers(server: Server, name: str) -> None:
    report = server.client.post("/api/v1/mitre-f3/migrate/?from=1.0", files=[("file", (name, FILES[name]))]).json()
    answer = send(server, {"from": "1.0", "kb": "mitre-f3"}, ("file", name, FILES[name]))
    assert answer.status_code == 200, answer.text
    check(Document(answer.text), "/desk")
    shown = rows_of(answer.text)
    assert len(shown) == len(report["items"])
    for row, item in zip(shown, report["items"], strict=True):
        assert row[0] == f"{name} {item['where']}"
        assert row[1].startswith(item["id"])
        assert row[2].split()[0] == item["outcome"]
        assert row[3].startswith(item["new_id"] or "")
        assert item["reason"] in row[4]
        for candidate in item["candidates"]:
            assert candidate["id"] in row[4]
    for handling, number in report["counts"]["handling"].items():
        assert f"<b>{number}</b> {handling}" in answer.text


def test_pasted_ids_are_guessed_and_travel_back_in_the_form(server: Server) -> None:
    pasted = "F1001\r\nTA0005\r\n<b>&amp;\r\n"
    answer = send(server, {"text": "F1001\r\nF1005\r\n"})
    assert answer.status_code == 200, answer.text
    assert "Fight Fraud" in answer.text or "F3" in answer.text
    assert "(guessed)" in answer.text
    assert "1.1: 2 live, 0 revoked or deprecated, 0 unknown" in answer.text
    again = send(server, {"text": pasted, "kb": "mitre-f3", "from": "1.0"})
    assert Shown(again.text).area.removeprefix("\n") == pasted.replace("\r\n", "\n")
    assert unescape("&lt;b&gt;&amp;amp;") in Shown(again.text).area
    file = send(server, {"text": pasted, "kb": "mitre-f3", "from": "1.0", "give": "file"})
    assert file.content == pasted.replace("\r\n", "\n").encode()


def test_an_address_with_ids_is_a_link_to_their_answer(server: Server) -> None:
    answer = read(server, "/desk?" + urlencode({"ids": "F1001,TA0005", "kb": "mitre-f3", "from": "1.0"}))
    assert answer.status_code == 200, answer.text
    check(Document(answer.text), "/desk")
    assert [row[1].split()[0] for row in rows_of(answer.text)] == ["TA0005", "F1001"]
    assert "Stealth" in rows_of(answer.text)[0][4]
    for link in Document(answer.text).links:
        if link.href.startswith("/mitre-f3/"):
            assert read(server, link.href).status_code == 200, link.href
    many = read(server, "/desk?" + urlencode({"ids": ",".join(["F1001"] * 101)}))
    assert many.status_code == 400
    assert "room for 100 ids" in many.text


def test_all_files_come_back_with_a_review_that_can_be_filled_in(server: Server) -> None:
    fields = {"kb": "mitre-f3", "from": "1.0"}
    files = [("file", "rule.yml", RULE), ("file", "list.txt", b"TA0005\nF1001\n")]
    answer = send(server, {**fields, "give": "both"}, *files)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["files/001-rule.yml", "files/002-list.txt", "review.csv"]
        review = archive.read("review.csv").decode()
    same = send(server, {**fields, "give": "csv"}, *files)
    assert same.text == review
    header, first, *_ = review.splitlines()
    decided = f"{header}\n{first.replace(',,/api', ',TA0112,/api', 1)}"
    assert ",TA0112,/api" in decided
    done = send(server, {**fields, "give": "file"}, files[1], ("decisions", "review.csv", decided.encode()))
    assert done.content == b"TA0112\nF1001\n", done.text
    wrong = decided.replace(",TA0112,/api", ",F9999,/api")
    refused = send(server, fields, files[1], ("decisions", "review.csv", wrong.encode()))
    assert refused.status_code == 400
    assert "row 2" in refused.text


@pytest.mark.parametrize(
    ("fields", "file", "status", "said"),
    [
        ({}, None, 400, "paste ids or a text, or choose a file"),
        ({"text": "  \r\n"}, None, 400, "paste ids or a text"),
        ({"text": "nothing here"}, None, 400, "no installed knowledge base knows an id"),
        ({"text": "F1001", "from": "9"}, None, 404, "no release `9`"),
        ({"text": "F1001", "kb": "nothing"}, None, 404, "no knowledge base `nothing`"),
        ({"text": "F1001", "combine": "most"}, None, 400, "combine"),
        ({"kb": "mitre-f3"}, b"\xff\xfea", 400, "bad.txt: the file is UTF-16"),
        ({"kb": "mitre-f3"}, b"[" * 10_000 + b"]" * 10_000, 400, "bad.txt: line 1, column 65: nested"),
        ({"kb": "mitre-f3", "from": "1.0"}, b"F1001\n" * 50_001, 413, "50,001 items"),
        ({"kb": "mitre-f3"}, b"F" * (10 * 1024 * 1024 + 1), 413, "bytes are more than"),
    ],
)
def test_what_cannot_be_migrated_is_one_sentence(
    server: Server, fields: dict[str, str], file: bytes | None, status: int, said: str
) -> None:
    files = [] if file is None else [("file", "../bad.txt", file)]
    answer = send(server, fields, *files)
    assert answer.status_code == status, answer.text
    _, alert = answer.text.split('role="alert">')
    assert said in unescape(alert.partition("</div>")[0])
    check(Document(answer.text), "/desk")
    assert Shown(answer.text).area.strip() == fields.get("text", "").strip()
