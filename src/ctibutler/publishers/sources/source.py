"""What a source is: it offers releases and delivers their files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol
from uuid import NAMESPACE_URL

import msgspec

from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import Origin, ReleaseFile
from ctibutler.publishers.converters.conversion import Converted, Converter, Edition
from ctibutler.publishers.web.progress import Progress, no_progress
from ctibutler.stix.bundles import bundle_of_objects
from ctibutler.stix.identifiers import stix_id, uuid5
from ctibutler.stix.times import now


@dataclass(frozen=True)
class Offer:
    """A release that a source can deliver.

    `label` is dotted (`18.1`). `source` is the name of the source. `location` is where the release is, for messages: a URL
    without secrets, a path, or a package and its file. `size` is in bytes, uncompressed, if the source knows it.
    `published` is the day of the release, if the source knows it.
    """

    knowledge_base: str
    label: str
    source: str
    location: str
    size: int | None = None
    published: date | None = None


@dataclass(frozen=True)
class OfferProblem:
    """Why a source offers less than expected, in one sentence.

    `knowledge_bases` holds the slugs of those affected; None means the whole source. `lasting` means that the source did
    answer and will give the same answer tomorrow: a package that is not installed, a missing folder.
    """

    source: str
    knowledge_bases: tuple[str, ...] | None
    sentence: str
    lasting: bool = False

    def concerns(self, knowledge_base: str) -> bool:
        """Whether it affects this knowledge base."""
        return self.knowledge_bases is None or knowledge_base in self.knowledge_bases

    def __str__(self) -> str:
        return f"{self.source}: {self.sentence}"


@dataclass(frozen=True)
class OfferReport:
    """The available releases, and why there are not more."""

    offers: tuple[Offer, ...] = ()
    problems: tuple[OfferProblem, ...] = ()

    def of(self, knowledge_base: str) -> tuple[Offer, ...]:
        """The offers for a knowledge base, by its slug, in the report's order."""
        return tuple(offer for offer in self.offers if offer.knowledge_base == knowledge_base)

    def problems_of(self, knowledge_base: str) -> tuple[OfferProblem, ...]:
        """The problems of a knowledge base, including those of whole sources."""
        return tuple(problem for problem in self.problems if problem.concerns(knowledge_base))

    def only(self, knowledge_base: str) -> OfferReport:
        """The part of the report about this knowledge base."""
        return OfferReport(self.of(knowledge_base), self.problems_of(knowledge_base))


class Source(Protocol):
    """Something that releases come from."""

    @property
    def name(self) -> str:
        """Its name in declarations: `publisher`, `bucket`, `snapshot` or `built-in`."""
        ...

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """The releases of these knowledge bases that it has, in any order. Never raises: the report holds the problems."""
        ...

    def unlisted(self, kb: KnowledgeBase, label: str) -> Offer | None:
        """A release that it does not list but may have; None if it lists all that it has."""
        ...

    def fetch(self, kb: KnowledgeBase, offer: Offer, progress: Progress = no_progress) -> ReleaseFile:
        """Fetch the release of one of its offers.

        Raises SourceUnavailable if it cannot be fetched, MalformedFile if the file cannot be read.
        """
        ...


def published_bundle(
    offer: Offer,
    content: bytes,
    file_name: str,
    *,
    location: str | None = None,
    mirrored_from: Origin | None = None,
    mapping: bytes | None = None,
    details: bytes | None = None,
) -> ReleaseFile:
    """The release of an offer, from the uncompressed content of a STIX 2.1 bundle."""
    return ReleaseFile.of_bundle(
        offer.knowledge_base,
        offer.label,
        content,
        source=offer.source,
        location=location or offer.location,
        file_name=file_name,
        fetched_at=now(),
        mirrored_from=mirrored_from,
        mapping=mapping,
        details=details,
    )


def converted_file(
    offer: Offer, content: bytes, file_name: str, converter: Converter, *, location: str | None = None
) -> ReleaseFile:
    """The release of an offer, converted from the uncompressed content of the publisher's file.

    Raises MalformedFile if the file does not have the converter's format.
    """
    converted = converter.convert(content, Edition(offer.label, offer.published))
    return release_of(converted, offer, content, file_name, converter, location=location)


def release_of(
    converted: Converted,
    offer: Offer,
    content: bytes,
    file_name: str,
    converter: Converter,
    *,
    location: str | None = None,
) -> ReleaseFile:
    """The release of this offer, from what this converter made of the file's uncompressed content."""
    as_read = published_bundle(offer, content, file_name, location=location)
    return replace(
        as_read,
        origin=replace(as_read.origin, converter=converter.name, converter_version=converter.version),
        bundle=bundle_of_objects(bundle_id(offer.knowledge_base, offer.label), converted.objects, file_name),
        mapping=None if converted.leftovers is None else msgspec.json.encode(converted.leftovers),
        details=None if converted.details is None else msgspec.json.encode(converted.details),
    )


def bundle_id(slug: str, label: str) -> str:
    """The id of a bundle that we create for a release: always the same."""
    return stix_id("bundle", uuid5(NAMESPACE_URL.bytes, f"https://github.com/ctibutler/ctibutler#{slug}@{label}"))
