"""Reads releases: as one bundle from a server that gives out whole releases, else page by page.

The older API has neither a release's digest nor its bundle. There the objects are listed by pages, and their
relationships are asked for object by object.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from ctibutler_client.api_client import ApiClient
from ctibutler_client.errors import BrokenAnswer, NotFound
from ctibutler_client.releases import Release, StixObject, sort_out


class Wanted(Protocol):
    """What a reader must know about a knowledge base."""

    @property
    def slug(self) -> str: ...
    @property
    def version_parameter(self) -> str: ...
    @property
    def entities(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What a server says about a release without giving it out; nothing but its version on the older API."""

    version: str
    sha256: str | None = None
    link_counts: tuple[tuple[str, int], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the server gives out whole releases."""
        return self.sha256 is not None


class ReleaseReader:
    """Reads from one server."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._gives_whole_releases: bool | None = None

    def installed(self, kb: Wanted) -> list[str]:
        """The releases that the server holds, newest first."""
        answer = self._client.get(f"{kb.slug}/versions/installed/")
        versions = answer.get("versions") if isinstance(answer, dict) else None
        if not isinstance(versions, list):
            raise BrokenAnswer(f"{kb.slug}: the list of installed releases has no `versions`")
        return [str(version) for version in versions]

    def facts(self, kb: Wanted, version: str) -> ReleaseFacts:
        """What the server says about a release."""
        if self._gives_whole_releases is False:
            return ReleaseFacts(version)
        try:
            answer = self._client.get(f"{kb.slug}/versions/{version}/")
        except NotFound:
            # The release is installed, so it is the route that is missing.
            self._gives_whole_releases = False
            return ReleaseFacts(version)
        if not isinstance(answer, dict) or not answer.get("sha256"):
            raise BrokenAnswer(f"{kb.slug} {version}: the server does not tell the release's digest")
        self._gives_whole_releases = True
        links = sorted((answer.get("derived_relationships") or {}).items())
        return ReleaseFacts(version, str(answer["sha256"]), tuple(links))

    def read(self, kb: Wanted, version: str, with_links: bool = False, types: Iterable[str] = ()) -> Release:
        """A release; `types` narrows it to these types."""
        if self._gives_whole_releases is None:
            self.facts(kb, version)
        if self._gives_whole_releases:
            return sort_out(kb.slug, version, self._bundle(kb, version, with_links, types))
        return sort_out(kb.slug, version, self._pages(kb, version, tuple(types)))

    def _bundle(self, kb: Wanted, version: str, with_links: bool, types: Iterable[str]) -> list[StixObject]:
        parameters = {"include_derived": "true"} if with_links else {}
        wanted = ",".join(types)
        if wanted:
            parameters["types"] = wanted
        bundle = self._client.get(f"{kb.slug}/versions/{version}/bundle/", parameters)
        objects = bundle.get("objects") if isinstance(bundle, dict) else None
        if not isinstance(objects, list):
            raise BrokenAnswer(f"{kb.slug} {version}: the bundle has no objects")
        return objects

    # the older API

    def _pages(self, kb: Wanted, version: str, types: tuple[str, ...]) -> Iterator[StixObject]:
        # A list without these two leaves revoked and deprecated objects out, and nobody ever learns of them.
        release = {kb.version_parameter: version, "include_revoked": "true", "include_deprecated": "true"}
        narrowed = {**release, "types": ",".join(types)} if types else release
        objects = list(self._walk(f"{kb.slug}/objects/", narrowed, "objects"))
        yield from objects
        if types:
            return
        yield from self._authors(kb, release, objects)
        paths = (f"{kb.slug}/objects/{item['id']}/relationships/" for item in objects if _has_relationships(item, kb))
        yield from self._relationships(list(paths), {**release, "include_embedded_refs": "false"})

    def _relationships(self, paths: list[str], parameters: dict[str, str]) -> Iterator[StixObject]:
        """The relationships of many objects, several asked for at a time; most come from both of their ends."""
        pool = ThreadPoolExecutor(self._client.address.concurrency)
        try:
            for found in pool.map(lambda path: list(self._walk(path, parameters, "relationships")), paths):
                yield from found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _authors(self, kb: Wanted, release: dict[str, str], objects: list[StixObject]) -> list[StixObject]:
        """The identities that the lists leave out."""
        present = {item["id"] for item in objects}
        needed = {item.get("created_by_ref") for item in objects} - present - {None}
        found: list[StixObject] = []
        for stix_id in sorted(str(author) for author in needed):
            try:
                found.extend(self._walk(f"{kb.slug}/objects/{stix_id}/", release, "objects"))
            except NotFound:
                continue  # ATLAS names an author that is in no file
        return found

    def _walk(self, path: str, parameters: dict[str, str], key: str) -> Iterator[StixObject]:
        """Every item of a paged list: as many as it promised, or an error."""
        page, received = 1, 0
        while True:
            asked: dict[str, str | int] = {**parameters, "page": page, "page_size": self._client.address.page_size}
            answer = self._client.get(path, asked)
            items, total = _page_of(answer, key, path)
            yield from items
            received += len(items)
            if received >= total:
                return
            # The server decides on the size of a page; the older one caps it at 50.
            if not items or len(items) < int(answer.get("page_size") or 0):
                raise BrokenAnswer(f"{path}: page {page} is short: {received} items of {total} and no more to come")
            page += 1


def _has_relationships(item: StixObject, kb: Wanted) -> bool:
    dead = item.get("revoked") or item.get("x_mitre_deprecated")
    return item["type"] in kb.entities and not dead


def _page_of(answer: Any, key: str, path: str) -> tuple[list[StixObject], int]:
    items = answer.get(key) if isinstance(answer, dict) else None
    total = answer.get("total_results_count") if isinstance(answer, dict) else None
    if not isinstance(items, list) or not isinstance(total, int):
        raise BrokenAnswer(f"{path}: a page has no `{key}` or no `total_results_count`")
    return items, total
