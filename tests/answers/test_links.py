"""Links between knowledge bases, compared with plain Python over the publishers' files."""

from __future__ import annotations

import json

import pytest

from ctibutler.answers.exports import release_objects
from ctibutler.answers.library import Library
from ctibutler.answers.releases import about
from ctibutler.catalog import link_sets, releases
from ctibutler.errors import NotFound
from ctibutler.forms.stix_bundle import release_as_bundle
from ctibutler.importing.links import LinkRequest, make_links
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.links import CAPEC_ATTACK
from ctibutler.stix.times import microseconds
from tests.answers import plain
from tests.answers.walking import related
from tests.catalogue import Catalogues, install, link
from tests.shared import read_shared

pytestmark = pytest.mark.real

ATTACK, CAPEC, CWE, D3FEND = "18.1", "3.9", "4.14", "1.2.0"


def expected(mode: str) -> list[plain.Stix]:
    if mode == "capec-attack":
        return plain.capec_attack(CAPEC, ATTACK)
    if mode == "cwe-capec":
        return plain.cwe_capec(CWE, CAPEC)
    name = "kb/d3fend2stix-manual-output/d3fend-v1_2_0-external-relationships.json.zst"
    return plain.d3fend_links(D3FEND, ATTACK, CWE, json.loads(read_shared(name)))


OWNERS = {"capec-attack": "capec", "cwe-capec": "cwe", "d3fend-knowledgebases": "d3fend"}
ENDS = {"attack-pattern", "course-of-action", "weakness"}


def derived(library: Library, slug: str, release: str | None = None) -> dict[str, plain.Stix]:
    """The derived relationships that an export adds to a release, by id."""
    bundle = release_objects(library, HOSTED.named(slug), release, include_derived=True)
    objects = json.loads(b"".join(release_as_bundle(bundle)))["objects"]
    return {stix["id"]: stix for stix in objects if stix["type"] == "relationship"}


@pytest.mark.parametrize("mode", OWNERS)
def test_links_are_those_found_by_plain_python(filled_library: Library, mode: str) -> None:
    links = expected(mode)
    counts = {"cwe-capec": 1211, "d3fend-knowledgebases": 612}
    assert len(links) == counts.get(mode, len(links))
    slug = OWNERS[mode]
    there = derived(filled_library, slug)
    for sro in links:
        assert plain.same(there[sro["id"]]) == plain.same(sro)
        for embedded in plain.link_embedded(sro):
            assert plain.same(there[embedded["id"]]) == plain.same(embedded)
    counted = about(filled_library, HOSTED.named(slug), "latest").derived_relationships
    assert counted[mode] == len(links)


