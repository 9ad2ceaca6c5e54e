"""Converts a release of a knowledge base to the objects that OpenCTI accepts.

A pure function of the release and the settings. `links` adds what depends on other knowledge bases: cross-links, and the
objects that ATLAS and F3 borrow from ATT&CK.
"""

from collections import Counter
from collections.abc import Iterable

from connector import aliases, entities, identifiers
from connector.knowledge_bases import KnowledgeBase
from connector.mappings import MAPPINGS, Mapping
from connector.markings import Markings
from connector.phases import PhaseOrder
from connector.relationships import Relation, is_allowed, kind_of
from connector.release_index import Options, ReleaseIndex
from connector.sendable import Known, Sendable, digest
from connector.stix import StixObject, external_id, is_deprecated, is_revoked, type_of
from ctibutler_client.releases import Release

MAPPING_VERSION = 3
"""Raise it when a release becomes something else than before. Every connector then sends everything again."""

MITRE = "The MITRE Corporation"
"""The author of objects without one (ATLAS and F3), and of objects whose author is in no file."""


def convert(release: Release, kb: KnowledgeBase, options: Options) -> Sendable:
    """The objects of this release for OpenCTI, without cross-links."""
    return _Converter(ReleaseIndex(release, kb, options), MAPPINGS[kb.mapping]).run()


