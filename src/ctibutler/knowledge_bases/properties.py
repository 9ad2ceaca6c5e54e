"""Readers of the properties of STIX objects, for declarations."""

from __future__ import annotations

from collections.abc import Callable

from ctibutler.knowledge_bases.declaration import StixDict
from ctibutler.stix.objects import external_references


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


def property_values(*names: str) -> Callable[[StixDict], list[str]]:
    """Reads the strings of these properties, each a string or a list of strings."""

    def read(stix: StixDict) -> list[str]:
        return [text for name in names for text in strings(stix.get(name))]

    return read


def strings(value: object) -> list[str]:
    """The strings in a value that is a string or a list; empty for anything else."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
