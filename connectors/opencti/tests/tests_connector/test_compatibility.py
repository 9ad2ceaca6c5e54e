"""Which pycti works with which platform, and what is said where they do not fit."""

import pytest
from connector.compatibility import (
    REGISTRATION_FIELDS,
    installed_pycti,
    mismatch,
    supports_multipart,
    unknown_field,
)

from tests.platform import worker
from tests.platform.broker import Broker
from tests.platform.connector_process import Connector
from tests.platform.older_api import OlderApi
from tests.platform.opencti import OpenCti

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


def test_works_have_parts_only_where_pycti_can_say_so() -> None:
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
    sent = [
        since
        for since, _ in REGISTRATION_FIELDS
        if number(since) <= number(installed_pycti())
    ]
    if not sent:
        pytest.skip("this pycti sends no field that an older platform does not know")
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
def test_an_import_works_on_the_platform_of_the_same_version(broker: Broker) -> None:
    """Run with the oldest, a middle and the newest pycti: every document fits the schema of that platform."""
    platform = OpenCti(broker, version=installed_pycti())
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
    from pycti.api.opencti_api_work import OpenCTIApiWork

    return supports_multipart(OpenCTIApiWork.initiate_work)
