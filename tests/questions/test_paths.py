"""What leads from one object to another, compared with networkx over the publishers' objects."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import networkx
import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.onward.chains import chain
from ctibutler.answers.onward.coverage import cover
from ctibutler.answers.onward.ground import Ground
from ctibutler.answers.onward.path_records import PathQuery, Paths
from ctibutler.answers.onward.paths import find_paths
from ctibutler.answers.onward.provenance import statements, views_of
from ctibutler.answers.pages import PageRequest
from ctibutler.catalog.walks import Living
from ctibutler.errors import Hidden, InvalidRequest, NotFound
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.places import Relation, relations_of
from tests.questions.asking import asked, external_ids
from tests.questions.graphs import Node, graph

pytestmark = pytest.mark.real

Ids = tuple[str, ...]


def paths(library: Library, start: str, end: str, **query: Any) -> Paths:
    return find_paths(library, start, end, PathQuery(**{"limit": 1000, **query}))


def numbers(found: Paths) -> tuple[int | None, int | None]:
    return found.counts.paths, found.counts.hops


@pytest.mark.parametrize(
    ("start", "end", "query", "expected"),
    [
        ("CWE-521", "T1110", {}, (1, 2)),
        ("CWE-287", "T1548", {}, (2, 2)),
        ("CWE-521", "D3-SPP", {}, (13, 4)),
        ("CWE-287", "T1078", {}, (0, None)),
        ("CWE-287", "T1078", {"widen": "down"}, (2, 3)),
        ("CWE-79", "T1059", {"turns": 2}, (0, None)),
        ("G0016", "CWE-521", {}, (4, 3)),
        ("G0016", "D3-MFA", {}, (14, 3)),
        ("attack-enterprise/G0016", "attack-enterprise/G0007", {}, (33, 2)),
        ("CWE-521", "cwe/CWE-521", {}, (1, 0)),
    ],
)
def test_numbers(
    asked_library: Library, start: str, end: str, query: dict[str, Any], expected: tuple[int, int | None]
) -> None:
    found = paths(asked_library, start, end, **query)
    assert numbers(found) == expected
    assert len(found.paths) == expected[0]
    assert numbers(paths(asked_library, end, start, **query)) == expected


def test_the_groups_apt29_and_apt28_share_techniques_and_software(asked_library: Library) -> None:
    found = paths(asked_library, "G0016", "attack-enterprise/G0007")
    assert found.turns == 1
    kinds = [path.objects[1].kind for path in found.paths]
    assert (kinds.count("technique"), kinds.count("software")) == (29, 4)
    assert all([hop.turns for hop in path.hops] == [False, True] for path in found.paths)


def test_each_hop_says_who_states_it_and_when(asked_library: Library) -> None:
    [path] = paths(asked_library, "CWE-521", "T1110").paths
    assert [one.external_id for one in path.objects] == ["CWE-521", "CAPEC-112", "T1110"]
    first, second = (hop.statements[0] for hop in path.hops)
    assert [(one.stated_by.knowledge_base, (one.stated_at or "")[:10], one.back) for one in (first, second)] == [
        ("cwe", "2023-06-29", True),
        ("capec", "2022-09-29", False),
    ]
    assert {one.origin for one in (first, second)} == {"link-set"}
    assert {one.stated_in for one in (first, second)} == {"external_references"}
    assert first.made_at is not None


def test_all_links_of_cwe_are_stated_by_capec_too_and_none_of_capec_by_attack(asked_library: Library) -> None:
    with asked_library.database.read() as connection:
        ground = Ground(asked_library, connection, {}, Living())
        told = {}
        for slug, other in (("cwe", "capec"), ("capec", "attack-enterprise")):
            relation = next(
                one for one in ground.relations if (one.of.knowledge_base, one.to.knowledge_base) == (slug, other)
            )
            starts = ground.all_at(relation.of)
            reached = ground.take(relation, starts, onward=True)
            hops = [hop for node in starts for several in reached[node].values() for hop in several]
            views = views_of(ground, sorted({node for hop in hops for node in (hop.source, hop.target)}))
            told[slug] = [statement.back for statement in statements(ground, hops, views).values()]
    assert (len(told["cwe"]), all(told["cwe"])) == (1211, True)
    assert (len(told["capec"]), any(told["capec"])) == (269, False)


def test_no_path_is_an_answer(asked_library: Library) -> None:
    found = paths(asked_library, "CWE-79", "T1059")
    assert found.reach is not None
    assert [(one.kind, one.objects) for one in found.reach.start] == [("attack pattern", 6)]
    assert not found.reach.end
    assert not found.instead
    found = paths(asked_library, "CWE-287", "T1078")
    assert [(one.widen, one.paths, one.hops) for one in found.instead if one.widen == "down"] == [("down", 2, 3)]


def test_a_path_goes_only_by_links_between_the_pinned_releases(asked_library: Library) -> None:
    found = paths(asked_library, "CWE-521", "T1110", versions={"attack-enterprise": "17.1"})
    assert numbers(found) == (0, None)
    [missing] = found.missing
    assert (missing.mode, missing.owner_version, missing.other, missing.other_version) == (
        "capec-attack", "3.9", "attack-enterprise", "17.1",
    )  # fmt: skip
    assert missing.request is not None
    assert missing.request.body == {"version": "3.9", "to_version": "17.1"}


def test_a_label_for_a_whole_family_pins_those_that_have_such_a_release(asked_library: Library) -> None:
    """Over HTTP, `attack_version` is one parameter for all three, and 17.1 of Mobile is not installed."""
    attack = ("attack-enterprise", "attack-mobile", "attack-ics")
    found = paths(asked_library, "G0016", "S0154", versions=dict.fromkeys(attack, "17.1"))
    assert numbers(found) == numbers(paths(asked_library, "G0016", "S0154", versions={"attack-enterprise": "17.1"}))
    assert {one.version for path in found.paths for one in path.objects} == {"17.1"}


def ask_path(library: Library, versions: dict[str, str | None]) -> object:
    return paths(library, "CWE-521", "T1110", versions=versions)


def ask_chain(library: Library, versions: dict[str, str | None]) -> object:
    return chain(library, HOSTED.named("cwe"), "CWE-521", PathQuery(versions=versions), PageRequest())


def ask_coverage(library: Library, versions: dict[str, str | None]) -> object:
    return cover(library, versions)


@pytest.mark.parametrize("ask", [ask_path, ask_chain, ask_coverage])
@pytest.mark.parametrize("label", ["16.1", "1.0", "18.1,17.1", "a b", "'", "\n", "../..", "9" * 300])
@pytest.mark.parametrize("together", [("attack-enterprise",), ("attack-enterprise", "attack-mobile", "attack-ics")])
def test_a_pinned_release_that_is_not_installed_is_named(
    asked_library: Library, ask: Callable[..., object], label: str, together: Ids
) -> None:
    with pytest.raises(NotFound, match=r"no release `.*` of attack-enterprise is installed"):
        ask(asked_library, dict.fromkeys(together, label))


def test_a_pinned_release_that_was_never_linked_is_told_by_all(asked_library: Library) -> None:
    pinned = {"attack-enterprise": "17.1"}
    found = paths(asked_library, "CWE-521", "T1110", versions=pinned)
    linked = chain(asked_library, HOSTED.named("cwe"), "CWE-521", PathQuery(versions=pinned), PageRequest())
    covered = cover(asked_library, pinned)
    modes = [{(one.mode, one.other_version) for one in told.missing} for told in (found, linked, covered)]
    assert modes[0] == modes[1] == {("capec-attack", "17.1")}
    assert modes[2] == {("capec-attack", "17.1"), ("d3fend-knowledgebases", "17.1")}
    assert "techniques" not in {one.stage for one in linked.stages}
    links = {(one.start.kind, one.end.kind): one.links for one in covered.rows if not one.by}
    assert links["attack pattern", "technique"] == links["technique", "artifact"] == 0
    assert links["weakness", "attack pattern"] == 1211


@pytest.mark.parametrize(
    ("start", "query", "error", "words"),
    [
        ("CWE-521", {"turns": 3}, InvalidRequest, "turns: Allowed are 0 to 2."),
        ("CWE-521", {"versions": {"cwe": "1.0"}}, NotFound, "no release `1.0` of cwe is installed"),
        ("T10 59", {}, NotFound, "no installed knowledge base has an object `T10 59`"),
        ("CWE-521", {"hops": 11}, InvalidRequest, "hops: Allowed are 1 to 10."),
        ("G0007", {}, InvalidRequest, "`attack-enterprise/G0007` or `attack-mobile/G0007`"),
        ("CWE-99999", {}, NotFound, "no installed knowledge base has an object `CWE-99999`"),
        (
            "attack-mobile/T1404",
            {"versions": {"attack-mobile": "17.1"}},
            NotFound,
            "no release `17.1` of attack-mobile",
        ),
        ("T1086", {}, Hidden, "exists in release 18.1 but is revoked"),
    ],
)
def test_bad_input(
    asked_library: Library, start: str, query: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as raised:
        paths(asked_library, start, "T1110", **query)
    assert words in str(raised.value)


@lru_cache(maxsize=4)
def onward(widen: str) -> networkx.DiGraph[Node]:
    """The live objects with the declared relations, each onward."""
    whole, made = graph(), networkx.DiGraph()
    for relation in relations_of(HOSTED.all):
        if relation.declared.widens in ("none", widen):
            made.add_edges_from(_edges(whole, relation))
    return made


def _edges(whole: networkx.MultiDiGraph[Node], relation: Relation) -> Iterator[tuple[Node, Node]]:
    step = relation.declared.step
    family = step.mode if step.family == "link" else step.family
    for source, target, data in whole.edges(data=True):
        if data["family"] != family or not ("*" in step.relations or data["relation"] in step.relations):
            continue
        for near, far in ((source, target), (target, source)):
            if step.direction == ("in" if near == source else "out"):
                continue
            if _is_at(whole, near, relation.of) and _is_at(whole, far, relation.to) and near != far:
                yield near, far


def _is_at(whole: networkx.MultiDiGraph[Node], node: Node, place: Any) -> bool:
    data = whole.nodes[node]
    return node[0] == place.knowledge_base and data["live"] and data["kind"] in place.stop.kinds


@lru_cache(maxsize=4)
def states(turns: int, widen: str) -> networkx.DiGraph[Any]:
    """The objects, each in both directions and after so many turns. Whoever turns at once went the other way from the start, so
    that this needs no rule."""
    plain = onward(widen)
    turning = {
        (place.knowledge_base, kind)
        for relation in relations_of(HOSTED.all)
        for place in (relation.of, relation.to)
        if place.stop.turns
        for kind in place.stop.kinds
    }
    made: networkx.DiGraph[Any] = networkx.DiGraph()
    for one, other in plain.edges:
        for near, far, direction in ((one, other, True), (other, one, False)):
            for turn in range(turns + 1):
                made.add_edge((near, direction, turn), (far, direction, turn))
                if turn < turns and (near[0], graph().nodes[near]["kind"]) in turning:
                    made.add_edge((near, not direction, turn), (far, direction, turn + 1))
    return made


def shortest(start: Node, end: Node, turns: int, widen: str, hops: int = 6) -> set[Ids]:
    """All shortest paths as ids, by networkx over objects in a direction after some turns."""
    reached = states(turns, widen)
    found: dict[int, set[Ids]] = {}
    for direction in (True, False):
        for last in [(end, way, turn) for way in (True, False) for turn in range(turns + 1)]:
            first = (start, direction, 0)
            if first in reached and last in reached and networkx.has_path(reached, first, last):
                for path in networkx.all_shortest_paths(reached, first, last):
                    ids = tuple(state[0][1] for state in path)
                    if len(set(ids)) == len(ids) and len(ids) <= hops + 1:
                        found.setdefault(len(ids), set()).add(ids)
    return found[min(found)] if found else set()


def _sample(widen: str) -> list[tuple[Node, Node]]:
    """Pairs of objects, half of them with the second one that the first one leads to."""
    chance = random.Random(f"paths-{widen}")
    plain = onward(widen)
    kinds = ("Weakness", "Attack pattern", "Group", "Campaign", "Software", "Technique", "Mitigation")
    starts = sorted(node for node in plain if graph().nodes[node]["kind"] in kinds)
    pairs = []
    for start in chance.sample(starts, 14):
        led = sorted(networkx.descendants(plain, start))
        pairs.append((start, chance.choice(led or starts)))
        pairs.append((chance.choice(starts), start))
    return [(start, end) for start, end in pairs if start != end]


@pytest.mark.parametrize(("turns", "widen"), [(0, "none"), (0, "down"), (0, "up"), (1, "none")])
def test_paths_equal_those_of_networkx_back_as_forth(asked_library: Library, turns: int, widen: str) -> None:
    sample = _sample(widen) if turns == 0 else _sample(widen)[:8]
    reached = 0
    for start, end in sample:
        expected = shortest(start, end, turns, widen)
        if len(expected) > 1000:
            continue
        query = {"turns": turns, "widen": widen}
        forth = paths(asked_library, "/".join(start), "/".join(end), **query)
        back = paths(asked_library, "/".join(end), "/".join(start), **query)
        assert {tuple(one.id for one in path.objects) for path in forth.paths} == expected, (start, end)
        assert {tuple(one.id for one in path.objects)[::-1] for path in back.paths} == expected, (end, start)
        assert forth.counts.paths == back.counts.paths == len(expected)
        reached += bool(expected)
    assert reached >= len(sample) // 4


def test_the_chain_of_a_weakness(asked_library: Library) -> None:
    found = chain(asked_library, HOSTED.named("cwe"), "CWE-521", PathQuery(), PageRequest(1, 1000))
    by_stage = {(one.stage, one.by): one.objects for one in found.stages}
    assert by_stage["patterns", "weaknesses"] == 9
    assert by_stage["techniques", "patterns"] == 10
    assert by_stage["countermeasures", "artifacts"] == 38
    assert [(one.stage, len(one.values)) for one in found.told] == [("cves", 1)]
    only = chain(asked_library, HOSTED.named("cwe"), "CWE-521", PathQuery(), PageRequest(1, 3), "techniques")
    assert (only.page.total, len(only.page.items)) == (10, 3)


def test_a_chain_has_what_networkx_reaches_without_a_turn(asked_library: Library) -> None:
    plain = onward("none")
    for start, _ in _sample("none")[:20]:
        found = chain(asked_library, HOSTED.named(start[0]), start[1], PathQuery(), PageRequest(1, 100_000))
        expected = networkx.descendants(plain, start) | networkx.ancestors(plain, start)
        assert {(view.knowledge_base.slug, view.id) for view in found.page.items if view.knowledge_base} == expected


@pytest.mark.parametrize(
    ("start", "end", "by", "expected"),
    [
        ("weakness", "attack pattern", (), (1211, 1211, 336, 938, 449, 558)),
        ("attack pattern", "technique", (), (269, 269, 176, 558, 187, 691)),
        ("technique", "artifact", (), (489, 477, 324, 691, 187, 836)),
        ("mitigation", "D3FEND technique", (), (89, 89, 35, 44, 57, 248)),
        ("weakness", "artifact", (), (32, 32, 28, 938, 13, 836)),
        ("weakness", "technique", ("patterns",), (None, 565, 149, 938, 174, 691)),
        ("technique", "D3FEND technique", ("artifacts",), (None, 2985, 303, 691, 140, 248)),
        ("technique", "D3FEND technique", ("mitigations",), (None, 3404, 560, 691, 57, 248)),
        ("weakness", "D3FEND technique", ("artifacts",), (None, 235, 28, 938, 20, 248)),
    ],
)
def test_coverage(
    asked_library: Library, start: str, end: str, by: tuple[str, ...], expected: tuple[int | None, ...]
) -> None:
    [row] = [one for one in cover(asked_library, {}).rows if (one.start.kind, one.end.kind, one.by) == (start, end, by)]
    ends = (row.start.related, row.start.objects, row.end.related, row.end.objects)
    assert (row.links, row.pairs, *ends) == expected


def test_techniques_and_d3fend_name_each_other_by_other_links_too(asked_library: Library) -> None:
    """489 links lead from a technique to an artifact; one to a D3FEND technique that it may modify, and one leads back."""
    kinds = Counter(
        (whole.nodes[source]["kind"], whole.nodes[target]["kind"])
        for whole in (graph(),)
        for source, target, data in whole.edges(data=True)
        if data["family"] == "d3fend-knowledgebases" and whole.nodes[source]["live"] and whole.nodes[target]["live"]
    )
    techniques = ("Technique", "Sub-technique")
    d3fend = ("Mitigation", "Sub-mitigation")
    assert sum(kinds[one, "Artifact"] for one in techniques) == 489
    assert sum(kinds[one, other] for one in techniques for other in d3fend) == 1
    assert sum(kinds[other, one] for one in techniques for other in d3fend) == 1
    modified = asked(
        asked_library, "attack-enterprise", "T1562.009", "countermeasures", via=["artifact"], evidence=False
    )
    assert "D3-EHB" not in external_ids(modified)


def test_what_leads_nowhere(asked_library: Library) -> None:
    found = cover(asked_library, {})
    assert {(one.external_id, one.names) for one in found.nowhere} == {
        ("CAPEC-648", "T1513"),
        ("CAPEC-641", "T1574.002"),
        ("CWE-285", "CAPEC-5"),
    }
    [by_patterns] = [one for one in found.rows if one.by == ("patterns",)]
    assert by_patterns.paths == 614
    pinned = cover(asked_library, {"attack-enterprise": "17.1"})
    assert ("capec-attack", "17.1") in {(one.mode, one.other_version) for one in pinned.missing}
