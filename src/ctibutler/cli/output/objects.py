"""Objects for people: one in full, many as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.cli.output.text import printable
from ctibutler.errors import InvalidRequest
from ctibutler.forms.stix_bundle import object_as_bundle
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.stix.objects import decode, external_references, is_deprecated, is_revoked, text

_HEAD = frozenset({"type", "id", "name", "description", "spec_version", "external_references", "knowledgebase_name"})


def write_objects(knowledge_bases: KnowledgeBases, page: Page[ObjectView], kb: KnowledgeBase | None) -> None:
    """Print a page of objects as a table. Those of several knowledge bases are shown with the name of theirs."""
    rows = []
    for item in page.items:
        properties = item.properties
        own = kb or knowledge_bases.named(text(properties, "knowledgebase_name") or "")
        shown = [
            own.primary_id(properties) or text(properties, "id") or "",
            kind_of(own, text(properties, "type") or "", properties),
            (text(properties, "name") or "") + _state(properties),
        ]
        rows.append(shown if kb else [own.slug, *shown])
    columns = [Column("ID"), Column("KIND", cut="first"), Column("NAME", cut="last")]
    write_table(columns if kb else [Column("KNOWLEDGE BASE"), *columns], rows)
    output.note(output.page_note(page, "object"))


def show_object(
    content: bytes, finding: Finding | None, others: Sequence[Finding], successors: Sequence[ObjectView] = ()
) -> None:
    """Print one object in full, with the release that it is from, who else has it and what replaced it."""
    properties = decode(content)
    external_id = finding.kb.primary_id(properties) if finding else None
    name = text(properties, "name") or text(properties, "type") or ""
    output.line(printable(" ".join(part for part in (external_id, name) if part)) + _state(properties))
    output.line(printable(text(properties, "id") or ""))
    if finding:
        also = f" (also in {', '.join(other.kb.slug for other in others)})" if others else ""
        output.line(f"{finding.kb.title}, release {finding.release}{also}")
    for successor in successors:
        words = [successor.external_id or successor.id, successor.name or ""]
        output.line(printable(f"replaced by {' '.join(words)}".rstrip()))
    description = text(properties, "description")
    if description:
        output.line()
        for paragraph in output.paragraphs(description).splitlines():
            output.line(output.filled(paragraph))
    facts = list(_facts(properties))
    if facts:
        output.line()
        indent = max(len(label) for label, _ in facts) + 2
        for label, value in facts:
            output.line(output.filled(label.ljust(indent) + printable(value), " " * indent))


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


def write_detailed(library: Library, finding: Finding, others: Sequence[Finding], as_json: bool) -> None:
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
    show_object(content, finding, others)
    if details is None:
        output.note(f"{finding.kb.slug} {finding.release} was installed without details")
    else:
        output.line()
        show_details(details)


def _state(properties: Mapping[str, object]) -> str:
    states = [
        word
        for word, holds in (("revoked", is_revoked(properties)), ("deprecated", is_deprecated(properties)))
        if holds
    ]
    return f" ({', '.join(states)})" if states else ""


def _facts(properties: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in properties.items():
        if key not in _HEAD and value not in (None, [], {}, ""):
            yield key, _value(value)
    for reference in external_references(properties):
        words = [reference.get(key) for key in ("source_name", "external_id", "url")]
        yield "reference", " ".join(str(word) for word in words if word)


def _value(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return msgspec.json.encode(value).decode()
