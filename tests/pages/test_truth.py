"""What pages say equals what plain Python counts in the bundles, and their other forms are the API's."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from tests.catalogue import published
from tests.pages.conftest import read
from tests.pages.documents import Document
from tests.pages.test_crawl import latest_releases, sample
from tests.server.serving import Server

pytestmark = pytest.mark.real
SOFTWARE = ("malware", "tool")


class Bundle:
    """A release, counted without any code of ours."""

    def __init__(self, slug: str, label: str) -> None:
        self.objects = published(slug, label)
        self.by_id = {stix["id"]: stix for stix in self.objects}
        self.relations = [stix for stix in self.objects if stix["type"] == "relationship" and self._is_live(stix)]

    def _is_live(self, stix: dict[str, Any]) -> bool:
        return not stix.get("revoked") and not stix.get("x_mitre_deprecated")

    def live(self, *types: str) -> list[dict[str, Any]]:
        """The live objects of these types."""
        return [stix for stix in self.objects if stix["type"] in types and self._is_live(stix)]

    def to(self, stix_id: str, word: str, *types: str) -> set[str]:
        """What has a relationship of this type to an object, of these types."""
        ends = {
            it["source_ref"] for it in self.relations if (it["target_ref"], it["relationship_type"]) == (stix_id, word)
        }
        return self._live_of(ends, types)

    def from_(self, stix_id: str, word: str, *types: str) -> set[str]:
        """What an object has a relationship of this type to, of these types."""
        ends = {
            it["target_ref"] for it in self.relations if (it["source_ref"], it["relationship_type"]) == (stix_id, word)
        }
        return self._live_of(ends, types)

    def users_of(self, stix_id: str) -> set[str]:
        """What uses a technique; groups also if they are what a campaign that does is attributed to."""
        direct = self.to(stix_id, "uses", "intrusion-set", "campaign", *SOFTWARE)
        campaigns = [user for user in direct if self.by_id[user]["type"] == "campaign"]
        return direct.union(*(self.from_(campaign, "attributed-to", "intrusion-set") for campaign in campaigns))

    def used_by(self, stix_id: str, *types: str) -> set[str]:
        """What an object uses, itself or in the campaigns that are attributed to it."""
        users = {stix_id, *self.to(stix_id, "attributed-to", "campaign")}
        return set().union(*(self.from_(user, "uses", *types) for user in users))

    def _live_of(self, ends: Iterable[str], types: tuple[str, ...]) -> set[str]:
        return {
            end
            for end in ends
            if end in self.by_id and self.by_id[end]["type"] in types and self._is_live(self.by_id[end])
        }


def external_id(stix: dict[str, Any]) -> str:
    """The id that people use."""
    return str(stix["external_references"][0]["external_id"])


@pytest.mark.parametrize(("slug", "label"), [("attack-ics", "18.1"), ("attack-enterprise", "17.1")])
def test_sections_of_techniques_and_groups(everything: Server, slug: str, label: str) -> None:
    bundle = Bundle(slug, label)
    techniques = sorted(bundle.live("attack-pattern"), key=external_id)
    chosen = techniques if slug == "attack-ics" else techniques[::40]
    assert len(chosen) > 10
    for stix in chosen:
        counted = Document(read(everything, f"/{slug}/{label}/{external_id(stix)}").text).counted
        stix_id = stix["id"]
        expected = {
            "Sub-techniques": len(bundle.to(stix_id, "subtechnique-of", "attack-pattern")),
            "Used by": len(bundle.users_of(stix_id)),
            "Mitigations": len(bundle.to(stix_id, "mitigates", "course-of-action")),
            "Targeted assets": len(bundle.from_(stix_id, "targets", "x-mitre-asset")),
            "Tactics": len(stix["kill_chain_phases"]),
        }
        for section, number in expected.items():
            assert counted.get(section, 0) == number, (external_id(stix), section)
    for stix in bundle.live("intrusion-set", "campaign", *SOFTWARE)[:25]:
        counted = Document(read(everything, f"/{slug}/{label}/{external_id(stix)}").text).counted
        assert counted.get("Techniques", 0) == len(bundle.used_by(stix["id"], "attack-pattern")), stix["name"]
        assert counted.get("Software", 0) == len(bundle.used_by(stix["id"], *SOFTWARE)), stix["name"]


def test_the_numbers_that_the_pictures_show(everything: Server) -> None:
    document = Document(read(everything, "/attack-enterprise/18.1/T1059").text)
    assert {**document.counted, "Sub-techniques": 13, "Used by": 43, "Mitigations": 9} == document.counted
    assert "17 groups, 4 campaigns, 22 software" in document.words


@pytest.mark.parametrize(("slug", "label"), [pytest.param(*it, id="@".join(it)) for it in latest_releases()])
def test_other_forms_are_those_of_the_api(everything: Server, slug: str, label: str) -> None:
    for stix_id in sample(slug, label, 1):
        address = read(everything, f"/{slug}/{label}/{stix_id}").headers.get("location", f"/{slug}/{label}/{stix_id}")
        api = f"/api/v1/{slug}/objects/{stix_id}"
        query = f"?version={label}&include_revoked=true&include_deprecated=true"
        for page, route in (
            (f"{address}.json", f"{api}/{query}"),
            (f"{address}.stix.json", f"{api}/bundle/{query}&format=stix"),
            (f"{address}/relations.json", f"{api}/relationships/{query}&page_size=100"),
        ):
            shown, told = everything.get(page), everything.get(route)
            assert (shown.status_code, shown.content) == (200, told.content), page
            assert shown.headers["content-type"] == told.headers["content-type"]
            assert shown.headers["access-control-allow-origin"] == "*"
        rows = list(csv.reader(io.StringIO(everything.get(f"{address}/relations.csv").text)))
        total = everything.get(f"{api}/relationships/{query}&page_size=1").json()["total_results_count"]
        assert len(rows) == total + 1
        shown_total = Document(read(everything, f"{address}/relations").text)
        assert f"All relations {total:,}" in shown_total.words
        text = everything.get(f"{address}.md").text
        assert text.startswith("# ")
        assert f"{label}, `{address}`" in text


@pytest.mark.parametrize(("slug", "label"), [pytest.param(*it, id="@".join(it)) for it in latest_releases()])
def test_no_word_of_a_description_is_lost(everything: Server, slug: str, label: str) -> None:
    by_id = {stix["id"]: stix for stix in published(slug, label)}
    for stix_id in sample(slug, label, 4):
        description = by_id[stix_id].get("description")
        if not description or len([1 for it in published(slug, label) if it["id"] == stix_id]) > 1:
            continue
        answer = everything.client.get(
            f"/{slug}/{label}/{stix_id}", headers={"accept": "text/html"}, follow_redirects=True
        )
        shown = Counter(re.findall(r"\w+", Document(answer.text).words.replace("_", " ")))
        assert Counter(re.findall(r"\w+", plain(description))) - shown == Counter(), stix_id


def plain(text: str) -> str:
    """A description without what is markup and not words: citations, tags that publishers use, targets of links."""
    text = re.sub(r"\(Citation:[^()]*(\([^()]*\)[^()]*)*\)", " ", text)
    text = re.sub(
        r"</?(xhtml:)?(p|ul|li|ol|div|br|code|b|i|em|strong|pre|sup|sub|a|table|tbody|tr|td|th|span)\b[^<>]*>",
        " ",
        text,
    )
    text = re.sub(r"\]\([^()]*(\([^()]*\)[^()]*)*\)|\]\[[^\[\]]+\]", "", text)
    text = re.sub(r"(?m)^\[[^\]]+\]: .*$", " ", text)
    return re.sub(r"&#?\w+;", " ", text).replace("_", " ")


def test_lists_count_what_is_there(everything: Server) -> None:
    bundle = Bundle("attack-ics", "18.1")
    for types, query in ((("attack-pattern",), "attack_type=Technique"), (("intrusion-set",), "attack_type=Group")):
        path = f"/attack-ics/18.1/objects?{query}"
        document = Document(read(everything, path).text)
        subs = {it["source_ref"] for it in bundle.relations if it["relationship_type"] == "subtechnique-of"}
        live = [stix for stix in bundle.live(*types) if stix["id"] not in subs]
        assert re.match(r"Objects (\d+)", document.words)
        assert int(re.match(r"Objects (\d+)", document.words)[1]) == len(live)  # type: ignore[index]
