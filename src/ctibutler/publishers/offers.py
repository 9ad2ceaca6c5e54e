"""What can be had, from whom, and which of several comes first."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ctibutler.errors import InvalidRequest, NotFound, Problem, SourceUnavailable
from ctibutler.knowledge_bases import versions
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.publishers.bucket import Bucket
from ctibutler.publishers.folder import Folder, folder_named
from ctibutler.publishers.source import (
    Offer,
    OfferProblem,
    OfferReport,
    Progress,
    ReleaseFile,
    Source,
    no_progress,
)
from ctibutler.settings import Settings

__all__ = ["Offer", "OfferProblem", "OfferReport", "Progress", "ReleaseFile", "Source", "Sources"]

REMEMBERED_SECONDS = 60.0
"""How long the answer of a source is good for: twelve jobs in a row ask it once, not twelve times."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Answer:
    """What a source said, and until when it counts (seconds of the monotonic clock)."""

    report: OfferReport
    good_until: float


class Sources:
    """The sources of one installation, in the order in which its settings and declarations name them.

    `extra` sources are asked too, for the knowledge bases whose `sources` name them; one with the name of an own
    source takes its place.
    """

    def __init__(self, settings: Settings, extra: Iterable[Source] = ()) -> None:
        own = _bucket(settings)
        self._sources = {source.name: source for source in (*own, *extra)}
        self._answers: dict[tuple[str, str], _Answer] = {}

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """Asks every source what it has of these knowledge bases.

        Offers come knowledge base by knowledge base as given, in each the highest label first, equal labels in the
        order of the declaration's sources. A source that does not answer is asked once and said once.
        """
        wanted = tuple(kbs)
        reports = [self._ask(source, wanted) for source in self._sources.values()]
        problems = tuple(problem for report in reports for problem in report.problems)
        offers = [offer for report in reports for offer in report.offers]
        return OfferReport(tuple(offer for kb in wanted for offer in _in_order(kb, offers)), problems)

    def best(self, kb: KnowledgeBase, label: str | None = None) -> Offer:
        """The offer to take: of this release, or of the highest one.

        Raises NotFound when no source has it, SourceUnavailable when one that might have it does not answer.
        """
        return self._candidates(kb, label)[0]

    def fetch(self, kb: KnowledgeBase, label: str | None = None, progress: Progress = no_progress) -> ReleaseFile:
        """A release, or the highest one, from the first source that delivers it.

        Why an earlier source did not is in the `warnings`. Raises NotFound when no source has it, SourceUnavailable
        when those that have it do not deliver, MalformedFile when what the only one delivers cannot be read.
        """
        failures: list[Problem] = []
        for offer in self._candidates(kb, label):
            try:
                release = self._sources[offer.source].fetch(kb, offer, progress)
            except Problem as problem:
                _log.warning("%s %s from %s: %s", kb.slug, offer.label, offer.source, problem)
                failures.append(problem)
            else:
                return replace(release, warnings=tuple(str(failure) for failure in failures))
        if len(failures) == 1:
            raise failures[0]
        raise SourceUnavailable("; ".join(str(failure) for failure in failures))

    def _candidates(self, kb: KnowledgeBase, label: str | None) -> Sequence[Offer]:
        """The offers of one release, in the order in which to try them; at least one."""
        if label is not None and not versions.is_label(label):
            raise InvalidRequest(f"{kb.slug}: `{label}` cannot be the label of a release")
        reports = [self._remembered(source, kb) for source in self._sources.values() if source.name in kb.sources]
        offers = _in_order(kb, (offer for report in reports for offer in report.offers))
        wanted = label if label is not None else offers[0].label if offers else None
        found = [offer for offer in offers if wanted is not None and _same(offer.label, wanted)]
        if not found:
            raise _not_to_be_had(kb, label, offers, [problem for report in reports for problem in report.problems])
        return found

    def _ask(self, source: Source, kbs: Sequence[KnowledgeBase]) -> OfferReport:
        concerned = [kb for kb in kbs if source.name in kb.sources]
        report = source.offers(concerned) if concerned else OfferReport()
        good_until = time.monotonic() + REMEMBERED_SECONDS
        for kb in concerned:
            said = OfferReport(report.of(kb.slug), report.problems_of(kb.slug))
            self._answers[source.name, kb.slug] = _Answer(said, good_until)
        return report

    def _remembered(self, source: Source, kb: KnowledgeBase) -> OfferReport:
        answer = self._answers.get((source.name, kb.slug))
        if answer is None or answer.good_until < time.monotonic():
            return self._ask(source, [kb])
        return answer.report


def _in_order(kb: KnowledgeBase, offers: Iterable[Offer]) -> list[Offer]:
    """The offers of a knowledge base, the one to take first."""
    own = [offer for offer in offers if offer.knowledge_base == kb.slug]
    own.sort(key=lambda offer: kb.sources.index(offer.source))
    return sorted(own, key=lambda offer: versions.sort_key(offer.label), reverse=True)


def _same(label: str, other: str) -> bool:
    return versions.sort_key(label) == versions.sort_key(other)


def _not_to_be_had(
    kb: KnowledgeBase, label: str | None, offers: Sequence[Offer], problems: Sequence[OfferProblem]
) -> Problem:
    """What to raise when no source offers a release: NotFound where all of them said so, else SourceUnavailable."""
    what = f"{kb.slug} {versions.shown(label)}" if label is not None else kb.slug
    there = ", ".join(dict.fromkeys(offer.label for offer in offers))
    parts = [f"{what}: no source has this release" if label is not None else f"{what}: no source has a release"]
    parts += [f"there are {there}"] if there else []
    parts += [f"{problem.source}: {problem.sentence}" for problem in problems]
    text = "; ".join(parts)
    return SourceUnavailable(text) if problems else NotFound(text)


def _bucket(settings: Settings) -> list[Source]:
    """The bucket of the settings; none where they name none."""
    text = settings.bucket.strip()
    if not text:
        return []
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", text)
    if scheme is None or scheme[1].lower() == "file":
        folder = Folder(folder_named(text), settings.download_max_bytes)
        return [Bucket(folder, settings.bundle_max_bytes)]
    raise InvalidRequest.of("CTIBUTLER_BUCKET", f"`{scheme[1]}:` is neither a folder nor an http or https URL.")
