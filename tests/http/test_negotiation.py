"""Clients state their preferences with q-values."""

from __future__ import annotations

import pytest

from ctibutler.http.negotiation import preferred_encoding, preferred_media_type
from ctibutler.http.validators import matches


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("gzip;q=0", "identity"),
        ("*", "zstd"),
        ("*;q=0", "identity"),
        ("br", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.2, gzip;q=0.5", "gzip"),
        ("GZIP;Q=0.7", "gzip"),
        ("gzip;q=nonsense", "identity"),
        (";;,,=", "identity"),
    ],
)
def test_the_clients_preferred_encoding_is_chosen(accept: str, encoding: str) -> None:
    assert preferred_encoding(accept) == encoding


@pytest.mark.parametrize(
    ("accept", "is_stix"),
    [
        ("application/stix+json", True),
        ("application/stix+json;version=2.1", True),
        ("application/stix+json, */*;q=0.1", True),
        ("application/json, application/stix+json;q=0.9", False),
        ("application/json, application/stix+json", False),
        ("application/stix+json, */*", True),
        ("*/*", False),
        ("text/html", False),
        ("", False),
    ],
)
def test_the_clients_preferred_media_type_is_chosen(accept: str, is_stix: bool) -> None:
    chosen = preferred_media_type(accept, "application/json", ("application/stix+json",))
    assert chosen == ("application/stix+json" if is_stix else None)


def test_tags_are_compared_weakly() -> None:
    assert matches('W/"a"', 'W/"a"')
    assert matches('"a"', 'W/"a"')
    assert matches('"x", W/"a"', '"a"')
    assert matches(" * ", '"a"')
    assert not matches('"b"', '"a"')
    assert not matches(None, '"a"')
    assert not matches("", '"a"')
