"""Chains as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from ctibutler.answers.onward.chains import Chain


def facts_of_chain(found: Chain) -> Mapping[str, object]:
    """Return what a chain says beside its objects."""
    return {
        "of": found.of,
        "stages": list(found.stages),
        "told": list(found.told),
        "missing": list(found.missing),
    }
