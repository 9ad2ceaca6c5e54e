"""Changes between two releases as rows of a JSON list."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ctibutler.answers.changes import Change, ChangesPage
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.pages import Page
from ctibutler.comparing.differences import ChangeKind


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """An id that differs between two releases. `before` and `after` are there if they were asked for: the object, null if
    there is none, or a list if the release carries the id with several contents."""

    id: str
    type: str
    name: str | None
    external_id: str | None
    change: ChangeKind
    before_modified: str | None
    after_modified: str | None
    changed_properties: tuple[str, ...]
    before: Raw | UnsetType = UNSET
    after: Raw | UnsetType = UNSET


def rows_of(found: ChangesPage, *, include_objects: bool) -> Page[ChangeRow]:
    """The page of rows."""
    return found.page.with_items([change_row(change, include_objects=include_objects) for change in found.page.items])


def facts_of(found: ChangesPage) -> dict[str, object]:
    """What stands beside the rows: the releases, and the counts over the whole comparison."""
    return {
        "knowledge_base": found.knowledge_base,
        "version": found.release,
        "since": found.since,
        "counts": found.counted(),
    }


def change_row(change: Change, *, include_objects: bool) -> ChangeRow:
    """The row of a change."""
    return ChangeRow(
        id=change.id,
        type=change.type,
        name=change.name,
        external_id=change.external_id,
        change=change.change,
        before_modified=change.before_modified,
        after_modified=change.after_modified,
        changed_properties=change.changed_properties,
        before=_one_or_all(change.before) if include_objects else UNSET,
        after=_one_or_all(change.after) if include_objects else UNSET,
    )


def _one_or_all(objects: Sequence[ObjectView]) -> Raw:
    contents = [item.content for item in objects]
    if len(contents) == 1:
        return Raw(contents[0])
    return Raw(b"[" + b",".join(contents) + b"]" if contents else b"null")
