"""Text search: the rules of the contract, and the quality of results for real queries."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctibutler.answers.library import Library
from ctibutler.answers.objects import ObjectQuery, list_objects
from ctibutler.answers.pages import PageRequest, Sort
from ctibutler.answers.search import SearchQuery, search, search_by_relevance
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.walking import ALL, decoded, ids, listed, walk
from tests.catalogue import installed_labels

pytestmark = pytest.mark.real

LIVE: dict[str, Any] = {"include_revoked": False, "include_deprecated": False}


def hits(library: Library, text: str | None, **query: Any) -> list[dict[str, Any]]:
    query.setdefault("page", ALL)
    return decoded(search(library, SearchQuery(text=text, **query)))


def best_hits(library: Library, text: str | None, **query: Any) -> list[dict[str, Any]]:
    """The hits by relevance."""
    return decoded(search_by_relevance(library, SearchQuery(text=text, **query)))


@pytest.mark.parametrize(
    ("text", "count"), [("VNC", 8), ("privilege", 132), ("Malware Detect Analyze", 4), ("ransomwar sentinel", 7)]
)
def test_texts_have_the_number_of_hits_in_the_contract_in_attack(
    contract_library: Library, text: str, count: int
) -> None:
    assert len(listed(contract_library, "attack-enterprise", "16.0", text=text, **LIVE)) == count


def test_fronting_has_the_number_of_hits_in_the_contract_in_capec(contract_library: Library) -> None:
    found = listed(contract_library, "capec", "3.9", text="fronting")
    assert len(found) == 6
    with_the_word = [stix for stix in found if "fronting" in plain.words(stix["name"] + " " + stix["description"])]
    assert len(with_the_word) == 1


@pytest.mark.parametrize(
    ("slug", "count"),
    [("attack-enterprise", 13), ("attack-ics", 8), ("capec", 24), ("disarm", 7), ("d3fend", 14), ("cwe", 7)],
)
def test_deny_has_the_number_of_hits_in_the_contract(contract_library: Library, slug: str, count: int) -> None:
    assert len(hits(contract_library, "deny", knowledge_bases=[slug])) == count


def test_search_finds_an_object_once_in_each_knowledge_base(filled_library: Library) -> None:
    engine = filled_library.database.engine
    for flags in ({}, {"include_revoked": True, "include_deprecated": True}):
        for text in ("credential dumping", "firmware", None):
            expected = []
            for kb in HOSTED.all:
                label = installed_labels(engine, kb.slug)[-1]
                expected += [
                    (kb.slug, stix["id"])
                    for stix in plain.vertices(kb.slug, label)
                    if (flags or plain.live(stix)) and (text is None or plain.object_matches(stix, text))
                ]
            answered = hits(filled_library, text, show_knowledge_base=True, **flags)
            assert sorted((stix["knowledgebase_name"], stix["id"]) for stix in answered) == sorted(expected)


def test_search_can_be_narrowed_by_knowledge_base_and_type(filled_library: Library) -> None:
    matrices = hits(filled_library, "firmware", knowledge_bases=["attack"])
    each = [
        hits(filled_library, "firmware", knowledge_bases=[f"attack-{name}"]) for name in ("enterprise", "mobile", "ics")
    ]
    assert len(matrices) == sum(map(len, each))
    assert len(hits(filled_library, "firmware", knowledge_bases=["attack", "attack-ics"])) == len(matrices)
    assert hits(filled_library, "firmware", knowledge_bases=["no-such"]) == []
    assert len(hits(filled_library, "green", knowledge_bases=["TLPS"])) == 1
    kinds = {stix["type"] for stix in hits(filled_library, "persistence", types=["malware", "tool"])}
    assert kinds
    assert kinds <= {"malware", "tool"}


@pytest.mark.parametrize("sort", ["modified_descending", "created_ascending", "name_ascending", "type_descending"])
def test_hits_are_in_the_requested_order(filled_library: Library, sort: str) -> None:
    def ask(page: PageRequest) -> Any:
        query = SearchQuery(text="firmware", sort=Sort.parse(sort), page=page, show_knowledge_base=True)
        return search(filled_library, query)

    answered = walk(ask, 20)
    key, _, direction = sort.rpartition("_")
    by_id = sorted(answered, key=lambda stix: (stix["id"], stix["knowledgebase_name"]))
    read = {
        "modified": lambda stix: plain.instant(stix, "modified"),
        "created": lambda stix: plain.instant(stix, "created"),
        "name": lambda stix: plain.fold(stix.get("name", "")),
        "type": lambda stix: stix["type"],
    }[key]
    expected = sorted(by_id, key=read, reverse=direction == "descending")
    assert [(stix["id"], stix["knowledgebase_name"]) for stix in answered] == [
        (stix["id"], stix["knowledgebase_name"]) for stix in expected
    ]


def sampled_queries() -> list[tuple[str, str]]:
    """Words, beginnings of words, inflected forms and pairs of words from real texts."""
    chance = random.Random(7)
    queries = []
    for slug, label in (
        ("attack-ics", "17.0"),
        ("capec", "3.9"),
        ("cwe", "4.14"),
        ("disarm", "1.6"),
        ("d3fend", "1.2.0"),
    ):
        texts = [
            text for stix in plain.vertices(slug, label) for name in ("name", "description") if (text := stix.get(name))
        ]
        for _ in range(12):
            found = sorted(plain.words(chance.choice(texts)))
            some = chance.sample(found, min(len(found), chance.choice([1, 1, 2, 3])))
            shape = chance.choice(["as is", "beginning", "ending", "upper"])
            if shape == "beginning":
                some = [word[: max(2, len(word) - 2)] for word in some]
            elif shape == "ending":
                some = [word + chance.choice(["s", "ed", "ing"]) for word in some]
            queries.append((slug, " ".join(some).upper() if shape == "upper" else "-".join(some)))
    return queries


def test_search_finds_exactly_what_the_rules_say(contract_library: Library) -> None:
    labels = {"attack-ics": "17.0", "capec": "3.9", "cwe": "4.14", "disarm": "1.6", "d3fend": "1.2.0"}
    for slug, query in sampled_queries():
        expected = sorted(stix["id"] for stix in plain.listed(slug, labels[slug]) if plain.object_matches(stix, query))
        assert sorted(ids(listed(contract_library, slug, text=query))) == expected, (slug, query)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)
@given(query=st.one_of(st.text(max_size=12), st.text("eé ÅßΣİ§\"'*():^-%_&|!<>\\\x00ab", max_size=10)))
def test_no_query_breaks_the_search(contract_library: Library, query: str) -> None:
    expected = sorted(stix["id"] for stix in plain.listed("location", "1.0") if plain.object_matches(stix, query))
    assert sorted(ids(listed(contract_library, "location", text=query))) == expected


@pytest.mark.parametrize(
    ("query", "knowledge_base", "best"),
    [
        ("t1055", None, "Process Injection"),
        ("T1021.005", None, "VNC"),
        ("fancy bear", None, "APT28"),
        ("apt28", None, "APT28"),
        ("cwe79", None, "Improper Neutralization of Input During Web Page Generation ('Cross-site Scripting')"),
        ("CWE-89", None, "Improper Neutralization of Special Elements used in an SQL Command ('SQL Injection')"),
        # In no name or description, but in the reports that CharmPower and its group are known from.
        ("log4j", None, "Magic Hound"),
        ("lateral movement", None, "Lateral Movement"),
        ("prompt injection", None, "LLM Prompt Injection"),
        ("mimikatz", None, "Mimikatz"),
        ("cobalt strike", None, "Cobalt Strike"),
        ("credential dumping", None, "OS Credential Dumping"),
        ("sql injection", None, "SQL Injection"),
        ("spear phishing", None, "Phishing"),
        ("spearphishing attachment", None, "Spearphishing Attachment"),
        ("capec-66", None, "SQL Injection"),
        ("D3-OE", None, None),
        ("sandworm", None, "Sandworm Team"),
        ("data poisoning", None, "Poison Training Data"),
        ("exfiltration over c2", None, "Exfiltration Over C2 Channel"),
        ("TLP:AMBER+STRICT", None, "TLP:AMBER+STRICT"),
        ("germany", None, "Germany"),
        ("buffer overflow", None, "Buffer Overflow"),
    ],
)
def test_the_object_that_an_analyst_searches_for_is_among_the_first_three(
    filled_library: Library, query: str, knowledge_base: str | None, best: str | None
) -> None:
    page = PageRequest(1, 3)
    answered = best_hits(filled_library, query, page=page)
    names = [stix["name"] for stix in answered]
    if best is None:
        numbers = [reference.get("external_id") for stix in answered for reference in stix["external_references"][:1]]
        assert query in numbers
    else:
        assert any(best in name for name in names), names


def test_relevance_ranks_id_before_name_before_alias(filled_library: Library) -> None:
    for query in ("t1055", "Fancy Bear", "us"):
        answered = best_hits(
            filled_library, query, show_knowledge_base=True, include_revoked=True, include_deprecated=True
        )
        squashed = "".join(sorted_words(query))

        def rank(stix: dict[str, Any], squashed: str = squashed) -> int:
            number = plain.primary_id(stix["knowledgebase_name"], stix) or ""
            if "".join(sorted_words(number)) == squashed:
                return 0
            if "".join(sorted_words(stix.get("name", ""))) == squashed:
                return 1
            return 2 if any("".join(sorted_words(alias)) == squashed for alias in plain.aliases(stix)) else 3

        ranks = [rank(stix) for stix in answered]
        assert ranks == sorted(ranks)
        assert ranks[0] < 3
        found_by_text = [stix for stix, its in zip(answered, ranks, strict=True) if its == 3]
        assert all(plain.object_matches(stix, query) for stix in found_by_text)
        in_names = [plain.text_matches(stix.get("name") or "", query) for stix in found_by_text]
        assert in_names == sorted(in_names, reverse=True)


def sorted_words(text: str) -> list[str]:
    """The words of a text, in order."""
    return "".join(char if char.isalnum() else " " for char in plain.fold(text)).split()


def test_results_by_relevance_have_a_total_and_are_paged(filled_library: Library) -> None:

    def ask(page: PageRequest) -> Any:
        return search_by_relevance(filled_library, SearchQuery(text="injection", page=page, show_knowledge_base=True))

    whole = walk(ask, 50)
    keys = [(stix["id"], stix["knowledgebase_name"]) for stix in whole]
    assert len(set(keys)) == len(keys)
    by_column = hits(filled_library, "injection", show_knowledge_base=True)
    assert {(stix["id"], stix["knowledgebase_name"]) for stix in by_column} <= set(keys)


def test_relevance_needs_a_text(filled_library: Library) -> None:
    for text in (None, "", "  "):
        with pytest.raises(InvalidRequest, match="relevance_descending"):
            best_hits(filled_library, text)


def test_a_text_of_punctuation_only_finds_nothing(filled_library: Library) -> None:
    assert hits(filled_library, "%&/()*") == []
    query = ObjectQuery(text="*", page=ALL)
    assert list_objects(filled_library, HOSTED.named("cwe"), query).total == 0


def test_both_orders_by_relevance_are_repeatable(filled_library: Library) -> None:
    first = best_hits(filled_library, "firmware update")
    assert json.dumps(best_hits(filled_library, "firmware update")) == json.dumps(first)
