"""What depends on two knowledge bases: relationships between them, and objects that one borrows from the other."""

from collections import Counter
from collections.abc import Iterable, Sequence

from connector import entities
from connector.converter_to_stix import relationship, tell_also
from connector.knowledge_bases import KnowledgeBase
from connector.neighbours import Neighbours, Objects
from connector.relationships import Relation
from connector.sendable import Known, Sendable
from connector.stix import StixObject


def cross_links(
    links: Sequence[StixObject],
    own: Sendable,
    kb: KnowledgeBase,
    neighbours: Neighbours,
    left_out: Counter[str],
) -> list[StixObject]:
    """The cross-links of a release whose ends are in OpenCTI, ordered by id."""
    ends: dict[str, Known] = dict(own.known)
    for slug in dict.fromkeys(slug for mode in kb.links for slug in mode.ends):
        ends.update(neighbours.of(slug) or {})
    sent: dict[tuple[str, str, str], StixObject] = {}
    for link in links:
        source, target = ends.get(link["source_ref"]), ends.get(link["target_ref"])
        if source is None or target is None:
            left_out["cross-link: an end is not imported"] += 1
        elif source.standard_id == target.standard_id:
            left_out["cross-link: both ends are the same entity"] += 1
        else:
            item = _link(link, source, target, kb)
            present = sent.setdefault(
                (item["relationship_type"], item["source_ref"], item["target_ref"]),
                item,
            )
            if present is not item:
                left_out["cross-link: repeats another one"] += 1
                tell_also(present, item)
    return sorted(sent.values(), key=lambda item: str(item["id"]))


_LENDERS_OWN = (
    "description",
    "x_mitre_platforms",
    "aliases",
    "first_seen",
    "last_seen",
    "objective",
)


def borrowed(own: Sendable, matrices: Iterable[Objects]) -> list[StixObject]:
    """Objects that are ATT&CK's in OpenCTI, without anything that would replace ATT&CK's name, author or text.

    These are techniques with an external id of ATT&CK, and campaigns with the name of one of ATT&CK's. Their phases and
    references are added to those of ATT&CK.
    """
    lent = {
        known.standard_id: known for matrix in matrices for known in matrix.values()
    }
    result = []
    for item in own.in_order():
        lender = lent.get(str(own.identity(item)))
        if lender is None:
            continue
        kept = {key: value for key, value in item.items() if key not in _LENDERS_OWN}
        result.append(
            {
                **kept,
                "name": lender.name,
                "created_by_ref": lender.author,
                "revoked": False,
            }
        )
    return result


def _link(
    link: StixObject, source: Known, target: Known, kb: KnowledgeBase
) -> StixObject:
    unchanged = (source.sent_id, target.sent_id) == (
        link["source_ref"],
        link["target_ref"],
    )
    relation = Relation(
        type=link["relationship_type"],
        source=link["source_ref"],
        target=link["target_ref"],
        origin=link,
        description=link.get("description"),
        id=link["id"] if unchanged else None,
    )
    sent = relationship(
        relation,
        {"id": source.sent_id, "type": source.type},
        {"id": target.sent_id, "type": target.type},
    )
    # The author of the link layer is in no knowledge base, so the link gets the author of its source.
    sent["created_by_ref"] = source.author
    if source.markings:
        sent["object_marking_refs"] = list(source.markings)
    references = entities.references(link, kb.external_ids)
    if references:
        sent["external_references"] = references
    return sent
