"""What a knowledge base declares about itself.

Everything that differs between knowledge bases stands in a declaration: routes, commands, job types, filters, sources
and database views are loops over them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ctibutler.knowledge_bases import versions

StixDict = Mapping[str, object]
FilterKind = Literal["exact", "substring"]

NEVER_LISTED = ("relationship", "sighting", "extension-definition", "language-content")
"""The types that no list shows: STIX's two kinds of relationship objects, and objects that explain others."""


@dataclass(frozen=True)
class TypeWord:
    """A form of object in the words of its knowledge base, such as `Sub-technique`: STIX types and, where it matters,
    whether `x_mitre_is_subtechnique` is true."""

    word: str
    types: tuple[str, ...]
    subtechnique: bool | None = None


@dataclass(frozen=True)
class Filter:
    """A further filter of a knowledge base's list: a parameter over values that are indexed at import."""

    parameter: str
    kind: FilterKind
    field: str
    description: str


@dataclass(frozen=True)
class IndexedField:
    """Values of an object that filters and sorts use: a name and how they are read from the object."""

    name: str
    read: Callable[[StixDict], Iterable[str]]


@dataclass(frozen=True)
class IdForm:
    """A form of primary id and the STIX types that it names: `T1059` is an `attack-pattern` before anything else."""

    pattern: re.Pattern[str]
    types: tuple[str, ...]


@dataclass(frozen=True)
class BucketFiles:
    """Where a bucket keeps the releases: a folder, a file name with `{}` for the label (`18_1`), and companions that lie
    beside the bundle."""

    folder: str
    file: str
    mapping: str | None = None
    details: str | None = None


@dataclass(frozen=True)
class DetailField:
    """A field of what a publisher says of an object beyond its STIX form: a text, a record where it has `fields`, or a
    list of these where there may be `many`. Any field may be missing; later releases may have further ones."""

    name: str
    description: str
    fields: tuple[DetailField, ...] = ()
    many: bool = False


@dataclass(frozen=True)
class AtPublisher:
    """Where its publisher keeps the knowledge base: the word for that place, and for people its address."""

    place: str
    address: str


@dataclass(frozen=True)
class Snapshot:
    """A release inside a published package: its distribution, the file, its label and how the file is read."""

    distribution: str
    file: str
    label: str
    converter: str


@dataclass(frozen=True)
class KnowledgeBase:
    """One body of knowledge that we host, as data.

    `primary_id` reads the id that people use from an object (`T1059.001`), or gives None. `listed` says which objects of
    the listed types a list shows. `id_prefix` may stand before an id or be left out. `converter` reads the publisher's
    own file; None where that is STIX 2.1 already.

    `left_out_types` are declared where a publisher's STIX arrives as it is: the types that lists leave out on purpose.
    A type that is neither listed nor left out is then new, and listed from the first release that has it.
    """

    slug: str
    title: str
    publisher: str
    licence: str
    database_name: str
    id_parameter: str
    version_parameter: str
    job_type: str
    primary_id: Callable[[StixDict], str | None]
    listed_types: tuple[str, ...]
    bucket: BucketFiles
    examples: tuple[str, ...]
    left_out_types: tuple[str, ...] | None = None
    id_sources: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    database_aliases: tuple[str, ...] = ()
    type_parameter: str | None = None
    type_words: tuple[TypeWord, ...] = ()
    id_prefix: str = ""
    id_forms: tuple[IdForm, ...] = ()
    listed: Callable[[StixDict], bool] = lambda _: True
    filters: tuple[Filter, ...] = ()
    indexed_fields: tuple[IndexedField, ...] = ()
    sort_fields: tuple[str, ...] = ()
    default_sort: str = "modified_descending"
    hides_dead: bool = False
    matrix: str | None = None
    navigator_domain: str | None = None
    navigator_types: tuple[str, ...] = ()
    infers_techniques: bool = False
    group: str | None = None
    object_filter_word: str | None = None
    sources: tuple[str, ...] = ("publisher", "bucket", "snapshot", "built-in")
    at_publisher: AtPublisher | None = None
    converter: str | None = None
    snapshots: tuple[Snapshot, ...] = ()
    details: tuple[DetailField, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The path names under which its routes answer, canonical first."""
        return (self.slug, *self.aliases)

    @property
    def vertex_collection(self) -> str:
        """Name of the collection and view that holds everything but relationships. Part of the ids of links."""
        return f"{self.database_name}_vertex_collection"

    @property
    def edge_collection(self) -> str:
        """Name of the collection and view that holds relationships."""
        return f"{self.database_name}_edge_collection"

    @property
    def sort_keys(self) -> tuple[str, ...]:
        """What lists can be sorted by."""
        return ("modified", "created", "name", "type", self.id_parameter, *self.sort_fields)

    def lists(self, stix_type: str) -> bool:
        """Whether its lists show objects of this type."""
        return stix_type in self.listed_types or self.is_new(stix_type)

    def is_new(self, stix_type: str) -> bool:
        """Whether this is a type that no release had when the declaration was written, in a base that is open to them."""
        if self.left_out_types is None:
            return False
        return stix_type not in self.listed_types and stix_type not in self.left_out_types

    def without_prefix(self, external_id: str) -> str:
        """The id in lower case and without the prefix that may be left out (`d3f:Evict` is `evict`)."""
        text = external_id.strip().lower()
        return text.removeprefix(self.id_prefix.lower()) if self.id_prefix else text

    def types_named_by(self, external_id: str) -> tuple[str, ...]:
        """The types that an id of this form names first; none where the form says nothing."""
        for form in self.id_forms:
            if form.pattern.fullmatch(external_id.strip()):
                return form.types
        return ()

    def file_name(self, label: str) -> str:
        """The name of a release's bundle: `enterprise-attack-18_1.json`."""
        return self.bucket.file.format(versions.in_file_name(label))

    def origin_file_name(self, label: str) -> str:
        """The name of what a mirror says of a release's origin, beside its bundle."""
        return f"{self.file_name(label).removesuffix('.json')}.origin.json"

    def mapping_file_name(self, label: str) -> str | None:
        """The name of the list of leftover relations beside the bundle, where the knowledge base has one."""
        return self.bucket.mapping.format(versions.in_file_name(label)) if self.bucket.mapping else None

    def details_file_name(self, label: str) -> str | None:
        """The name of the details of a release's objects beside the bundle, where the knowledge base has such a file."""
        return self.bucket.details.format(versions.in_file_name(label)) if self.bucket.details else None


def external_id_of(*source_names: str) -> Callable[[StixDict], str | None]:
    """Reads the `external_id` of the first reference of one of these sources, else of the first reference."""

    def read(stix: StixDict) -> str | None:
        references = _references(stix)
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
            for reference in _references(stix)
            if reference.get("source_name") == source_name and isinstance(reference.get("external_id"), str)
        ]

    return read


def property_values(*names: str) -> Callable[[StixDict], list[str]]:
    """Reads the strings of these properties, each a string or a list of strings."""

    def read(stix: StixDict) -> list[str]:
        return [text for name in names for text in strings(stix.get(name))]

    return read


def strings(value: object) -> list[str]:
    """The strings in a value that is a string or a list; nothing of anything else."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def id_form(pattern: str, *types: str) -> IdForm:
    """An id form, compared without regard to case."""
    return IdForm(re.compile(pattern, re.IGNORECASE), types)


def _references(stix: StixDict) -> list[Mapping[str, object]]:
    references = stix.get("external_references")
    return [item for item in references if isinstance(item, dict)] if isinstance(references, list) else []
