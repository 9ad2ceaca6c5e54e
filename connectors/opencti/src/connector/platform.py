"""Reads what the platform has: entities and relationships, page by page and up to a limit. Nothing is written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

PAGE_SIZE = 500
MAX_PAGES = 200
"""Pages of one question. 200 pages are 100,000 entities or relationships."""

_ENTITIES = """
query PlatformEntities($types: [String], $filters: FilterGroup, $first: Int, $after: ID) {
  stixCoreObjects(types: $types, filters: $filters, first: $first, after: $after) {
    edges {
      node {
        id
        standard_id
        entity_type
        x_opencti_stix_ids
        representative { main }
        ... on StixDomainObject { revoked confidence }
        ... on AttackPattern { aliases x_mitre_id }
        ... on Campaign { aliases }
        ... on IntrusionSet { aliases }
        ... on Malware { aliases }
        ... on Tool { aliases }
        ... on CourseOfAction { x_opencti_aliases x_mitre_id }
        ... on Vulnerability { x_opencti_aliases }
        ... on Identity { x_opencti_aliases }
        ... on Location { x_opencti_aliases }
      }
    }
    pageInfo { endCursor hasNextPage }
  }
}
"""

_RELATIONSHIPS = """
query PlatformRelationships(
  $types: [String], $from: [String], $to: [String], $filters: FilterGroup, $first: Int, $after: ID
) {
  stixCoreRelationships(
    relationship_type: $types, fromTypes: $from, toTypes: $to, filters: $filters, first: $first, after: $after
  ) {
    edges {
      node {
        id
        standard_id
        x_opencti_stix_ids
        relationship_type
        createdBy { id standard_id x_opencti_stix_ids }
        from { ... on BasicObject { id standard_id } ... on StixObject { x_opencti_stix_ids } }
        to { ... on BasicObject { id standard_id } ... on StixObject { x_opencti_stix_ids } }
      }
    }
    pageInfo { endCursor hasNextPage }
  }
}
"""


class Client(Protocol):
    """The part of pycti's API client that is needed here."""

    def query(self, query: str, variables: dict[str, Any] | None = None) -> Any: ...


class LimitReached(Exception):
    """The platform has more than the connector reads."""


@dataclass(frozen=True, slots=True)
class PlatformEntity:
    """One entity of the platform."""

    id: str
    standard_id: str
    type: str
    name: str
    stix_ids: frozenset[str]
    aliases: tuple[str, ...]
    x_mitre_id: str | None
    revoked: bool

    @property
    def ids(self) -> frozenset[str]:
        """The ids by which the platform finds it, those of its aliases apart."""
        return self.stix_ids | {self.id, self.standard_id}


@dataclass(frozen=True, slots=True)
class PlatformRelationship:
    """One relationship of the platform. Its ends and its author are sets of ids: any of them means the object."""

    ids: frozenset[str]
    type: str
    source: frozenset[str]
    target: frozenset[str]
    author: frozenset[str]


class Platform:
    """Asks one platform."""

    def __init__(
        self, client: Client, page_size: int = PAGE_SIZE, max_pages: int = MAX_PAGES
    ) -> None:
        self._client = client
        self._page_size = page_size
        self._max_pages = max_pages

    def entities(
        self, types: Iterable[str], ids: Iterable[str], names: Iterable[str]
    ) -> list[PlatformEntity]:
        """The entities of these types that have one of the ids, or one of the names as name or alias."""
        wanted, called = sorted(set(ids)), sorted(set(names))
        filters = (
            [{"key": ["ids"], "values": wanted, "operator": "eq", "mode": "or"}]
            if wanted
            else []
        )
        filters += [
            {"key": [key], "values": called, "operator": "eq", "mode": "or"}
            for key in ("name", "aliases", "x_opencti_aliases")
            if called
        ]
        group = {"mode": "or", "filters": filters, "filterGroups": []}
        nodes = self._pages(
            _ENTITIES, "stixCoreObjects", {"types": sorted(types), "filters": group}
        )
        return [_entity(node) for node in nodes]

    def relationships(
        self,
        types: Iterable[str],
        from_types: Iterable[str],
        to_types: Iterable[str],
        not_by: Iterable[str] = (),
    ) -> list[PlatformRelationship]:
        """The relationships of these types between entities of these types, but not those by certain authors."""
        authors = sorted(set(not_by))
        filters = (
            [
                {
                    "key": ["createdBy"],
                    "values": authors,
                    "operator": "not_eq",
                    "mode": "and",
                }
            ]
            if authors
            else []
        )
        variables = {
            "types": sorted(types),
            "from": sorted(from_types),
            "to": sorted(to_types),
            "filters": {"mode": "and", "filters": filters, "filterGroups": []},
        }
        return [
            _relationship(node)
            for node in self._pages(_RELATIONSHIPS, "stixCoreRelationships", variables)
            if node.get("from")
            and node.get("to")  # an end that the connector's user may not see
        ]

    def _pages(
        self, query: str, key: str, variables: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        after = None
        for _ in range(self._max_pages):
            answer = self._client.query(
                query, {**variables, "first": self._page_size, "after": after}
            )
            connection = answer["data"][key]
            yield from (edge["node"] for edge in connection["edges"])
            if not connection["pageInfo"]["hasNextPage"]:
                return
            after = connection["pageInfo"]["endCursor"]
        raise LimitReached(
            f"OpenCTI has more than {self._max_pages * self._page_size:,} results for {key}"
        )


def _entity(node: dict[str, Any]) -> PlatformEntity:
    return PlatformEntity(
        id=node["id"],
        standard_id=node["standard_id"],
        type=node["entity_type"],
        name=node["representative"]["main"],
        stix_ids=frozenset(node.get("x_opencti_stix_ids") or ()),
        aliases=tuple(
            alias
            for alias in node.get("aliases") or node.get("x_opencti_aliases") or ()
            if alias
        ),
        x_mitre_id=node.get("x_mitre_id"),
        revoked=bool(node.get("revoked")),
    )


def _relationship(node: dict[str, Any]) -> PlatformRelationship:
    return PlatformRelationship(
        ids=_ids(node),
        type=node["relationship_type"],
        source=_ids(node["from"]),
        target=_ids(node["to"]),
        author=_ids(node.get("createdBy") or {}),
    )


def _ids(node: dict[str, Any]) -> frozenset[str]:
    single = (node.get("id"), node.get("standard_id"))
    return frozenset(
        one for one in (*single, *(node.get("x_opencti_stix_ids") or ())) if one
    )
