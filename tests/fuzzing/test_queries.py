"""Any path and query is answered as the contract says: with a page, or with one of its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.test_checking import fill
from tests.catalogue import Catalogues
from tests.fuzzing.budget import examples
from tests.server.serving import Server, running

PATHS = (
    "cwe/objects/", "cwe/objects/CWE-7/", "cwe/objects/CWE-7/relationships/", "cwe/objects/CWE-7/bundle/", "cwe/changes/",
    "cwe/objects/sros/", "capec/objects/attack-pattern/", "attack-ics/tie/", "attack-ics/objects/T0800/navigator/",
    "objects/", "objects/sros/", "search/", "knowledge-bases/", "jobs/", "updates/", "cwe/versions/available/",
    "cwe/versions/4.14/bundle/",
)  # fmt: skip
NAMES = (
    "text", "page", "page_size", "sort", "id", "name", "types", "cwe_id", "capec_id", "attack_version", "cwe_version",
    "version", "created_min", "modified_min", "relationship_type", "source_ref", "target_ref", "include_revoked",
    "technique_ids",
    "limit",
    "show_knowledgebase", "knowledge_base", "detail", "strict", "from", "to", "alias", "external_id", "state", "form",
    "sort_by",
)  # fmt: skip
VALUES = st.text(max_size=40) | st.sampled_from(
    [
        "", "0", "-1", "1", "99999999999999999999", "true", "latest", "4.14", "4.140", "relevance", "name_ascending", "full",
        "a+b+c", "a " * 500, "*", '"', "' OR 1=1 --", "%", "\x00", "\ud800", "é" * 300, "CWE-7", "weakness", "CWE-7,CWE-8",
        "2020-01-01T00:00:00Z", "2020-13-01", "T1059", "NEAR(a b)", "a:b", "§x", "{", "../../etc/passwd",
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def asked(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Catalogues(engine, tmp_path_factory.mktemp("asked")) as made:
        database = made.empty()
        fill(database)
        with running(database) as server:
            yield server


@examples(150)
@given(
    path=st.sampled_from(PATHS)
    | st.text(max_size=30).map(lambda text: f"cwe/objects/{quote(text, errors='replace')}/"),
    query=st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=8), VALUES), max_size=4),
)
def test_any_query_is_answered_with_a_page_or_an_error_of_the_contract(
    asked: Server, path: str, query: list[tuple[str, str]]
) -> None:
    written = "&".join(
        f"{quote(name, errors='surrogatepass')}={quote(value, errors='surrogatepass')}" for name, value in query
    )
    answer = asked.get(f"/api/v1/{path}?{written}")
    assert answer.status_code in (200, 400, 404), answer.text[:300]
    found = json.loads(answer.content)
    assert answer.status_code == 200 or found.keys() >= {"message", "code"}
