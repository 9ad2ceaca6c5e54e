"""What a run knows about the live objects of knowledge bases other than the one at hand.

What was read in this run is remembered. What was not is asked for once, at the release that OpenCTI has, and without
relationships.
"""

from collections.abc import Callable, Iterable, Mapping

from connector.sendable import Known

Objects = Mapping[str, Known]
"""Live objects of a knowledge base, by the publisher's id."""


class Neighbours:
    """The other knowledge bases of one run."""

    def __init__(self, fetch: Callable[[str], Objects | None]) -> None:
        """`fetch` reads one; `None` means that OpenCTI does not have it (yet)."""
        self._fetch = fetch
        self._seen: dict[str, Objects | None] = {}

    def remember(self, slug: str, known: Objects) -> None:
        """Keep what was read and is in OpenCTI now."""
        self._seen[slug] = known

    def of(self, slug: str) -> Objects | None:
        """The live objects of a knowledge base that OpenCTI has."""
        if slug not in self._seen:
            self._seen[slug] = self._fetch(slug)
        return self._seen[slug]

    def standard_ids(self, slugs: Iterable[str]) -> set[str]:
        """The ids under which OpenCTI knows the live objects of these knowledge bases."""
        return {known.standard_id for slug in slugs for known in (self.of(slug) or {}).values()}

    def alias_ids(self, slugs: Iterable[str]) -> set[str]:
        """The ids by which it finds them for their aliases."""
        return {stix_id for slug in slugs for known in (self.of(slug) or {}).values() for stix_id in known.alias_ids}
