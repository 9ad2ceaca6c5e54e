"""A dry run: what a real run would do on the platform, without writing anything to it.

The connector does not register, opens no work and stores no state. It asks the platform for the entities and
relationships that the plan meets, page by page and up to a limit.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector import safeguards
from connector.connector import enabled_knowledge_bases
from connector.delta import relationship_key
from connector.matching import Match, entity_type
from connector.phase_order import misplaced
from connector.planning import Planning, Task
from connector.platform import LimitReached, Platform, PlatformRelationship
from connector.safeguards import Checked
from connector.settings import ConnectorSettings
from connector.state import SyncState
from connector.stix import StixObject
from ctibutler_client.errors import ServerError
from pycti import OpenCTIApiClient

_NAMED = 20
"""Names in one line of the report."""


@dataclass(slots=True)
class Report:
    """What a run would do for one knowledge base. Each list holds names, or `old → new`."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    relationships: Counter[str] = field(default_factory=Counter)
    held_back: Counter[str] = field(default_factory=Counter)
    at_risk: list[str] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)

    def lines(self) -> Iterable[str]:
        """The report as text."""
        groups = {
            "create": self.created,
            "change": self.changed,
            "rename": self.renamed,
            "revoke": self.revoked,
            "merge": self.merged,
            "delete": self.deleted,
            "move kill chain phase": self.phases,
        }
        for action, names in groups.items():
            if names:
                more = (
                    f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                )
                yield f"  {action} {len(names)}: {'; '.join(names[:_NAMED])}{more}"
        for what, count in sorted(self.relationships.items()):
            yield f"  relationships: {what} {count}"
        for reason, count in sorted(self.held_back.items()):
            yield f"  not sent {count}: {reason}"
        for sentence in self.at_risk:
            yield f"  at risk: {sentence}"


def dry_run(
    config: ConnectorSettings, client: OpenCTIApiClient, say: Callable[[str], None]
) -> bool:
    """Report what a run would do. Returns whether every knowledge base could be planned."""
    enabled = enabled_knowledge_bases(config)
    state = SyncState.read(
        _stored_state(client, config.connector.id), config.ctibutler.mapping_digest()
    )
    if config.ctibutler.force_full:
        state.kb = {}
    planning = Planning(config.ctibutler, state, enabled, client.app_logger)
    platform = Platform(client)
    complete = True
    for kb in enabled.values():
        task = Task(kb)
        try:
            planning.task(task)
            say(f"{task.steps}: {len(task.plan.objects)} objects planned")
            for line in _report(
                task, planning, platform, client, config.ctibutler.keep_platform_names
            ).lines():
                say(line)
        except (ServerError, LimitReached) as error:
            complete = False
            say(f"{task.steps}: {error}")
            continue
        if task.done:
            state.kb[kb.slug] = (
                task.done
            )  # as if it was sent, so that links to it are planned
            planning.finished(task)
    return complete


def _stored_state(client: OpenCTIApiClient, connector_id: str) -> Any:
    """The state that the platform keeps for this connector; None if it never ran."""
    answer = client.query(
        "query ($id: String!) { connector(id: $id) { connector_state } }",
        {"id": connector_id},
    )
    raw = ((answer["data"] or {}).get("connector") or {}).get("connector_state")
    return json.loads(raw) if raw else None


def _report(
    task: Task,
    planning: Planning,
    platform: Platform,
    client: OpenCTIApiClient,
    keep_names: bool,
) -> Report:
    if not task.plan.objects:
        return Report()
    checked = safeguards.check(
        platform, task.plan.objects, planning.sent_objects(task), keep_names
    )
    report = Report(held_back=checked.held_back, at_risk=checked.at_risk)
    report.renamed = [f"{old} → {new}" for old, new in checked.renamed()]
    for item in checked.objects:
        if item["type"] != "relationship":
            _add_entity(report, item, checked.matches.get(item["id"]))
    report.relationships = _relationships(
        checked, platform, planning.sent_objects(task)
    )
    if task.target:
        found = misplaced(client.kill_chain_phase, task.target.phase_order)
        report.phases = [f"{name} to {order}" for name, order in found.values()]
    return report


def _add_entity(report: Report, item: StixObject, match: Match | None) -> None:
    if item.get("opencti_operation") == "delete":
        report.deleted.append(item["id"])
        return
    name = str(item.get("name", item["id"]))
    if match is None or match.entity is None:
        report.created.append(name)
        return
    report.changed.append(name)
    if match.revokes:
        report.revoked.append(match.entity.name)
    if match.merges:
        names = ", ".join(entity.name for entity in match.entities)
        report.merged.append(f"{names} for {name}")


def _relationships(
    checked: Checked, platform: Platform, known: Mapping[str, StixObject]
) -> Counter[str]:
    """How many relationships would be created, changed, revoked and deleted."""
    items = [item for item in checked.objects if item["type"] == "relationship"]
    if not items:
        return Counter()
    present = _Present(_platform_relationships(items, platform, known))
    return Counter(_what_happens(item, present, checked.matches) for item in items)


def _what_happens(
    item: StixObject, present: "_Present", matches: Mapping[str, Match]
) -> str:
    if item.get("opencti_operation") == "delete":
        return "delete"
    exists = item["id"] in present.ids or present.has(item, matches)
    if item.get("revoked"):
        return "revoke" if exists else "create revoked"
    return "change" if exists else "create"


def _platform_relationships(
    items: Sequence[StixObject], platform: Platform, known: Mapping[str, StixObject]
) -> list[PlatformRelationship]:
    types = {item["relationship_type"] for item in items}
    ends = [
        {
            kind
            for item in items
            if (end := known.get(item[key])) and (kind := entity_type(end))
        }
        for key in ("source_ref", "target_ref")
    ]
    return platform.relationships(types, ends[0], ends[1])


class _Present:
    """The relationships of the platform, by id and by ends."""

    def __init__(self, relationships: Iterable[PlatformRelationship]) -> None:
        self.ids: set[str] = set()
        self._ends: set[tuple[str, str, str]] = set()
        for one in relationships:
            self.ids |= one.ids
            self._ends |= {
                (one.type, source, target)
                for source in one.source
                for target in one.target
            }

    def has(self, item: StixObject, matches: Mapping[str, Match]) -> bool:
        kind, source, target = relationship_key(item)
        ends = [_ids_of(ref, matches) for ref in (source, target)]
        return any(
            (kind, one, other) in self._ends for one in ends[0] for other in ends[1]
        )


def _ids_of(ref: str, matches: Mapping[str, Match]) -> frozenset[str]:
    found = matches.get(ref)
    return frozenset({ref}) | (
        found.entity.ids if found and found.entity else frozenset()
    )
