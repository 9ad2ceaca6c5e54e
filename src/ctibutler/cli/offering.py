"""What the sources offer: asked for, and which of it `up` installs."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler import updates
from ctibutler.answers.library import Library
from ctibutler.catalog import releases, update_checks
from ctibutler.cli.output.progress import Board
from ctibutler.cli.targets import Target
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.source import OfferReport
from ctibutler.settings import SOURCES, Settings
from ctibutler.stix.times import now as this_moment
from ctibutler.worker.loop import Worker

_HOUR = 3600 * 1_000_000


def install_newest(library: Library, settings: Settings) -> updates.Looked:
    """What the sources offer now, and the jobs that install what is newer or missing."""
    looked = updates.look(library, settings.update_days, _worker(library, settings).refresh_offers, missing_too=True)
    assert looked is not None
    return looked


def refresh_offers(library: Library, settings: Settings, *, now: bool) -> list[str]:
    """Ask the sources again when that is due, or `now`; gives sentences about those that had less than they could."""
    with library.database.read() as connection:
        asked = update_checks.asked_at(connection)
    hours = settings.offer_refresh_hours
    lately = asked is not None and this_moment() - asked < hours * _HOUR
    if not now and (lately or not hours):
        return []
    return updates.problems_of(_worker(library, settings).refresh_offers())


def not_to_be_had(library: Library, report: OfferReport) -> list[str]:
    """Sentences about what is missing: sources with their reasons, then the knowledge bases that nobody has."""
    sentences = updates.problems_of(report)
    with library.database.read() as connection:
        installed = {release.knowledge_base for release in releases.latest(connection)}
    lacking = [kb.slug for kb in library.knowledge_bases.all if kb.slug not in installed and not report.of(kb.slug)]
    return [*sentences, *([f"no source has {', '.join(lacking)}"] if lacking else [])]


def labels_of(sources: Sources, target: Target) -> tuple[list[str], list[str]]:
    """The releases that a target means, and why a list of them is not whole.

    Raises NotFound when no source has one, SourceUnavailable when one that might does not answer.
    """
    return sources.every_label(target.kb) if target.is_all else (sources.labels(target.kb, target.label), [])


def tell_gaps(target: Target, gaps: Iterable[str], board: Board) -> bool:
    """Say that releases may be missing; gives whether any may."""
    said = False
    for gap in gaps:
        said = True
        board.end(str(target), f"not all releases are known: {gap}", failed=True)
    return said


def sources_in_words(settings: Settings) -> str:
    """Where releases come from, for people: the sources in their order, with the bucket's place."""
    places = {
        "publisher": settings.publishers_url.strip() or "publishers",
        "bucket": settings.bucket.strip(),
        "snapshot": "packages",
        "built-in": "built in",
    }
    return ", ".join(places[name] for name in settings.sources_of(SOURCES) if places[name])


def _worker(library: Library, settings: Settings) -> Worker:
    return Worker(library.database, library.knowledge_bases, settings, Sources(settings))
