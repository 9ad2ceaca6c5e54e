"""A repository on GitHub: its files at any state, its tags, the history of a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Generic, TypeVar
from urllib.parse import quote

import msgspec

from ctibutler.errors import SourceUnavailable
from ctibutler.publishers.places.place import Web, read_json

FILES = "raw.githubusercontent.com"
API = "api.github.com"
SITE = "github.com"
RELEASE_FILES = ("release-assets.githubusercontent.com", "objects.githubusercontent.com")
"""The hosts that `github.com` redirects to for the files of a release. Which one it is can change with each request."""

MAX_PAGES: Final = 20
"""The maximum number of pages that are read of a list. GitHub allows 60 requests an hour without a key."""

_PAGE_SIZE: Final = 100
_GIVEN_UP = re.compile(
    r"\b(deprecated|archived|superseded|unmaintained|no longer (maintained|updated)|moved to)\b", re.I
)
# Only about the repository itself, because READMEs also mention deprecated objects.
_REPOSITORY_GIVEN_UP = re.compile(
    r"\bth(is|e) (repository|repo|project)\s+((is|was|has)( now| been)*)\s+"
    r"(deprecated|archived|superseded|moved|no longer (maintained|updated))\b",
    re.I,
)
_MARKUP = re.compile(r"[>*_`#]+")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Listing(Generic[Item]):
    """A list from GitHub. `gap` says why it is incomplete; None if it is complete."""

    items: Sequence[Item]
    gap: str | None = None

    def check_complete(self) -> None:
        """Raises SourceUnavailable if a part of the list was not read."""
        if self.gap is not None:
            raise SourceUnavailable(self.gap)


class _Tag(msgspec.Struct):
    name: str


class _Repository(msgspec.Struct):
    full_name: str
    archived: bool = False
    description: str | None = None


class _Author(msgspec.Struct):
    date: str


class _Change(msgspec.Struct):
    committer: _Author
    message: str


class Commit(msgspec.Struct):
    """A commit; `sha` is its part of a file's URL."""

    sha: str
    commit: _Change

    @property
    def day(self) -> date:
        """The day of the commit. Raises ValueError if it is not a date."""
        return date.fromisoformat(self.commit.committer.date[:10])


def file_url(repository: str, path: str, state: str) -> str:
    """The URL of a file in a repository (`owner/name`) at a branch, tag or commit."""
    return f"https://{FILES}/{repository}/{quote(state, safe='')}/{quote(path)}"


def release_file_url(repository: str, tag: str, name: str) -> str:
    """The URL of a file attached to a release on GitHub, by repository (`owner/name`) and tag."""
    return f"https://{SITE}/{repository}/releases/download/{quote(tag, safe='')}/{quote(name, safe='')}"


def signs_of_leaving(web: Web, repository: str) -> list[str]:
    """Signs that a publisher no longer releases in a repository, one sentence each.

    Raises SourceUnavailable if GitHub does not answer.
    """
    url = f"https://{API}/repos/{repository}"
    page = web.page(url)
    if page is None:
        return [f"{SITE}/{repository} is gone"]
    found = read_json(page.content, _Repository, url, "what GitHub says of a repository")
    signs = []
    if found.full_name.lower() != repository.lower():
        signs.append(f"{SITE}/{repository} has moved to {SITE}/{found.full_name}")
    if found.archived:
        signs.append(f"{SITE}/{repository} is archived")
    if found.description is not None and _GIVEN_UP.search(found.description):
        signs.append(f"{SITE}/{repository} describes itself as “{found.description}”")
    return signs or _signs_in_readme(web, repository)


def _signs_in_readme(web: Web, repository: str) -> list[str]:
    page = web.page(file_url(repository, "README.md", "HEAD"))
    text = page.content.decode("utf-8", "replace") if page is not None else ""
    said = _REPOSITORY_GIVEN_UP.search(_MARKUP.sub(" ", text))
    return [f"the README of {SITE}/{repository} says “{' '.join(said[0].split())}”"] if said is not None else []


def tags(web: Web, repository: str) -> Listing[str]:
    """The names of a repository's tags. Raises SourceUnavailable."""
    listing = _listing(web, f"repos/{repository}/tags", "", _Tag, "a list of tags")
    return Listing([tag.name for tag in listing.items], listing.gap)


def history(web: Web, repository: str, path: str) -> Listing[Commit]:
    """The commits that changed a file, newest first. Raises SourceUnavailable."""
    query = f"path={quote(path, safe='')}&"
    listing = _listing(web, f"repos/{repository}/commits", query, Commit, "a list of commits")
    for commit in listing.items:
        try:
            commit.day  # noqa: B018 - raises if it is not a date
        except ValueError:
            raise SourceUnavailable(f"https://{API}/repos/{repository}/commits: {commit.sha} has no date") from None
    return listing


def _listing(web: Web, path: str, query: str, form: type[Item], expected: str) -> Listing[Item]:
    """A list of the API with all its pages. The `Link` header of each page names the next one."""
    url: str | None = f"https://{API}/{path}?{query}per_page={_PAGE_SIZE}"
    items: list[Item] = []
    for _ in range(MAX_PAGES):
        if url is None:
            return Listing(items)
        shown = url.partition("?")[0]
        page = web.page(url)
        if page is None:
            raise SourceUnavailable(f"{shown} is not available: expected {expected}")
        items += read_json(page.content, list[form], shown, expected)  # type: ignore[valid-type]
        url = page.next_url
    gap = f"https://{API}/{path} has more than {MAX_PAGES} pages: only the first {len(items):,} entries were read"
    return Listing(items, gap if url is not None else None)
