"""What a knowledge base declares about itself.

Everything that differs between knowledge bases stands in a declaration: routes, commands, job types, filters, sources
and database views are loops over them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.layouts import Dialect, LabelColour, Layout, Shape
from ctibutler.knowledge_bases.property_classes import STIX_PROPERTIES, PropertyClass
from ctibutler.knowledge_bases.questions import Qualifier, Question
from ctibutler.knowledge_bases.relations import NamedInDetails, Onward

StixDict = Mapping[str, object]
FilterKind = Literal["exact", "substring"]
Identity = Literal["stix-id", "external-id"]

NEVER_LISTED = ("relationship", "sighting", "extension-definition", "language-content")
"""The types that no list shows: STIX's two kinds of relationship objects, and objects that explain others."""


@dataclass(frozen=True)
class TypeWord:
    """A kind of object in the words of its knowledge base."""

    word: str
    """What people call it: `Sub-technique`."""

    types: tuple[str, ...]
    """The STIX types of such objects."""

    subtechnique: bool | None = None
    """The value that `x_mitre_is_subtechnique` must have; None when it does not matter."""

    holds: Callable[[StixDict], bool] | None = None
    """What else tells such objects from others of these types; None if nothing does."""

    shape: Shape = "other"
    """Their mark on pages."""


@dataclass(frozen=True)
class Filter:
    """A query parameter that only this knowledge base has. It filters lists by values that are indexed at import."""

    parameter: str
    """Name of the query parameter."""

    kind: FilterKind
    """`exact` takes a comma-separated list of whole values, `substring` a part of one."""

    field: str
    """Name of the indexed field that it compares."""

    description: str
    """What it does, for the documentation: a phrase without a full stop."""

    example: str = ""
    """A value that finds something, for the documentation."""


@dataclass(frozen=True)
class IndexedField:
    """Values that filters and sort keys use, read from each object at import."""

    name: str
    """Name of the field."""

    read: Callable[[StixDict], Iterable[str]]
    """Returns the field's values in an object."""

    is_late: bool = False
    """It was declared after releases had been imported: a catalogue of that time gets its values when it is opened."""


@dataclass(frozen=True)
class Column:
    """What tables of objects show of each object, besides what they show of all: id, name, kind and so on."""

    name: str
    """The heading: `platforms`."""

    read: Callable[[StixDict], Iterable[str]]
    """Returns the values in an object."""

    types: tuple[str, ...]
    """The STIX types that have it. A table shows the column if it may hold objects of one of them."""


class LogSource(NamedTuple):
    """Where something can be seen."""

    name: str
    """Such as `WinEventLog:Security`."""

    channel: str
    """What to look for there: `EventCode=4768`. Empty if the publisher does not say."""


@dataclass(frozen=True)
class IdForm:
    """What an id says about its object's type by its form: `T1059` is an `attack-pattern`."""

    pattern: re.Pattern[str]
    """The form."""

    types: tuple[str, ...]
    """The STIX types that come first when several objects share such an id."""


@dataclass(frozen=True)
class SigmaTag:
    """How Sigma rules tag objects of some types: `attack.t1059`."""

    namespace: str
    """What stands before the dot."""

    read: Callable[[StixDict], str | None]
    """Returns what stands behind it, in any case; None if the object has no tag."""

    types: tuple[str, ...]
    """The STIX types of such objects."""


@dataclass(frozen=True)
class AddressForm:
    """How the publisher's web pages of objects are addressed: `attack.mitre.org/techniques/T1059/001`."""

    pattern: re.Pattern[str]
    """The form, from the beginning of the address; its group is the part that names the object."""

    id: str = "{}"
    """The id, with `{}` for that part: `CWE-{}`."""


@dataclass(frozen=True)
class Tactics:
    """How objects say which tactics they serve: by a short name in a kill chain phase, which is that of an object."""

    type: str = "x-mitre-tactic"
    """The STIX type of tactics."""

    slug: str = "x_mitre_shortname"
    """Their property with the short name."""

    phases: str = "kill_chain_phases"
    """The property of other objects with phases. The short name is a phase's `phase_name`."""


