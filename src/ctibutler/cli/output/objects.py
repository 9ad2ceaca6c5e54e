"""Objects for people: one in full, many as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ctibutler.answers.bundles import BundleQuery, whole_object_bundle
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.objects import find_object_with_details
from ctibutler.answers.pages import Page
from ctibutler.cli.finding import Finding
from ctibutler.cli.output import text as output
from ctibutler.cli.output.details import show_details
from ctibutler.cli.output.object_page import Shown, show_object, state_of
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.errors import InvalidRequest
from ctibutler.forms.stix_bundle import object_as_bundle
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.stix.objects import text


def write_objects(knowledge_bases: KnowledgeBases, page: Page[ObjectView], kb: KnowledgeBase | None) -> None:
    """Print a page of objects as a table. Those of several knowledge bases are shown with the name of theirs."""
    rows = []
    for item in page.items:
        properties = item.properties
        own = kb or knowledge_bases.named(text(properties, "knowledgebase_name") or "")
        shown = [
            own.primary_id(properties) or text(properties, "id") or "",
            kind_of(own, text(properties, "type") or "", properties),
            (text(properties, "name") or "") + state_of(properties),
        ]
        rows.append(shown if kb else [own.slug, *shown])
    columns = [Column("ID"), Column("KIND", cut="first"), Column("NAME", cut="last")]
    write_table(columns if kb else [Column("KNOWLEDGE BASE"), *columns], rows)
    output.note(output.page_note(page, "object"))


def write_envelope(content: bytes, finding: Finding | None, further: Mapping[str, object] | None = None) -> None:
    """Print one object as JSON: `{"knowledge_base": "cwe", "release": "4.15", "object": {…}}`, then `further` fields.

    Both are null if no release contains the object, such as a relationship that we derived.
    """
    output.write_json(
        msgspec.json.encode(
            {
                "knowledge_base": finding.kb.slug if finding else None,
                "release": finding.release if finding else None,
                "object": msgspec.Raw(content),
                **(further or {}),
            }
        )
    )


def write_bundle(library: Library, finding: Finding) -> None:
    """Print a STIX bundle of an object, its relationships and the objects at their other ends."""
    request = ObjectRequest(finding.stix_id, finding.release)
    output.write_json(object_as_bundle(whole_object_bundle(library, finding.kb, request, BundleQuery())))


def write_detailed(
    library: Library, finding: Finding, others: Sequence[Finding], shown: Shown, *, as_json: bool
) -> None:
    """Print an object with what its publisher says about it beyond STIX.

    Raises InvalidRequest if its knowledge base has no such details.
    """
    if not finding.kb.details:
        having = ", ".join(kb.slug for kb in library.knowledge_bases.all if kb.details)
        raise InvalidRequest(f"--detail: {finding.kb.slug} has no details; these have: {having}")
    request = ObjectRequest(finding.stix_id, finding.release)
    found, details = find_object_with_details(library, finding.kb, request)
    content = found.content
    if as_json:
        write_envelope(content, finding, {"details": msgspec.Raw(details or b"null")})
        return
    show_object(content, finding, others, shown=shown)
    if details is None:
        output.note(f"{finding.kb.slug} {finding.release} was installed without details")
    else:
        output.line()
        show_details(details)
