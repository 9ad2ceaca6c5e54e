"""Long answers that are kept: the same bytes as the first time."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import pytest
import zstandard

from ctibutler.answers.exports import release_objects
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
    made = b"".join(getattr(kept, first)("key", CHUNKS))
    assert (made if first == "plain" else _unpacked(made)) == WHOLE
    assert b"".join(kept.plain("key", _Never())) == WHOLE
    assert _unpacked(b"".join(kept.packed("key", _Never()))) == WHOLE


def test_pieces_stay_small_however_long_the_stream_is() -> None:
    kept = KeptStreams(16 * MIB)
    for _ in range(2):
        pieces = list(kept.plain("key", (CHUNKS[2] for _ in range(10))))
        assert max(map(len, pieces)) < 2 * MIB


def test_what_was_not_read_to_its_end_is_not_kept() -> None:
    kept = KeptStreams(16 * MIB)
    next(kept.plain("key", CHUNKS))
    assert b"".join(kept.plain("key", [b"other"])) == b"other"


def test_the_oldest_streams_go_first_and_too_long_ones_are_not_kept() -> None:
    kept = KeptStreams(7 * MIB)
    for key in ("first", "second", "third"):
        assert b"".join(kept.plain(key, CHUNKS[5:6])) == CHUNKS[5]
    assert b"".join(kept.plain("too long", CHUNKS[5:6] * 3)) == CHUNKS[5] * 3
    assert b"".join(kept.plain("third", _Never())) == CHUNKS[5]
    for key in ("first", "too long"):
        assert b"".join(kept.plain(key, [b"again"])) == b"again"


def test_a_release_that_is_made_breaks_off_when_it_is_replaced_and_a_kept_one_stays_whole(
    catalogues: Catalogues,
) -> None:
    database, kept = catalogues.empty(), KeptStreams(16 * MIB)
    tools = [{"type": "tool", "id": f"tool--{number}", "name": _chance.randbytes(2000).hex()} for number in range(1200)]

    def chunks() -> Iterator[bytes]:
        return release_as_bundle(release_objects(Library(database, HOSTED), HOSTED.named("atlas"), None))

    install(database, "atlas@1", made_content(tools))
    whole = b"".join(kept.plain("key", chunks()))
    being_made, being_repeated = kept.plain("another key", chunks()), kept.plain("key", chunks())
    assert whole.startswith(next(being_made))
    first = next(being_repeated)
    truncate(database, HOSTED.named("atlas"))
    install(database, "atlas@1", made_content(tools[:600]))
    with pytest.raises(StoreUnavailable, match=r"atlas 1 has changed while it was read"):
        next(being_made)
    assert first + b"".join(being_repeated) == whole
