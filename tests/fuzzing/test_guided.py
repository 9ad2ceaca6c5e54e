"""Readers of files, tried with bytes that a coverage-guided engine makes up."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzzing.budget import FACTOR
from tests.fuzzing.seeds import FILES

SECONDS = 3 * FACTOR
# In a plain run only those that are ours alone.
TARGETS = ("bundle", "layer", "rule", *FILES) if FACTOR > 1 else ("bundle", "layer", "rule")


@pytest.mark.skipif(find_spec("atheris") is None, reason="no atheris (make fuzz installs it where it has a wheel)")
@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused(name: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing.guided", name, str(SECONDS)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=SECONDS * 5 + 300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert "Done " in ended.stderr, ended.stderr[-4000:]
