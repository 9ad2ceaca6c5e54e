"""Checks whether the newest release of a source looks as expected."""

from __future__ import annotations

from ctibutler.errors import Problem
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.sources.offers import Sources
from ctibutler.settings import Settings
from ctibutler.stix.bundles import Limits, read_bundle


def inspect_newest(sources: Sources, kb: KnowledgeBase, settings: Settings) -> list[str]:
    """Fetch and read the newest release. Return what is unexpected, in one sentence each.

    Only the download cache is changed.
    """
    try:
        release = sources.fetch(kb)
        return surprises(kb, release, settings)
    except Problem as problem:
        return [str(problem)]


def surprises(kb: KnowledgeBase, release: ReleaseFile, settings: Settings) -> list[str]:
    """What is unexpected in a release: missing types that every release has, or types without their usual ids.

    Raises MalformedFile if its bundle cannot be read.
    """
    limits = Limits(settings.bundle_max_bytes, settings.bundle_max_objects, settings.bundle_max_depth)
    bundle = release.bundle
    if isinstance(bundle, bytes):
        bundle = read_bundle(bundle, release.file_name, limits)
    with_id = {item.type for item in bundle.objects if kb.primary_id(item.properties()) is not None}
    there = {item.type for item in bundle.objects}
    found = []
    for stix_type in kb.main_types or kb.listed_types:
        if stix_type not in there:
            found.append(f"{release.file_name} has no object of type {stix_type}")
        elif stix_type not in with_id:
            found.append(f"{release.file_name} has no object of type {stix_type} with an id such as {kb.examples[0]}")
    return found