@dataclass(frozen=True)
class BucketFiles:
    """Where a bucket keeps the releases. In file names, `{}` stands for the release (`18_1`)."""

    folder: str
    """Folder of all releases of the knowledge base."""

    file: str
    """File name of a release's STIX bundle."""

    mapping: str | None = None
    """File name of relations that did not fit into the bundle; None if there are none."""

    details: str | None = None
    """File name of the details that go with the bundle; None if there are none."""


@dataclass(frozen=True)
class DetailField:
    """A field of what a publisher says about an object beyond its STIX form. Any field may be missing, and later
    releases may add fields."""

    name: str
    """Name of the field in JSON."""

    description: str
    """What it holds, for the documentation."""

    fields: tuple[DetailField, ...] = ()
    """The fields of a record; empty for a text."""

    many: bool = False
    """The value is a list."""


@dataclass(frozen=True)
class AtPublisher:
    """Where the publisher keeps the knowledge base."""

    place: str
    """Name of the module in `publishers/places/`, as a word."""

    address: str
    """Web address for people."""

    is_frozen: bool = False
    """The place keeps earlier releases. No new release is expected there."""


@dataclass(frozen=True)
class Snapshot:
    """A release inside a published Python package."""

    distribution: str
    """Name of the package."""

    file: str
    """Path of the file in the package."""

    label: str
    """The release that the file holds."""

    converter: str
    """Name of the converter that reads the file."""


@dataclass(frozen=True)
class Example:
    """A real object of a real release, shown in the API's documentation."""

    release: str
    """The release that holds the object."""

    id: str
    """The id that people use."""

    stix_id: str
    """The STIX id."""

    name: str
    """A word of the name."""


