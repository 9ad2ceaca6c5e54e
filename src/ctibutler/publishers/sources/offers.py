"""Which releases are available, from which sources, and which source is preferred."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.errors import InvalidRequest, NotFound, Problem, SourceUnavailable
from ctibutler.knowledge_bases import versions
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.sources.configuration import configured, restriction
from ctibutler.publishers.sources.source import Offer, OfferProblem, OfferReport, Source
from ctibutler.publishers.web.progress import Progress, no_progress
from ctibutler.settings import Settings

REMEMBERED_SECONDS = 60.0
"""How long a list of releases, or the silence of a source, is taken as current."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Try:
    """An offer to try; one that is not `listed` is a guess at where the release may be."""

    offer: Offer
    listed: bool = True


class Sources:
    """The sources of one installation, in the order of preference of its settings and declarations.

    `extra` sources are asked too, for the knowledge bases whose `sources` name them; one with the name of an own
    source takes its place. `only` is the word for the one source to ask, or the folder or URL of a bucket to ask instead
    of all. Use one for the life of a process: it remembers what each source offers, so that a job for a release that was
    listed before goes straight to its file.

    Raises InvalidRequest when a setting or `only` names no source.
    """

    def __init__(self, settings: Settings, extra: Iterable[Source] = (), *, only: str | None = None) -> None:
        self._settings = settings
        self._extra = tuple(extra)
        self._restriction = only
        self._only: str | None = None
        bucket_at = None
        if only is not None:
            self._only, bucket_at = restriction(only, settings)
        self._sources = {source.name: source for source in (*configured(settings, bucket_at), *self._extra)}
        # With the time until which each is current, in seconds of the monotonic clock.
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
        """The sources that are asked about a knowledge base, in order of preference."""
        return (self._only,) if self._only is not None else self._settings.sources_of(kb.sources)

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """Asks every source what it has of these knowledge bases.

        Offers come knowledge base by knowledge base as given, in each the highest label first, equal labels in the
        order of the declaration's sources. A source that does not answer is asked and reported once.
        """
        wanted = tuple(kbs)
        reports = [self._ask(source, wanted) for source in self._sources.values()]
        problems = tuple(problem for report in reports for problem in report.problems)
        offers = [offer for report in reports for offer in report.offers]
        return OfferReport(tuple(offer for kb in wanted for offer in self._in_order(kb, offers)), problems)

    def best(self, kb: KnowledgeBase) -> Offer:
        """The preferred offer of the highest release that is not a preview, or of the highest one.

        Raises NotFound when no source has a release, SourceUnavailable when one that might have does not answer.
        """
        return self._best(kb, {})

    def labels(self, kb: KnowledgeBase, label: str | None = None) -> list[str]:
        """The label that a request means: this one, or the newest.

        Raises NotFound when no source has a release, SourceUnavailable when one that might have does not answer.
        """
        return [label if label is not None else self.best(kb).label]

    def every_label(self, kb: KnowledgeBase) -> tuple[list[str], list[str]]:
        """Every label that the sources list, newest first, and why some may be missing.

        Raises NotFound when no source has a release, SourceUnavailable when one that might have does not answer.
        """
        report = self.offers([kb])
        if not report.offers:
            raise _unavailable(kb, None, (), report.problems)
        listing = {offer.source for offer in report.offers}
        gaps = [str(one) for one in report.problems if one.source in listing and not one.lasting]
        return list(dict.fromkeys(offer.label for offer in report.of(kb.slug))), gaps

    def fetch(self, kb: KnowledgeBase, label: str | None = None, progress: Progress = no_progress) -> ReleaseFile:
        """A release, or the one that `best` names, from the first source that delivers it.

        A source is asked only when those before it do not deliver, and asked for its list at most once.

        Raises NotFound when no source has it, SourceUnavailable when those that have it do not deliver, MalformedFile
        when what the only one delivers cannot be read.
        """
        asked: dict[str, OfferReport] = {}
        wanted = self._best(kb, asked).label if label is None else label
        if not versions.is_label(wanted):
            raise InvalidRequest(f"{kb.slug}: `{wanted}` cannot be the label of a release")
        failures: list[tuple[_Try, Problem]] = []
        for attempt in self._candidates(kb, wanted, asked):
            try:
                release = self._sources[attempt.offer.source].fetch(kb, attempt.offer, progress)
            except Problem as problem:
                failures.append((attempt, problem))
            else:
                for failed, reason in failures:
                    _log.warning("%s %s from %s: %s", kb.slug, failed.offer.label, failed.offer.source, reason)
                return release
        raise self._undelivered(kb, wanted, asked, failures)

    def _best(self, kb: KnowledgeBase, asked: dict[str, OfferReport]) -> Offer:
        """What `best` returns; `asked` receives what each source says."""
        reports = [self._current(source, kb, asked) for source in self._asked_about(kb)]
        offers = self._in_order(kb, (offer for report in reports for offer in report.offers))
        if not offers:
            raise _unavailable(kb, None, offers, [problem for report in reports for problem in report.problems])
        best = next((offer for offer in offers if not versions.is_preview(offer.label)), offers[0])
        for problem in (problem for report in reports for problem in report.problems if not problem.lasting):
            _log.warning(
                "%s: %s is the newest release found, but not all were listed: %s", kb.slug, best.label, problem
            )
        return best

    def _candidates(self, kb: KnowledgeBase, label: str, asked: dict[str, OfferReport]) -> Iterator[_Try]:
        """What to try for one release, in this order.

        A source is asked for its list when its turn comes; `asked` holds what those asked so far said. Guesses come
        last: a source that lists the release has it.
        """
        naming = set()
        for source in self._asked_about(kb):
            remembered, until = self._known.get((source.name, kb.slug), (OfferReport(), 0.0))
            before = _offer_of(remembered, label)
            if before is not None:
                naming.add(source.name)
                yield _Try(before)
                if time.monotonic() < until:
                    continue
            found = _offer_of(self._current(source, kb, asked), label)
            if found is not None and found != before:
                naming.add(source.name)
                yield _Try(found)
        unlisted = [source.unlisted(kb, label) for source in self._asked_about(kb) if source.name not in naming]
        guesses = self._in_order(kb, (offer for offer in unlisted if offer is not None))
        yield from (_Try(guess, listed=False) for guess in guesses)

    def _undelivered(
        self,
        kb: KnowledgeBase,
        label: str,
        asked: Mapping[str, OfferReport],
        failures: Sequence[tuple[_Try, Problem]],
    ) -> Problem:
        """Why none of the sources delivered a release."""
        problems = [problem for _, problem in failures]
        if any(attempt.listed for attempt, _ in failures):
            return problems[0] if len(problems) == 1 else SourceUnavailable("; ".join(map(str, problems)))
        offers = self._in_order(kb, (offer for report in asked.values() for offer in report.offers))
        silent = [problem for report in asked.values() for problem in report.problems]
        return _unavailable(kb, label, offers, problems or silent)

    def _in_order(self, kb: KnowledgeBase, offers: Iterable[Offer]) -> list[Offer]:
        """The offers of a knowledge base, in order of preference."""
        order = self.order_of(kb)
        own = [offer for offer in offers if offer.knowledge_base == kb.slug]
        own.sort(key=lambda offer: order.index(offer.source))
        return sorted(own, key=lambda offer: versions.sort_key(offer.label), reverse=True)

    def _asked_about(self, kb: KnowledgeBase) -> list[Source]:
        return [self._sources[name] for name in self.order_of(kb) if name in self._sources]

    def _current(self, source: Source, kb: KnowledgeBase, asked: dict[str, OfferReport]) -> OfferReport:
        """What a source offers of a knowledge base now, asked once; one that was down a moment ago is not asked."""
        if source.name not in asked:
            down, until = self._down.get(source.name, (OfferReport(), 0.0))
            asked[source.name] = down if time.monotonic() < until else self._ask(source, [kb])
        return asked[source.name]

    def _ask(self, source: Source, kbs: Sequence[KnowledgeBase]) -> OfferReport:
        concerned = [kb for kb in kbs if source.name in self.order_of(kb)]
        report = source.offers(concerned) if concerned else OfferReport()
        until = time.monotonic() + REMEMBERED_SECONDS
        for kb in concerned:
            self._known[source.name, kb.slug] = report.only(kb.slug), until
        of_all = tuple(problem for problem in report.problems if problem.knowledge_bases is None)
        self._down[source.name] = OfferReport((), of_all), until if of_all else 0.0
        return report


def _offer_of(report: OfferReport, label: str) -> Offer | None:
    """The offer of this release, by any spelling of its label."""
    wanted = versions.sort_key(label)
    return next((offer for offer in report.offers if versions.sort_key(offer.label) == wanted), None)


def _unavailable(
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
