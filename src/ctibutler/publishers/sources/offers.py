"""What can be had, from whom, and which of several comes first."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ctibutler.errors import InvalidRequest, NotFound, Problem, SourceUnavailable
from ctibutler.knowledge_bases import versions
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.publishers.sources.bucket import Bucket, Place
from ctibutler.publishers.sources.folder import Folder, folder_named
from ctibutler.publishers.sources.packages import BuiltIn, Snapshots
from ctibutler.publishers.sources.publisher_source import FirstHand, PublisherWeb
from ctibutler.publishers.sources.source import (
    Offer,
    OfferProblem,
    OfferReport,
    Progress,
    ReleaseFile,
    Source,
    no_progress,
)
from ctibutler.publishers.sources.website import Website
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.download import NOT_THERE, Limits
from ctibutler.publishers.web.download_cache import Kept
from ctibutler.settings import SOURCES, Settings, source_named

__all__ = ["Offer", "OfferProblem", "OfferReport", "Progress", "ReleaseFile", "Source", "Sources", "is_source"]

REMEMBERED_SECONDS = 60.0
"""How long a source is taken at its word, or at its silence: twelve jobs in a row ask once, not twelve times."""

_log = logging.getLogger(__name__)


class Sources:
    """The sources of one installation, in the order in which its settings and declarations name them.

    `extra` sources are asked too, for the knowledge bases whose `sources` name them; one with the name of an own
    source takes its place. `only` is the word for the one source to ask, or the folder or URL of a bucket to ask in place
    of all. Keep one for the life of a process: it remembers for a minute who did not answer.

    Raises InvalidRequest when a setting or `only` names no source.
    """

    def __init__(self, settings: Settings, extra: Iterable[Source] = (), *, only: str | None = None) -> None:
        self._settings = settings
        self._extra = tuple(extra)
        self._restriction = only
        self._only = None if only is None else _source_or_bucket(only)
        if self._only == Bucket.name and is_source(only or "") and not settings.bucket.strip():
            raise InvalidRequest(f"`{only}`: there is no bucket (CTIBUTLER_BUCKET)")
        at = only if only is not None and self._only == Bucket.name and not is_source(only) else None
        self._sources = {source.name: source for source in (*_configured(settings, at), *self._extra)}
        # With the time until which each counts, in seconds of the monotonic clock.
        self._known: dict[tuple[str, str], tuple[OfferReport, float]] = {}
        self._down: dict[str, tuple[OfferReport, float]] = {}
        self._restricted: dict[str, Sources] = {}

    def restricted_to(self, only: str | None) -> Sources:
        """The same sources, of which only this one is asked."""
        if only is None or only == self._restriction:
            return self
        if only not in self._restricted:
            self._restricted[only] = Sources(self._settings, self._extra, only=only)
        return self._restricted[only]

    def order_of(self, kb: KnowledgeBase) -> tuple[str, ...]:
        """The sources that are asked about a knowledge base, first first."""
        return (self._only,) if self._only is not None else self._settings.sources_of(kb.sources)

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """Asks every source what it has of these knowledge bases.

        Offers come knowledge base by knowledge base as given, in each the highest label first, equal labels in the
        order of the declaration's sources. A source that does not answer is asked once and said once.
        """
        wanted = tuple(kbs)
        reports = [self._ask(source, wanted) for source in self._sources.values()]
        problems = tuple(problem for report in reports for problem in report.problems)
        offers = [offer for report in reports for offer in report.offers]
        return OfferReport(tuple(offer for kb in wanted for offer in self._in_order(kb, offers)), problems)

    def best(self, kb: KnowledgeBase, label: str | None = None) -> Offer:
        """The offer to take: of this release, or of the highest one that is no preview, as long as there is any.

        Raises NotFound when no source has it, SourceUnavailable when one that might have it does not answer.
        """
        return self._candidates(kb, label)[0][0]

    def labels(self, kb: KnowledgeBase, label: str | None = None) -> list[str]:
        """The label that a wish means, as the sources have it: this one, or the newest.

        Raises NotFound when no source has one, SourceUnavailable when one that might does not answer.
        """
        return [label if label is not None else self.best(kb).label]

    def every_label(self, kb: KnowledgeBase) -> tuple[list[str], list[str]]:
        """Every label that the sources list, newest first, and why the list of one of them is not whole.

        Raises NotFound when no source has one, SourceUnavailable when one that might does not answer.
        """
        self.best(kb)
        report = self.offers([kb])
        listing = {offer.source for offer in report.offers}
        gaps = [str(one) for one in report.problems if one.source in listing and not one.lasting]
        return list(dict.fromkeys(offer.label for offer in report.of(kb.slug))), gaps

    def fetch(self, kb: KnowledgeBase, label: str | None = None, progress: Progress = no_progress) -> ReleaseFile:
        """A release, or the one that `best` names, from the first source that delivers it.

        Why an earlier source did not is in the `warnings`. Raises NotFound when no source has it, SourceUnavailable
        when those that have it do not deliver, MalformedFile when what the only one delivers cannot be read.
        """
        failures: list[Problem] = []
        candidates, listed = self._candidates(kb, label)
        for offer in candidates:
            try:
                release = self._sources[offer.source].fetch(kb, offer, progress)
            except Problem as problem:
                _log.warning("%s %s from %s: %s", kb.slug, offer.label, offer.source, problem)
                failures.append(problem)
            else:
                return replace(release, warnings=tuple(str(failure) for failure in failures))
        if not any(offer in listed for offer in candidates):
            raise _not_to_be_had(kb, label, listed, failures)
        if len(failures) == 1:
            raise failures[0]
        raise SourceUnavailable("; ".join(str(failure) for failure in failures))

    def _candidates(self, kb: KnowledgeBase, label: str | None) -> tuple[Sequence[Offer], Sequence[Offer]]:
        """The offers of one release, in the order in which to try them, at least one; and all that is listed."""
        if label is not None and not versions.is_label(label):
            raise InvalidRequest(f"{kb.slug}: `{label}` cannot be the label of a release")
        asked = [self._sources[name] for name in self.order_of(kb) if name in self._sources]
        reports = [self._answer(source, kb, label) for source in asked]
        offers = self._in_order(kb, (offer for report in reports for offer in report.offers))
        wanted = label if label is not None else _newest(offers)
        found = [offer for offer in offers if wanted is not None and _same(offer.label, wanted)]
        if label is not None:
            naming = {offer.source for offer in found}
            unlisted = [source.unlisted(kb, label) for source in asked if source.name not in naming]
            # Guesses come last: who lists the release has it.
            found = [*found, *self._in_order(kb, (offer for offer in unlisted if offer is not None))]
        if not found:
            raise _not_to_be_had(kb, label, offers, [problem for report in reports for problem in report.problems])
        return found, offers

    def _in_order(self, kb: KnowledgeBase, offers: Iterable[Offer]) -> list[Offer]:
        """The offers of a knowledge base, the one to take first."""
        order = self.order_of(kb)
        own = [offer for offer in offers if offer.knowledge_base == kb.slug]
        own.sort(key=lambda offer: order.index(offer.source))
        return sorted(own, key=lambda offer: versions.sort_key(offer.label), reverse=True)

    def _ask(self, source: Source, kbs: Sequence[KnowledgeBase]) -> OfferReport:
        concerned = [kb for kb in kbs if source.name in self.order_of(kb)]
        report = source.offers(concerned) if concerned else OfferReport()
        until = time.monotonic() + REMEMBERED_SECONDS
        for kb in concerned:
            self._known[source.name, kb.slug] = OfferReport(report.of(kb.slug), report.problems_of(kb.slug)), until
        of_all = tuple(problem for problem in report.problems if problem.knowledge_bases is None)
        self._down[source.name] = OfferReport((), of_all), until if of_all else 0.0
        return report

    def _answer(self, source: Source, kb: KnowledgeBase, label: str | None) -> OfferReport:
        """What a source has of a knowledge base: as it said of late when that names the label, or when it was down."""
        now = time.monotonic()
        known, known_until = self._known.get((source.name, kb.slug), (OfferReport(), 0.0))
        if label is not None and now < known_until and any(_same(offer.label, label) for offer in known.offers):
            return known
        down, down_until = self._down.get(source.name, (OfferReport(), 0.0))
        return down if now < down_until else self._ask(source, [kb])


def _same(label: str, other: str) -> bool:
    return versions.sort_key(label) == versions.sort_key(other)


def _newest(offers: Sequence[Offer]) -> str | None:
    """The label of the highest release that is no preview, or of the highest one; offers come highest first."""
    labels = [offer.label for offer in offers]
    return next((label for label in labels if not versions.is_preview(label)), next(iter(labels), None))


def _not_to_be_had(
    kb: KnowledgeBase, label: str | None, offers: Sequence[Offer], problems: Sequence[OfferProblem | Problem]
) -> Problem:
    """What to raise when no source offers a release: NotFound where all of them said so, else SourceUnavailable."""
    what = f"{kb.slug} {versions.shown(label)}" if label is not None else kb.slug
    there = ", ".join(dict.fromkeys(offer.label for offer in offers))
    parts = [f"{what}: no source has this release" if label is not None else f"{what}: no source has a release"]
    parts += [f"there are {there}"] if there else []
    parts += [str(problem) for problem in problems]
    text = "; ".join(parts)
    return SourceUnavailable(text) if problems else NotFound(text)


def _configured(settings: Settings, at: str | None) -> list[Source]:
    """The sources that every installation has, with the bucket at this place or where the settings say; no bucket where
    they say none."""
    kept = Kept(settings.data_dir / "downloads", settings.download_cache_bytes)
    kept_or_not = kept if settings.download_cache_bytes else None
    others: list[Source] = [
        FirstHand(PublisherWeb(replace(_limits(settings), missing=NOT_THERE), kept_or_not, _stand_in(settings))),
        Snapshots(settings.bundle_max_bytes),
        BuiltIn(),
    ]
    text, said_by = (settings.bucket.strip(), "CTIBUTLER_BUCKET") if at is None else (at, "--source")
    if not text:
        return others
    return [Bucket(_place(text, said_by, settings, kept_or_not), settings.bundle_max_bytes), *others]


def is_source(word: str) -> bool:
    """Whether this is the word for a source, also where a folder has that name."""
    try:
        source_named(word)
    except ValueError:
        return False
    return True


def _source_or_bucket(word: str) -> str:
    """The name of the source that a word means: one of those there are, or a bucket where it is a folder or URL.

    Raises InvalidRequest.
    """
    if is_source(word):
        return source_named(word)
    if "://" not in word and not Path(word).expanduser().is_dir():
        raise InvalidRequest(f"`{word}` is no source ({', '.join(SOURCES)}), no folder and no URL")
    return Bucket.name


def _stand_in(settings: Settings) -> WebAddress | None:
    text = settings.publishers_url.strip()
    return WebAddress.parse(text, "CTIBUTLER_PUBLISHERS_URL") if text else None


def _place(text: str, said_by: str, settings: Settings, kept: Kept | None) -> Place:
    """Where the bucket is that this setting or option names: a folder, or a URL.

    Raises InvalidRequest when it is neither.
    """
    if re.match(r"file:", text, re.IGNORECASE) or "://" not in text:
        return Folder(folder_named(text, said_by), settings.download_max_bytes, said_by)
    return Website(WebAddress.parse(text, said_by), _limits(settings), kept)


def _limits(settings: Settings) -> Limits:
    """Those of a release's file."""
    return Limits(
        silence=settings.download_timeout,
        seconds=settings.download_max_seconds,
        max_bytes=settings.download_max_bytes,
        unpacked_max_bytes=settings.bundle_max_bytes,
        retries=settings.download_retries,
    )
