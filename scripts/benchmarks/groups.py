"""All groups, in the order of the report."""

from __future__ import annotations

from benchmarks import (
    asking,
    beside_imports,
    cached,
    commands,
    comparing,
    engines,
    frameworks,
    hubs,
    imports,
    memory,
    migrating,
    outcomes,
    pages,
    searching,
    sizes,
    uncached,
    whole_releases,
)

ALL = (
    imports.GROUP,
    cached.GROUP,
    uncached.GROUP,
    frameworks.GROUP,
    searching.GROUP,
    comparing.GROUP,
    outcomes.GROUP,
    asking.GROUP,
    migrating.GROUP,
    whole_releases.GROUP,
    pages.GROUP,
    hubs.GROUP,
    commands.GROUP,
    sizes.GROUP,
    memory.GROUP,
    beside_imports.GROUP,
    engines.GROUP,
)
