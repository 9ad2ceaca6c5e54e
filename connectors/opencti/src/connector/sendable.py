"""What a release becomes in OpenCTI: its objects, each with a digest of what would be sent."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connector import identifiers
from connector.stix import StixObject

# Dates say nothing: publishers renew them with each release (DISARM, D3FEND), or keep them although the text changed
# (ATT&CK, CAPEC). The order of a phase is left out too, because `phase_order` moves a column without the techniques.
_NOT_DIGESTED = frozenset({"created", "modified"})

_RANKS = {"x-mitre-data-source": 1, "grouping": 3, "relationship": 4}


@dataclass(frozen=True, slots=True)
class Known:
    """What other knowledge bases need to know about an object."""

    sent_id: str
    type: str
    external_id: str | None
    name: str
    standard_id: str
    author: str | None
    markings: tuple[str, ...]
    alias_ids: tuple[str, ...]


@dataclass(slots=True)
class Sendable:
    """The objects of one release in the form that is sent."""

    slug: str
    version: str
    objects: dict[str, StixObject] = field(default_factory=dict)
    """By the id that is sent."""
    authors: frozenset[str] = frozenset()
    withdrawn: dict[str, StixObject] = field(default_factory=dict)
    """Revoked and deprecated objects that a first import does not send, as they are sent later."""
    deprecated: set[str] = field(default_factory=set)
    """The ids in `withdrawn` that are deprecated, not revoked."""
    known: dict[str, Known] = field(default_factory=dict)
    """Live objects by the publisher's id."""
    left_out: Counter[str] = field(default_factory=Counter)
    digests: dict[str, str] = field(default_factory=dict)
    phase_order: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The position of each kill chain phase in use, by chain and phase name. Empty for a release without a matrix."""
    _identities: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """A digest of the whole set."""
        return digest_of_all(self.digests)

    def in_order(self) -> list[StixObject]:
        """All objects in the order of sending."""
        return sorted(self.objects.values(), key=self.position)

    def position(self, item: StixObject) -> tuple[int, bool, str]:
        """Authors first, then entities and relationships. Revoked before live: where OpenCTI takes both for one
        entity, the live one has the last word."""
        rank = 0 if item["id"] in self.authors else _RANKS.get(item["type"], 2)
        return (rank, not item.get("revoked"), item["id"])

    def identity(self, item: StixObject) -> str | tuple[str, str, str]:
        """What OpenCTI knows the object by, whatever its STIX id."""
        if item["type"] != "relationship":
            return self._entity_identity(item)
        ends = (
            self.identity_of(item["source_ref"]),
            self.identity_of(item["target_ref"]),
        )
        return (item["relationship_type"], *ends)

    def identity_of(self, stix_id: str) -> str:
        """What OpenCTI knows the object with this id by; the id itself for an unknown object."""
        item = self.objects.get(stix_id)
        return self._entity_identity(item) if item else stix_id

    def _entity_identity(self, item: StixObject) -> str:
        known = self._identities.get(item["id"])
        if known is None:
            known = self._identities[item["id"]] = identifiers.standard_id(item)
        return known

    def counts(self) -> dict[str, int]:
        """The number of objects of each type."""
        return dict(
            sorted(Counter(item["type"] for item in self.objects.values()).items())
        )


def digest(item: StixObject) -> str:
    """A digest of an object as it would be sent."""
    content = {key: value for key, value in item.items() if key not in _NOT_DIGESTED}
    if "kill_chain_phases" in content:
        content["kill_chain_phases"] = [
            [phase["kill_chain_name"], phase["phase_name"]]
            for phase in content["kill_chain_phases"]
        ]
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()[:32]


def digest_of_all(digests: dict[str, str]) -> str:
    """A digest of digests in any order, as 12 hexadecimal digits."""
    lines = "\n".join(
        f"{stix_id} {value}" for stix_id, value in sorted(digests.items())
    )
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


def digest_of_list(items: Iterable[StixObject]) -> str:
    """A digest of objects in this order, as 8 hexadecimal digits."""
    total = hashlib.sha256()
    for item in items:
        total.update(f"{item['id']} {digest(item)}\n".encode())
    return total.hexdigest()[:8]
