"""What the catalogue stores about an object besides its bytes: the fields that lists filter, sort and search by."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctibutler.catalog.folding import folded, natural_order, squashed
from ctibutler.errors import MalformedFile
from ctibutler.knowledge_bases.declaration import IndexedField, KnowledgeBase
from ctibutler.knowledge_bases.properties import property_values, strings
from ctibutler.stix.markings import OPEN_MARKINGS
from ctibutler.stix.objects import RELATIONSHIP, StixObject, encode, instant, is_deprecated, is_revoked, text
from ctibutler.stix.references import embedded_references

# Of larger objects, a head is stored apart: ATT&CK's collection has 3 MB, and it is the owner of many relationships.
LARGE = 16 * 1024
_HEAD = ("id", "created", "modified", "object_marking_refs")
ALIAS, LABEL = "alias", "label"
# Ranks of exact hits in a search: the primary id before the name before an alias.
EXACT_ID, EXACT_NAME, EXACT_ALIAS = 0, 1, 2
OPEN_MARKED, OF_ATTACK_DOMAIN = 1, 2
# PostgreSQL indexes no more than 2,704 bytes of a row. The longest id or alias that a publisher wrote has 65 characters.
LONGEST_VALUE = 500

_COMMON_FIELDS = (
    IndexedField(ALIAS, property_values("aliases", "x_mitre_aliases", "x_opencti_aliases")),
    IndexedField(LABEL, property_values("labels")),
)


class ObjectRow(msgspec.Struct, frozen=True):
    """One new content of one object, ready to be stored.

    Times are in microseconds. `public` is the sum of OPEN_MARKED (no marking, or an open one) and OF_ATTACK_DOMAIN. `ends`
    are source, target and type of an SRO. `references` are pairs of relationship type and target, `exact` pairs of a squashed
    text and its rank, `texts` are name and description. `head` has the properties that embedded relationships of a large
    object copy from it.
    """

    id: str
    type: str
    digest: bytes
    content: bytes
    created: int | None
    modified: int | None
    revoked: bool
    deprecated: bool
    listed: bool
    subtechnique: bool
    creator: str | None
    public: int
    name: str | None
    external_id: str | None
    found_by: str | None
    id_order: str | None
    references: list[tuple[str, str]]
    ends: tuple[str, str, str] | None
    fields: list[tuple[str, str]]
    exact: list[tuple[str, int]]
    texts: tuple[str, str] | None
    head: bytes | None


def row_of(kb: KnowledgeBase, stix_object: StixObject, properties: Mapping[str, object], file_name: str) -> ObjectRow:
    """Return the row of an object of this knowledge base, whose properties were decoded before.

    Raises MalformedFile for a time that cannot be read. `file_name` is for its message, which names the place.
    """
    try:
        created, modified = instant(properties, "created"), instant(properties, "modified")
    except ValueError as wrong:
        raise MalformedFile(f"{file_name}: objects[{stix_object.position}].{wrong}") from None
    is_sro = stix_object.type == RELATIONSHIP
    external_id = None if is_sro else kb.primary_id(properties)
    found_by = folded(kb.without_prefix(external_id))[:LONGEST_VALUE] if external_id else None
    fields = [] if is_sro else _fields(kb, properties)
    name, creator = text(properties, "name"), text(properties, "created_by_ref")
    return ObjectRow(
        id=stix_object.id,
        type=stix_object.type,
        digest=stix_object.digest,
        content=stix_object.content,
        created=created,
        modified=modified,
        revoked=is_revoked(properties),
        deprecated=is_deprecated(properties),
        listed=kb.lists(stix_object.type) and kb.listed(properties),
        subtechnique=properties.get("x_mitre_is_subtechnique") is True,
        creator=creator if creator and _fits(creator) else None,
        public=_public(properties),
        name=None if is_sro or name is None else folded(name),
        external_id=external_id.replace("\x00", "") if external_id else None,
        found_by=found_by,
        id_order=natural_order(found_by) if found_by else None,
        references=[pair for pair in embedded_references(properties) if _fits(pair[0]) and _fits(pair[1])],
        ends=_ends(properties) if is_sro else None,
        fields=fields,
        exact=[] if is_sro else _exact(external_id, found_by, name, fields),
        texts=texts_of(properties),
        head=_head(properties) if len(stix_object.content) > LARGE else None,
    )


def texts_of(properties: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the name and description of an object, for the text index; None for a relationship, which is not in it."""
    if properties.get("type") == RELATIONSHIP:
        return None
    return text(properties, "name") or "", text(properties, "description") or ""


def _head(properties: Mapping[str, object]) -> bytes:
    return encode({name: properties[name] for name in _HEAD if name in properties})


def _fields(kb: KnowledgeBase, properties: Mapping[str, object]) -> list[tuple[str, str]]:
    pairs = [
        (field.name, value) for field in (*_COMMON_FIELDS, *kb.indexed_fields) for value in values_of(field, properties)
    ]
    return list(dict.fromkeys(pairs))


def values_of(field: IndexedField, properties: Mapping[str, object]) -> list[str]:
    """Return the values of a field in an object, as they are stored."""
    return list(dict.fromkeys(folded(value)[:LONGEST_VALUE] for value in field.read(properties)))


def _exact(
    external_id: str | None, found_by: str | None, name: str | None, fields: list[tuple[str, str]]
) -> list[tuple[str, int]]:
    pairs = [(squashed(value), EXACT_ID) for value in (external_id, found_by) if value]
    if name:
        pairs.append((squashed(name), EXACT_NAME))
    pairs += [(squashed(value), EXACT_ALIAS) for field, value in fields if field == ALIAS]
    return list(dict.fromkeys((value[:LONGEST_VALUE], rank) for value, rank in pairs if value))


def _public(properties: Mapping[str, object]) -> int:
    marks = properties.get("object_marking_refs")
    is_open = not marks or (isinstance(marks, list) and not OPEN_MARKINGS.isdisjoint(strings(marks)))
    return OPEN_MARKED * is_open + OF_ATTACK_DOMAIN * of_attack_domain(properties)


def of_attack_domain(properties: Mapping[str, object]) -> bool:
    """Return whether the object says that it belongs to a domain of ATT&CK. Their names end alike: `ics-attack`."""
    return any(domain.endswith("-attack") for domain in strings(properties.get("x_mitre_domains")))


def _ends(properties: Mapping[str, object]) -> tuple[str, str, str]:
    return str(properties["source_ref"]), str(properties["target_ref"]), str(properties["relationship_type"])


def _fits(named: str) -> bool:
    """Whether both engines can store and index this id or property name."""
    return len(named) <= LONGEST_VALUE and "\x00" not in named
