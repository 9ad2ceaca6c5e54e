"""One object as a page to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ctibutler.answers.object_view import ObjectView
from ctibutler.cli.finding import Finding
from ctibutler.cli.output import text as output
from ctibutler.cli.output.text import printable
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.knowledge_bases.properties import paired_values
from ctibutler.stix.markup import readable_text
from ctibutler.stix.objects import decode, external_references, is_deprecated, is_revoked, text

_HEAD = frozenset({"type", "id", "name", "description", "spec_version", "external_references", "knowledgebase_name"})
_DAYS = ("first_seen", "last_seen")
_LONG = ("log sources",)
_LONGEST_LINE = 60

# Of a data component; those of an analytic are a declared column.
_NOTHING = ("-", "None")
"""What publishers write where they say nothing."""

_LOG_SOURCES = paired_values("x_mitre_log_sources", "name", "channel")


@dataclass(frozen=True)
class Shown:
    """What of an object is shown besides what everybody reads: its references, or everything that it has."""

    references: bool = False
    everything: bool = False


def show_object(
    content: bytes,
    finding: Finding | None,
    others: Sequence[Finding],
    successors: Sequence[ObjectView] = (),
    shown: Shown = Shown(),
) -> None:
    """Print one object, with the release that it is from, who else has it and what to use in its place.

    Of one that is in no release, such as a relationship that we made, everything is shown.
    """
    properties = decode(content)
    external_id = finding.kb.primary_id(properties) if finding else None
    name = text(properties, "name") or text(properties, "type") or ""
    for successor in successors:
        words = [successor.external_id or successor.id, successor.name or ""]
        output.line(printable(f"revoked: use {' '.join(words)}".rstrip()))
    heading = printable(" ".join(part for part in (external_id, name) if part)) + state_of(properties)
    output.line(output.bold(output.filled(heading)))
    output.line(printable(text(properties, "id") or ""))
    if finding:
        also = f" (also in {', '.join(other.kb.slug for other in others)})" if others else ""
        output.line(output.filled(f"{finding.kb.title}, release {finding.release}{also}"))
    facts = list(_facts(properties, finding)) if finding else []
    _write_facts([(label, values) for label, values in facts if label not in _LONG])
    _write_description(text(properties, "description") or "")
    _write_facts([(label, values) for label, values in facts if label in _LONG])
    if shown.everything or finding is None:
        _write_facts([(key, [_value(value)]) for key, value in properties.items() if _is_further(key, value)])
    if shown.references or shown.everything or finding is None:
        _write_references(properties)


def state_of(properties: Mapping[str, object]) -> str:
    """` (revoked)`, ` (deprecated)`, both, or nothing."""
    states = [
        word
        for word, holds in (("revoked", is_revoked(properties)), ("deprecated", is_deprecated(properties)))
        if holds
    ]
    return f" ({', '.join(states)})" if states else ""


def _write_description(markup: str) -> None:
    paragraphs = output.paragraphs(readable_text(markup)).splitlines()
    if paragraphs:
        output.line()
    for paragraph in paragraphs:
        output.line(output.filled(paragraph, "  " if paragraph.startswith("* ") else ""))


def _facts(properties: Mapping[str, object], finding: Finding) -> Iterator[tuple[str, list[str]]]:
    """What people ask of an object of its kind."""
    stix_type = text(properties, "type") or ""
    yield "kind", [kind_of(finding.kb, stix_type, properties)]
    for column in finding.kb.columns:
        if stix_type in column.types:
            said = (text(properties, "name"), finding.view.external_id, *_NOTHING)
            values = [value for value in dict.fromkeys(column.read(properties)) if value not in said]
            yield column.name.replace("_", " "), _words(column.name, values)
    yield "log sources", _words("log_sources", _LOG_SOURCES(properties))
    for key in ("created", "modified"):
        yield key, [(text(properties, key) or "")[:10]]


def _words(column: str, values: Sequence[str]) -> list[str]:
    """The values of a column as words: the short names of tactics have hyphens, and of a time the day is enough."""
    if column == "tactics":
        return [value.replace("-", " ") for value in values]
    if column == "log_sources":
        return [value.removesuffix(" (None)") for value in values]
    return [value[:10] for value in values] if column in _DAYS else list(values)


def _write_facts(facts: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Print facts, each as a line, or with a line for each of many long values."""
    having = [(label, [value for value in values if value]) for label, values in facts]
    having = [(label, values) for label, values in having if values]
    if not having:
        return
    output.line()
    indent = max(len(label) for label, _ in having) + 2
    for label, values in having:
        joined = ", ".join(values)
        lines = [joined] if len(joined) <= _LONGEST_LINE or max(map(len, values)) < _LONGEST_LINE / 3 else values
        below = " " * (indent + 2 if len(lines) > 1 else indent)
        for place, value in enumerate(lines):
            start = (label if place == 0 else "").ljust(indent)
            output.line(output.filled(start + printable(value), below))


def _write_references(properties: Mapping[str, object]) -> None:
    references = external_references(properties)
    if references:
        output.line()
        output.line("References")
    for number, reference in enumerate(references, 1):
        words = [reference.get(key) for key in ("source_name", "external_id", "description", "url")]
        said = " ".join(readable_text(str(word)).replace("\n", " ") for word in words if word)
        output.line(output.filled(f"{number:>3}. {printable(said)}", " " * 5))


def _is_further(key: str, value: object) -> bool:
    return key not in _HEAD and value not in (None, [], {}, "")


def _value(value: object) -> str:
    if isinstance(value, str):
        return readable_text(value) if "<" in value else value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return msgspec.json.encode(value).decode()
