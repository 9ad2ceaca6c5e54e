"""What requests for objects, relationships and bundles ask, as queries of `answers`."""

from __future__ import annotations

from ctibutler.answers.bundles import BundleQuery
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.objects import ObjectQuery
from ctibutler.answers.pages import PageRequest, Sort
from ctibutler.answers.relationships import RelationshipQuery
from ctibutler.api.object_parameters import DIRECTIONS
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases.declaration import Filter


def object_request(request: Request) -> ObjectRequest:
    """Return the object that the path names, in the requested release."""
    values, kb = request.values, request.kb
    return ObjectRequest(
        request.path["id"],
        values.text(kb.version_parameter) if values.has(kb.version_parameter) else None,
        values.flag("include_revoked"),
        values.flag("include_deprecated"),
    )


def relationship_query(request: Request) -> RelationshipQuery:
    """Return the filters of a list of relationships."""
    values = request.values
    return RelationshipQuery(
        page=values.page(),
        sort=values.sort(),
        include_embedded=values.flag("include_embedded_refs"),
        direction=DIRECTIONS.get(values.text("relationship_direction") or ""),
        relationship_type=values.text("relationship_type"),
        note=values.text("_arango_cti_processor_note"),
        source_refs=values.csv("source_ref"),
        target_refs=values.csv("target_ref"),
        source_types=values.csv("source_ref_type"),
        target_types=values.csv("target_ref_type"),
    )


def bundle_query(request: Request) -> BundleQuery:
    """Return the filters of an object's bundle."""
    values = request.values
    return BundleQuery(
        page=values.page(),
        include_embedded_refs=values.flag("include_embedded_refs"),
        include_embedded_sros=values.flag("include_embedded_sros"),
        types=values.csv("types"),
    )


def object_query(request: Request, page: PageRequest | None = None, sort: Sort | None = None) -> ObjectQuery:
    values, kb = request.values, request.kb
    filters = {declared.parameter: _filter_value(request, declared) for declared in kb.filters}
    return ObjectQuery(
        release=values.text(kb.version_parameter),
        page=page or PageRequest(),
        sort=sort,
        include_revoked=values.flag("include_revoked"),
        include_deprecated=values.flag("include_deprecated"),
        ids=values.csv("id"),
        external_ids=values.csv(kb.id_parameter),
        name=values.text("name"),
        text=values.text("text"),
        description=values.text("description") if values.has("description") else None,
        types=values.csv("types") if values.has("types") else None,
        type_words=values.csv(kb.type_parameter) if kb.type_parameter else None,
        filters={name: value for name, value in filters.items() if value is not None},
        tactics=values.csv("tactic") if values.has("tactic") else None,
        created_min=values.time("created_min"),
        modified_min=values.time("modified_min"),
    )


def _filter_value(request: Request, declared: Filter) -> list[str] | str | None:
    return (
        request.values.csv(declared.parameter) if declared.kind == "exact" else request.values.text(declared.parameter)
    )
