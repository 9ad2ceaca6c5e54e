"""Two hundred clients read while releases come and go: no answer mixes two states, and none is an error but an honest 503."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from ctibutler.catalog.checking import check
from ctibutler.catalog.engine.database import Database
from ctibutler.importing.removal import remove_release
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues, install, made_content
from tests.server.serving import running

CLIENTS = 200
SECONDS = float(os.environ.get("CTIBUTLER_TEST_READING_SECONDS", "3"))
# Two states of one release: which word is in every name, and how many objects there are.
STATES = {"old": 70, "new": 60}
PATHS = (
    "/api/v1/cwe/objects/?page_size=100",
    "/api/v1/cwe/objects/?page_size=100&sort=name_descending",
    "/api/v1/cwe/versions/4.14/bundle/",
    "/api/v1/search/?text=weakness&page_size=100",
    "/api/v1/cwe/objects/CWE-7/",
)


def content(word: str) -> list[dict[str, object]]:
    return [
        {
            "type": "weakness",
            "spec_version": "2.1",
            "id": f"weakness--{UUID(int=number)}",
            "created": "2020-01-01T00:00:00.000Z",
            "modified": "2020-01-02T00:00:00.000Z",
            "name": f"weakness {word} {number}",
            "external_references": [{"source_name": "cwe", "external_id": f"CWE-{number}"}],
        }
        for number in range(1, STATES[word] + 1)
    ]


def come_and_go(database: Database, until: float, failures: list[BaseException]) -> None:
    try:
        while time.monotonic() < until:
            for word in STATES:
                install(database, "cwe@4.14", made_content(content(word)))
            install(database, "tlp@2")
            remove_release(database, HOSTED.named("tlp"), "2")
    except BaseException as failure:
        failures.append(failure)


async def read_over_and_over(port: int, first: int, until: float, seen: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = first
    while time.monotonic() < until:
        path = PATHS[number % len(PATHS)]
        # Every request is another one to the cache.
        separator = "&" if "?" in path else "?"
        writer.write(f"GET {path}{separator}n={number} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await whole_body(reader, head)
        status = head.split()[1]
        seen[wrong_with(path, status, head, body)] += 1
        number += CLIENTS
    writer.close()


async def whole_body(reader: asyncio.StreamReader, head: str) -> bytes:
    if "transfer-encoding: chunked" not in head:
        length = int(head.partition("content-length:")[2].split("\r\n", 1)[0])
        return await reader.readexactly(length)
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


def wrong_with(path: str, status: str, head: str, body: bytes) -> str:
    """What is wrong with an answer; "" if nothing is, "503" for an honest one."""
    if status == "503":
        return "503" if "retry-after:" in head else "503 without Retry-After"
    if status != "200":
        return f"{path}: {status} {body[:200]!r}"
    answer = json.loads(body)
    objects = answer.get("objects", answer.get("results", []))
    words = {found["name"].split()[1] for found in objects if found.get("name", "").startswith("weakness ")}
    if len(words) != 1:
        return f"{path}: {sorted(words)} in one answer"
    total = answer.get("total_results_count", len(objects))
    if "CWE-7" not in path and total != STATES[words.pop()]:
        return f"{path}: {total} objects"
    return ""


def test_answers_are_of_one_state_while_releases_come_and_go(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    install(database, "cwe@4.14", made_content(content("old")))
    seen: Counter[str] = Counter()
    failures: list[BaseException] = []

    async def read_all(port: int, until: float) -> None:
        await asyncio.gather(*(read_over_and_over(port, first, until, seen) for first in range(CLIENTS)))

    with running(database) as server:
        until = time.monotonic() + SECONDS
        changing = threading.Thread(target=come_and_go, args=(catalogues.again(database), until, failures))
        changing.start()
        # In a thread of its own: a browser that other tests opened keeps a loop running in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(read_all(server.port, until))).result()
        changing.join()
    assert failures == []
    assert {wrong: count for wrong, count in seen.items() if wrong not in ("", "503")} == {}
    assert seen[""] > CLIENTS / 2
    assert list(check(database, HOSTED)) == []