@pytest.mark.parametrize("mode", OWNERS)
def test_a_link_is_shown_at_both_of_its_ends(filled_library: Library, mode: str) -> None:
    links = expected(mode)
    homes = {"capec-attack": ("capec", "attack-enterprise"), "cwe-capec": ("cwe", "capec")}
    for sro in links[:: len(links) // 15]:
        pairs = list(zip(homes.get(mode, ()), (sro["source_ref"], sro["target_ref"]), strict=bool(mode in homes)))
        if mode not in homes:
            own = {stix["id"] for stix in plain.contents("d3fend", D3FEND)}
            weaknesses = {stix["id"] for stix in plain.contents("cwe", CWE)}
            pairs = [
                ("d3fend" if end in own else "cwe" if end in weaknesses else "attack-enterprise", end)
                for end in (sro["source_ref"], sro["target_ref"])
            ]
        for slug, end in pairs:
            found = [one for one in related(filled_library, slug, end, note=mode) if one["id"] == sro["id"]]
            assert [plain.same(one) for one in found] == [plain.same(sro)], (slug, end)


def test_a_bundle_follows_links_into_the_other_knowledge_base(filled_library: Library) -> None:
    from ctibutler.answers.bundles import BundleQuery, object_bundle
    from ctibutler.answers.naming import ObjectRequest
    from tests.answers.walking import ALL, decoded

    answered = decoded(
        object_bundle(filled_library, HOSTED.named("capec"), ObjectRequest("CAPEC-112"), BundleQuery(page=ALL))
    )
    by_id = {stix["id"]: stix for stix in answered}
    me = answered[0]["id"]
    mine = [
        sro
        for mode in ("capec-attack", "cwe-capec")
        for sro in expected(mode)
        if me in (sro["source_ref"], sro["target_ref"])
    ]
    assert {sro["relationship_type"] for sro in mine} == {"related-to"}
    brute_force = plain.named("attack-enterprise", ATTACK, "T1110")
    assert brute_force is not None
    assert plain.same(by_id[brute_force["id"]]) == plain.same(brute_force)
    for sro in mine:
        assert sro["id"] in by_id
        assert sro["source_ref"] in by_id
        assert sro["target_ref"] in by_id
    with_links = expected("capec-attack")[0]
    assert with_links["description"].startswith(("CAPEC-",))


def test_older_releases_have_only_links_made_for_them(filled_library: Library) -> None:
    assert related(filled_library, "capec", "CAPEC-112", "3.8", note="capec-attack") == []
    assert related(filled_library, "attack-enterprise", "T1110", "17.1", note="capec-attack") == []
    assert len(related(filled_library, "attack-enterprise", "T1110", ATTACK, note="capec-attack")) > 0


def test_links_of_an_older_pair_are_kept_and_those_of_the_newest_pair_are_shown(catalogues: Catalogues) -> None:
    database = catalogues.with_releases("capec@3.8", "cwe@4.14")
    library = Library(database, HOSTED)
    link(database, "cwe-capec")
    older = derived_links(library, None)
    assert len(older) == len(plain.cwe_capec("4.14", "3.8"))
    install(database, "capec@3.9")
    assert derived_links(library, None) == older
    link(database, "cwe-capec")
    newer = derived_links(library, None)
    assert newer == sorted(sro["id"] for sro in plain.cwe_capec("4.14", "3.9"))
    # Each release of CAPEC still shows its own links.
    old, new = (related(library, "capec", "CAPEC-112", release, note="cwe-capec") for release in ("3.8", "3.9"))
    of_pair = {
        release: sorted(
            sro["id"]
            for sro in plain.cwe_capec("4.14", release)
            if sro["target_ref"] == plain.named("capec", release, "CAPEC-112")["id"]  # type: ignore[index]
        )
        for release in ("3.8", "3.9")
    }
    assert sorted(sro["id"] for sro in old) == of_pair["3.8"]
    assert sorted(sro["id"] for sro in new) == of_pair["3.9"]
    # The weakness has links to both releases. It shows each one once, with its newest target.
    weakness = related(library, "cwe", "CWE-521", note="cwe-capec")
    ids = [sro["id"] for sro in weakness]
    assert len(set(ids)) == len(ids)


def derived_links(library: Library, release: str | None) -> list[str]:
    there = derived(library, "cwe", release)
    return sorted(stix_id for stix_id, sro in there.items() if " is exploited using " in sro.get("description", ""))


def test_links_made_again_replace_the_earlier_ones(catalogues: Catalogues) -> None:
    catalogues.on_one_engine()
    database = catalogues.with_releases("capec@3.9", "cwe@4.14")
    assert link(database, "cwe-capec") == {"cwe-capec": 1211}
    library = Library(database, HOSTED)
    first = derived(library, "cwe")
    assert link(database, "cwe-capec") == {"cwe-capec": 1211}
    assert derived(library, "cwe") == first


def test_links_without_embedded_relationships_and_of_newer_sources_only(catalogues: Catalogues) -> None:
    catalogues.on_one_engine()
    database = catalogues.with_releases("capec@3.9", "attack-ics@18.1", "attack-enterprise@17.1")
    library = Library(database, HOSTED)
    every = plain.capec_attack("3.9", "17.1")
    made = make_links(database, HOSTED, LinkRequest(CAPEC_ATTACK, ignore_embedded=True))
    assert made == len(every)
    embedded = {sro["id"] for one in every for sro in plain.link_embedded(one)}
    assert not embedded & derived(library, "capec").keys()
    moment = "2021-06-24T00:00:00.000Z"
    limit = microseconds(moment)
    for name in ("modified", "created"):
        request = LinkRequest(
            CAPEC_ATTACK,
            ignore_embedded=True,
            modified_min=limit if name == "modified" else None,
            created_min=limit if name == "created" else None,
        )
        wanted = {sro["id"] for sro in every if plain.instant(sro, name) >= limit}
        assert make_links(database, HOSTED, request) == len(wanted)
        there = derived(library, "capec")
        assert {sro["id"] for sro in every} & there.keys() == wanted


def test_links_lead_to_the_release_that_was_asked_for(catalogues: Catalogues) -> None:
    database = catalogues.with_releases("capec@3.9", "attack-enterprise@17.1", "attack-enterprise@18.1")
    assert make_links(database, HOSTED, LinkRequest(CAPEC_ATTACK, to_version="17.1")) == len(
        plain.capec_attack("3.9", "17.1")
    )
    with database.read() as connection:
        [capec] = releases.installed(connection, "capec")
        newer, older = releases.installed(connection, "attack-enterprise")
        made = [link_sets.made_at(connection, "capec-attack", capec.key, one.key) for one in (newer, older)]
    assert made[0] is None
    assert made[1] is not None
    with pytest.raises(NotFound, match=r"capec-attack needs attack-enterprise 16\.0, which is not installed"):
        make_links(database, HOSTED, LinkRequest(CAPEC_ATTACK, to_version="16.0"))
