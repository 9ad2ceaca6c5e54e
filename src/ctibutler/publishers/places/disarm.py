"""DISARM in the repository `DISARMFoundation/DISARMframeworks`: one workbook, whose Git history lists the releases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ctibutler.errors import SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.places import github
from ctibutler.publishers.places.place import PlainFiles, Published, Web

REPOSITORY = "DISARMFoundation/DISARMframeworks"
PATH = "DISARM_MASTER_DATA/DISARM_FRAMEWORKS_MASTER.xlsx"

# The workbook does not state its release, but commit messages do: "New version V1.6 of Red Framework".
_NAMED = re.compile(r"\bV(?:ersion)?\.?\s*([0-9]+\.[0-9]+)\b", re.IGNORECASE)


@dataclass(frozen=True)
class DisarmRepository(PlainFiles):
    """Releases from the commits that changed the workbook.

    A release is the last state of the workbook before the next release is named, or, for a release whose day is known, at
    the end of that day.
    """

    days: Mapping[str, date]
    hosts: tuple[str, ...] = (github.API, github.FILES)
    repository: str | None = REPOSITORY

    def releases(self, web: Web) -> Iterator[Published]:
        """The releases that the workbook's history names.

        Raises SourceUnavailable, after the releases found, when GitHub has more commits than are read.
        """
        history = github.history(web, REPOSITORY, PATH)
        commits = history.items
        found = {release.label: release for release in (*self._named(commits), *self._dated(commits))}
        yield from found.values()
        history.check_complete()
        if not found:
            raise SourceUnavailable(f"github.com/{REPOSITORY}: no commit to {PATH} names a release")

    def _dated(self, commits: Sequence[github.Commit]) -> Iterator[Published]:
        before = date.min
        for label, day in sorted(self.days.items(), key=lambda known: known[1]):
            state = next((commit for commit in commits if before < commit.day <= day), None)
            if state is not None:
                yield Published(label, github.file_url(REPOSITORY, PATH, state.sha), day)
            before = day

    def _named(self, commits: Sequence[github.Commit]) -> Iterator[Published]:
        last: github.Commit | None = None
        for commit in commits:  # newest first: commits since a release was named belong to it, until the next is named
            last = last or commit
            named = _NAMED.search(commit.commit.message)
            if named is not None:
                yield Published(release_labels.shown(named[1]), github.file_url(REPOSITORY, PATH, last.sha), last.day)
                last = None
