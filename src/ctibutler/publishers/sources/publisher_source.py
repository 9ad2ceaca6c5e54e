"""Releases from the publishers' own sites, converted if they are not STIX 2.1."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from ctibutler.errors import NotFound, SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import AtPublisher, KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.places import github
from ctibutler.publishers.places.place import Place, Published
from ctibutler.publishers.sources.publisher_files import fetch_published
from ctibutler.publishers.sources.publisher_web import SILENT_SECONDS, PublisherWeb
from ctibutler.publishers.sources.source import Offer, OfferProblem, OfferReport
from ctibutler.publishers.sources.states import SourceState, with_overdue
from ctibutler.publishers.web.progress import Progress, no_progress


class PublisherSource:
    """The publishers of the knowledge bases, each with its own places."""

    name = "publisher"

    def __init__(self, web: PublisherWeb) -> None:
        self._web = web
        # The places and URLs behind the offers, so that a job need not request the list again.
        self._published: dict[tuple[str, str], tuple[Place, Published]] = {}
        # What the places listed last, and when that was, in seconds of the monotonic clock.
        self._last: list[_Listing] = []
        self._listed_at = -SILENT_SECONDS
        self._lock = threading.Lock()

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """The releases that the publishers list. Hosts are asked in parallel, and once if they do not answer.

        A release that several places of a knowledge base list is offered from the first one.
        """
        wanted = self._listed(kbs)
        problems: dict[str, list[str]] = {}
        for listing in wanted:
            if listing.failure is not None:
                problems.setdefault(listing.failure, []).append(listing.kb.slug)
        offered: dict[tuple[str, str], Offer] = {}
        for listing in wanted:
            for published in listing.found:
                key = listing.kb.slug, release_labels.sort_key(published.label)
                if key not in offered:
                    offered[key] = self._offer(listing.kb, listing.place, published)
        return OfferReport(
            tuple(offered.values()),
            tuple(OfferProblem(self.name, tuple(slugs), sentence) for sentence, slugs in problems.items()),
        )

    def states(self, kbs: Iterable[KnowledgeBase], today: date) -> list[SourceState]:
        """The state of each place. GitHub is also asked whether the repository was archived or moved.

        Lists that were read a moment ago are not requested again.
        """
        wanted = self._lately_listed(kbs)
        signs = {
            name: self._signs_of_leaving(name)
            for name in dict.fromkeys(listing.place.repository for listing in wanted if not listing.at.is_frozen)
            if name is not None
        }
        states: dict[KnowledgeBase, list[SourceState]] = {}
        for listing in wanted:
            states.setdefault(listing.kb, []).append(listing.state(signs.get(listing.place.repository or "", [])))
        return [state for kb, of_kb in states.items() for state in with_overdue(kb, of_kb, today)]

    def unlisted(self, kb: KnowledgeBase, label: str) -> Offer | None:
        """A release that its publisher does not list, if its URL follows from its label."""
        for place in _places(kb):
            published = place.release(label)
            if published is not None:
                return self._offer(kb, place, published)
        return None

    def fetch(self, kb: KnowledgeBase, offer: Offer, progress: Progress = no_progress) -> ReleaseFile:
        """Download the publisher's file, and convert it if it is not STIX 2.1.

        Raises SourceUnavailable, which says what was expected where, or MalformedFile if the file cannot be read.
        """
        known = self._published.get((kb.slug, release_labels.sort_key(offer.label)))
        if known is None:
            raise NotFound(f"{kb.slug} {offer.label}: its publisher does not offer it")
        place, published = known
        with self._web.opened(place.hosts) as web:
            return fetch_published(kb, place, published, offer, web, progress)

    def _listed(self, kbs: Iterable[KnowledgeBase]) -> list[_Listing]:
        """What each place of these knowledge bases lists."""
        wanted = [_Listing(kb, at, place) for kb in kbs for at, place in zip(kb.at_publisher, _places(kb), strict=True)]
        groups: dict[str, list[_Listing]] = {}
        for listing in wanted:
            groups.setdefault(listing.place.hosts[0], []).append(listing)
        _at_once([partial(self._ask, group) for group in groups.values()])
        self._last, self._listed_at = wanted, time.monotonic()
        return wanted

    def _lately_listed(self, kbs: Iterable[KnowledgeBase]) -> list[_Listing]:
        wanted = tuple(kbs)
        slugs = [kb.slug for kb in wanted]
        lately = [listing for listing in self._last if listing.kb.slug in slugs]
        is_whole = {listing.kb.slug for listing in lately} == {kb.slug for kb in wanted if kb.at_publisher}
        if is_whole and time.monotonic() - self._listed_at < SILENT_SECONDS:
            return lately
        return self._listed(wanted)

    def _ask(self, group: Sequence[_Listing]) -> None:
        """Find what one host lists. A failure only affects the knowledge bases that need the missing file."""
        for listing in group:
            try:
                with self._web.opened(listing.place.hosts) as web:
                    for published in listing.place.releases(web):
                        listing.found.append(published)
            except SourceUnavailable as problem:
                listing.failure = str(problem)

    def _signs_of_leaving(self, repository: str) -> list[str]:
        """Signs that the publisher has left the repository. None if GitHub does not answer: that is no sign either way."""
        try:
            with self._web.opened((github.API, github.FILES)) as web:
                return github.signs_of_leaving(web, repository)
        except SourceUnavailable:
            return []

    def _offer(self, kb: KnowledgeBase, place: Place, published: Published) -> Offer:
        with self._lock:
            self._published[kb.slug, release_labels.sort_key(published.label)] = place, published
        return Offer(kb.slug, published.label, self.name, published.url, published=published.day)


@dataclass
class _Listing:
    """A place of a knowledge base, the releases that it lists, and why not all of them were found."""

    kb: KnowledgeBase
    at: AtPublisher
    place: Place
    found: list[Published] = field(default_factory=list)
    failure: str | None = None

    def state(self, signs: Sequence[str]) -> SourceState:
        """The state of the place, with the signs that its publisher has left it."""
        newest = max(self.found, key=lambda published: release_labels.sort_key(published.label), default=None)
        return SourceState(
            self.kb.slug,
            PublisherSource.name,
            self.at.address,
            newest.label if newest is not None else None,
            newest.day if newest is not None else None,
            answers=self.failure is None,
            is_frozen=self.at.is_frozen,
            problems=(*([self.failure] if self.failure is not None else []), *signs),
        )


def _places(kb: KnowledgeBase) -> list[Place]:
    from ctibutler.publishers.places.by_name import PLACES  # late: some need their converter, which reads YAML or XML

    return [PLACES[at.place](kb) for at in kb.at_publisher]


def _at_once(tasks: Sequence[Callable[[], None]]) -> None:
    """Run these at the same time, and wait for all. The threads are daemons: a process that is told to end waits for none."""

    def run(task: Callable[[], None], done: Future[None]) -> None:
        try:
            task()
            done.set_result(None)
        except BaseException as failure:
            done.set_exception(failure)

    waiting = []
    for task in tasks:
        done: Future[None] = Future()
        threading.Thread(target=run, args=(task, done), name="ctibutler-publishers", daemon=True).start()
        waiting.append(done)
    for done in waiting:
        done.result()
