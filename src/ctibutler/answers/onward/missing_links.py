"""Links that were not made between two releases, and the request that makes them."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.answers.onward.ground import MissingLinks
from ctibutler.answers.onward.path_records import MissingLinkSet, WorkRequest


def missing_link_sets(missing: Iterable[MissingLinks]) -> tuple[MissingLinkSet, ...]:
    """Return these links with the requests that make them."""
    return tuple(_missing(one) for one in missing)


def _missing(one: MissingLinks) -> MissingLinkSet:
    request = None
    if one.owner is not None and one.other is not None:
        body = {"version": one.owner, "to_version": one.other}
        request = WorkRequest("POST", f"/api/v1/arango-cti-processor/{one.mode.name}/", body)
    return MissingLinkSet(one.mode.name, one.mode.owner, one.owner, one.knowledge_base, one.other, request)
