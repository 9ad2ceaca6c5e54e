"""Every page is valid, has one address, and leads nowhere else silently."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable

import pytest

from ctibutler.knowledge_bases import ALL
from ctibutler.pages import addresses
from tests.catalogue import installed_labels, published
from tests.pages.conftest import read
from tests.pages.documents import Document, check
from tests.server.serving import Server

pytestmark = pytest.mark.real
# Pages that take longer, and have tests of their own.
OTHERS = r"/(matrix|changes|compare|graph|history|diff)\b"
ENTERPRISE = [("attack-enterprise", "17.1"), ("attack-enterprise", "18.1")]


def latest_releases() -> list[tuple[str, str]]:
    """The latest release of each other knowledge base."""
    return [(kb.slug, installed_labels("sqlite", kb.slug)[-1]) for kb in ALL if kb.slug != "attack-enterprise"]


def sample(slug: str, label: str, of_each_type: int) -> list[str]:
    """Ids of objects of a release: of each type a few, the same ones each time."""
    by_type = defaultdict(list)
    for stix in published(slug, label):
        if stix["type"] != "relationship":
            by_type[stix["type"]].append(stix["id"])
    chosen = random.Random(f"{slug} {label}")
    return [
        stix_id
        for stix_type in sorted(by_type)
        for stix_id in chosen.sample(sorted(set(by_type[stix_type])), min(of_each_type, len(set(by_type[stix_type]))))
    ]


def crawl(server: Server, slug: str, label: str, ids: Iterable[str], targets: int) -> None:
    """Check the pages of a release, and that a number of the links on them lead somewhere."""
    home = f"/{slug}/{label}/"
    queue = [home, f"{home}objects"]
    for stix_id in ids:
        found = read(server, home + stix_id)
        assert found.status_code in (200, 301), stix_id
        address = found.headers.get("location", home + stix_id)
        queue += [address, f"{address}/relations", f"{address}/stix"]
    seen, found_links = set[str](), set[str]()
    for address in queue:
        if address in seen:
            continue
        seen.add(address)
        answer = read(server, address)
        assert answer.status_code == 200, address
        document = Document(answer.text)
        check(document, address, slug, label)
        found_links |= {link.href.partition("#")[0] for link in document.links if not link.is_external}
    rest = sorted(href for href in found_links - seen - {""} if not re.search(OTHERS, href))
    for href in random.Random(slug).sample(rest, min(targets, len(rest))):
        # Only what leads to a request of the API is a step away from it.
        leads_on = href.startswith(f"{addresses.API}/request?")
        answer = server.client.get(href, headers={"accept": "text/html"}, follow_redirects=leads_on)
        assert answer.status_code == 200, (slug, href)


def test_pages_at_the_root(everything: Server) -> None:
    for path in (
        "/",
        "/search",
        "/search?text=cozy",
        "/search?text=cozy%20bear%20emu%20nothing",
        "/search?dead=true&text=bash",
    ):
        answer = read(everything, path)
        assert answer.status_code == 200
        check(Document(answer.text), path)
        for link in Document(answer.text).links:
            if not link.is_external and not link.href.startswith("#"):
                found = everything.client.get(link.href, headers={"accept": "text/html"}, follow_redirects=True)
                assert found.status_code == 200, (path, link)


@pytest.mark.parametrize(("slug", "label"), [pytest.param(*it, id="@".join(it)) for it in latest_releases()])
def test_each_kind_of_each_knowledge_base(everything: Server, slug: str, label: str) -> None:
    crawl(everything, slug, label, sample(slug, label, 2), 15)


@pytest.mark.parametrize(("slug", "label"), [pytest.param(*it, id="@".join(it)) for it in ENTERPRISE])
def test_enterprise(everything: Server, slug: str, label: str) -> None:
    crawl(everything, slug, label, sample(slug, label, 1), 15)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slug", "label"), [pytest.param(*it, id="@".join(it)) for it in ENTERPRISE + latest_releases()]
)
def test_many_of_each_kind(everything: Server, slug: str, label: str) -> None:
    crawl(everything, slug, label, sample(slug, label, 60), 3000)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/attack-enterprise/17.1/T1059.013", 404),
        ("/attack-enterprise/18.1/T1086", 200),
        ("/attack-enterprise/18.1/T1105", 200),
        ("/attack-enterprise/18.1/T1105/relations?page=3", 200),
        ("/attack-enterprise/9.9/T1059", 404),
        ("/attack-enterprise/18.1/T9999", 404),
        ("/emu", 404),
        ("/attack-enterprise/18.1/objects?name=shell&include_revoked=false", 200),
    ],
)
def test_states(everything: Server, path: str, status: int) -> None:
    answer = read(everything, path)
    assert answer.status_code == status
    document = Document(answer.text)
    assert len(document.ids) == len(set(document.ids))
    assert document.canonical.startswith("/")


def test_the_number_of_a_revoked_technique_shows_the_technique(everything: Server) -> None:
    document = Document(read(everything, "/attack-enterprise/18.1/T1086").text)
    earliest = installed_labels("sqlite", "attack-enterprise")[0]
    assert f"Revoked in {earliest} or earlier, replaced by" in document.words
    assert "/attack-enterprise/18.1/T1059.001" in {link.href for link in document.links}
    assert "PowerShell Mitigation" in document.words


def test_a_list_of_thousands_is_cut_and_says_so(everything: Server) -> None:
    [collection] = [stix for stix in published("attack-enterprise", "18.1") if stix["type"] == "x-mitre-collection"]
    answer = read(everything, f"/attack-enterprise/18.1/{collection['id']}")
    assert len(answer.content) < 200_000
    assert f"{len(collection['x_mitre_contents']) - 100:,} more are in the STIX" in answer.text
