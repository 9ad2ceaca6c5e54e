"""Long answers, compressed while they are collected."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from ctibutler.http.long_bodies import Collector, LongBody

MIB = 1024 * 1024


def collected(chunks: list[bytes], most_plain: int) -> bytes | LongBody:
    async def collect() -> bytes | LongBody:
        body = Collector(most_plain)
        for chunk in chunks:
            await body.add(chunk)
        return body.collected()

    # In a thread of its own: a browser that other tests opened keeps a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(collect())).result()


@pytest.mark.parametrize("lengths", [[], [5, 0, 3], [MIB], [MIB - 1, 1]])
def test_a_body_that_is_not_too_long_is_collected_as_it_is(lengths: list[int]) -> None:
    chunks = [random.Random(number).randbytes(length) for number, length in enumerate(lengths)]
    assert collected(chunks, MIB) == b"".join(chunks)


@pytest.mark.parametrize("lengths", [[MIB, 1], [64 * 1024] * 90, [5 * MIB + 7], [MIB + 1, 0, 3 * MIB, 10]])
def test_a_longer_body_is_sent_byte_for_byte_in_pieces_of_a_mebibyte_at_most(lengths: list[int]) -> None:
    chunks = [random.Random(number).randbytes(length) for number, length in enumerate(lengths)]
    body = collected(chunks, MIB)
    assert isinstance(body, LongBody)
    assert len(body) == sum(lengths)
    assert max(map(len, body)) <= MIB
    assert b"".join(body) == b"".join(body) == b"".join(chunks)


def test_text_takes_a_fraction_of_its_length() -> None:
    line = b"attack-pattern--%06d,uses,Credential Access,2024-01-01\r\n"
    body = collected([line % number for number in range(100_000)], MIB)
    assert isinstance(body, LongBody)
    assert sum(map(len, body.packed)) < len(body) // 5
