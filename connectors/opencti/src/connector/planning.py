"""From the server to a plan: which release OpenCTI has, which one it should have, and what to send for that.

Only reads. The connector sends the plan; a dry run reports it.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from connector.converter_to_stix import convert, left_out_lines
from connector.delta import (
    Contribution,
    Namesakes,
    Plan,
    Rules,
    changed_links,
    contribution_only,
    plan,
)
from connector.knowledge_bases import KnowledgeBase
from connector.links import borrowed, cross_links
from connector.neighbours import Neighbours, Objects
from connector.sendable import Sendable
from connector.settings import CtibutlerConfig
from connector.state import Imported, SyncState
from connector.stix import StixObject
from ctibutler_client.api_client import ApiClient
from ctibutler_client.errors import ServerError
from ctibutler_client.release_reader import ReleaseFacts, ReleaseReader


class Logger(Protocol):
    """The part of pycti's logger that is needed here."""

    def info(self, message: str, meta: Any = None) -> None: ...
    def warning(self, message: str, meta: Any = None) -> None: ...
    def error(self, message: str, meta: Any = None) -> None: ...


@dataclass(slots=True)
class Task:
    """What to do for one knowledge base."""

    kb: KnowledgeBase
    version: str = "?"
    base: str | None = None
    """The release that OpenCTI has; None if everything is sent."""
    target: Sendable | None = None
    plan: Plan = field(default_factory=Plan)
    done: Imported | None = None
    """The state after the plan was sent; None if there is nothing to do."""

    @property
    def steps(self) -> str:
        return f"{self.kb.slug} {self.base or '–'} → {self.version}"


@dataclass(frozen=True, slots=True)
class _Links:
    """Digests of what other knowledge bases contribute: how many cross-links, and which releases at their other ends."""

    counts: str | None = None
    ends: str | None = None


