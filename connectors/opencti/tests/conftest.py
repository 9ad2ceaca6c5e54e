"""Where the tests find the connector, the real releases, a platform and a broker."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
sys.path.insert(0, str(SOURCE))

# Both are read when pycti is imported: a worker tries a missing reference again without a pause.
os.environ["OPENCTI_MISSING_REF_RETRY_EXPONENTIAL"] = "true"
os.environ["OPENCTI_MISSING_REF_RETRY_INITIAL_DELAY"] = "0"

pytest.register_assert_rewrite("tests.tests_connector.arrivals")

from tests.platform import excerpt, kb  # noqa: E402
from tests.platform.broker import Broker  # noqa: E402
from tests.platform.ctibutler_server import (  # noqa: E402
    COMMAND,
    CtiButlerServer,
    installed_once,
)
from tests.platform.opencti import OpenCti  # noqa: E402


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if not kb.is_there():
        skip = pytest.mark.skip(
            reason=f"the real releases are not at {kb.FOLDER} (CTIBUTLER_TEST_KB says where)"
        )
        for item in items:
            if item.get_closest_marker("real"):
                item.add_marker(skip)
    if "slow" not in (config.option.markexpr or ""):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: run with -m slow"))


@pytest.fixture(scope="session")
def broker() -> Broker:
    """A real RabbitMQ."""
    found = Broker()
    if not found.is_there():
        said = f"RabbitMQ does not answer at {found.host}:{found.port} (`scripts/services rabbitmq` starts one)"
        if "CTIBUTLER_TEST_RABBITMQ_PORT" in os.environ:
            pytest.fail(said)
        pytest.skip(said)
    return found


@pytest.fixture
def platform(broker: Broker) -> Iterator[OpenCti]:
    """An empty OpenCTI."""
    found = OpenCti(broker)
    yield found
    found.stop()
    for registration in found.registrations:
        broker.remove(registration["id"])


@pytest.fixture(scope="session")
def ctibutler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CtiButlerServer]:
    """A ctibutler server with real releases."""
    needs_command()
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the workers of one run share it
    server = CtiButlerServer(releases={}, catalogue=installed_once(folder))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def excerpts() -> Iterator[CtiButlerServer]:
    """A ctibutler server with excerpts of two releases, which are part of these tests."""
    needs_command()
    server = CtiButlerServer(excerpt.RELEASES, bucket=excerpt.FOLDER)
    yield server
    server.stop()


def needs_command() -> None:
    if not COMMAND.exists():
        pytest.skip(
            f"no ctibutler at {COMMAND} (CTIBUTLER_TEST_SERVER says where; `make install` puts it there)"
        )
