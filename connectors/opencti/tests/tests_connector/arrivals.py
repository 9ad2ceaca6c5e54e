"""What must hold after an import: nothing failed, and the platform has what plain Python counts in the bundles."""

from collections import Counter

from tests.platform import worker
from tests.platform.connector_process import Connector, Ended
from tests.platform.opencti import OpenCti, Work
from tests.tests_connector.counted import COUNTED, Bundle

SHARED = ("Organization", "System")
"""Authors: knowledge bases share them, and they arrive once."""


def works_of(platform: OpenCti) -> list[Work]:
    return list(platform.works.values())


def runs_well(ended: Ended) -> None:
    assert ended.code == 0, ended.output[-3000:]


def arrives_well(platform: OpenCti, connector: Connector) -> worker.Delivery:
    """Import what is in the queue: nothing fails, nothing is repeated, every work is complete."""
    delivery = worker.import_all(platform, connector.id)
    assert [error for work in works_of(platform) for error in work.errors] == []
    assert platform.retries == 0
    assert platform.knowledge.incidents == []
    assert delivery.too_large == []
    for work in works_of(platform):
        assert work.is_complete, work
        assert work.multipart
    ids = [item["id"] for item in delivery.objects]
    authors = {item["id"] for item in delivery.objects if item["type"] == "identity"}
    assert [
        one for one, times in Counter(ids).items() if times > 1 and one not in authors
    ] == []
    return delivery


def assert_whole(platform: OpenCti, bundles: dict[str, Bundle], links: int = 0) -> None:
    """The platform has what plain Python counts in these bundles, and so many links between them."""
    counted: Counter[str] = Counter()
    for slug, bundle in bundles.items():
        counted += COUNTED[slug](bundle)
    found = Counter(platform.knowledge.counts())
    for shared in SHARED:
        assert found.pop(shared, 0) <= counted.pop(shared, 0)
    assert found - Counter({"related-to": links}) == counted


def assert_live(platform: OpenCti, slug: str, bundle: Bundle) -> None:
    """What is live on the platform is what is live in the release."""
    live = [item for item in bundle if not item.get("revoked")]
    counted = COUNTED[slug](
        [item for item in live if item.get("relationship_type") != "revoked-by"]
    )
    knowledge = platform.knowledge
    found = Counter(
        entity.entity_type
        for entity in knowledge.entities.values()
        if not entity.values.get("revoked")
    )
    dead = {
        entity.id
        for entity in knowledge.entities.values()
        if entity.values.get("revoked")
    }
    found.update(
        relation.entity_type
        for relation in knowledge.relationships.values()
        if not relation.values.get("revoked")
        and not dead & {relation.values["fromId"], relation.values["toId"]}
    )
    for name in ("Marking-Definition", "revoked-by"):
        del found[name]
    del counted["Kill-Chain-Phase"]
    assert found == counted