class _Converter:
    """One conversion."""

    def __init__(self, index: ReleaseIndex, mapping: Mapping) -> None:
        self._index = index
        self._mapping = mapping
        self._kb = index.kb
        self._phases = PhaseOrder(index.objects.values(), mapping.phases)
        statements = (
            {item["id"]: item for item in index.of_type("marking-definition")}
            if index.options.keep_statement_markings
            else {}
        )
        self._statements = {
            key: item
            for key, item in statements.items()
            if item.get("definition_type") == "statement"
        }
        self._markings = Markings(index.options.marking, self._statements)
        sources = [
            item
            for item in index.of_type(*self._kb.entities)
            if mapping.takes(item, index)
        ]
        live = [item for item in sources if index.is_live(item)]
        self._aliases = aliases.Aliases(
            (item["type"], mapping.name(item), mapping.aliases(item, index))
            for item in live
        )
        self._sources = sources
        self._shared_names = {
            name
            for name, times in Counter(
                item["name"] for item in live if self._is_nameless(item)
            ).items()
            if times > 1
        }
        self._default_author = self._find_default_author()
        self._sent_ids: dict[str, str] = {}
        self._triples: dict[tuple[str, str, str], StixObject] = {}
        self._result = Sendable(self._kb.slug, index.version)

    def run(self) -> Sendable:
        self._add_entities()
        for relation in self._mapping.relations(self._index):
            self._add_relation(relation)
        self._add_authors()
        for item in map(self._statement, self._statements.values()):
            self._result.objects[item["id"]] = item
        self._close_references()
        self._result.digests = {
            stix_id: digest(item) for stix_id, item in self._result.objects.items()
        }
        self._result.phase_order = self._phases.used
        left_out = self._result.left_out
        left_out.update(self._index.left_out)
        left_out.update(self._aliases.left_out)
        for phase, times in self._phases.unknown.items():
            left_out[f"tactic order of {phase}: not in the matrix"] = times
        return self._result

    # entities

    def _add_entities(self) -> None:
        for item in self._index.objects.values():
            if item["type"] not in self._kb.entities and item["type"] not in (
                "identity",
                "marking-definition",
            ):
                self._result.left_out[
                    f"{item['type']}: OpenCTI has no such entity"
                ] += 1
        replaced = self._index.replaced()
        # Live objects first. A revoked object whose name is an alias of a live one would become that one, and revoke it.
        also_known: set[str] = set()
        for item in sorted(
            self._sources, key=lambda item: not self._index.is_live(item)
        ):
            live = self._index.is_live(item)
            sent = self._entity(item, live)
            if live:
                self._know(item, sent)
                also_known.update(self._result.known[item["id"]].alias_ids)
                self._keep(item, sent)
            elif (
                item["id"] in replaced
                and identifiers.standard_id(sent) not in also_known
            ):
                self._keep(item, sent)
            else:
                self._result.withdrawn[sent["id"]] = sent
                self._result.left_out[
                    f"{item['type']}: {self._why_left_out(item, replaced)}"
                ] += 1
                if not is_revoked(item):
                    self._result.deprecated.add(sent["id"])

    def _keep(self, item: StixObject, sent: StixObject) -> None:
        if sent["id"] in self._result.objects:
            self._result.left_out["second object with the same id"] += 1
            return
        self._result.objects[sent["id"]] = sent
        self._sent_ids[item["id"]] = sent["id"]

    def _know(self, item: StixObject, sent: StixObject) -> None:
        self._result.known[item["id"]] = Known(
            sent_id=sent["id"],
            type=sent["type"],
            external_id=external_id(item, self._kb.external_ids),
            name=sent["name"],
            standard_id=str(self._result.identity(sent)),
            author=sent["created_by_ref"],
            markings=tuple(sent.get("object_marking_refs", ())),
            alias_ids=tuple(identifiers.alias_ids(sent)),
        )

    def _why_left_out(self, item: StixObject, replaced: set[str]) -> str:
        if item["id"] in replaced:
            return "revoked, and its name is an alias of a live object"
        return "revoked, without a live successor" if is_revoked(item) else "deprecated"

    def _entity(self, item: StixObject, live: bool) -> StixObject:
        sent = self._mapping.entity(item, self._index)
        sent["revoked"] = not live
        self._name(sent, item)
        self._set_platforms(sent)
        description = self._mapping.describe(item, self._index)
        if not live and not is_revoked(item) and is_deprecated(item):
            description = f"{description or ''}\n\nDeprecated in {self._kb.title} {self._index.version}.".strip()
        if description:
            sent["description"] = description
        else:
            sent.pop("description", None)
        # A revoked object mostly has the aliases of its successor. With them it would become the successor.
        names = live and self._aliases.of(
            item["type"],
            self._mapping.name(item),
            self._mapping.aliases(item, self._index),
        )
        if names:
            sent[entities.SENT_ALIAS_KEY.get(sent["type"], "x_opencti_aliases")] = names
        if item.get("kill_chain_phases"):
            sent["kill_chain_phases"] = self._phases.of(item)
        self._sign(sent, item)
        references = entities.references(item, self._kb.external_ids)
        if references:
            sent["external_references"] = references
        return sent

    def _name(self, sent: StixObject, item: StixObject) -> None:
        """Set the external id of techniques and mitigations. A mitigation without one is known by its name."""
        if sent["type"] not in ("attack-pattern", "course-of-action"):
            return
        number = external_id(item, self._kb.external_ids)
        if number:
            sent["x_mitre_id"] = number
        elif sent["name"] in self._shared_names:
            sent["name"] = f"{sent['name']} ({item['id'].split('--')[1][:8]})"

    def _set_platforms(self, sent: StixObject) -> None:
        """Drop values that are not platforms: OpenCTI would add each to its vocabulary."""
        if "x_mitre_platforms" in sent:
            renamed = (
                self._kb.platforms.get(name, name)
                for name in sent.pop("x_mitre_platforms")
            )
            platforms = list(dict.fromkeys(filter(None, renamed)))
            if platforms:
                sent["x_mitre_platforms"] = platforms

    def _is_nameless(self, item: StixObject) -> bool:
        return item["type"] == "course-of-action" and not external_id(
            item, self._kb.external_ids
        )

    # authors, markings

    def _find_default_author(self) -> StixObject:
        authors = Counter(
            item["created_by_ref"]
            for item in self._sources
            if item.get("created_by_ref") in self._index.objects
        )
        if authors:
            return self._index.objects[
                min(authors, key=lambda stix_id: (-authors[stix_id], stix_id))
            ]
        return {
            "type": "identity",
            "id": identifiers.organization_id(MITRE),
            "name": MITRE,
            "identity_class": "organization",
        }

    def _sign(self, sent: StixObject, origin: StixObject) -> None:
        """Set author and markings. The platform refuses an object whose author was never sent."""
        author = origin.get("created_by_ref")
        known = author in self._index.objects and type_of(str(author)) == "identity"
        sent["created_by_ref"] = author if known else self._default_author["id"]
        markings = self._markings.of(origin)
        if markings:
            sent["object_marking_refs"] = markings

    def _add_authors(self) -> None:
        needed = {item["created_by_ref"] for item in self._result.objects.values()}
        for stix_id in sorted(needed):
            author = self._index.objects.get(stix_id, self._default_author)
            sent = entities.read_by_opencti(author)
            sent["revoked"] = False
            markings = self._markings.of(author)
            if markings:
                sent["object_marking_refs"] = markings
            self._result.objects[stix_id] = sent
        self._result.authors = frozenset(needed | set(self._statements))

    def _statement(self, item: StixObject) -> StixObject:
        kept = (
            "type",
            "id",
            "spec_version",
            "created",
            "definition_type",
            "definition",
        )
        return {key: item[key] for key in kept if key in item}

    # relationships

    def _add_relation(self, relation: Relation) -> None:
        source, target = self._sent_ids.get(relation.source), self._sent_ids.get(
            relation.target
        )
        if source is None or target is None:
            self._result.left_out[self._why_open(relation, source, target)] += 1
            return
        if (
            not self._index.is_live(relation.origin)
            and relation.origin["type"] == "relationship"
        ):
            self._result.left_out["relationship: revoked or deprecated"] += 1
            return
        ends = (self._result.objects[source], self._result.objects[target])
        if relation.type != "revoked-by" and any(end["revoked"] for end in ends):
            self._result.left_out[
                f"relationship {relation.type}: an end is revoked or deprecated"
            ] += 1
            return
        if self._result.identity(ends[0]) == self._result.identity(ends[1]):
            self._result.left_out["relationship: both ends are the same entity"] += 1
            return
        sent = relationship(relation, *ends)
        self._sign(sent, relation.origin)
        if relation.origin["type"] == "relationship":
            references = entities.references(relation.origin, self._kb.external_ids)
            if references:
                sent["external_references"] = references
        self._merge(sent)

    def _merge(self, sent: StixObject) -> None:
        """Add a relationship. A second one of the same type between the same objects adds its description."""
        triple = (sent["relationship_type"], sent["source_ref"], sent["target_ref"])
        present = self._triples.setdefault(triple, sent)
        if present is sent:
            self._result.objects[sent["id"]] = sent
            return
        self._result.left_out["relationship: repeats another one"] += 1
        tell_also(present, sent)

    def _why_open(
        self, relation: Relation, source: str | None, target: str | None
    ) -> str:
        open_end = relation.target if source else relation.source
        item = self._index.objects.get(open_end)
        if item is None:
            return f"relationship {relation.type}: an end is not in the release"
        if item["type"] not in self._kb.entities:
            return f"relationship {relation.type}: ends at {item['type']}"
        return f"relationship {relation.type}: an end is revoked or deprecated"

    def _close_references(self) -> None:
        """Drop references to data sources and members of groupings that are not sent."""
        for item in self._result.objects.values():
            if item["type"] == "grouping":
                members = (self._sent_ids.get(ref) for ref in item["object_refs"])
                item["object_refs"] = [
                    ref for ref in dict.fromkeys(members) if ref is not None
                ]
            elif (
                "x_mitre_data_source_ref" in item
                and item["x_mitre_data_source_ref"] not in self._result.objects
            ):
                del item["x_mitre_data_source_ref"]


