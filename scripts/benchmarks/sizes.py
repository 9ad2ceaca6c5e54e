"""How large the database is."""

from __future__ import annotations

from collections.abc import Iterator

import zstandard

from benchmarks.declaring import Group, Outcome, Row, at_most
from benchmarks.workshop import Workshop

ROWS = (
    Row(
        "size",
        "The database with all releases of the bucket",
        "their files, not compressed",
        at_most(0.17, "of their size"),
        "size of the SQLite file after the import",
    ),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    database = workshop.database.stat().st_size
    files = sum(plain_size(path.read_bytes()) for path in workshop.bucket.rglob("*.json.zst"))
    files += sum(path.stat().st_size for path in workshop.bucket.glob("*/*.json"))
    yield Outcome("size", database / files, {"database, MB": database / 1e6, "files, MB": files / 1e6})


def plain_size(packed: bytes) -> int:
    return len(zstandard.ZstdDecompressor().decompressobj().decompress(packed))


GROUP = Group("size", ROWS, measure)