@dataclass(frozen=True)
class KnowledgeBase:
    """One hosted knowledge base, as data."""

    slug: str
    """Name in URLs, commands and settings: `attack-ics`."""

    title: str
    """Name for people."""

    publisher: str
    """Who publishes it."""

    licence: str
    """Copyright and licence of the data, in one line."""

    database_name: str
    """Prefix of its database views and ArangoDB collections. Part of the ids of generated relationships, so never change it."""

    id_parameter: str
    """Query parameter that filters by id: `cwe_id`."""

    version_parameter: str
    """Query parameter that chooses a release: `cwe_version`."""

    job_type: str
    """Type of its install jobs."""

    primary_id: Callable[[StixDict], str | None]
    """Returns the id that people use for an object (`T1059.001`), or None if it has none."""

    listed_types: tuple[str, ...]
    """The STIX types that lists show."""

    bucket: BucketFiles
    """Where a bucket keeps its releases."""

    examples: tuple[str, ...]
    """Ids of real objects, for the documentation and for error messages."""

    example: Example | None = None
    """A real object for the API's documentation; None shows one of ATT&CK."""

    left_out_types: tuple[str, ...] | None = None
    """The STIX types that lists leave out on purpose. Declare it where the publisher's STIX is used as it is: a type that is
    neither listed nor left out is then new, and listed from the first release that has it. None: there are no new types."""

    id_sources: tuple[str, ...] = ()
    """The `source_name` of external references that hold the id."""

    aliases: tuple[str, ...] = ()
    """Other names in URLs and commands."""

    database_aliases: tuple[str, ...] = ()
    """Other prefixes under which the database views exist."""

    type_parameter: str | None = None
    """Query parameter that filters by kind (`attack_type`); None if there is only one kind."""

    type_words: tuple[TypeWord, ...] = ()
    """Its kinds of objects, in its own words. `type_parameter` has them as its values."""

    own_kinds: tuple[TypeWord, ...] = ()
    """What other objects are called that questions are asked of."""

    questions: tuple[Question, ...] = ()
    """What can be asked about its objects."""

    dialect: Dialect = "plain"
    """How its texts are marked up."""

    label_colours: Mapping[str, LabelColour] = field(default_factory=dict, compare=False)
    """The colours, on black, that a standard asks for where it is named what an object is: by primary id in lower case."""

    layouts: tuple[Layout, ...] = ()
    """What pages show of its kinds of objects. Of a kind without a layout, they show the answers to all its questions."""

    onward: tuple[Onward, ...] = ()
    """The relations that paths go along from its objects."""

    named_in_details: tuple[NamedInDetails, ...] = ()
    """Ids that its details name, for chains."""

    qualifiers: tuple[Qualifier, ...] = ()
    """What its details say about relationships."""

    id_prefix: str = ""
    """A prefix of ids that users may leave out: `d3f:`."""

    id_forms: tuple[IdForm, ...] = ()
    """Forms of ids, tried in this order."""

    id_in_text: str = ""
    """What ids look like in running text, as a pattern that matches no other words; empty if they cannot be told from words."""

    address_forms: tuple[AddressForm, ...] = ()
    """Forms of addresses of objects, tried in this order."""

    sigma_tags: tuple[SigmaTag, ...] = ()
    """The tags of its objects in Sigma rules."""

    listed: Callable[[StixDict], bool] = lambda _: True
    """Whether lists show an object of a listed type."""

    filters: tuple[Filter, ...] = ()
    """Query parameters that only this knowledge base has."""

    indexed_fields: tuple[IndexedField, ...] = ()
    """Fields indexed for its filters and sort keys."""

    columns: tuple[Column, ...] = ()
    """What tables of its objects show besides what all tables show."""

    sheet_columns: tuple[Column, ...] = ()
    """What only the workbook of a whole release shows besides that."""

    sort_fields: tuple[str, ...] = ()
    """Indexed fields that lists can be sorted by."""

    default_sort: str = "modified_descending"
    """Order of lists unless the client asks for another."""

    hides_dead: bool = False
    """Revoked and deprecated objects are left out unless the client asks for them."""

    matrix: str | None = None
    """ATT&CK's word for the matrix, added to job types: `enterprise`."""

    navigator_domain: str | None = None
    """Domain of its ATT&CK Navigator layers; None if it has none."""

    navigator_platforms: str | None = None
    """Indexed field with what the layers' filters call platforms."""

    navigator_types: tuple[str, ...] = ()
    """The STIX types of objects that can be shown as a layer."""

    infers_techniques: bool = False
    """It can infer which techniques usually appear together with observed ones."""

    log_sources: Callable[[StixDict, str], list[LogSource]] | None = None
    """Returns the log sources that an analytic reads as a data component, by its STIX id; None if it has no analytics."""

    family: str | None = None
    """A name that it shares with other knowledge bases, which means all of them: `attack`."""

    object_filter_word: str | None = None
    """Its word in the parameter `ttp_type` of `objects/`; None if it has none."""

    sources: tuple[str, ...] = ("publisher", "bucket", "snapshot", "built-in")
    """Where its releases come from, in order of preference."""

    at_publisher: tuple[AtPublisher, ...] = ()
    """Where the publisher keeps it, in order of preference: a release is fetched from the first place that has it. Empty if
    it is not fetched from the publisher."""

    release_every_days: int | None = None
    """How many days usually pass between releases; None if the publisher has no fixed schedule or its place gives no dates."""

    main_types: tuple[str, ...] = ()
    """The STIX types without which a file is not a release; empty means all listed types."""

    converter: str | None = None
    """Name of the converter that reads the publisher's file; None if that is a STIX 2.1 bundle already."""

    snapshots: tuple[Snapshot, ...] = ()
    """Releases inside published Python packages."""

    details: tuple[DetailField, ...] = ()
    """What the publisher says about objects beyond STIX; empty if we keep none."""

    identity: Identity = "stix-id"
    """What stays the same from one release to the next: `external-id` if the publisher makes new STIX ids for each."""

    property_classes: Mapping[str, PropertyClass] = field(default_factory=lambda: STIX_PROPERTIES, compare=False)
    """Property → what it is about; a property that is not declared is about the meaning."""

    text_properties: tuple[str, ...] = ("description",)
    """The properties that are an object's text, in this order."""

    type_families: tuple[tuple[str, ...], ...] = ()
    """STIX types that take each other's place: an object may change from one to the other."""

    parent_relationships: tuple[str, ...] = ()
    """Types of relationships from an object to those above it."""

    tactics: Tactics | None = None
    """How its objects say which tactics they serve; None if they have none."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that its routes accept in paths, the canonical one first."""
        return (self.slug, *self.aliases)

    @cached_property
    def any_id(self) -> re.Pattern[str] | None:
        """What an id by itself looks like; None if ids look like any word."""
        if not self.id_forms:
            return None
        forms = [form.pattern.pattern for form in self.id_forms]
        return re.compile("|".join(f"(?:{form})" for form in (*forms, self.id_in_text) if form), re.IGNORECASE)

    @property
    def kinds(self) -> tuple[TypeWord, ...]:
        """What its objects are called."""
        return (*self.type_words, *self.own_kinds)

    @property
    def has_tactics(self) -> bool:
        """Whether its techniques serve tactics."""
        return any(
            step.mode == "technique-tactic"
            for question in self.questions
            for known in question.ways
            for step in known.steps
        )

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

    def family_of(self, stix_type: str) -> tuple[str, ...]:
        """The STIX types that take each other's place, this one among them."""
        return next((family for family in self.type_families if stix_type in family), (stix_type,))

    def class_of(self, name: str) -> PropertyClass:
        """What a property is about."""
        return self.property_classes.get(name, "meaning")

    def is_new(self, stix_type: str) -> bool:
        """Whether no release had this type when the declaration was written. Never if `left_out_types` is None."""
        if self.left_out_types is None:
            return False
        return stix_type not in self.listed_types and stix_type not in self.left_out_types

    def without_prefix(self, external_id: str) -> str:
        """The id in lower case and without the prefix that may be left out (`d3f:Evict` is `evict`)."""
        text = external_id.strip().lower()
        return text.removeprefix(self.id_prefix.lower()) if self.id_prefix else text

    def types_named_by(self, external_id: str) -> tuple[str, ...]:
        """The types to prefer for an id of this form; empty if no declared form matches."""
        for form in self.id_forms:
            if form.pattern.fullmatch(external_id.strip()):
                return form.types
        return ()

    def file_name(self, label: str) -> str:
        """The name of a release's bundle: `enterprise-attack-18_1.json`."""
        return self.bucket.file.format(release_labels.in_file_name(label))

    def origin_file_name(self, label: str) -> str:
        """The name of the file beside the bundle in which a mirror states the release's origin."""
        return f"{self.file_name(label).removesuffix('.json')}.origin.json"

    def mapping_file_name(self, label: str) -> str | None:
        """The name of the mapping beside the bundle; None if the knowledge base has no mapping."""
        return self.bucket.mapping.format(release_labels.in_file_name(label)) if self.bucket.mapping else None

    def details_file_name(self, label: str) -> str | None:
        """The name of the file with details beside the bundle; None if the knowledge base has no such file."""
        return self.bucket.details.format(release_labels.in_file_name(label)) if self.bucket.details else None


def id_form(pattern: str, *types: str) -> IdForm:
    """An id form that ignores case."""
    return IdForm(re.compile(pattern, re.IGNORECASE), types)


def address_form(pattern: str, external_id: str = "{}") -> AddressForm:
    """A form of addresses that ignores case, the scheme and `www.`."""
    return AddressForm(re.compile(rf"(?:https?://)?(?:www\.)?{pattern}", re.IGNORECASE), external_id)
