"""What came in place of a revoked object."""

from __future__ import annotations

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.objects import find_object
from ctibutler.answers.relationships import RelationshipQuery, list_relationships
from ctibutler.cli.finding import Finding
from ctibutler.errors import NotFound
from ctibutler.stix.objects import text


def successors(library: Library, finding: Finding) -> list[ObjectView]:
    """The objects by which its publisher says that an object was revoked; none for one that was not."""
    if not finding.view.is_revoked:
        return []
    query = RelationshipQuery(include_embedded=False, direction="source_ref", relationship_type="revoked-by")
    named = list_relationships(library, finding.kb, ObjectRequest(finding.stix_id, finding.release), query)
    found = []
    for relationship in named.items:
        target = text(relationship.properties, "target_ref") or ""
        try:
            found.append(find_object(library, finding.kb, ObjectRequest(target, finding.release)))
        except NotFound:  # publishers also name objects that the release does not have
            continue
    return found
