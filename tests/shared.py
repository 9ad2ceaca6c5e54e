"""Real releases for tests, from the folder `shared` beside the repository or from `CTIBUTLER_TEST_SHARED`.

The folder is not part of the project. Tests that need it are skipped with a reason if it is missing.
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
    """The path of a file in the shared folder; skips the test if it is missing."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no {name} in the shared folder (CTIBUTLER_TEST_SHARED)")
    return path


def read_shared(name: str) -> bytes:
    """The content of a file in the shared folder, unpacked if its name ends in `.zst`."""
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
    """The test vectors of these rules as parameters, or one parameter that skips if they are missing."""
    path = SHARED / "design/identity-vectors.json"
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="no identity-vectors.json in the shared folder"))]
    vectors = json.loads(path.read_bytes())
    return [pytest.param(vector, id=vector["rule"]) for vector in vectors if vector["rule"] in rules]
