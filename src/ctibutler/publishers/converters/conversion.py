"""What a converter is: a function that turns a publisher's file into STIX 2.1 objects, with its documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

StixObjects = list[dict[str, Any]]


@dataclass(frozen=True)
class Edition:
    """The release that a file is expected to contain, for formats that do not state it.

    `label` is dotted (`1.6`). `published` is the day of the release, if the source states it.
    """

    label: str
    published: date | None = None


@dataclass(frozen=True)
class Converted:
    """The result of a conversion.

    `objects` are the objects of the release, in order. `leftovers` are relations to other knowledge bases, each with
    `source`, `target`, `type` and `description` (D3FEND). `details` are the details of objects by STIX id: what the
    publisher states and their STIX form does not contain (CWE, ATLAS).
    """

    objects: StixObjects = field(repr=False)
    leftovers: list[dict[str, str]] | None = field(default=None, repr=False)
    details: Mapping[str, Mapping[str, Any]] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Rule:
    """Where one property of an object comes from, in one sentence or less."""

    property: str
    source: str


@dataclass(frozen=True)
class ObjectRules:
    """How objects of one kind are created: from what, the text that the id is made from, and the properties."""

    kind: str
    of: str
    id_text: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Description:
    """The description of a converter in the documentation.

    `reads` is the publisher's file, `objects` are the rules, and `remarks` apply to all of them. `differences` are the
    differences from the public bundles, each with its reason.
    """

    title: str
    reads: str
    objects: tuple[ObjectRules, ...] = ()
    remarks: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Converter:
    """A conversion function, with the name that declarations and stored releases refer to.

    `version` is increased whenever the same file would result in different objects. `convert` raises MalformedFile, with
    what is wrong and where, if the file does not have the publisher's format.
    """

    name: str
    version: int
    convert: Callable[[bytes, Edition], Converted]
    description: Description
