"""ATLAS's relationships as STIX, and how they get their ids."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from ctibutler.publishers.converters.atlas_format import FILE, AtlasData, Entry, Relation
from ctibutler.stix import identifiers

_log = logging.getLogger(__name__)
_Stix = dict[str, Any]
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"specializes": "subtechnique-of", "mitigates": "mitigates", "employs": "uses"}
)


def relationships(data: AtlasData, made: Mapping[str, _Stix]) -> Iterable[_Stix]:
    """Convert the relationships to techniques, each id once. `made` has the objects by ATLAS id."""
    sources = {**data.techniques, **data.mitigations, **data.case_studies}
    ids = _Ids(data)
    found: dict[str, _Stix] = {}
    for relation in _to_techniques(data, sources):
        stix_id = ids.of(relation, str(made[relation.target]["id"]))
        found.setdefault(stix_id, _relationship(relation, stix_id, sources[relation.source], made))
    return found.values()


def head(object_type: str, stix_id: str, entry: Entry) -> _Stix:
    """The first properties of an object, with the dates of this entry."""
    times = {"created": entry.created, "modified": entry.modified}
    return {
        "type": object_type,
        "spec_version": "2.1",
        "id": stix_id,
        **{name: f"{day}T00:00:00.000Z" for name, day in times.items() if day},
    }


def leave_out(relation: Relation) -> None:
    """Log that a relationship is left out because one of its ends is not in the file."""
    _log.warning(
        "%s: line %d: %s %s %s is left out: one of them is not in the file",
        FILE,
        relation.line,
        relation.source,
        relation.type,
        relation.target,
    )


def _to_techniques(data: AtlasData, sources: Mapping[str, Entry]) -> Iterator[Relation]:
    for name in _TYPES:
        for relation in data.of(name):
            if relation.source in sources and relation.target in data.techniques:
                yield relation
            else:
                leave_out(relation)


def _relationship(relation: Relation, stix_id: str, source: Entry, made: Mapping[str, _Stix]) -> _Stix:
    return {
        **head("relationship", stix_id, source),
        "relationship_type": _TYPES[relation.type],
        **({"description": relation.description} if relation.description else {}),
        "source_ref": made[relation.source]["id"],
        "target_ref": made[relation.target]["id"],
        "x_mitre_domains": ["ATLAS"],
    }


class _Ids:
    """The ids of the relationships of one release.

    Up to 5.6.0 the id of `mitigates` was made from the description, so 34 ids were shared. An id that was not shared stays the
    same: it is still made from the description, if the mitigation has that description for one technique only.
    """

    def __init__(self, data: AtlasData) -> None:
        pairs = {(relation.source, relation.description, relation.target) for relation in data.of("mitigates")}
        self._descriptions = Counter((source, description) for source, description, _ in pairs)
        self._steps: Counter[tuple[str, str, str]] = Counter()

    def of(self, relation: Relation, target: str) -> str:
        """The id of a relationship to this technique, given by STIX id."""
        match relation.type:
            case "specializes":
                return identifiers.atlas_subtechnique_id(relation.source, target)
            case "mitigates":
                return identifiers.atlas_mitigates_id(relation.source, self._own_description(relation) or target)
            case _:
                return identifiers.atlas_uses_id(relation.source, self._own_step(relation, target), target)

    def _own_description(self, relation: Relation) -> str | None:
        is_own = self._descriptions[relation.source, relation.description] == 1
        return relation.description if is_own else None

    def _own_step(self, relation: Relation, target: str) -> str:
        """The step's id, with a number if the step uses the technique more than once."""
        step = relation.step or ""
        self._steps[relation.source, step, target] += 1
        count = self._steps[relation.source, step, target]
        return step if count == 1 else f"{step}+{count}"
