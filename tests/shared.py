"""Where the tests find real releases: the folder `shared` beside the repository, or `CTIBUTLER_TEST_SHARED`.

It is not part of the project. Tests that need it are skipped, and say so, where it is missing.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import zstandard

_BESIDE = Path(__file__).parents[2] / "shared"
SHARED = Path(os.environ.get("CTIBUTLER_TEST_SHARED", _BESIDE))


def shared_path(name: str) -> Path:
    """A file of the shared folder; skips the test where it is missing."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no {name} in the shared folder (CTIBUTLER_TEST_SHARED)")
    return path


def read_shared(name: str) -> bytes:
    """The content of a file of the shared folder, unpacked where its name ends in `.zst`."""
    content = shared_path(name).read_bytes()
    if not name.endswith(".zst"):
        return content
    with zstandard.ZstdDecompressor().stream_reader(content) as reader:
        return reader.read()


@lru_cache(maxsize=4)
def read_bundle(name: str) -> dict[str, Any]:
    """A bundle by its path below `kb`, without `.zst`. Read only: tests share it."""
    bundle: dict[str, Any] = json.loads(read_shared(f"kb/{name}.zst"))
    return bundle


def identity_vectors(*rules: str) -> list[Any]:
    """The test vectors of these rules as parameters, or one parameter that skips where they are missing."""
    path = SHARED / "design/identity-vectors.json"
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="no identity-vectors.json in the shared folder"))]
    vectors = json.loads(path.read_bytes())
    return [pytest.param(vector, id=vector["rule"]) for vector in vectors if vector["rule"] in rules]
