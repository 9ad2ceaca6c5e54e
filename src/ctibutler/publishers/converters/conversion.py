"""What a converter is: a function from a publisher's bytes to STIX 2.1 objects, with a description for readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

StixObjects = list[dict[str, Any]]


@dataclass(frozen=True)
class Edition:
    """The release that a file is expected to be, for formats that do not state it.

    `label` is dotted (`1.6`); `published` is the day of the release, if the source knows it.
    """

    label: str
    published: date | None = None


@dataclass(frozen=True)
class Converted:
    """The result of a conversion.

    `objects` are those of the release, in order. `leftovers` are relations that lead out of the knowledge base, each with
    `source`, `target`, `type` and `description` (D3FEND). `details` is what the publisher says of an object beyond its
    STIX form, by STIX id (CWE).
    """

    objects: StixObjects = field(repr=False)
    leftovers: list[dict[str, str]] | None = field(default=None, repr=False)
    details: Mapping[str, Mapping[str, Any]] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Rule:
    """Where one property of an object comes from, in at most a sentence."""

    property: str
    source: str


@dataclass(frozen=True)
class ObjectRules:
    """How objects of one kind are created: from what, the text behind the id, and the properties."""

    kind: str
    of: str
    id_text: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Description:
    """The description of a converter in the documentation.

    `reads` names the publisher's file, `objects` are its rules, `remarks` what holds for all of them, and `differences`
    where the result is not what the public bundles hold, each with its reason.
    """

    title: str
    reads: str
    objects: tuple[ObjectRules, ...] = ()
    remarks: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Converter:
    """A conversion function, with the name that declarations and stored releases use for it.

    `version` rises whenever the same file would give other objects. `convert` raises MalformedFile, saying what and
    where, when the file is not what its publisher promises.
    """

    name: str
    version: int
    convert: Callable[[bytes, Edition], Converted]
    description: Description
