"""Releases as the connector converts them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from connector.converter_to_stix import convert
from connector.knowledge_bases import BY_SLUG
from connector.release_index import Options
from connector.sendable import Sendable
from ctibutler_client.releases import sort_out

from tests.platform import kb

Converted = Callable[..., Sendable]


@cache
def _converted(
    slug: str, version: str, options: tuple[tuple[str, Any], ...]
) -> Sendable:
    release = sort_out(slug, version, kb.objects(slug, version))
    return convert(release, BY_SLUG[slug], Options(**dict(options)))


@pytest.fixture(scope="session")
def converted() -> Converted:
    """`converted("cwe", "4.14", marking="green")`: a real release; shared, so nobody may change it."""
    return lambda slug, version, **options: _converted(
        slug, version, tuple(sorted(options.items()))
    )
