"""How much is tried: little in a plain run, more with `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("CTIBUTLER_TEST_FUZZ_FACTOR", "1"))


def examples(number: int) -> settings:
    """Settings for this many examples, or a multiple of them in a long run."""
    return settings(
        max_examples=number * FACTOR,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )
