"""Which releases are available, and which source is preferred for each."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ctibutler.errors import InvalidRequest, NotFound, Problem, SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.sources.configuration import configured, restriction
from ctibutler.publishers.sources.publisher_source import PublisherSource
from ctibutler.publishers.sources.source import Offer, OfferProblem, OfferReport, Source
from ctibutler.publishers.sources.states import SourceState, states_of
from ctibutler.publishers.web.progress import Progress, no_progress
from ctibutler.settings import Settings

REMEMBERED_SECONDS = 60.0
"""How long a list of releases, or the failure of a source to answer, is considered current."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Try:
    """An offer to try. If it is not `listed`, its location is a guess."""

    offer: Offer
    listed: bool = True


@dataclass(frozen=True)
class _Remembered:
    """A source's last answer, and until when it is current, in seconds of the monotonic clock."""

    report: OfferReport
    until: float

    @property
    def is_current(self) -> bool:
        return time.monotonic() < self.until


_NOTHING = _Remembered(OfferReport(), until=0.0)


class Sources:
    """The sources of one installation, in the order of preference of its settings and declarations.

    `extra` sources are used for the knowledge bases whose `sources` name them; one with the name of a standard source
    replaces it. `only` restricts the sources to one: its name, or the folder or URL of a bucket. Keep one instance for the
    life of a process: it remembers what each source offers, so that a job can fetch a listed release right away.

    Raises InvalidRequest if a setting or `only` does not name a source.
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
        self._known: dict[tuple[str, str], _Remembered] = {}
        self._down: dict[str, _Remembered] = {}
        self._restricted: dict[str, Sources] = {}

    def restricted_to(self, only: str | None) -> Sources:
        """The same sources, restricted to this one."""
        if only is None or only == self._restriction:
            return self
        if only not in self._restricted:
            self._restricted[only] = Sources(self._settings, self._extra, only=only)
        return self._restricted[only]

    def order_of(self, kb: KnowledgeBase) -> tuple[str, ...]:
        """The names of the sources of a knowledge base, in order of preference."""
        return (self._only,) if self._only is not None else self._settings.sources_of(kb.sources)

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """Ask every source for its releases of these knowledge bases.

        Offers are sorted by knowledge base as given, then by label, highest first, then by preference of the sources. A
        source that does not answer is asked and reported once.
        """
        wanted = tuple(kbs)
        reports = [self._ask(source, wanted) for source in self._sources.values()]
        problems = tuple(problem for report in reports for problem in report.problems)
        offers = [offer for report in reports for offer in report.offers]
        return OfferReport(tuple(offer for kb in wanted for offer in self._in_order(kb, offers)), problems)

    def states(self, kbs: Iterable[KnowledgeBase], today: date) -> list[SourceState]:
        """The state of every source of these knowledge bases.

        They are sorted by knowledge base as given, then by preference of the sources. A source that has no release of a
        knowledge base is left out. A source that was asked a moment ago is not asked again.
        """
        wanted = tuple(kbs)
        found = [state for source in self._sources.values() for state in self._states(source, wanted, today)]
        orders = {kb.slug: self.order_of(kb) for kb in wanted}
        of_kb = {kb.slug: [state for state in found if state.knowledge_base == kb.slug] for kb in wanted}
        return [
            state for slug in orders for state in sorted(of_kb[slug], key=lambda one: orders[slug].index(one.source))
        ]

    def best(self, kb: KnowledgeBase) -> Offer:
        """The preferred offer of the newest release. A preview is chosen only if there is nothing else.

        Raises NotFound if no source has a release, SourceUnavailable if a source that may have one does not answer.
        """
        return self._best(kb, {})

    def every_label(self, kb: KnowledgeBase) -> tuple[list[str], list[str]]:
        """All labels that the sources list, newest first, and the reasons why some may be missing.

        Raises the same errors as `best`.
        """
        report = self.offers([kb])
        if not report.offers:
            raise _unavailable(kb, None, (), report.problems)
        listing = {offer.source for offer in report.offers}
        gaps = [str(one) for one in report.problems if one.source in listing and not one.lasting]
        return list(dict.fromkeys(offer.label for offer in report.of(kb.slug))), gaps

    def fetch(self, kb: KnowledgeBase, label: str | None = None, progress: Progress = no_progress) -> ReleaseFile:
        """Fetch a release, by default the newest, from the first source that delivers it.

        A source is used only if those before it fail, and is asked for its list at most once.

        Raises NotFound if no source has the release, SourceUnavailable if those that have it do not deliver it,
        MalformedFile if the only source delivers a file that cannot be read.
        """
        reports: dict[str, OfferReport] = {}
        wanted = self._best(kb, reports).label if label is None else label
        if not release_labels.is_label(wanted):
            raise InvalidRequest(f"{kb.slug}: `{wanted}` is not a valid release label")
        failures: list[tuple[_Try, Problem]] = []
        for attempt in self._candidates(kb, wanted, reports):
            try:
                release = self._sources[attempt.offer.source].fetch(kb, attempt.offer, progress)
            except Problem as problem:
                failures.append((attempt, problem))
            else:
                for failed, reason in failures:
                    _log.warning("%s %s from %s: %s", kb.slug, failed.offer.label, failed.offer.source, reason)
                return release
        raise self._undelivered(kb, wanted, reports, failures)

    def _best(self, kb: KnowledgeBase, reports: dict[str, OfferReport]) -> Offer:
        """The offer that `best` returns. Adds the report of each source to `reports`."""
        current = [self._current(source, kb, reports) for source in self._sources_of(kb)]
        offers = self._in_order(kb, (offer for report in current for offer in report.offers))
        if not offers:
            raise _unavailable(kb, None, offers, [problem for report in current for problem in report.problems])
        best = next((offer for offer in offers if not release_labels.is_preview(offer.label)), offers[0])
        for problem in (problem for report in current for problem in report.problems if not problem.lasting):
            _log.warning(
                "%s: %s is the newest release found, but not all releases could be listed: %s",
                kb.slug,
                best.label,
                problem,
            )
        return best

    def _candidates(self, kb: KnowledgeBase, label: str, reports: dict[str, OfferReport]) -> Iterator[_Try]:
        """The offers to try for one release, in this order.

        A source is asked for its list only when its turn comes; `reports` collects the answers. Guesses come last.
        """
        listing = set()
        for source in self._sources_of(kb):
            remembered = self._known.get((source.name, kb.slug), _NOTHING)
            before = _offer_of(remembered.report, label)
            if before is not None:
                listing.add(source.name)
                yield _Try(before)
                if remembered.is_current:
                    continue
            found = _offer_of(self._current(source, kb, reports), label)
            if found is not None and found != before:
                listing.add(source.name)
                yield _Try(found)
        unlisted = [source.unlisted(kb, label) for source in self._sources_of(kb) if source.name not in listing]
        guesses = self._in_order(kb, (offer for offer in unlisted if offer is not None))
        yield from (_Try(guess, listed=False) for guess in guesses)

    def _undelivered(
        self,
        kb: KnowledgeBase,
        label: str,
        reports: Mapping[str, OfferReport],
        failures: Sequence[tuple[_Try, Problem]],
    ) -> Problem:
        """The error to raise when no source delivered a release."""
        problems = [problem for _, problem in failures]
        if any(attempt.listed for attempt, _ in failures):
            return problems[0] if len(problems) == 1 else SourceUnavailable("; ".join(map(str, problems)))
        offers = self._in_order(kb, (offer for report in reports.values() for offer in report.offers))
        reported = [problem for report in reports.values() for problem in report.problems]
        return _unavailable(kb, label, offers, problems or reported)

    def _states(self, source: Source, kbs: Iterable[KnowledgeBase], today: date) -> list[SourceState]:
        concerned = [kb for kb in kbs if source.name in self.order_of(kb)]
        if isinstance(source, PublisherSource):
            return source.states(concerned, today)
        known = [self._known.get((source.name, kb.slug), _NOTHING) for kb in concerned]
        if not all(remembered.is_current for remembered in known):
            return states_of(source.name, self._ask(source, concerned), concerned)
        offers = (offer for remembered in known for offer in remembered.report.offers)
        problems = dict.fromkeys(problem for remembered in known for problem in remembered.report.problems)
        return states_of(source.name, OfferReport(tuple(offers), tuple(problems)), concerned)

    def _in_order(self, kb: KnowledgeBase, offers: Iterable[Offer]) -> list[Offer]:
        """The offers of a knowledge base, in order of preference."""
        order = self.order_of(kb)
        own = [offer for offer in offers if offer.knowledge_base == kb.slug]
        own.sort(key=lambda offer: order.index(offer.source))
        return sorted(own, key=lambda offer: release_labels.sort_key(offer.label), reverse=True)

    def _sources_of(self, kb: KnowledgeBase) -> list[Source]:
        return [self._sources[name] for name in self.order_of(kb) if name in self._sources]

    def _current(self, source: Source, kb: KnowledgeBase, reports: dict[str, OfferReport]) -> OfferReport:
        """A source's current offers of a knowledge base. A source that was down a moment ago is not asked again."""
        if source.name not in reports:
            down = self._down.get(source.name, _NOTHING)
            reports[source.name] = down.report if down.is_current else self._ask(source, [kb])
        return reports[source.name]

    def _ask(self, source: Source, kbs: Sequence[KnowledgeBase]) -> OfferReport:
        concerned = [kb for kb in kbs if source.name in self.order_of(kb)]
        report = source.offers(concerned) if concerned else OfferReport()
        until = time.monotonic() + REMEMBERED_SECONDS
        for kb in concerned:
            self._known[source.name, kb.slug] = _Remembered(report.only(kb.slug), until)
        of_all = tuple(problem for problem in report.problems if problem.knowledge_bases is None)
        self._down[source.name] = _Remembered(OfferReport((), of_all), until) if of_all else _NOTHING
        return report


def _offer_of(report: OfferReport, label: str) -> Offer | None:
    """The offer of a release, found by any spelling of its label."""
    wanted = release_labels.sort_key(label)
    return next((offer for offer in report.offers if release_labels.sort_key(offer.label) == wanted), None)


def _unavailable(
    kb: KnowledgeBase, label: str | None, offers: Sequence[Offer], problems: Sequence[OfferProblem | Problem]
) -> Problem:
    """The error when no source offers a release: NotFound if all of them answered, else SourceUnavailable."""
    what = f"{kb.slug} {release_labels.shown(label)}" if label is not None else kb.slug
    available = ", ".join(dict.fromkeys(offer.label for offer in offers))
    parts = [f"{what}: no source has this release" if label is not None else f"{what}: no source has a release"]
    parts += [f"available: {available}"] if available else []
    parts += [str(problem) for problem in problems]
    text = "; ".join(parts)
    return SourceUnavailable(text) if problems else NotFound(text)
