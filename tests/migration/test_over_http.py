"""Lists and files that are sent to a server come back in another release."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctibutler.settings import Settings
from tests.catalogue import Catalogues, install_all
from tests.server.serving import Server, running

pytestmark = pytest.mark.real
F3 = "/api/v1/mitre-f3/migrate/"


@pytest.fixture(scope="module")
def server(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Catalogues(engine, tmp_path_factory.mktemp("migrate")) as made:
        database = made.empty()
        install_all(database, "mitre-f3@1.0", "mitre-f3@1.1")
        with running(database) as started:
            yield started


def test_a_list_of_ids_is_answered_with_what_became_of_each(server: Server) -> None:
    answer = server.client.post(f"{F3}?from=1.0", json={"ids": ["F1001", "TA0005", "F9999", "what is it", "f1005"]})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["knowledge_base"], found["from"]["version"], found["to"]) == ("mitre-f3", "1.0", "1.1")
    assert [(row["id"], row["outcome"], row["handling"]) for row in found["items"]] == [
        ("TA0005", "split", "human"),
        ("F9999", "unknown", "human"),
        ("what is it", "unreadable", "human"),
        ("f1005", "moved", "look"),
        ("F1001", "touched", "automatic"),
    ]
    assert found["items"][0]["place"] == {"index": 1}
    assert found["counts"]["handling"] == {"automatic": 1, "look": 1, "human": 3}


def test_the_same_is_answered_to_a_link(server: Server) -> None:
    answer = server.get(f"{F3}?ids=F1001,TA0005&from=1.0&handling=human")
    assert [row["id"] for row in answer.json()["items"]] == ["TA0005"]
    assert answer.headers["etag"]


RULE = "title: a\ntags:\n  - mitre-f3.f1005\n  - mitre-f3.defense-evasion  # kept\ndetection: {}\n"


def test_a_file_comes_back_with_its_tactics_changed(server: Server) -> None:
    url = f"{F3}?from=1.0&answer=file&filename=../../rule.yml"
    answer = server.client.post(url, content=RULE, headers={"content-type": "application/yaml"})
    assert answer.status_code == 200, answer.text
    assert answer.text == RULE.replace("defense-evasion", "defense-impairment")
    assert answer.headers["content-disposition"] == 'attachment; filename="rule.yml"'
    assert (answer.headers["x-items-human"], answer.headers["x-items-look"]) == ("0", "0")


def test_several_files_come_back_with_their_review(server: Server) -> None:
    files = [("file", ("rule.yml", RULE.encode())), ("file", ("ids.txt", b"TA0005\r\nF1001\r\n"))]
    answer = server.client.post(f"{F3}?from=1.0&answer=both&review=csv", files=files)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["files/001-rule.yml", "files/002-ids.txt", "review.csv"]
        assert archive.read("files/002-ids.txt") == b"TA0005\r\nF1001\r\n"
        review = archive.read("review.csv").decode().splitlines()
    assert review[1].startswith("human,ids.txt,")
    decided = 'file,place,id,decision\r\nids.txt,"line 1, column 1",TA0005,TA0005 TA0112\r\n'
    files = [*files[1:], ("decisions", ("review.csv", decided.encode()))]
    answer = server.client.post(f"{F3}?from=1.0&answer=file", files=files)
    assert answer.content == b"TA0005\r\nTA0112\r\nF1001\r\n"
    wrong = [files[0], ("decisions", ("review.csv", decided.replace("TA0005 TA0112", "F9999").encode()))]
    refused = server.client.post(f"{F3}?from=1.0", files=wrong)
    assert refused.status_code == 400
    assert "row 2" in refused.text.lower()


@pytest.mark.parametrize(
    ("query", "body", "status", "said"),
    [
        ("from=9.9", b"F1001\nF1005\n", 404, "9.9"),
        ("to=9.9", b"F1001\nF1005\n", 404, "9.9"),
        ("", b"T1059\nT1086\nT1055\n", 400, "nine in ten"),
        ("combine=most", b"F1001", 400, "combine"),
        ("accept=all", b"F1001", 400, "accept"),
        ("format=doc", b"F1001", 400, "format"),
        ("format=csv&column=x", b"a,b\nF1001,F1002\n", 400, "column"),
        ("", b"", 400, "file"),
        ("", b"\xff\xfea", 400, "UTF-16"),
        ("", b"[" * 10_000 + b"]" * 10_000, 400, "deep"),
        ("", b"F" * 12_000_000, 413, "bytes"),
        ("from=1.0", b"F1001\n" * 50_001, 413, "50,001"),
    ],
)
def test_what_cannot_be_migrated_is_one_clear_error(
    server: Server, query: str, body: bytes, status: int, said: str
) -> None:
    answer = server.client.post(f"{F3}?{query}", content=body, headers={"content-type": "text/plain"})
    assert answer.status_code == status, answer.text
    assert said in json.dumps(answer.json()["details"]), answer.text


def test_more_than_200_files_are_refused(server: Server) -> None:
    files = [("file", (f"{number}.txt", b"F1001")) for number in range(201)]
    answer = server.client.post(f"{F3}?from=1.0", files=files)
    assert answer.status_code == 413, answer.text


def test_migrating_changes_nothing_and_is_allowed_where_nothing_may_be_changed(tmp_path: Path) -> None:
    with Catalogues("sqlite", tmp_path) as made:
        database = made.empty()
        install_all(database, "mitre-f3@1.0", "mitre-f3@1.1")
        with running(database, Settings(access="read-only", migrate_max_items=2, migrate_max_files=1)) as server:
            answer = server.client.post(f"{F3}?from=1.0", json={"ids": ["F1001", "F1005"]})
            assert answer.status_code == 200, answer.text
            desk = server.client.post("/desk", data={"text": "F1001"}, files=[("file", ("", b""))])
            assert desk.status_code == 200, desk.text
            more = server.client.post(f"{F3}?from=1.0", json={"ids": ["F1001", "F1005", "F1006"]})
            assert (more.status_code, "3 items are more than 2" in more.text) == (413, True)
            files = [("file", (name, b"F1001")) for name in ("a.txt", "b.txt")]
            many = server.client.post(f"{F3}?from=1.0", files=files)
            assert (many.status_code, "2 files are more than 1" in many.text) == (413, True)
        with running(database, Settings(access="keys")) as server:
            assert server.client.post(f"{F3}?from=1.0", json={"ids": ["F1001"]}).status_code == 401
            assert server.client.post("/desk", data={"text": "F1001"}, files=[("file", ("", b""))]).status_code == 401
