"""The live objects of other knowledge bases, as far as a run needs them.

Those that the run has read are remembered. The others are read once, in the release that OpenCTI has.
"""

from collections.abc import Callable, Iterable, Mapping

from connector.sendable import Known

Objects = Mapping[str, Known]
"""Live objects of a knowledge base, by the publisher's id."""


class Neighbours:
    """The other knowledge bases of one run."""

    def __init__(self, fetch: Callable[[str], Objects | None]) -> None:
        """`fetch` reads one. It returns None if OpenCTI does not have it."""
        self._fetch = fetch
        self._seen: dict[str, Objects | None] = {}

    def remember(self, slug: str, known: Objects) -> None:
        """Remember the objects of a knowledge base."""
        self._seen[slug] = known

    def of(self, slug: str) -> Objects | None:
        """The live objects of a knowledge base that OpenCTI has."""
        if slug not in self._seen:
            self._seen[slug] = self._fetch(slug)
        return self._seen[slug]

    def standard_ids(self, slugs: Iterable[str]) -> set[str]:
        """The ids under which OpenCTI knows the live objects of these knowledge bases."""
        return {
            known.standard_id
            for slug in slugs
            for known in (self.of(slug) or {}).values()
        }

    def alias_ids(self, slugs: Iterable[str]) -> set[str]:
        """The ids by which OpenCTI finds them because of their aliases."""
        return {
            stix_id
            for slug in slugs
            for known in (self.of(slug) or {}).values()
            for stix_id in known.alias_ids
        }
