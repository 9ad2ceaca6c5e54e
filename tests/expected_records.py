"""The records of releases and which of them are the latest, by plain Python over the bundles: rule by rule as
documented, slowly, and without the code under test."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.catalogue import bundle_path
from tests.shared import read_bundle

_STORAGE = uuid.UUID("72e906ce-ca1b-5d73-adcd-9ea9eb66a1b4")
_LINKS = uuid.UUID("2e51a631-99d8-52a5-95a6-8314d3f4fbf3")
_REFERENCE = re.compile(r"([a-z\-_]+)[_-]refs?")
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class Expected:
    """A record. `source` is the record that an edge starts from, None for a vertex and for a missing end."""

    id: str
    label: str
    place: int
    family: str
    modified: str | None
    source: Expected | None = None
    source_ref: str = ""
    target_ref: str = ""
    latest: bool = False

    @property
    def name(self) -> tuple[str, str]:
        """Id and release, which identify a record unless an id is repeated in a release."""
        return self.id, self.label


def expected_records(*wanted: str) -> list[Expected]:
    """All records of these releases of one knowledge base, with `latest` computed."""
    found = [record for release in wanted for record in _of_release(release)]
    _mark_latest(found)
    return found


def references(obj: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """The references of an object, as relationship type and target."""
    for key, value in obj.items():
        if key in ("source_ref", "target_ref"):
            continue
        matched = _REFERENCE.fullmatch(key)
        if matched:
            for target in [value] if isinstance(value, str) else value:
                if target:  # some analytics of ATT&CK name an empty string
                    yield path + matched.group(1).replace("_", "-"), target
        elif isinstance(value, list):
            for member in value:
                if isinstance(member, dict):
                    yield from references(member, f"{path}{key}-")


def _of_release(release: str) -> list[Expected]:
    label = release.partition("@")[2]
    objects = read_bundle(bundle_path(*release.split("@")))["objects"]
    distinct = {json.dumps(obj): obj for obj in objects}.values()  # without exact copies
    places: dict[str, int] = {}
    own: list[tuple[Expected, dict[str, Any]]] = []
    for obj in distinct:
        place = places[obj["id"]] = places.get(obj["id"], -1) + 1
        family = "native" if obj["type"] == "relationship" else "vertex"
        own.append((Expected(obj["id"], label, place, family, obj.get("modified")), obj))
    by_id = {record.id: record for record, _ in own}
    for record, obj in own:
        if record.family == "native":
            record.source_ref, record.target_ref = obj["source_ref"], obj["target_ref"]
            record.source = by_id.get(obj["source_ref"])
    made = [edge for record, obj in own for edge in _embedded(record, obj)]
    tactics = {obj["x_mitre_shortname"]: obj["id"] for _, obj in own if obj["type"] == "x-mitre-tactic"}
    made += [
        edge for record, obj in own if obj["type"] == "attack-pattern" for edge in _to_tactics(record, obj, tactics)
    ]
    return [record for record, _ in own] + made


def _embedded(record: Expected, obj: dict[str, Any]) -> Iterator[Expected]:
    for kind, target in dict.fromkeys(references(obj)):
        made = f"relationship--{uuid.uuid5(_STORAGE, f'{kind}+{record.id}+{target}')}"
        yield Expected(made, record.label, record.place, "embedded", record.modified, record, record.id, target)


def _to_tactics(record: Expected, obj: dict[str, Any], tactics: dict[str, str]) -> Iterator[Expected]:
    for phase in dict.fromkeys(phase["phase_name"] for phase in obj.get("kill_chain_phases", [])):
        if phase in tactics:
            made = f"relationship--{uuid.uuid5(_LINKS, f'related-to+{record.id}+{tactics[phase]}')}"
            yield Expected(
                made, record.label, 0, "technique-tactic", record.modified, record, record.id, tactics[phase]
            )


def _mark_latest(found: list[Expected]) -> None:
    by_id: dict[str, list[Expected]] = {}
    for record in found:
        by_id.setdefault(record.id, []).append(record)
    for records in by_id.values():
        max(records, key=_order).latest = True
    falling = True
    while falling:
        falling = False
        for record in found:
            if record.latest and record.source is not None and not record.source.latest:
                record.latest = False
                falling = True


def _order(record: Expected) -> tuple[datetime, tuple[int, ...], int]:
    moment = datetime.fromisoformat(record.modified) if record.modified else _LONG_AGO
    return moment, tuple(map(int, record.label.split("."))), record.place
