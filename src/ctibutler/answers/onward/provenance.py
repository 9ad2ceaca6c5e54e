"""Who says that two objects are related, where, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.onward.ground import Ground
from ctibutler.answers.onward.path_records import StatedBy, Statement
from ctibutler.catalog import objects, walks
from ctibutler.catalog.edges import Edge
from ctibutler.catalog.walks import Hop, Node
from ctibutler.knowledge_bases.links import LinkMode, mode_named
from ctibutler.stix.objects import external_references
from ctibutler.stix.times import rfc3339


def views_of(ground: Ground, nodes: Sequence[Node]) -> dict[Node, ObjectView]:
    """Return the objects at these nodes."""
    contents = objects.contents(ground.connection, [ground.objects[node] for node in nodes])
    return {
        node: ObjectView(
            content, ground.knowledge_bases.named(ground.release_of(node).knowledge_base), ground.release_of(node).label
        )
        for node, content in zip(nodes, contents, strict=True)
    }


def statements(ground: Ground, hops: Sequence[Hop], views: Mapping[Node, ObjectView]) -> dict[Hop, Statement]:
    """Return what each of these relationships says. `views` are the objects at their ends."""
    edges = walks.edges(ground.connection, hops)
    natives = sorted({hop.key for hop in hops if hop.family == "native"})
    written = dict(zip(natives, objects.contents(ground.connection, natives), strict=True))
    return {hop: _statement(ground, hop, edges[hop], views, written) for hop in hops}


def _statement(
    ground: Ground, hop: Hop, edge: Edge, views: Mapping[Node, ObjectView], written: Mapping[int, bytes]
) -> Statement:
    mode = mode_named(hop.mode)
    if hop.family == "link" and mode is not None:
        return _of_link(ground, hop, edge, views, mode)
    by = _stated_by(views[hop.source])
    if hop.family == "native":
        return Statement(
            edge.id, edge.relationship_type, "publisher", by, "relationship", ObjectView(written[hop.key]).modified,
            None, None,
        )  # fmt: skip
    return Statement(
        edge.id, edge.relationship_type, "embedded", by, edge.relationship_type, views[hop.source].modified, None, None
    )


def _of_link(ground: Ground, hop: Hop, edge: Edge, views: Mapping[Node, ObjectView], mode: LinkMode) -> Statement:
    """What a link says: its owner names the other object, in its references or in a mapping."""
    is_source = ground.release_of(hop.source).knowledge_base == mode.owner
    owner, other = (hop.source, hop.target) if is_source else (hop.target, hop.source)
    made_at = ground.made_at(mode, ground.release_of(owner), ground.release_of(other))
    return Statement(
        edge.id,
        edge.relationship_type,
        "link-set",
        _stated_by(views[owner]),
        "mapping" if mode.needs_mapping else "external_references",
        views[owner].modified,
        None if made_at is None else rfc3339(made_at),
        _names(views[other], views[owner]),
    )


def _stated_by(view: ObjectView) -> StatedBy:
    assert view.knowledge_base is not None
    return StatedBy(view.knowledge_base.publisher, view.knowledge_base.slug, view.release or "")


def _names(one: ObjectView, other: ObjectView) -> bool:
    """Whether the references of an object have the id of another."""
    assert other.knowledge_base is not None
    return any(
        reference.get("source_name") in other.knowledge_base.id_sources
        and reference.get("external_id") == other.external_id
        for reference in external_references(one.properties)
    )
