"""The connector end to end with nothing but what these tests bring along: excerpts of two releases of ATT&CK."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.platform import excerpt, worker
from tests.platform.broker import NoBroker
from tests.platform.connector_process import Connector
from tests.platform.ctibutler_server import CtiButlerServer
from tests.platform.knowledge import Entity
from tests.platform.older_api import OlderApi
from tests.platform.opencti import OpenCti
from tests.tests_connector.arrivals import (
    arrives_well,
    assert_live,
    assert_whole,
    runs_well,
    works_of,
)

OLD, NEW = excerpt.RELEASES[excerpt.SLUG]
SETTINGS = {"CTIBUTLER_KNOWLEDGEBASES": excerpt.SLUG}


def pinned(version: str) -> dict[str, str]:
    return {"CTIBUTLER_VERSIONS": f"{excerpt.SLUG}={version}"}


def named(platform: OpenCti) -> dict[str, Entity]:
    return {
        str(entity.values["name"]): entity
        for entity in platform.knowledge.entities.values()
    }


def relationships(platform: OpenCti) -> set[tuple[str, str, str]]:
    """Source, type and target of each relationship, by name."""
    names = {
        entity.id: str(entity.values["name"])
        for entity in platform.knowledge.entities.values()
    }
    return {
        (names[one.values["fromId"]], one.entity_type, names[one.values["toId"]])
        for one in platform.knowledge.relationships.values()
    }


def assert_excerpt_of_17_1(platform: OpenCti) -> None:
    """Each kind of object arrives as what the documentation says."""
    assert_whole(platform, {excerpt.SLUG: excerpt.objects(excerpt.SLUG, OLD)})
    entities = named(platform)
    kinds = {
        "Orangeworm": "Intrusion-Set",
        "Kwampirs": "Malware",
        "Net": "Tool",
        "Network Intrusion Prevention": "Course-Of-Action",
        "SMB/Windows Admin Shares": "Attack-Pattern",
        "Logon Session": "Data-Source",
        "Logon Session Creation": "Data-Component",
        "The MITRE Corporation": "Organization",
    }
    assert {name: entities[name].entity_type for name in kinds} == kinds
    assert entities["SMB/Windows Admin Shares"].values["x_mitre_id"] == "T1021.002"
    assert entities["Standard Cryptographic Protocol"].values["revoked"]
    assert not entities["Encrypted Channel"].values.get("revoked")
    assert {
        ("Orangeworm", "uses", "Kwampirs"),
        ("Kwampirs", "uses", "SMB/Windows Admin Shares"),
        ("SMB/Windows Admin Shares", "subtechnique-of", "Remote Services"),
        ("Network Intrusion Prevention", "mitigates", "Web Protocols"),
        ("Logon Session Creation", "detects", "SMB/Windows Admin Shares"),
        ("Standard Cryptographic Protocol", "revoked-by", "Encrypted Channel"),
    } <= relationships(platform)
    # The places of the two tactics among the 14 of the matrix, from 0.
    assert platform.knowledge.phases("mitre-attack") == {
        "lateral-movement": 9,
        "command-and-control": 11,
    }


@pytest.mark.server
def test_an_excerpt_arrives_complete_and_changes(
    platform: OpenCti, excerpts: CtiButlerServer
) -> None:
    connector = Connector(platform, excerpts.url, SETTINGS)
    runs_well(connector.run(**pinned(OLD)))
    arrives_well(platform, connector)
    assert_excerpt_of_17_1(platform)

    runs_well(connector.run())
    delivery = arrives_well(platform, connector)
    assert_live(platform, excerpt.SLUG, excerpt.objects(excerpt.SLUG, NEW))
    # ATT&CK 18 gave up data sources; a detection strategy says now what detects a technique.
    assert named(platform)["Logon Session"].values["revoked"]
    assert (
        "Logon Session Creation",
        "detects",
        "SMB/Windows Admin Shares",
    ) in relationships(platform)
    assert len(delivery.objects) < 30

    runs_well(connector.run())
    assert worker.take(platform, connector.id).objects == []
    assert [work.name.split(" (")[0] for work in works_of(platform)] == [
        f"CTI Butler: {excerpt.SLUG} – → {OLD}",
        f"CTI Butler: {excerpt.SLUG} {OLD} → {NEW}",
    ]


@pytest.fixture
def bare_platform() -> Iterator[OpenCti]:
    """A platform without RabbitMQ."""
    found = OpenCti(NoBroker())
    yield found
    found.stop()


@pytest.fixture
def bare_server() -> Iterator[Any]:
    """A server of the older kind, with the excerpt of 17.1."""
    found = OlderApi({excerpt.SLUG: [OLD]}, objects=excerpt.objects)
    yield found
    found.stop()


def test_an_excerpt_arrives_complete_without_rabbitmq_and_ctibutler(
    bare_platform: OpenCti, bare_server: OlderApi
) -> None:
    connector = Connector(
        bare_platform, bare_server.url, {**SETTINGS, "CONNECTOR_QUEUE_PROTOCOL": "api"}
    )
    runs_well(connector.run())
    worker.import_pushed(bare_platform)
    (work,) = works_of(bare_platform)
    assert (work.errors, work.in_error, len(work.processed)) == ([], False, 1)
    assert (
        bare_platform.invalid,
        bare_platform.retries,
        bare_platform.knowledge.incidents,
    ) == ([], 0, [])
    assert_excerpt_of_17_1(bare_platform)