class Planning:
    """Plans one run over several knowledge bases."""

    def __init__(
        self,
        config: CtibutlerConfig,
        state: SyncState,
        enabled: dict[str, KnowledgeBase],
        log: Logger,
    ) -> None:
        self._config = config
        self._state = state
        self._enabled = enabled
        self._log = log
        self.client = ApiClient(config.address())
        self._reader = ReleaseReader(self.client)
        self._options = config.options()
        self._rules = Rules(config.deprecated, config.removed)
        self._neighbours = Neighbours(self._read_neighbour)

    def task(self, task: Task) -> None:
        """Complete a task that has only its knowledge base. Raises ServerError if the server does not help."""
        kb = task.kb
        before = self._state.kb.get(kb.slug)
        task.base = before.version if before else None
        installed = self._reader.installed(kb)
        if not installed:
            self._log.warning(
                "The server has no release of this knowledge base",
                {"knowledge_base": kb.slug},
            )
            return
        task.version = self._config.versions.get(kb.slug) or installed[0]
        if task.version not in installed:
            raise ServerError(
                f"release {task.version} is not installed on the server; it has {', '.join(installed)}"
            )
        facts = self._reader.facts(kb, task.version)
        links = self._links(kb, facts)
        release = (facts.sha256 or "")[:12] or None
        if before and (before.version, before.release) == (task.version, release):
            if (before.links, before.link_ends) == (links.counts, links.ends):
                self._log.info(
                    "Nothing new", {"knowledge_base": kb.slug, "release": task.version}
                )
                return
        elif before and (
            before.version == task.version or before.version not in installed
        ):
            before = None  # the server no longer has the release that OpenCTI has
        self._plan(task, before, links)
        assert task.target is not None  # the plan was made from it
        task.done = Imported(
            version=task.version,
            release=release,
            digest=task.target.digest,
            objects=len(task.target.objects),
            done="",
            links=links.counts,
            link_ends=links.ends,
        )

    def finished(self, task: Task) -> None:
        """Remember what OpenCTI has now, for the knowledge bases that follow."""
        if task.target:
            self._neighbours.remember(task.kb.slug, task.target.known)

    def sent_objects(self, task: Task) -> dict[str, StixObject]:
        """The objects that a plan may refer to, by the id that is sent: those of the release and its neighbours."""
        found: dict[str, StixObject] = {}
        for slug in dict.fromkeys(
            (
                *(end for mode in task.kb.links for end in mode.ends),
                *task.kb.borrows_from,
            )
        ):
            if slug in self._enabled and slug in self._state.kb:
                for known in (self._neighbours.of(slug) or {}).values():
                    found[known.sent_id] = {
                        "type": known.type,
                        "id": known.sent_id,
                        "name": known.name,
                    }
        if task.target:
            found.update(task.target.withdrawn)
            found.update(task.target.objects)
        return found

    def _plan(self, task: Task, before: Imported | None, links: _Links) -> None:
        kb = task.kb
        with_links = links.counts is not None and bool(kb.links)
        release = self._reader.read(kb, task.version, with_links=with_links)
        target = task.target = convert(release, kb, self._options)
        contribution = (
            self._contribution(task, release.links) if links.counts else Contribution()
        )
        fetched = len(release.objects)
        del release
        base = None
        if before and before.version == task.version:
            if target.digest == before.digest:
                self._report(task, fetched, Counter())
                task.plan = contribution_only(target, contribution)
                return
        elif before:
            released = self._reader.read(kb, before.version, with_links=with_links)
            base = convert(released, kb, self._options)
            if base.digest != before.digest:
                self._log.info(
                    "The former release changed on the server: everything is sent",
                    {"knowledge_base": kb.slug},
                )
                base = None
            elif before.link_ends == links.ends:
                old = cross_links(released.links, base, kb, self._neighbours, Counter())
                contribution = replace(
                    contribution,
                    links=changed_links(contribution.links, old, self._rules),
                )
        task.base = base.version if base else None
        task.plan = plan(
            target, base, self._rules, lambda: self._namesakes(kb), contribution
        )
        self._report(task, fetched, task.plan.left_out)

    def _contribution(self, task: Task, links: Sequence[StixObject]) -> Contribution:
        assert task.target is not None  # converted before
        kb = task.kb
        matrices = [
            known
            for slug in kb.borrows_from
            if slug in self._enabled and (known := self._neighbours.of(slug))
        ]
        return Contribution(
            links=(
                tuple(
                    cross_links(
                        links, task.target, kb, self._neighbours, task.target.left_out
                    )
                )
                if links
                else ()
            ),
            borrowed=tuple(borrowed(task.target, matrices)) if matrices else (),
        )

    def _links(self, kb: KnowledgeBase, facts: ReleaseFacts) -> _Links:
        """What other knowledge bases contribute to this one, empty if none of them does."""
        modes = (
            {mode.name: mode.ends for mode in kb.links}
            if self._config.cross_links
            else {}
        )
        others = {slug for ends in modes.values() for slug in ends} | set(
            kb.borrows_from
        )
        ends = sorted(
            (slug, self._state.kb[slug].version, self._state.kb[slug].release)
            for slug in others
            if slug in self._enabled and slug in self._state.kb
        )
        if not ends:
            return _Links()
        return _Links(
            _short_digest([pair for pair in facts.link_counts if pair[0] in modes]),
            _short_digest(ends),
        )

    def _namesakes(self, kb: KnowledgeBase) -> Namesakes:
        others = [slug for slug in kb.namesakes if slug in self._enabled]
        return Namesakes(
            self._neighbours.standard_ids(others), self._neighbours.alias_ids(others)
        )

    def _read_neighbour(self, slug: str) -> Objects | None:
        kb, imported = self._enabled.get(slug), self._state.kb.get(slug)
        if kb is None or imported is None:
            return None
        types = tuple(name for name in kb.entities if name != "grouping")
        return convert(
            self._reader.read(kb, imported.version, types=types), kb, self._options
        ).known

    def _report(self, task: Task, fetched: int, left_out: Counter[str]) -> None:
        assert task.target is not None  # converted before
        details = {
            "knowledge_base": task.kb.slug,
            "release": task.version,
            "fetched": fetched,
            "in_opencti": task.target.counts(),
            "left_out": list(left_out_lines(task.target.left_out + left_out)),
        }
        self._log.info("Release converted", details)


def _short_digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:8]
