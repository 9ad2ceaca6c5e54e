"""Long answers that are kept: the same bytes as the first time, as long as they may be sent."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import pytest
import zstandard

from ctibutler.answers.exports import ReleaseObjects, release_objects
from ctibutler.answers.library import Library
from ctibutler.errors import StoreUnavailable
from ctibutler.forms.stix_bundle import release_as_bundle
from ctibutler.http.kept_streams import KeptStreams
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues, install, made_content

MIB = 1024 * 1024
# Chunks of all lengths, none of which compresses well.
_chance = random.Random(1)
CHUNKS = [_chance.randbytes(length) for length in (0, 1, MIB - 2, 1, 1, 3 * MIB, 700_000, 700_000, 0, 5)]
WHOLE = b"".join(CHUNKS)


def _nothing() -> None:
    pass


class _Never(Iterable[bytes]):
    """Chunks that must not be asked for."""

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("made again")


def _unpacked(packed: bytes) -> bytes:
    frame = zstandard.ZstdDecompressor().decompressobj()
    plain = frame.decompress(packed)
    assert frame.eof
    assert frame.unused_data == b""
    return plain


@pytest.mark.parametrize("first", ["plain", "packed"])
def test_a_stream_is_made_once_for_both_encodings(first: str) -> None:
    kept = KeptStreams(16 * MIB)
    made = b"".join(getattr(kept, first)("key", CHUNKS, _nothing))
    assert (made if first == "plain" else _unpacked(made)) == WHOLE
    assert b"".join(kept.plain("key", _Never(), _nothing)) == WHOLE
    assert _unpacked(b"".join(kept.packed("key", _Never(), _nothing))) == WHOLE


def test_pieces_stay_small_however_long_the_stream_is() -> None:
    kept = KeptStreams(16 * MIB)
    for _ in range(2):
        pieces = list(kept.plain("key", (CHUNKS[2] for _ in range(10)), _nothing))
        assert max(map(len, pieces)) < 2 * MIB


def test_what_was_not_read_to_its_end_is_not_kept() -> None:
    kept = KeptStreams(16 * MIB)
    next(kept.plain("key", CHUNKS, _nothing))
    assert b"".join(kept.plain("key", [b"other"], _nothing)) == b"other"


def test_the_oldest_streams_go_first_and_too_long_ones_are_not_kept() -> None:
    kept = KeptStreams(7 * MIB)
    for key in ("first", "second", "third"):
        assert b"".join(kept.plain(key, CHUNKS[5:6], _nothing)) == CHUNKS[5]
    assert b"".join(kept.plain("too long", CHUNKS[5:6] * 3, _nothing)) == CHUNKS[5] * 3
    assert b"".join(kept.plain("third", _Never(), _nothing)) == CHUNKS[5]
    for key in ("first", "too long"):
        assert b"".join(kept.plain(key, [b"again"], _nothing)) == b"again"


def test_a_kept_release_breaks_off_when_it_is_replaced(catalogues: Catalogues) -> None:
    database, kept = catalogues.empty(), KeptStreams(16 * MIB)
    tools = [{"type": "tool", "id": f"tool--{number}", "name": _chance.randbytes(2000).hex()} for number in range(1200)]

    def found() -> ReleaseObjects:
        return release_objects(Library(database, HOSTED), HOSTED.named("atlas"), None)

    install(database, "atlas@1", made_content(tools))
    whole = b"".join(kept.plain("key", release_as_bundle(found()), found().check))
    again = found()
    pieces = kept.plain("key", release_as_bundle(again), again.check)
    assert whole.startswith(next(pieces))
    truncate(database, HOSTED.named("atlas"))
    install(database, "atlas@1", made_content(tools[:600]))
    with pytest.raises(StoreUnavailable, match=r"atlas 1 has changed while it was read"):
        next(pieces)
