"""What to send to get OpenCTI from one release to another.

Objects are compared by a digest of what would be sent. What is gone is compared by OpenCTI's own identity, because
publishers give objects new STIX ids (ATLAS did so with every release up to 5.1.1).

A relationship can also keep its id and get another end: 48 did so from 17.1 to 18.1 of Enterprise ATT&CK. OpenCTI cannot
move a relationship, so the old one is deleted whatever the settings say, and the new one gets an id made of its ends.
With the same id for both, the order in which workers take the messages would decide which one stays.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from connector import identifiers
from connector.sendable import Sendable, digest
from connector.stix import StixObject


@dataclass(frozen=True, slots=True)
class Rules:
    """What to do with objects that their publisher deprecates or removes."""

    deprecated: str = "revoke"
    removed: str = "revoke"


@dataclass(slots=True)
class Plan:
    """Objects to send, in order, and the number left out by reason."""

    objects: list[StixObject] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Namesakes:
    """The ids that OpenCTI finds live objects of other knowledge bases by."""

    standard_ids: set[str] = field(default_factory=set)
    alias_ids: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What depends on other knowledge bases: cross-links, and borrowed objects in the form of their owner."""

    links: tuple[StixObject, ...] = ()
    borrowed: tuple[StixObject, ...] = ()


def plan(
    target: Sendable,
    base: Sendable | None,
    rules: Rules,
    namesakes: Callable[[], Namesakes],
    contribution: Contribution = Contribution(),
) -> Plan:
    """The way from `base`, or from nothing, to `target`.

    `namesakes` returns the live objects of other knowledge bases. It is called only if something is to be revoked or
    deleted.
    """
    planner = _Planner(target, base, rules, namesakes)
    return planner.plan(contribution)


def contribution_only(target: Sendable, contribution: Contribution) -> Plan:
    """Cross-links and borrowed objects alone, if only their other ends changed."""
    result = Plan()
    if contribution.links or contribution.borrowed:
        result.objects = [
            *_authors(target),
            *contribution.borrowed,
            *contribution.links,
        ]
    return result


def changed_links(
    links: Iterable[StixObject], base: Iterable[StixObject], rules: Rules
) -> tuple[StixObject, ...]:
    """Links that are new or changed, and withdrawals of those that are gone."""
    before = {item["id"]: item for item in base}
    now = {item["id"]: item for item in links}
    new = [
        item
        for stix_id, item in now.items()
        if stix_id not in before or digest(before[stix_id]) != digest(item)
    ]
    gone = (
        _withdrawn(item, rules)
        for stix_id, item in sorted(before.items())
        if stix_id not in now
    )
    return (*new, *(item for item in gone if item))


