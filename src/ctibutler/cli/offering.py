"""What the sources offer: asked for, and which of it `up` installs."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.answers.jobs import InstallRequest, request_install
from ctibutler.answers.library import Library
from ctibutler.catalog import jobs, offers, releases
from ctibutler.knowledge_bases import versions
from ctibutler.publishers.offers import Offer, OfferReport, Sources
from ctibutler.settings import Settings
from ctibutler.stix.times import now as this_moment
from ctibutler.worker import Worker

_HOUR = 3600 * 1_000_000


def newer_than_installed(library: Library, report: OfferReport) -> list[Offer]:
    """The best offer of each knowledge base whose latest installed release is older, or that has none."""
    with library.database.read() as connection:
        latest = {release.knowledge_base: release.sort_key for release in releases.latest(connection)}
    best = [offered[0] for kb in library.knowledge_bases.all if (offered := report.of(kb.slug))]
    return [offer for offer in best if versions.sort_key(offer.label) > latest.get(offer.knowledge_base, "")]


def queue(library: Library, wanted: Iterable[Offer]) -> list[str]:
    """Ask for these releases; gives the jobs' ids, those of jobs that were asked for before too."""
    ids = []
    for offer in wanted:
        with library.database.read() as connection:
            before = jobs.unfinished(connection, offer.knowledge_base, versions.sort_key(offer.label))
        if before is None:
            kb = library.knowledge_bases.named(offer.knowledge_base)
            ids.append(str(request_install(library, kb, InstallRequest(offer.label))["id"]))
        else:
            ids.append(before.id)
    return ids


def refresh_offers(library: Library, settings: Settings, *, now: bool) -> list[str]:
    """Ask the sources again when that is due, or `now`; gives sentences about those that had less than they could."""
    with library.database.read() as connection:
        asked = offers.refreshed_at(connection)
    if not now and asked is not None and this_moment() - asked < settings.offer_refresh_hours * _HOUR:
        return []
    return problems_of(_worker(library, settings).refresh_offers())


def ask_sources(library: Library, settings: Settings) -> OfferReport:
    """What the sources offer now; the catalogue remembers it."""
    return _worker(library, settings).refresh_offers()


def problems_of(report: OfferReport) -> list[str]:
    """Why sources have less to offer than they could, a sentence each."""
    return [
        f"{problem.source}: {problem.sentence}" + (f" ({problem.knowledge_base})" if problem.knowledge_base else "")
        for problem in report.problems
    ]


def not_to_be_had(library: Library, report: OfferReport) -> list[str]:
    """Sentences about what is missing: sources with their reasons, then the knowledge bases that nobody has."""
    sentences = problems_of(report)
    with library.database.read() as connection:
        installed = {release.knowledge_base for release in releases.latest(connection)}
    lacking = [kb.slug for kb in library.knowledge_bases.all if kb.slug not in installed and not report.of(kb.slug)]
    return [*sentences, *([f"no source has {', '.join(lacking)}"] if lacking else [])]


def _worker(library: Library, settings: Settings) -> Worker:
    return Worker(library.database, library.knowledge_bases, settings, Sources(settings))
