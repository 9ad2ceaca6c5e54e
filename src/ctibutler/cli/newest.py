"""What `up` installs: the newest release of every knowledge base that can be had and is not there yet."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.answers.jobs import InstallRequest, request_install
from ctibutler.answers.library import Library
from ctibutler.catalog import jobs, releases
from ctibutler.knowledge_bases import versions
from ctibutler.publishers.offers import Offer, OfferReport


def newer_than_installed(library: Library, report: OfferReport) -> list[Offer]:
    """The best offer of each knowledge base whose latest installed release is older, or that has none."""
    with library.database.read() as connection:
        latest = {release.knowledge_base: release.sort_key for release in releases.latest(connection)}
    best = [offers[0] for kb in library.knowledge_bases.all if (offers := report.of(kb.slug))]
    return [offer for offer in best if versions.sort_key(offer.label) > latest.get(offer.knowledge_base, "")]


def queue(library: Library, offers: Iterable[Offer]) -> list[str]:
    """Ask for these releases; gives the jobs' ids, those of jobs that were asked for before too."""
    ids = []
    for offer in offers:
        with library.database.read() as connection:
            before = jobs.unfinished(connection, offer.knowledge_base, versions.sort_key(offer.label))
        if before is None:
            kb = library.knowledge_bases.named(offer.knowledge_base)
            ids.append(str(request_install(library, kb, InstallRequest(offer.label))["id"]))
        else:
            ids.append(before.id)
    return ids


def not_to_be_had(library: Library, report: OfferReport) -> list[str]:
    """Sentences about what is missing: sources with their reasons, then the knowledge bases that nobody has."""
    sentences = [
        f"{problem.source}: {problem.sentence}" + (f" ({problem.knowledge_base})" if problem.knowledge_base else "")
        for problem in report.problems
    ]
    with library.database.read() as connection:
        installed = {release.knowledge_base for release in releases.latest(connection)}
    lacking = [kb.slug for kb in library.knowledge_bases.all if kb.slug not in installed and not report.of(kb.slug)]
    return [*sentences, *([f"no source has {', '.join(lacking)}"] if lacking else [])]
