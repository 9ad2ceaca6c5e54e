"""What workers do between jobs: check for newer releases, refresh the offers of sources, remove old jobs and sign-ins."""

from __future__ import annotations

import logging
from collections.abc import Collection

from ctibutler import updates
from ctibutler.answers.library import Library
from ctibutler.catalog import jobs, sign_ins, update_checks
from ctibutler.errors import StoreUnavailable
from ctibutler.importing.offers import problems_of, refresh_offers_when_due
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.source import OfferReport
from ctibutler.settings import Settings
from ctibutler.stix.times import now

_DAY = 24 * 3600 * 1_000_000
_log = logging.getLogger(__name__)


def keep_house(library: Library, settings: Settings, sources: Sources) -> None:
    """Do what is due. Unexpected errors are logged, so that the worker continues with its jobs.

    Raises StoreUnavailable.
    """
    try:
        _keep_house(library, settings, sources)
    except StoreUnavailable:
        raise
    except Exception:
        _log.exception("housekeeping failed")


def _keep_house(library: Library, settings: Settings, sources: Sources) -> None:
    with library.database.read() as connection:
        known = update_checks.last(connection).report.problems
        has_idle = sign_ins.has_idle(connection, now())
    if has_idle:
        with library.database.note() as connection:
            sign_ins.remove_idle(connection, now())
    looked = updates.look(library, sources, settings.update_days)
    if looked is not None:
        _warn(looked.report, known)
    offered = refresh_offers_when_due(library.database, library.knowledge_bases, sources, settings.offer_refresh_hours)
    if offered is not None:
        _warn(offered, known)
    if settings.job_retention_days is not None:
        with library.database.note() as connection:
            jobs.remove_older(connection, now() - settings.job_retention_days * _DAY)


def _warn(report: OfferReport, known: Collection[str]) -> None:
    """Log problems that the last check did not find, so that a lasting one is not logged every day."""
    for sentence in problems_of(report):
        if sentence not in known:
            _log.warning("%s", sentence)
