"""Changes between two releases as rows of a JSON list."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, Raw, UnsetType

from ctibutler.answers.changes import Change, ChangeFacts, ChangesPage
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.outcome_changes import OutcomesPage
from ctibutler.answers.pages import Page


class ChangeRow(ChangeFacts, frozen=True, kw_only=True):
    """An id that differs between two releases. `before` and `after` are there if they were asked for: the object, null if
    there is none, or a list if the release carries the id with several contents."""

    before: Raw | UnsetType = UNSET
    after: Raw | UnsetType = UNSET


def rows_of(found: ChangesPage, *, include_objects: bool) -> Page[ChangeRow]:
    """Return the page with a row for each change."""
    return found.page.with_items([change_row(change, include_objects=include_objects) for change in found.page.items])


def facts_of(found: ChangesPage) -> dict[str, object]:
    """Return the members beside the rows: the releases, and the counts of the whole comparison."""
    return {
        "knowledge_base": found.knowledge_base,
        "version": found.release,
        "since": found.since,
        "counts": found.counted(),
    }


def facts_of_outcomes(found: OutcomesPage) -> dict[str, object]:
    """Return the members beside the rows of outcomes: also what the release changed for all objects, told once."""
    return {
        "knowledge_base": found.knowledge_base,
        "version": found.release,
        "since": found.since,
        "counts": found.counts,
        "model": found.model,
        "vocabulary": found.vocabulary,
    }


def change_row(change: Change, *, include_objects: bool) -> ChangeRow:
    """Return the row of a change."""
    facts = {name: getattr(change, name) for name in ChangeFacts.__struct_fields__}
    if include_objects:
        return ChangeRow(**facts, before=_one_or_all(change.before), after=_one_or_all(change.after))
    return ChangeRow(**facts)


def _one_or_all(objects: Sequence[ObjectView]) -> Raw:
    contents = [item.content for item in objects]
    if len(contents) == 1:
        return Raw(contents[0])
    return Raw(b"[" + b",".join(contents) + b"]" if contents else b"null")
