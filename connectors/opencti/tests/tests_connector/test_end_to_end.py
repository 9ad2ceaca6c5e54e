"""The connector as its own process, between a ctibutler server, RabbitMQ and a stand-in of OpenCTI.

What it sends is taken from the queue and imported by pycti's own code, as a worker does. Nothing may fail, nothing may
be tried again, and what arrives is counted against the publishers' bundles.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.platform import kb, worker
from tests.platform.connector_process import Connector
from tests.platform.ctibutler_server import ENTERPRISE, RELEASES, CtiButlerServer
from tests.platform.faulty_proxy import FaultyProxy
from tests.platform.opencti import OpenCti
from tests.tests_connector.arrivals import (
    arrives_well,
    assert_live,
    assert_whole,
    runs_well,
    works_of,
)

pytestmark = [pytest.mark.real, pytest.mark.server]


@pytest.fixture
def server(ctibutler: CtiButlerServer) -> Iterator[FaultyProxy]:
    """The server, seen through a proxy that counts."""
    proxy = FaultyProxy(ctibutler.url)
    yield proxy
    proxy.stop()


Start = Callable[..., Connector]


@pytest.fixture
def start(platform: OpenCti, server: FaultyProxy) -> Start:
    """`start("cwe,capec", versions="capec=3.8")`: a connector, not running yet."""

    def begin(knowledge_bases: str, **settings: str) -> Connector:
        more = {f"CTIBUTLER_{name.upper()}": value for name, value in settings.items()}
        return Connector(
            platform, server.url, {"CTIBUTLER_KNOWLEDGEBASES": knowledge_bases, **more}
        )

    return begin


SMALL = ("attack-ics", "disarm", "atlas", "mitre-f3", "location", "sector", "d3fend")


def test_the_small_knowledge_bases_arrive_complete_in_one_run(
    platform: OpenCti, server: FaultyProxy, start: Start
) -> None:
    connector = start(", ".join((*SMALL, "tlp")))
    runs_well(connector.run())
    assert len(server.asked()) == 3 * len(SMALL)
    arrives_well(platform, connector)
    assert [work.name.split(" (")[0] for work in works_of(platform)] == [
        f"CTI Butler: {slug} – → {RELEASES[slug][-1]}" for slug in SMALL
    ]
    assert_whole(
        platform, {slug: kb.objects(slug, RELEASES[slug][-1]) for slug in SMALL}
    )

    # Nothing is new: two requests each, no work, no message.
    runs_well(connector.run())
    assert len(server.asked()) == 2 * len(SMALL)
    assert len(works_of(platform)) == len(SMALL)
    assert worker.take(platform, connector.id).objects == []


@pytest.mark.slow
def test_enterprise_attack_arrives_complete_and_changes(
    ctibutler: CtiButlerServer, platform: OpenCti, server: FaultyProxy, start: Start
) -> None:
    ctibutler.install(ENTERPRISE)
    connector = start("attack-enterprise")
    runs_well(connector.run(CTIBUTLER_VERSIONS="attack-enterprise=17.1"))
    assert len(server.asked()) == 3
    arrives_well(platform, connector)
    assert_whole(
        platform, {"attack-enterprise": kb.objects("attack-enterprise", "17.1")}
    )
    ended = connector.run(CTIBUTLER_VERSIONS="attack-enterprise=18.1")
    runs_well(ended)
    assert len(server.asked()) == 4
    assert ended.peak_memory < 1_000_000_000
    assert len(arrives_well(platform, connector).objects) <= 7_100
    assert_live(platform, "attack-enterprise", kb.objects("attack-enterprise", "18.1"))


@pytest.mark.parametrize(
    ("slug", "releases", "most"),
    [
        ("attack-ics", ("17.1", "18.0", "18.1"), (625, 25)),
        pytest.param("capec", ("3.8", "3.9"), (120,), marks=pytest.mark.slow),
        ("disarm", ("1.5", "1.6"), (220,)),
        ("atlas", ("4.9.0", "5.6.0"), (550,)),
    ],
)
def test_a_new_release_sends_what_changed(
    platform: OpenCti,
    server: FaultyProxy,
    start: Start,
    slug: str,
    releases: tuple[str, ...],
    most: tuple[int, ...],
) -> None:
    connector = start(slug)
    runs_well(connector.run(CTIBUTLER_VERSIONS=f"{slug}={releases[0]}"))
    arrives_well(platform, connector)
    server.asked()
    for before, after, limit in zip(releases[:-1], releases[1:], most, strict=True):
        runs_well(connector.run(CTIBUTLER_VERSIONS=f"{slug}={after}"))
        assert len(server.asked()) == 4
        sent = len(arrives_well(platform, connector).objects)
        assert sent <= limit
        assert (
            works_of(platform)[-1].name
            == f"CTI Butler: {slug} {before} → {after} ({sent} objects)"
        )
    assert_live(platform, slug, kb.objects(slug, releases[-1]))


def test_removed_objects_are_deleted_if_the_settings_say_so(
    platform: OpenCti, start: Start
) -> None:
    connector = start("disarm", removed="delete")
    runs_well(connector.run(CTIBUTLER_VERSIONS="disarm=1.6"))
    arrives_well(platform, connector)
    runs_well(connector.run(CTIBUTLER_VERSIONS="disarm=1.5"))
    arrives_well(platform, connector)
    assert platform.knowledge.writes["delete"] > 0
    assert_whole(platform, {"disarm": kb.objects("disarm", "1.5")})


@pytest.mark.slow
def test_knowledge_bases_are_linked_with_each_other(
    platform: OpenCti, server: FaultyProxy, start: Start
) -> None:
    connector = start("cwe,capec")
    runs_well(connector.run())
    asked = server.asked()
    assert len(asked) == 6
    arrives_well(platform, connector)
    bundles = {
        slug: kb.objects(slug, version)
        for slug, version in (("capec", "3.9"), ("cwe", "4.14"))
    }
    assert_whole(platform, bundles, links=1211)
    linked = [
        relation
        for relation in platform.knowledge.relationships.values()
        if platform.knowledge.entities[relation.values["fromId"]].entity_type
        == "Vulnerability"
        and platform.knowledge.entities[relation.values["toId"]].entity_type
        == "Attack-Pattern"
    ]
    assert len(linked) == 1211

    runs_well(connector.run())
    assert len(server.asked()) == 4
    assert worker.take(platform, connector.id).objects == []


@pytest.mark.slow
def test_new_links_alone_are_sent_alone(
    platform: OpenCti, server: FaultyProxy, start: Start
) -> None:
    connector = start("cwe")
    runs_well(connector.run())
    worker.take(platform, connector.id)
    server.asked()
    runs_well(connector.run(CTIBUTLER_KNOWLEDGEBASES="cwe,capec"))
    assert len(server.asked()) == 6
    sent = [
        item
        for item in worker.take(platform, connector.id).objects
        if item.get("source_ref", "").startswith("vuln")
    ]
    assert {item["relationship_type"] for item in sent} == {"related-to"}
    assert works_of(platform)[-1].name == "CTI Butler: cwe 4.14 → 4.14 (1212 objects)"


def test_f3_does_not_rename_what_it_borrows(
    platform: OpenCti, server: FaultyProxy, start: Start
) -> None:
    connector = start("attack-mobile,mitre-f3")
    runs_well(connector.run())
    assert len(server.asked()) == 6
    arrives_well(platform, connector)
    by_number = {
        entity.values.get("x_mitre_id"): entity
        for entity in platform.knowledge.of_type("Attack-Pattern")
    }
    for item in kb.objects("attack-mobile", "18.1"):
        if (
            item["type"] == "attack-pattern"
            and not item.get("revoked")
            and not item.get("x_mitre_deprecated")
        ):
            entity = by_number[item["external_references"][0]["external_id"]]
            assert entity.values["name"] == item["name"]
            assert entity.values["description"] == item["description"]
    chains = {
        name.split("--")[1] for name in by_number["T1453"].values["killChainPhases"]
    }
    assert chains == {"mitre-mobile-attack", "mitre-f3"}


def test_the_platform_may_take_bundles_over_http(
    platform: OpenCti, start: Start
) -> None:
    connector = start("sector")
    runs_well(connector.run(CONNECTOR_QUEUE_PROTOCOL="api"))
    assert len(platform.pushed) == 1
    assert worker.take(platform, connector.id).objects == []


def test_bundles_may_be_written_to_a_folder(
    platform: OpenCti, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bundles")
    connector = start("sector")
    runs_well(
        connector.run(
            CONNECTOR_SEND_TO_DIRECTORY="true",
            CONNECTOR_SEND_TO_DIRECTORY_PATH=str(folder),
        )
    )
    assert len(list(folder.glob("*.json"))) == 1
    arrives_well(platform, connector)
