"""Examples of answers: excerpts of what a server with real releases answers.

`examples.json` is written by `scripts/examples`, which asks such a server. A test asks it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec

_RECORDED = files("ctibutler.api").joinpath("examples.json")

EXAMPLES: Mapping[str, Any] = {
    **msgspec.json.decode(_RECORDED.read_bytes()),
    "Readiness.unavailable": {"status": "unavailable", "checks": {"store": "unavailable", "worker": "none"}},
}
"""The examples by name: `ObjectPage` for any knowledge base, `ObjectPage.cwe` for one, `Text.get_metrics` for one route."""
