"""What the connector does when something else fails: the server, the broker, the platform, the machine."""

import time
from collections.abc import Iterator

import pytest

from tests.platform import worker
from tests.platform.broker import Broker
from tests.platform.connector_process import Connector
from tests.platform.ctibutler_server import CtiButlerServer
from tests.platform.faulty_proxy import FaultyProxy
from tests.platform.older_api import Misbehaviour, cuts, fails, stalls
from tests.platform.opencti import OpenCti
from tests.platform.port_forwarder import PortForwarder

pytestmark = [pytest.mark.real, pytest.mark.server]


@pytest.fixture
def server(ctibutler: CtiButlerServer) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(ctibutler.url)
    yield proxy
    proxy.stop()


@pytest.fixture
def connector(platform: OpenCti, server: FaultyProxy) -> Connector:
    """Sectors and locations, so that one can fail while the other goes on."""
    return Connector(
        platform,
        server.url,
        {
            "CTIBUTLER_KNOWLEDGEBASES": "location,sector",
            "CTIBUTLER_RETRIES": "1",
            "CTIBUTLER_TIMEOUT": "2",
        },
    )


def only(part: str, misbehaviour: Misbehaviour) -> Misbehaviour:
    """Misbehave on paths with this part."""
    return lambda handler: part in handler.path and misbehaviour(handler)


@pytest.mark.parametrize(
    ("misbehaviour", "said"),
    [
        (fails(401), "authentication failed (401): set CTIBUTLER_API_KEY"),
        (fails(403), "access denied (403)"),
        (fails(404), "not found (404)"),
        (fails(429, headers={"Retry-After": "1"}), "too many requests (429)"),
        (fails(500), "the server failed (500): played by a test"),
        (stalls(), "connection"),
        (cuts(), "the response was cut off"),
    ],
    ids=["401", "403", "404", "429", "500", "stall", "cut"],
)
def test_one_knowledge_base_fails_with_its_reason_and_the_other_arrives(
    platform: OpenCti,
    server: FaultyProxy,
    connector: Connector,
    misbehaviour: Misbehaviour,
    said: str,
) -> None:
    server.misbehaviour = only("/location/", misbehaviour)
    ended = connector.run()
    assert ended.code == 1
    failed, good = platform.works.values()
    ((message, in_error),) = failed.processed
    assert in_error
    assert said in message
    assert failed.name.startswith("CTI Butler: location – → ?")
    assert said in ended.output
    worker.import_all(platform, connector.id)
    assert good.is_complete
    assert list(platform.state(connector.id)["kb"]) == ["sector"]


def test_what_failed_is_imported_in_the_next_run(
    platform: OpenCti, server: FaultyProxy, connector: Connector
) -> None:
    server.misbehaviour = only("/location/", fails(500))
    assert connector.run().code == 1
    server.misbehaviour = None
    assert connector.run().code == 0
    assert len(worker.take(platform, connector.id).objects) == 553 + 120
    assert sorted(platform.state(connector.id)["kb"]) == ["location", "sector"]


def test_a_passing_error_does_not_fail_the_run(
    platform: OpenCti, server: FaultyProxy, connector: Connector
) -> None:
    server.misbehaviour = only(
        "/location/versions/1.0/bundle",
        fails(503, times=1, headers={"Retry-After": "1"}),
    )
    assert connector.run().code == 0
    assert [work.in_error for work in platform.works.values()] == [False, False]


def test_without_rabbitmq_works_fail_and_the_state_stays(
    platform: OpenCti, server: FaultyProxy, connector: Connector, broker: Broker
) -> None:
    door = PortForwarder(broker.host, broker.port)
    try:
        running = connector.start(
            MQ_PORT=str(door.port), CTIBUTLER_KNOWLEDGEBASES="sector"
        )
        door.close()
        ended = running.wait(120)
    finally:
        door.close()
    assert ended.code == 1
    (work,) = platform.works.values()
    assert "RabbitMQ at 127.0.0.1" in work.processed[0][0]
    assert work.expected == 0
    assert platform.state(connector.id)["kb"] == {}

    assert connector.run(CTIBUTLER_KNOWLEDGEBASES="sector").code == 0
    worker.import_all(platform, connector.id)
    assert list(platform.works.values())[-1].is_complete
    assert platform.knowledge.counts()["Sector"] == 70


def test_a_process_killed_between_two_batches_continues_where_it_stopped(
    platform: OpenCti, server: FaultyProxy, connector: Connector
) -> None:
    killed = []

    def kill_after_two_batches(name: str) -> None:
        if name == "addExpectations" and platform.operations["addExpectations"] == 2:
            running.kill()
            killed.append(name)
            time.sleep(0.5)

    platform.on_operation = kill_after_two_batches
    running = connector.start(CTIBUTLER_BATCH_SIZE="100")
    running.wait(60)
    platform.on_operation = None
    assert killed
    left = platform.state(connector.id)["open"]
    assert (left["kb"], left["sent"]) == ("location", 200)

    assert connector.run(CTIBUTLER_BATCH_SIZE="100").code == 0
    interrupted, rest, _ = platform.works.values()
    assert interrupted.processed == [("interrupted after 200 objects", True)]
    delivery = worker.import_all(platform, connector.id)
    assert rest.is_complete
    assert rest.expected == 553 - 200
    assert len(delivery.objects) == 553 + 120
    counts = platform.knowledge.counts()
    assert (counts["Country"], counts["located-at"]) == (249, 273)
    assert "open" not in platform.state(connector.id)


