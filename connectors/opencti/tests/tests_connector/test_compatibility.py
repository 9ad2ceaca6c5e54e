"""Which pycti works with which platform, and what is said where they do not fit."""

import inspect
import re

import pytest
from connector.compatibility import (
    FIELDS,
    explained,
    installed_pycti,
    mismatch,
    oldest_platform,
    supports_multipart,
    unknown_field,
)
from pycti import OpenCTIApiClient
from pycti.api.opencti_api_connector import OpenCTIApiConnector
from pycti.api.opencti_api_work import OpenCTIApiWork
from pycti.connector.opencti_connector import OpenCTIConnector

from tests.platform import worker
from tests.platform.broker import Broker, NoBroker
from tests.platform.connector_process import FOLDER, Connector
from tests.platform.older_api import OlderApi
from tests.platform.opencti import NEWEST, TOKEN, OpenCti

REFUSED = 'Variable "$input" got invalid value; Field "version" is not defined by type "RegisterConnectorInput".'


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (REFUSED, "version"),
        ('Cannot query field "jwks" on type "Connector".', "jwks"),
        (
            'Unknown argument "isMultiPartWork" on field "Mutation.workAdd".',
            "isMultiPartWork",
        ),
        (
            '{"errors":[{"message":"Cannot query field \\"s3\\" on type \\"ConnectorConfig\\"."}]}',
            "s3",
        ),
        ("You must be logged in to do this.", None),
    ],
)
def test_a_field_that_the_platform_does_not_know_is_recognized(
    said: str, field: str | None
) -> None:
    assert unknown_field(ValueError(said)) == field


def test_the_message_names_both_versions_and_what_to_install() -> None:
    said = mismatch(ValueError(REFUSED), "6.9.29") or ""
    assert (
        f"OpenCTI 6.9.29 does not know `version`, which pycti {installed_pycti()} sends"
        in said
    )
    assert 'pip install "pycti==6.9.29"' in said
    assert mismatch(ValueError("something else"), "6.9.29") is None


def test_the_message_asks_the_platform_for_its_version() -> None:
    said = 'Unknown argument "isMultiPartWork" on field "Mutation.workAdd".'
    platform = OpenCti(NoBroker(), version="7.260417.0")
    client = OpenCTIApiClient(platform.url, TOKEN, log_level="critical")
    try:
        message = explained(ValueError(said), client) or ""
        assert "OpenCTI 7.260417.0 does not know `isMultiPartWork`" in message
        assert explained(ValueError("something else"), client) is None
    finally:
        platform.stop()


def test_the_table_of_fields_is_what_this_pycti_sends_and_reads() -> None:
    """Holds for whatever pycti is installed: `scripts/test-connector pycti` takes three of them."""
    source = inspect.getsource
    words = set(re.findall(r'"(\w+)":', source(OpenCTIConnector.to_input)))
    words |= set(re.findall(r"s3|jwks", source(OpenCTIApiConnector.register)))
    words |= set(re.findall(r"isMultiPartWork", source(OpenCTIApiWork.initiate_work)))
    known = [
        name
        for since, names in FIELDS
        for name in names
        if number(since) <= number(installed_pycti())
    ]
    assert [name for _, names in FIELDS for name in names if name in words] == known


@pytest.mark.parametrize(
    ("pycti", "platform"),
    [
        ("6.5.10", "6.5.10"),
        ("6.9.29", "6.9.10"),
        ("7.260417.0", "7.260224.0"),
        ("7.261026.0", "7.261008.0"),
    ],
)
def test_a_pycti_needs_the_platform_that_knows_its_fields(
    pycti: str, platform: str
) -> None:
    assert oldest_platform(pycti) == platform


def test_the_readme_has_the_same_table() -> None:
    text = (FOLDER / "README.md").read_text("utf-8")
    rows = re.findall(
        r"^\| (\d[\d.]+) (?:to [\d.]+|and newer) \| ([\d.]+) \| (.*?) ?\|$", text, re.M
    )
    assert [
        (first, tuple(re.findall(r"`(\w+)`", names))) for first, _, names in rows
    ] == [
        ("6.5.10", ()),
        *((since.removesuffix(".0"), names) for since, names in FIELDS[1:]),
    ]
    for first, needs, _ in rows:
        assert oldest_platform(f"{first}.0").removesuffix(".0") == needs


def test_works_have_parts_only_if_pycti_supports_them() -> None:
    def with_parts(
        connector_id: str, friendly_name: str, is_multipart: bool = False
    ) -> None: ...
    def without(connector_id: str, friendly_name: str) -> None: ...

    assert supports_multipart(with_parts)
    assert not supports_multipart(without)


@pytest.mark.real
@pytest.mark.server
def test_a_pycti_that_is_newer_than_the_platform_is_named_at_the_start(
    broker: Broker,
) -> None:
    platform = OpenCti(broker, version="6.5.3")
    server = OlderApi({"sector": ["1.0"]})
    try:
        ended = Connector(
            platform, server.url, {"CTIBUTLER_KNOWLEDGEBASES": "sector"}
        ).run()
    finally:
        server.stop()
        platform.stop()
    assert ended.code == 1
    assert "OpenCTI 6.5.3 does not know `" in ended.output
    assert 'pip install "pycti==6.5.3"' in ended.output
    assert "5f1b3bd6" not in ended.output


@pytest.mark.real
@pytest.mark.server
@pytest.mark.parametrize("version", sorted({installed_pycti(), NEWEST}))
def test_an_import_works_on_the_platform_of_the_same_version_and_on_a_newer_one(
    broker: Broker, version: str
) -> None:
    """Run with the oldest, a middle and the newest pycti: every document fits the schema of that platform."""
    platform = OpenCti(broker, version=version)
    server = OlderApi({"sector": ["1.0"]})
    connector = Connector(platform, server.url, {"CTIBUTLER_KNOWLEDGEBASES": "sector"})
    try:
        ended = connector.run(CTIBUTLER_BATCH_SIZE="50")
        assert ended.code == 0, ended.output[-3000:]
        worker.import_all(platform, connector.id)
        (work,) = platform.works.values()
        assert work.is_complete
        assert work.errors == []
        assert work.multipart == supports_multipart_here()
        assert platform.knowledge.counts()["Sector"] == 70
        assert platform.invalid == []
    finally:
        server.stop()
        platform.stop()
        broker.remove(connector.id)


def supports_multipart_here() -> bool:
    return supports_multipart(OpenCTIApiWork.initiate_work)
