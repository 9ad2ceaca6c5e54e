"""What GitHub says of a repository: its files at any state, its tags, the history of a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TypeVar
from urllib.parse import quote

import msgspec

from ctibutler.errors import SourceUnavailable
from ctibutler.publishers.places.place import Web, read_json

FILES = "raw.githubusercontent.com"
API = "api.github.com"
_PAGE = 100
_MOST_PAGES = 5
Item = TypeVar("Item")


class _Tag(msgspec.Struct):
    name: str


class _Author(msgspec.Struct):
    date: str


class _Change(msgspec.Struct):
    committer: _Author
    message: str


class Commit(msgspec.Struct):
    """A state of a repository; `sha` names it in the address of a file."""

    sha: str
    commit: _Change

    @property
    def day(self) -> date:
        """When it was made. Raises ValueError where that is no date."""
        return date.fromisoformat(self.commit.committer.date[:10])


def file_url(repository: str, path: str, state: str) -> str:
    """The address of a file in a repository (`owner/name`) at a branch, tag or commit."""
    return f"https://{FILES}/{repository}/{quote(state, safe='')}/{quote(path)}"


def tags(web: Web, repository: str) -> list[str]:
    """The names of a repository's tags. Raises SourceUnavailable."""
    return [tag.name for tag in _listed(web, f"repos/{repository}/tags", "", _Tag, "a list of tags")]


def history(web: Web, repository: str, path: str) -> list[Commit]:
    """The commits that changed a file, newest first. Raises SourceUnavailable."""
    query = f"path={quote(path, safe='')}&"
    commits = list(_listed(web, f"repos/{repository}/commits", query, Commit, "a list of commits"))
    for commit in commits:
        try:
            commit.day  # noqa: B018 - only to see that it is one
        except ValueError:
            raise SourceUnavailable(f"https://{API}/repos/{repository}/commits: {commit.sha} has no date") from None
    return commits


def _listed(web: Web, path: str, query: str, form: type[Item], expected: str) -> Iterator[Item]:
    for number in range(1, _MOST_PAGES + 1):
        url = f"https://{API}/{path}?{query}per_page={_PAGE}&page={number}"
        content = web.page(url)
        if content is None:
            shown = url.partition("?")[0]
            raise SourceUnavailable(f"{shown} does not answer with {expected}: gone, or asked too often in an hour")
        items = read_json(content, list[form], url.partition("?")[0], expected)  # type: ignore[valid-type]
        yield from items
        if len(items) < _PAGE:
            return
