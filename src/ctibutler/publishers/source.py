"""What a source of releases gives: offers, and the files behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from ctibutler.errors import SourceUnavailable
from ctibutler.knowledge_bases.declaration import KnowledgeBase

Progress = Callable[[int, int | None], None]
"""Told from time to time how many bytes there are, and how many there will be, where that is known."""


def no_progress(done: int, total: int | None) -> None:
    """Tells nobody."""


class SourceDown(SourceUnavailable):
    """The whole source does not answer: there is no sense in asking it for the next knowledge base."""


@dataclass(frozen=True)
class Offer:
    """A release that a source can give.

    `label` is dotted (`18.1`). `source` is the source's name, `location` its address for people: a URL without
    secrets, a path, or a package and its file. `size` is in bytes, uncompressed, where the source knows it.
    """

    knowledge_base: str
    label: str
    source: str
    location: str
    size: int | None = None


@dataclass(frozen=True)
class OfferProblem:
    """Why a source has less to offer than it could: one sentence for people.

    `knowledge_base` is None when it concerns the whole source.
    """

    source: str
    knowledge_base: str | None
    sentence: str

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
        return tuple(problem for problem in self.problems if problem.knowledge_base in (knowledge_base, None))


@dataclass(frozen=True)
class ReleaseFile:
    """A release as a source gave it, whole and checked.

    `bundle` is a STIX 2.1 bundle as JSON. `file_name`, `size` (bytes) and `sha256` (64 hex digits) are those of the
    file that was read, uncompressed: the bundle itself, or what the `converter` made it of. `mapping` is the list of
    leftover relations beside the bundle (D3FEND), a JSON list; `details` what the publisher says of objects beyond their
    STIX form (CWE), a JSON object by STIX id. `warnings` are sentences about sources that should have given the release
    and did not.
    """

    knowledge_base: str
    label: str
    source: str
    location: str
    file_name: str
    bundle: bytes = field(repr=False)
    size: int
    sha256: str
    converter: str | None = None
    mapping: bytes | None = field(default=None, repr=False)
    details: bytes | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        offer: Offer,
        *,
        content: bytes,
        file_name: str,
        location: str | None = None,
        bundle: bytes | None = None,
        converter: str | None = None,
        mapping: bytes | None = None,
        details: bytes | None = None,
    ) -> ReleaseFile:
        """The release of this offer, from the file's uncompressed content; `bundle` where that was converted."""
        return cls(
            knowledge_base=offer.knowledge_base,
            label=offer.label,
            source=offer.source,
            location=location or offer.location,
            file_name=file_name,
            bundle=content if bundle is None else bundle,
            size=len(content),
            sha256=sha256(content).hexdigest(),
            converter=converter,
            mapping=mapping,
            details=details,
        )


class Source(Protocol):
    """A place that releases come from; `name` is the word for it in `KnowledgeBase.sources`."""

    @property
    def name(self) -> str:
        """The word for it in declarations: `bucket`, `snapshot` or `built-in`."""
        ...

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """What it has of these knowledge bases, in any order. Never an error: what went wrong is in the report."""
        ...

    def fetch(self, kb: KnowledgeBase, offer: Offer, progress: Progress = no_progress) -> ReleaseFile:
        """The release of one of its offers.

        Raises SourceUnavailable when it cannot be had, MalformedFile when what was had cannot be read.
        """
        ...