@pytest.mark.parametrize("mode", ["true", "false"])
def test_a_request_to_stop_ends_it_and_the_next_start_continues(
    platform: OpenCti, server: FaultyProxy, connector: Connector, mode: str
) -> None:
    def stop(name: str) -> None:
        if name == "addExpectations" and platform.operations["addExpectations"] == 2:
            running.terminate()
            time.sleep(0.3)

    platform.on_operation = stop
    running = connector.start(
        CTIBUTLER_BATCH_SIZE="100", CONNECTOR_RUN_AND_TERMINATE=mode
    )
    while running.process.poll() is None and platform.operations["addExpectations"] < 3:
        time.sleep(0.1)
    ended = running.wait(120)
    assert ended.code == 0, ended.output
    (work,) = platform.works.values()
    ((message, in_error),) = work.processed
    assert in_error
    assert message == "stopped after 200 of 553 objects; the next start continues"
    assert platform.state(connector.id)["open"]["sent"] == 200
    platform.on_operation = None
    assert connector.run().code == 0
    worker.import_all(platform, connector.id)
    assert platform.knowledge.counts()["located-at"] == 273


def test_a_request_to_stop_ends_the_wait_for_the_next_run(
    platform: OpenCti, connector: Connector
) -> None:
    running = connector.start(
        CONNECTOR_RUN_AND_TERMINATE="false", CTIBUTLER_KNOWLEDGEBASES="sector"
    )
    deadline = time.monotonic() + 60
    while platform.operations["GetConnector"] < 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    running.terminate()
    assert running.wait(120).code == 0  # the next run is a week away
    assert platform.works


def test_a_stalled_server_does_not_hold_up_the_end(
    platform: OpenCti, server: FaultyProxy, connector: Connector
) -> None:
    server.misbehaviour = stalls(600)
    running = connector.start(CTIBUTLER_TIMEOUT="600")
    deadline = time.monotonic() + 60
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.1)
    running.terminate()
    assert running.wait(120).code == 0


def test_a_reset_sends_everything_again(
    platform: OpenCti, server: FaultyProxy, connector: Connector
) -> None:
    assert connector.run().code == 0
    worker.import_all(platform, connector.id)
    platform.reset_state(connector.id)
    assert connector.run().code == 0
    delivery = worker.import_all(platform, connector.id)
    assert len(delivery.objects) == 553 + 120
    assert platform.knowledge.incidents == []
    assert platform.knowledge.counts()["located-at"] == 273


def test_a_reset_during_a_run_is_not_written_over(
    platform: OpenCti, server: FaultyProxy, connector: Connector
) -> None:
    done = []

    def reset(name: str) -> None:
        if (
            not done
            and name == "addExpectations"
            and platform.operations["addExpectations"] == 2
        ):
            done.append(name)
            platform.reset_state(connector.id)

    platform.on_operation = reset
    ended = connector.run(
        CTIBUTLER_BATCH_SIZE="100", CTIBUTLER_KNOWLEDGEBASES="location"
    )
    assert ended.code == 0, ended.output[-2000:]
    broken, again = platform.works.values()
    assert broken.in_error
    assert "reset" in broken.processed[0][0]
    assert again.expected == 553
    worker.import_all(platform, connector.id)
    assert platform.knowledge.counts()["located-at"] == 273
    assert platform.state(connector.id)["kb"]["location"]["objects"] == 553


def test_a_wrong_configuration_ends_before_the_connector_registers(
    platform: OpenCti, connector: Connector
) -> None:
    ended = connector.run(CTIBUTLER_KNOWLEDGEBASES="cwe,cve", CONNECTOR_ID="ChangeMe")
    assert ended.code == 2
    assert "CTIBUTLER_KNOWLEDGEBASES: unknown: cve" in ended.output
    assert "CONNECTOR_ID: expected a UUIDv4" in ended.output
    assert platform.operations == {}


def test_a_platform_that_is_not_there_ends_it_with_an_error(
    connector: Connector,
) -> None:
    assert connector.run(OPENCTI_URL="http://127.0.0.1:9").code == 1


def test_a_full_queue_postpones_the_rest(
    platform: OpenCti, server: FaultyProxy, connector: Connector
) -> None:
    def fill(name: str) -> None:
        if name == "workToProcessed":
            platform.queue_size = 10**9

    platform.on_operation = fill
    assert connector.run().code == 0
    assert [work.name.split()[2] for work in platform.works.values()] == ["location"]
    assert list(platform.state(connector.id)["kb"]) == ["location"]


def test_a_release_that_is_not_installed_is_named(
    platform: OpenCti, connector: Connector
) -> None:
    ended = connector.run(
        CTIBUTLER_VERSIONS="sector=9.9", CTIBUTLER_KNOWLEDGEBASES="sector"
    )
    assert ended.code == 1
    (work,) = platform.works.values()
    assert work.processed == [
        ("release 9.9 is not installed on the server; it has 1.0", True)
    ]