def relationship(
    relation: Relation, source: StixObject, target: StixObject
) -> StixObject:
    """A relationship between two sent objects, still without author, markings and references.

    It has no dates unless its publisher gave some. Start and stop are sent as null, because pycti guesses missing ones
    from dates in the citations.
    """
    kind, description = relation.type, relation.description
    stix_id = relation.id
    if not is_allowed(kind, kind_of(source), kind_of(target)):
        kind, description, stix_id = "related-to", _with_verb(relation), None
    sent: StixObject = {
        "type": "relationship",
        "id": stix_id or identifiers.relationship_id(kind, source["id"], target["id"]),
        "spec_version": "2.1",
        "relationship_type": kind,
        "source_ref": source["id"],
        "target_ref": target["id"],
        "start_time": relation.origin.get("start_time"),
        "stop_time": relation.origin.get("stop_time"),
        "revoked": False,
    }
    for key in ("created", "modified"):
        if relation.origin.get(key):
            sent[key] = relation.origin[key]
    if description:
        sent["description"] = description
    return sent


def tell_also(present: StixObject, again: StixObject) -> None:
    """Add the description of another relationship between the same objects."""
    told, more = present.get("description", ""), again.get("description", "")
    if more and more not in told.split("\n"):
        present["description"] = f"{told}\n{more}".strip()


def _with_verb(relation: Relation) -> str:
    verb = relation.type.replace("-", " ").replace("_", " ")
    return f"{verb}: {relation.description}" if relation.description else verb


def left_out_lines(left_out: Counter[str]) -> Iterable[str]:
    """The reasons with their counts, most frequent first."""
    return (f"{times} {reason}" for reason, times in left_out.most_common())