class _Planner:
    def __init__(
        self,
        target: Sendable,
        base: Sendable | None,
        rules: Rules,
        namesakes: Callable[[], Namesakes],
    ) -> None:
        self._target = target
        self._base = base
        self._rules = rules
        self._namesakes = namesakes
        self._plan = Plan()
        self._live = {
            str(target.identity(item))
            for item in target.objects.values()
            if item["type"] != "relationship" and not item.get("revoked")
        }
        self._alias_ids = {
            stix_id for known in target.known.values() for stix_id in known.alias_ids
        }
        self._known_namesakes: Namesakes | None = None

    def plan(self, contribution: Contribution) -> Plan:
        wanted = [item for item in self._target.in_order() if self._is_new(item)]
        kept_out = {
            item["id"]
            for item in wanted
            if item.get("revoked") and self._has_live_namesake(item, self._target)
        }
        if kept_out:
            self._plan.left_out["revoked object with a live namesake"] += len(kept_out)
            unknown = kept_out - set(self._base.objects if self._base else ())
            wanted = [
                item
                for item in wanted
                if item["id"] not in kept_out and not self._ends_in(item, unknown)
            ]
        lent = {item["id"]: item for item in contribution.borrowed}
        former = self._former_names()
        wanted = [
            _without_aliases(lent.get(item["id"], item), former) for item in wanted
        ]
        moved = self._moved(wanted)
        wanted = [
            _under_an_id_of_its_ends(item) if item["id"] in moved else item
            for item in wanted
        ]
        objects = [*wanted, *contribution.links, *self._withdrawals(moved)]
        if objects:
            # The author always goes first, because the platform refuses objects without it.
            present = {item["id"] for item in objects}
            objects = [
                *(item for item in _authors(self._target) if item["id"] not in present),
                *objects,
            ]
        self._plan.objects = objects
        return self._plan

    def _is_new(self, item: StixObject) -> bool:
        return (
            self._base is None
            or self._base.digests.get(item["id"]) != self._target.digests[item["id"]]
        )

    def _ends_in(self, item: StixObject, unknown: set[str]) -> bool:
        if item["type"] == "relationship" and unknown & {
            item["source_ref"],
            item["target_ref"],
        }:
            self._plan.left_out["relationship: an end has a live namesake"] += 1
            return True
        return False

    def _moved(self, wanted: list[StixObject]) -> set[str]:
        """The ids of relationships whose type or ends changed."""
        if self._base is None:
            return set()
        pairs = [
            (self._base.objects[item["id"]], item)
            for item in wanted
            if item["type"] == "relationship" and item["id"] in self._base.objects
        ]
        return {
            new["id"]
            for old, new in pairs
            if old["relationship_type"] != new["relationship_type"]
            or any(
                # The same id is the same entity even if its name changed.
                old[end] != new[end]
                and self._base.identity_of(old[end])
                != self._target.identity_of(new[end])
                for end in ("source_ref", "target_ref")
            )
        }

    def _withdrawals(self, moved: set[str]) -> list[StixObject]:
        if self._base is None:
            return []
        told = {self._target.identity(item) for item in self._target.objects.values()}
        entities: list[StixObject | None] = []
        relationships: list[StixObject | None] = []
        for stix_id in sorted(moved):
            item = self._base.objects[stix_id]
            if self._base.identity(item) in told:
                self._plan.left_out["now under another id"] += 1
            else:
                relationships.append(_deleted(item))
        for stix_id in sorted(self._base.objects.keys() - self._target.objects.keys()):
            item = self._base.objects[stix_id]
            if stix_id in self._base.authors:
                continue
            if self._base.identity(item) in told:
                self._plan.left_out["now under another id"] += 1
            elif item["type"] == "relationship":
                relationships.append(self._gone_relationship(item, self._base))
            else:
                entities.append(self._gone_entity(item, self._base))
        return [item for item in (*relationships, *entities) if item is not None]

    def _gone_relationship(self, item: StixObject, base: Sendable) -> StixObject | None:
        ends = {
            base.identity_of(item["source_ref"]),
            base.identity_of(item["target_ref"]),
        }
        if not ends <= self._live and not ends <= (
            self._live | self._others().standard_ids
        ):
            return None  # it is gone together with an end
        if ends <= self._others().standard_ids:
            # Matrices share relationships as they share objects, and only the objects of the other matrix are known here.
            self._plan.left_out[
                "gone relationship between objects that another knowledge base has too"
            ] += 1
            return None
        return _withdrawn(item, self._rules)

    def _gone_entity(self, item: StixObject, base: Sendable) -> StixObject | None:
        withdrawn = self._target.withdrawn.get(item["id"])
        if self._has_live_namesake(item, base) or (
            withdrawn and self._has_live_namesake(withdrawn, self._target)
        ):
            self._plan.left_out["gone object that another knowledge base has too"] += 1
            return None
        if withdrawn is None:
            return _withdrawn(item, self._rules)
        if item["id"] in self._target.deprecated and self._rules.deprecated == "skip":
            return None
        return withdrawn

    def _has_live_namesake(self, item: StixObject, release: Sendable) -> bool:
        if item["type"] == "relationship":
            return False
        identity = str(release.identity(item))
        if identity in self._live or identity in self._others().standard_ids:
            return True
        if self._base and item["id"] in self._base.objects:
            return (
                False  # it was sent while it was live, so it has an entity of its own
            )
        return identity in self._alias_ids or identity in self._others().alias_ids

    def _former_names(self) -> set[str]:
        """The names and aliases of entities that are no longer live.

        No other object may take them: an object with the name of an entity as alias becomes that entity.
        """
        if self._base is None:
            return set()
        former = set()
        for item in self._base.objects.values():
            if (
                item["type"] != "relationship"
                and str(identity := self._base.identity(item)) not in self._live
            ):
                former |= {str(identity), *identifiers.alias_ids(item)}
        return former

    def _others(self) -> Namesakes:
        if self._known_namesakes is None:
            self._known_namesakes = self._namesakes()
        return self._known_namesakes


def _without_aliases(item: StixObject, former: set[str]) -> StixObject:
    """The object without aliases that name a withdrawn entity."""
    if not former or former.isdisjoint(identifiers.alias_ids(item)):
        return item
    key = "aliases" if "aliases" in item else "x_opencti_aliases"
    kept = [
        name
        for name in item[key]
        if identifiers.standard_id({**item, "name": name}) not in former
    ]
    return {
        **{name: value for name, value in item.items() if name != key},
        **({key: kept} if kept else {}),
    }


def _authors(target: Sendable) -> list[StixObject]:
    return [item for item in target.in_order() if item["id"] in target.authors]


def _withdrawn(item: StixObject, rules: Rules) -> StixObject | None:
    """An object that its publisher removed, as the settings want it."""
    if rules.removed == "delete":
        return _deleted(item)
    if rules.removed == "revoke" and not item.get("revoked"):
        return {**item, "revoked": True}
    return None


def _deleted(item: StixObject) -> StixObject:
    kept = ("type", "id", "relationship_type", "source_ref", "target_ref")
    return {
        **{key: item[key] for key in kept if key in item},
        "opencti_operation": "delete",
    }


def _under_an_id_of_its_ends(item: StixObject) -> StixObject:
    return {**item, "id": identifiers.relationship_id(*relationship_key(item))}


def relationship_key(item: StixObject) -> tuple[str, str, str]:
    """Type, source and target of a relationship."""
    return (item["relationship_type"], item["source_ref"], item["target_ref"])
