"""Refreshes the stored offers of the sources."""

from __future__ import annotations

from ctibutler.catalog import offers, update_checks
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import StoreUnavailable
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.source import OfferReport
from ctibutler.stix.times import now

_HOUR = 3600 * 1_000_000


def refresh_offers(database: Database, knowledge_bases: KnowledgeBases, sources: Sources) -> OfferReport:
    """Ask every source what it offers, and store the answers instead of the earlier ones."""
    with database.read() as connection:
        asked = update_checks.asked_at(connection)
    update_checks.begin_asking(database, asked, now())
    return _refresh(database, knowledge_bases, sources)


def refresh_offers_when_due(
    database: Database, knowledge_bases: KnowledgeBases, sources: Sources, hours: float
) -> OfferReport | None:
    """The same, if the last refresh was at least `hours` ago and no other process has begun one since.

    Returns None if it is not due. It is never due if `hours` is 0, or if the catalogue can only be read.
    """
    moment = now()
    with database.read() as connection:
        asked = update_checks.asked_at(connection)
    is_due = bool(hours) and moment - (asked or 0) > hours * _HOUR
    try:
        if not is_due or not update_checks.begin_asking(database, asked, moment):
            return None
    except StoreUnavailable as problem:
        if problem.trouble != "read-only":
            raise
        return None
    return _refresh(database, knowledge_bases, sources)


def problems_of(report: OfferReport) -> list[str]:
    """Why releases may be missing from the offers, in one sentence each."""
    return [
        str(problem) + (f" ({', '.join(problem.knowledge_bases)})" if problem.knowledge_bases else "")
        for problem in report.problems
    ]


def _refresh(database: Database, knowledge_bases: KnowledgeBases, sources: Sources) -> OfferReport:
    report = sources.offers(knowledge_bases.all)
    offers.replace(
        database,
        [
            offers.StoredOffer(offer.knowledge_base, offer.label, offer.source, offer.location, offer.size)
            for offer in report.offers
        ],
        # Keep the earlier offers of sources that did not answer, or answered only in part.
        silent={
            (problem.source, kb.slug)
            for problem in report.problems
            for kb in knowledge_bases.all
            if problem.concerns(kb.slug) and not problem.lasting
        },
    )
    return report
