"""Readers of the properties of STIX objects, for declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ctibutler.knowledge_bases.declaration import Column, StixDict
from ctibutler.stix.objects import dicts, external_references, text


def external_id_of(*source_names: str) -> Callable[[StixDict], str | None]:
    """Reads the `external_id` of the first reference of one of these sources, else of the first reference."""

    def read(stix: StixDict) -> str | None:
        references = external_references(stix)
        for reference in references:
            if reference.get("source_name") in source_names and isinstance(reference.get("external_id"), str):
                return str(reference["external_id"])
        first = references[0].get("external_id") if references else None
        return first if isinstance(first, str) and first else None

    return read


def reference_values(source_name: str) -> Callable[[StixDict], list[str]]:
    """Reads every `external_id` of references with this source name."""

    def read(stix: StixDict) -> list[str]:
        return [
            str(reference["external_id"])
            for reference in external_references(stix)
            if reference.get("source_name") == source_name and isinstance(reference.get("external_id"), str)
        ]

    return read


def has_reference(source_name: str) -> Callable[[StixDict], bool]:
    """Returns whether an object has an external reference with this source name."""

    def read(stix: StixDict) -> bool:
        return any(reference.get("source_name") == source_name for reference in external_references(stix))

    return read


def text_of(name: str) -> Callable[[StixDict], str | None]:
    """Reads a property that is a text."""
    return lambda stix: text(stix, name)


def property_values(*names: str) -> Callable[[StixDict], list[str]]:
    """Reads the strings of these properties, each a string or a list of strings."""

    def read(stix: StixDict) -> list[str]:
        return [text for name in names for text in strings(stix.get(name))]

    return read


def phase_names(stix: StixDict) -> list[str]:
    """The short names of the tactics in `kill_chain_phases`."""
    return [name for phase in dicts(stix.get("kill_chain_phases")) for name in strings(phase.get("phase_name"))]


def values_by_key(name: str) -> Callable[[StixDict], list[str]]:
    """Reads a property that is an object, as texts: `Confidentiality: Read Data, Read Files`."""

    def read(stix: StixDict) -> list[str]:
        value = stix.get(name)
        items = value.items() if isinstance(value, Mapping) else ()
        return [f"{key}: {', '.join(strings(item))}" for key, item in items]

    return read


def paired_values(name: str, first: str, second: str) -> Callable[[StixDict], list[str]]:
    """Reads a list of objects, as texts of two members: `WinEventLog:Security (EventCode=4768)`."""

    def read(stix: StixDict) -> list[str]:
        pairs = [(strings(item.get(first)), strings(item.get(second))) for item in dicts(stix.get(name))]
        return [f"{one[0]} ({two[0]})" if two else one[0] for one, two in pairs if one]

    return read


def technique_columns(primary_id: Callable[[StixDict], str | None]) -> tuple[Column, ...]:
    """The columns of techniques in knowledge bases built like ATT&CK, where `T1059.001` is a sub-technique of `T1059`."""

    def parent(stix: StixDict) -> list[str]:
        stem, dot, _ = (primary_id(stix) or "").rpartition(".")
        return [stem] if dot and stix.get("x_mitre_is_subtechnique") is True else []

    types = ("attack-pattern",)
    return (Column("tactics", phase_names, types), Column("parent", parent, types))


def strings(value: object) -> list[str]:
    """The strings in a value that is a string or a list; empty for anything else."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
