"""Whether the text index holds the words of the objects, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ctibutler.catalog.checking.findings import Finding, Progress
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.rows import ObjectRow
from ctibutler.catalog.text import PROPERTIES, counted_words, entries, stem

_OTHER = "holds other words than those of its name and description"
_REPORT_EVERY = 100_000


class Texts:
    """Collects what the index should hold while objects are read, and compares at the end.

    The index is by word, not by object, so the words of an object are compared as a sum.
    """

    def __init__(self) -> None:
        self._expected: dict[int, int] = {}
        self._names: dict[int, str] = {}

    def note(self, rows: Sequence[tuple[int, int, ObjectRow]], names: Mapping[int, str]) -> None:
        """Note the words of objects."""
        for key, _, row in rows:
            self._names[key] = names[key]
            self._expected[key] = sum(
                hash((kind, word, times))
                for kind, text in zip(PROPERTIES, row.texts or ("", ""), strict=True)
                for word, times in counted_words(text).items()
            )

    def check_whole(self, connection: Connection, progress: Progress) -> Iterator[Finding]:
        """Find wrong stems, and objects whose words the index has otherwise, after all objects were noted."""
        for row in connection.rows("SELECT term_key, word, stem FROM term ORDER BY term_key"):
            if row.stem != stem(row.word):
                yield Finding("term", f"{row.word!r} (term_key {row.term_key})", f"stem is {row.stem!r}")
        found = dict.fromkeys(self._expected, 0)
        try:
            for number, (key, *entry) in enumerate(entries(connection)):
                if key in found:
                    found[key] += hash(tuple(entry))
                else:
                    yield Finding("posting", f"object_key {key}", "has words, but is no object that can be read")
                if number % _REPORT_EVERY == 0:
                    progress("words", number, None)
        except ValueError as damage:
            yield Finding("posting", "the text index", f"cannot be read: {damage}")
            return
        for key, expected in self._expected.items():
            if found[key] != expected:
                yield Finding("posting", self._names[key], _OTHER)
