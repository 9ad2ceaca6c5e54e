"""What a release becomes in OpenCTI: the objects to have there, each with a digest of what would be sent."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from connector import identifiers
from connector.stix import StixObject

# Publishers renew dates with each release (DISARM, D3FEND) or leave them where the text changed (ATT&CK, CAPEC), so
# they say nothing. A phase's order is sent with the phase itself: a moved column must not repeat each technique.
_NOT_DIGESTED = frozenset({"created", "modified"})

_RANKS = {"identity": 3, "grouping": 4, "kill-chain-phase": 1, "x-mitre-data-source": 2, "relationship": 5}


@dataclass(frozen=True, slots=True)
class Known:
    """What other knowledge bases need to know about an object: some hundred bytes."""

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
    """The objects of one release as they are sent, and what is known about the rest."""

    slug: str
    version: str
    objects: dict[str, StixObject] = field(default_factory=dict)
    """By the id that is sent."""
    authors: frozenset[str] = frozenset()
    dead: dict[str, StixObject] = field(default_factory=dict)
    """Withdrawn objects that a first sync does not send, in the form that tells OpenCTI so."""
    deprecated: set[str] = field(default_factory=set)
    """Those of the dead that are deprecated, not revoked."""
    known: dict[str, Known] = field(default_factory=dict)
    """Live objects, by the publisher's id."""
    left_out: Counter[str] = field(default_factory=Counter)
    digests: dict[str, str] = field(default_factory=dict)
    _identities: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """A digest of the whole set."""
        return digest_of_all(self.digests)

    def in_order(self) -> list[StixObject]:
        """All objects in the order of sending."""
        return sorted(self.objects.values(), key=self.position)

    def position(self, item: StixObject) -> tuple[int, str]:
        """Authors first, then phases, entities and relationships; by id among themselves."""
        return (0 if item["id"] in self.authors else _RANKS.get(item["type"], 3), item["id"])

    def identity(self, item: StixObject) -> str | tuple[str, str, str]:
        """What makes an object the same one in OpenCTI, whatever its STIX id."""
        if item["type"] != "relationship":
            return self._entity_identity(item)
        ends = (self.identity_of(item["source_ref"]), self.identity_of(item["target_ref"]))
        return (item["relationship_type"], *ends)

    def identity_of(self, stix_id: str) -> str:
        """What makes the object with this id the same one in OpenCTI; the id itself where it is not in the set."""
        item = self.objects.get(stix_id)
        return self._entity_identity(item) if item else stix_id

    def _entity_identity(self, item: StixObject) -> str:
        known = self._identities.get(item["id"])
        if known is None:
            known = self._identities[item["id"]] = identifiers.standard_id(item)
        return known

    def counts(self) -> dict[str, int]:
        """How many objects of each type there are to send."""
        return dict(sorted(Counter(item["type"] for item in self.objects.values()).items()))


def digest(item: StixObject) -> str:
    """A digest of an object as it would be sent."""
    content = {key: value for key, value in item.items() if key not in _NOT_DIGESTED}
    if "kill_chain_phases" in content:
        content["kill_chain_phases"] = [
            [phase["kill_chain_name"], phase["phase_name"]] for phase in content["kill_chain_phases"]
        ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def digest_of_all(digests: dict[str, str]) -> str:
    """A digest of many digests, whatever their order: 16 hexadecimal digits."""
    lines = "\n".join(f"{stix_id} {value}" for stix_id, value in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def digest_of_list(items: Iterable[StixObject]) -> str:
    """A digest of a list of objects in its order: 8 hexadecimal digits."""
    total = hashlib.sha256()
    for item in items:
        total.update(f"{item['id']} {digest(item)}\n".encode())
    return total.hexdigest()[:8]
