"""Reads releases: as one bundle where the server has bundles, else page by page.

The older API has neither digests nor bundles of releases. It lists objects in pages, and relationships object by object.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from ctibutler_client.api_client import ApiClient
from ctibutler_client.errors import BrokenResponse, NotFound
from ctibutler_client.releases import Release, StixObject, sort_out


class Wanted(Protocol):
    """What a reader needs to know about a knowledge base."""

    @property
    def slug(self) -> str: ...
    @property
    def version_parameter(self) -> str: ...
    @property
    def entities(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What the server says about a release. The older API says only its version."""

    version: str
    sha256: str | None = None
    link_counts: tuple[tuple[str, int], ...] = ()


class ReleaseReader:
    """Reads releases from one server."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._has_bundles: bool | None = None

    def installed(self, kb: Wanted) -> list[str]:
        """The installed releases, newest first."""
        answer = self._client.get(f"{kb.slug}/versions/installed/")
        versions = answer.get("versions") if isinstance(answer, dict) else None
        if not isinstance(versions, list):
            raise BrokenResponse(
                f"{kb.slug}: the list of installed releases has no `versions`"
            )
        return [str(version) for version in versions]

    def facts(self, kb: Wanted, version: str) -> ReleaseFacts:
        """What the server says about a release, without its objects."""
        if self._has_bundles is False:
            return ReleaseFacts(version)
        try:
            answer = self._client.get(f"{kb.slug}/versions/{version}/")
        except NotFound:
            # The release is installed, so the route is missing.
            self._has_bundles = False
            return ReleaseFacts(version)
        if not isinstance(answer, dict) or not answer.get("sha256"):
            raise BrokenResponse(
                f"{kb.slug} {version}: the server returned no digest of the release"
            )
        self._has_bundles = True
        links = sorted((answer.get("derived_relationships") or {}).items())
        return ReleaseFacts(version, str(answer["sha256"]), tuple(links))

    def read(
        self,
        kb: Wanted,
        version: str,
        with_links: bool = False,
        types: Iterable[str] = (),
    ) -> Release:
        """A release, or only its objects of `types`."""
        if self._has_bundles is None:
            self.facts(kb, version)
        if self._has_bundles:
            return sort_out(
                kb.slug, version, self._bundle(kb, version, with_links, types)
            )
        return sort_out(kb.slug, version, self._pages(kb, version, tuple(types)))

    def _bundle(
        self, kb: Wanted, version: str, with_links: bool, types: Iterable[str]
    ) -> list[StixObject]:
        parameters = {"include_derived": "true"} if with_links else {}
        wanted = ",".join(types)
        if wanted:
            parameters["types"] = wanted
        bundle = self._client.get(f"{kb.slug}/versions/{version}/bundle/", parameters)
        objects = bundle.get("objects") if isinstance(bundle, dict) else None
        if not isinstance(objects, list):
            raise BrokenResponse(f"{kb.slug} {version}: the bundle has no objects")
        return objects

    # the older API

    def _pages(
        self, kb: Wanted, version: str, types: tuple[str, ...]
    ) -> Iterator[StixObject]:
        # Without these two the list has no revoked and deprecated objects.
        release = {
            kb.version_parameter: version,
            "include_revoked": "true",
            "include_deprecated": "true",
        }
        narrowed = {**release, "types": ",".join(types)} if types else release
        objects = list(self._walk(f"{kb.slug}/objects/", narrowed, "objects"))
        yield from objects
        if types:
            return
        yield from self._authors(kb, release, objects)
        paths = (
            f"{kb.slug}/objects/{item['id']}/relationships/"
            for item in objects
            if _has_relationships(item, kb)
        )
        yield from self._relationships(
            list(paths), {**release, "include_embedded_refs": "false"}
        )

    def _relationships(
        self, paths: list[str], parameters: dict[str, str]
    ) -> Iterator[StixObject]:
        """The relationships of many objects, with several requests at a time. Most come twice, once from each end."""
        pool = ThreadPoolExecutor(self._client.address.concurrency)
        try:
            for found in pool.map(
                lambda path: list(self._walk(path, parameters, "relationships")), paths
            ):
                yield from found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _authors(
        self, kb: Wanted, release: dict[str, str], objects: list[StixObject]
    ) -> list[StixObject]:
        """The authors that the lists do not have."""
        present = {item["id"] for item in objects}
        needed = {item.get("created_by_ref") for item in objects} - present - {None}
        found: list[StixObject] = []
        for stix_id in sorted(str(author) for author in needed):
            try:
                found.extend(
                    self._walk(f"{kb.slug}/objects/{stix_id}/", release, "objects")
                )
            except NotFound:
                continue  # the author of ATLAS is in no file
        return found

    def _walk(
        self, path: str, parameters: dict[str, str], key: str
    ) -> Iterator[StixObject]:
        """Every item of a paged list. Raises BrokenResponse if there are fewer than the list says."""
        page, received = 1, 0
        while True:
            asked: dict[str, str | int] = {
                **parameters,
                "page": page,
                "page_size": self._client.address.page_size,
            }
            answer = self._client.get(path, asked)
            items, total = _page_of(answer, key, path)
            yield from items
            received += len(items)
            if received >= total:
                return
            # The server decides on the page size. The older API has at most 50.
            if not items or len(items) < int(answer.get("page_size") or 0):
                raise BrokenResponse(
                    f"{path}: page {page} is short: {received} of {total} items"
                )
            page += 1


def _has_relationships(item: StixObject, kb: Wanted) -> bool:
    dead = item.get("revoked") or item.get("x_mitre_deprecated")
    return item["type"] in kb.entities and not dead


def _page_of(answer: Any, key: str, path: str) -> tuple[list[StixObject], int]:
    items = answer.get(key) if isinstance(answer, dict) else None
    total = answer.get("total_results_count") if isinstance(answer, dict) else None
    if not isinstance(items, list) or not isinstance(total, int):
        raise BrokenResponse(
            f"{path}: a page has no `{key}` or no `total_results_count`"
        )
    return items, total
