"""What a source of releases gives: offers, and the files behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Protocol
from uuid import NAMESPACE_URL

import msgspec

from ctibutler.errors import SourceUnavailable
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.publishers.converters.conversion import Converter, Edition, StixObjects
from ctibutler.stix.identifiers import stix_id, uuid5
from ctibutler.stix.times import now, rfc3339

Progress = Callable[[int, int | None], None]
"""Told from time to time how many bytes there are, and how many there will be, where that is known."""


def no_progress(done: int, total: int | None) -> None:
    """Tells nobody."""


class SourceDown(SourceUnavailable):
    """The whole source does not answer: there is no sense in asking it for the next knowledge base."""


class SourceSlow(SourceDown):
    """It answers, and takes too long: there is no sense in asking it for more lists, but a file may come in its own time."""


@dataclass(frozen=True)
class Offer:
    """A release that a source can give.

    `label` is dotted (`18.1`). `source` is the source's name, `location` its address for people: a URL without
    secrets, a path, or a package and its file. `size` is in bytes, uncompressed, where the source knows it. `published` is
    the day of the release, where the source knows that.
    """

    knowledge_base: str
    label: str
    source: str
    location: str
    size: int | None = None
    published: date | None = None


@dataclass(frozen=True)
class OfferProblem:
    """Why a source has less to offer than it could: one sentence for people.

    `knowledge_bases` are the slugs of those that it concerns, None when it is the whole source. `lasting` says that the
    source did answer, and will answer the same tomorrow: a package that is not installed, a folder that is not there.
    """

    source: str
    knowledge_bases: tuple[str, ...] | None
    sentence: str
    lasting: bool = False

    def concerns(self, knowledge_base: str) -> bool:
        """Whether it concerns this knowledge base."""
        return self.knowledge_bases is None or knowledge_base in self.knowledge_bases

    def __str__(self) -> str:
        return f"{self.source}: {self.sentence}"


@dataclass(frozen=True)
class OfferReport:
    """What can be had, and what stood in the way of more."""

    offers: tuple[Offer, ...] = ()
    problems: tuple[OfferProblem, ...] = ()

    def of(self, knowledge_base: str) -> tuple[Offer, ...]:
        """The offers for this knowledge base (its slug), in the report's order."""
        return tuple(offer for offer in self.offers if offer.knowledge_base == knowledge_base)

    def problems_of(self, knowledge_base: str) -> tuple[OfferProblem, ...]:
        """The problems of this knowledge base, those of whole sources included."""
        return tuple(problem for problem in self.problems if problem.concerns(knowledge_base))


@dataclass(frozen=True)
class ReleaseFile:
    """A release as a source gave it, whole and checked.

    `bundle` is a STIX 2.1 bundle as JSON. `file_name`, `size` (bytes) and `sha256` (64 hex digits) are those of the file
    that was read, uncompressed: the bundle itself, or what the `converter` of this `converter_version` made it of.
    `fetched_at` is when it was read, in microseconds; `mirrored_from` what a mirror says of where it has the release from,
    as `origin` gives it. `mapping` is the list of leftover relations beside the bundle (D3FEND), a JSON list; `details`
    what the publisher says of objects beyond their STIX form (CWE), a JSON object by STIX id. `warnings` are sentences
    about sources that should have given the release and did not.
    """

    knowledge_base: str
    label: str
    source: str
    location: str
    file_name: str
    bundle: bytes = field(repr=False)
    size: int
    sha256: str
    fetched_at: int
    converter: str | None = None
    converter_version: int | None = None
    mirrored_from: Mapping[str, str | int | None] | None = None
    mapping: bytes | None = field(default=None, repr=False)
    details: bytes | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def origin(self) -> dict[str, str | int | None]:
        """Where the release came from, to be written down; of one out of a mirror, where the mirror had it from."""
        if self.mirrored_from is not None:
            return dict(self.mirrored_from)
        return {
            "source": self.source,
            "location": self.location,
            "fetched_at": rfc3339(self.fetched_at),
            "sha256": self.sha256,
            "converter": self.converter,
            "converter_version": self.converter_version,
        }

    @classmethod
    def read(
        cls,
        offer: Offer,
        *,
        content: bytes,
        file_name: str,
        location: str | None = None,
        mapping: bytes | None = None,
        details: bytes | None = None,
    ) -> ReleaseFile:
        """The release of this offer, from the bundle's uncompressed content."""
        return cls(
            knowledge_base=offer.knowledge_base,
            label=offer.label,
            source=offer.source,
            location=location or offer.location,
            file_name=file_name,
            bundle=content,
            size=len(content),
            sha256=sha256(content).hexdigest(),
            fetched_at=now(),
            mapping=mapping,
            details=details,
        )

    @classmethod
    def made(
        cls, offer: Offer, *, content: bytes, file_name: str, converter: Converter, location: str | None = None
    ) -> ReleaseFile:
        """The release of this offer, converted from the file's uncompressed content.

        Raises MalformedFile when the file is not of the converter's form.
        """
        converted = converter.convert(content, Edition(offer.label, offer.published))
        return replace(
            cls.read(offer, content=content, file_name=file_name, location=location),
            bundle=bundle_of(offer.knowledge_base, offer.label, converted.objects),
            converter=converter.name,
            converter_version=converter.version,
            mapping=None if converted.leftovers is None else msgspec.json.encode(converted.leftovers),
            details=None if converted.details is None else msgspec.json.encode(converted.details),
        )


def bundle_of(slug: str, label: str, objects: StixObjects) -> bytes:
    """The objects of a release in an envelope, byte for byte the same each time."""
    name = uuid5(NAMESPACE_URL.bytes, f"https://github.com/ctibutler/ctibutler#{slug}@{label}")
    return msgspec.json.encode({"type": "bundle", "id": stix_id("bundle", name), "objects": objects})


class Source(Protocol):
    """A place that releases come from; `name` is the word for it in `KnowledgeBase.sources`."""

    @property
    def name(self) -> str:
        """The word for it in declarations: `publisher`, `bucket`, `snapshot` or `built-in`."""
        ...

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """What it has of these knowledge bases, in any order. Never an error: what went wrong is in the report."""
        ...

    def unlisted(self, kb: KnowledgeBase, label: str) -> Offer | None:
        """A release that it does not list and may have all the same; None where it has what it lists."""
        ...

    def fetch(self, kb: KnowledgeBase, offer: Offer, progress: Progress = no_progress) -> ReleaseFile:
        """The release of one of its offers.

        Raises SourceUnavailable when it cannot be had, MalformedFile when what was had cannot be read.
        """
        ...
