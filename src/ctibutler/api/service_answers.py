"""What the server says about itself."""

from __future__ import annotations

from typing import Literal

import msgspec


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """The main paths of this server."""

    name: str
    version: str
    documentation: str
    schema: str
    knowledge_bases: str
    search: str
    objects_sdos: str
    objects_sros: str
    objects_smos: str
    objects_scos: str
    jobs: str
    objects_by_knowledge_base: dict[str, str]


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the database answers, whether a worker reported lately, and whether reads go to the standby, if there is one."""

    store: Literal["ok", "unavailable"]
    worker: Literal["ok", "none"]
    standby: Literal["used", "behind", "lost"] | msgspec.UnsetType = msgspec.UNSET


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the server can answer questions and make changes; if not, why."""

    status: Literal["ready", "unavailable"]
    checks: Checks
    reason: str | msgspec.UnsetType = msgspec.UNSET
