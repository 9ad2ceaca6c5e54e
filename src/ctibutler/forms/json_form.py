"""Answers as JSON: records with their fields, pages in their envelope, STIX objects as published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.pages import Count, Page
from ctibutler.stix.times import Instant, rfc3339


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What every page says of itself."""

    page_size: Count
    page_number: Count
    page_results_count: Count
    total_results_count: Count


def record_as_json(record: object) -> bytes:
    """Return a record, or a list or mapping of records, as minified JSON."""
    return _encode(record)


def page_as_json(page: Page[Any], key: str, facts: Mapping[str, object] | None = None) -> bytes:
    """Return a page as a JSON object with its items under `key`. `facts` are further members, which come before them."""
    return _encode({**facts_of(page), **(facts or {}), key: page.items})


def facts_of(page: Page[Any]) -> dict[str, Any]:
    """Return the members of a page's envelope."""
    envelope = Envelope(
        page_size=page.request.size,
        page_number=page.request.number,
        page_results_count=len(page.items),
        total_results_count=page.total,
    )
    return msgspec.structs.asdict(envelope)


def _encodable(value: object) -> object:
    if isinstance(value, ObjectView):
        return msgspec.Raw(value.content)
    if isinstance(value, Instant):
        return rfc3339(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


_encode = msgspec.json.Encoder(enc_hook=_encodable).encode
