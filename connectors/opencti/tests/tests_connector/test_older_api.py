"""The connector against a server of the older kind, such as the hosted API: pages of 50 and no whole releases."""

from collections.abc import Iterator

import pytest

from tests.platform import kb, worker
from tests.platform.connector_process import Connector
from tests.platform.older_api import OlderApi
from tests.platform.opencti import OpenCti
from tests.tests_connector.counted import COUNTED

pytestmark = [pytest.mark.real, pytest.mark.server]

KEY = "a-key-of-the-hosted-api"


@pytest.fixture
def older() -> Iterator[OlderApi]:
    server = OlderApi({"disarm": ["1.6", "1.5"], "sector": ["1.0"]}, key=KEY)
    yield server
    server.stop()


def connector(platform: OpenCti, server: OlderApi, knowledge_bases: str) -> Connector:
    return Connector(
        platform,
        server.url,
        {"CTIBUTLER_KNOWLEDGEBASES": knowledge_bases, "CTIBUTLER_API_KEY": KEY},
    )


def test_a_release_comes_page_by_page_once_and_then_as_a_change(
    platform: OpenCti, older: OlderApi
) -> None:
    running = connector(platform, older, "disarm")
    assert running.run(CTIBUTLER_VERSIONS="disarm=1.5").code == 0
    worker.import_all(platform, running.id)
    assert platform.knowledge.counts() == dict(
        COUNTED["disarm"](kb.objects("disarm", "1.5"))
    )
    assert running.run().code == 0
    delivery = worker.import_all(platform, running.id)
    assert len(delivery.objects) <= 220
    assert [error for work in platform.works.values() for error in work.errors] == []
    assert platform.knowledge.incidents == []
    assert [work.name.split(" (")[0] for work in platform.works.values()] == [
        "CTI Butler: disarm – → 1.5",
        "CTI Butler: disarm 1.5 → 1.6",
    ]


def test_without_changes_a_run_makes_two_requests(
    platform: OpenCti, older: OlderApi
) -> None:
    running = connector(platform, older, "sector")
    assert running.run().code == 0
    older.requests.clear()
    assert running.run().code == 0
    # The second one finds out that there is no route that tells about a release.
    assert [path.split("/v1/")[1] for path in older.requests] == [
        "sector/versions/installed/",
        "sector/versions/1.0/",
    ]
    assert len(platform.works) == 1


def test_a_wrong_key_is_named_in_the_work(platform: OpenCti, older: OlderApi) -> None:
    ended = connector(platform, older, "sector").run(CTIBUTLER_API_KEY="wrong")
    assert ended.code == 1
    (work,) = platform.works.values()
    assert "authentication failed (401)" in work.processed[0][0]


def test_a_short_page_ends_the_run_with_an_error(
    platform: OpenCti, older: OlderApi
) -> None:
    older.short_page = True
    ended = connector(platform, older, "sector").run()
    assert ended.code == 1
    (work,) = platform.works.values()
    assert "is short" in work.processed[0][0]
