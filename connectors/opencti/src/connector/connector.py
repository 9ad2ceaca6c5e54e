"""The connector's run: one knowledge base after the other, each from what OpenCTI has to what the server has."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pycti import OpenCTIConnectorHelper

from connector import works
from connector.converter_to_stix import convert, left_out_lines
from connector.delta import Contribution, Foreign, Plan, Rules, changed_links, contribution_only, plan
from connector.knowledge_bases import ALL, KnowledgeBase
from connector.links import borrowed, cross_links
from connector.neighbours import Neighbours, Objects
from connector.sendable import Sendable, digest_of_list
from connector.settings import ConnectorSettings
from connector.state import Imported, Open, StateReset, StateStore
from connector.stix import StixObject
from connector.stopping import Stopped
from ctibutler_client.api_client import ApiClient
from ctibutler_client.errors import ServerError
from ctibutler_client.release_reader import ReleaseFacts, ReleaseReader


class CtiButlerConnector:
    """Keeps the knowledge bases of a CTI Butler server in OpenCTI."""

    def __init__(self, config: ConnectorSettings, helper: OpenCTIConnectorHelper) -> None:
        self.config = config
        self.helper = helper
        self.failed = False
        """Whether something of the last run failed."""
        self._force_full = config.ctibutler.force_full
        self._store = StateStore(helper)

    def run(self) -> None:
        """Run at once, and then as often as configured."""
        self.helper.connector_logger.info("CTI Butler connector starts", {"connector_id": self.helper.connector_id})
        self.helper.schedule_process(
            message_callback=self.process_message,
            duration_period=self.config.connector.duration_period.total_seconds(),
        )

    def process_message(self) -> None:
        """One run. No exception leaves it but the request to stop: pycti would end the process."""
        self.failed = False
        try:
            if not self._run_once():
                self.helper.connector_logger.info("The state was reset on the platform: everything is sent again")
                self._run_once()
        except StateReset:
            self._fail("The state was reset on the platform again: the next run sends everything")
        except Exception as error:
            self._fail("The run failed", reason=f"{type(error).__name__}: {error}")

    def _run_once(self) -> bool:
        """Whether the run came to its end; it does not if the state is reset meanwhile."""
        run = _Run(self.config, self.helper, self._store, self._force_full)
        try:
            run.all()
        except StateReset:
            return False
        finally:
            self.failed = self.failed or run.failed
        self._force_full = False
        return True

    def _fail(self, message: str, **details: Any) -> None:
        self.failed = True
        self.helper.connector_logger.error(message, details)


@dataclass(slots=True)
class _Task:
    """What is to be done for one knowledge base."""

    kb: KnowledgeBase
    version: str = "?"
    base: str | None = None
    facts: ReleaseFacts | None = None
    links: str | None = None
    target: Sendable | None = None

    @property
    def steps(self) -> str:
        return f"{self.kb.slug} {self.base or '–'} → {self.version}"


class _Run:
    """One run over all knowledge bases."""

    def __init__(
        self, config: ConnectorSettings, helper: OpenCTIConnectorHelper, store: StateStore, force_full: bool
    ) -> None:
        self._config = config.ctibutler
        self._helper = helper
        self._log = helper.connector_logger
        self._store = store
        self._client = ApiClient(config.ctibutler.address())
        self._reader = ReleaseReader(self._client)
        self._options = config.ctibutler.options()
        self._rules = Rules(config.ctibutler.deprecated, config.ctibutler.removed)
        self._neighbours = Neighbours(self._fetch_neighbour)
        self._enabled = {kb.slug: kb for kb in ALL if kb.slug in config.ctibutler.knowledgebases}
        self._state = store.read(config.ctibutler.mapping_digest())
        if force_full:
            self._state.kb = {}
        self.failed = False

    def all(self) -> None:
        """Every enabled knowledge base; one that fails does not stop the others."""
        self._close_left_open()
        for name in self._config.knowledgebases:
            if name not in self._enabled:
                self._log.info("Nothing to import: the platform has these objects itself", {"knowledge_base": name})
        for position, kb in enumerate(self._enabled.values()):
            if position and self._queue_is_full():
                self._log.info("The queue is full: the other knowledge bases wait for the next run", {"next": kb.slug})
                break
            self._one(kb)
        self._state.last_run = _now()
        self._store.write(self._state)

    def _queue_is_full(self) -> bool:
        """Whether the queue is above the threshold; the helper's own check ends the process where it cannot tell."""
        try:
            queue = self._helper.api.connector.read(connector_id=self._helper.connector_id)["connector_queue_details"]
            full: bool = queue["messages_size"] / 1_000_000 >= float(self._helper.connect_queue_threshold)
        except Exception as error:
            self._log.warning("The size of the queue is not known", {"reason": str(error)})
            return False
        self._helper.connector_info.buffering = full
        return full

    def _one(self, kb: KnowledgeBase) -> None:
        task = _Task(kb)
        requests_before = self._client.requests_made
        try:
            self._sync(task)
        except StateReset:
            raise
        except Exception as error:
            self.failed = True
            reason = (
                str(error) if isinstance(error, ServerError | works.NotSent) else f"{type(error).__name__}: {error}"
            )
            self._log.error("A knowledge base failed", {"knowledge_base": kb.slug, "reason": reason})
            if not isinstance(error, _SendingFailed):
                self._record_failure(task, reason)
        finally:
            requests = self._client.requests_made - requests_before
            self._log.info("Requests to the server", {"knowledge_base": kb.slug, "requests": requests})

    # from the server to a plan

    def _sync(self, task: _Task) -> None:
        kb = task.kb
        before = self._state.kb.get(kb.slug)
        task.base = before.version if before else None
        installed = self._reader.installed(kb)
        pinned = self._config.versions.get(kb.slug)
        if not installed:
            self._log.warning("The server has no release of this knowledge base", {"knowledge_base": kb.slug})
            return
        task.version = pinned or installed[0]
        if task.version not in installed:
            raise ServerError(f"release {task.version} is not installed on the server; it has {', '.join(installed)}")
        task.facts = self._reader.facts(kb, task.version)
        task.links = self._contributors(kb, task.facts)
        release = (task.facts.sha256 or "")[:16] or None
        if before and (before.version, before.release) == (task.version, release):
            if before.links == task.links:
                self._log.info("Nothing new", {"knowledge_base": kb.slug, "release": task.version})
                return
        elif before and (before.version == task.version or before.version not in installed):
            before = None  # the release that OpenCTI has is not to be had any more

        todo = self._plan(task, before)
        done = Imported(
            version=task.version,
            release=release,
            digest=task.target.digest if task.target else "",
            objects=len(task.target.objects) if task.target else 0,
            done=_now(),
            links=task.links,
        )
        if todo.objects:
            self._send(task, todo)
        else:
            self._log.info("The new release changes nothing in OpenCTI", {"knowledge_base": kb.slug})
        self._state.kb[kb.slug] = done
        self._state.open = None
        self._store.write(self._state)
        if task.target:
            self._neighbours.remember(kb.slug, task.target.known)

    def _plan(self, task: _Task, before: Imported | None) -> Plan:
        kb = task.kb
        with_links = task.links is not None and bool(kb.links)
        release = self._reader.read(kb, task.version, with_links=with_links)
        target = task.target = convert(release, kb, self._options)
        contribution = self._contribution(task, release.links)
        fetched = len(release.objects)
        del release
        base = None
        if before and before.version == task.version:
            if target.digest == before.digest:
                self._report(task, fetched, Counter())
                return contribution_only(target, contribution)
        elif before:
            released = self._reader.read(kb, before.version, with_links=with_links)
            base = convert(released, kb, self._options)
            if base.digest != before.digest:
                self._log.info("The base is not what was sent: everything is sent", {"knowledge_base": kb.slug})
                base = None
            elif _ends(before.links) == _ends(task.links):
                old = cross_links(released.links, base, kb, self._neighbours, Counter())
                contribution = replace(contribution, links=changed_links(contribution.links, old, self._rules))
        task.base = base.version if base else None
        todo = plan(target, base, self._rules, lambda: self._namesakes(kb), contribution)
        self._report(task, fetched, todo.left_out)
        return todo

    def _contribution(self, task: _Task, links: Sequence[StixObject]) -> Contribution:
        if task.links is None or task.target is None:
            return Contribution()
        kb = task.kb
        matrices = [known for slug in kb.borrows_from if slug in self._enabled and (known := self._neighbours.of(slug))]
        return Contribution(
            links=tuple(cross_links(links, task.target, kb, self._neighbours, task.target.left_out)) if links else (),
            borrowed=tuple(borrowed(task.target, matrices)) if matrices else (),
        )

    def _contributors(self, kb: KnowledgeBase, facts: ReleaseFacts) -> str | None:
        """A digest of what other knowledge bases contribute to this one, `None` if none of them does."""
        modes = {mode.name: mode.ends for mode in kb.links} if self._config.cross_links else {}
        others = {slug for ends in modes.values() for slug in ends} | set(kb.borrows_from)
        ends = sorted(
            (slug, self._state.kb[slug].version, self._state.kb[slug].release)
            for slug in others
            if slug in self._enabled and slug in self._state.kb
        )
        if not ends:
            return None
        counts = [pair for pair in facts.link_counts if pair[0] in modes]
        return f"{_short_digest(counts)}-{_short_digest(ends)}"

    def _namesakes(self, kb: KnowledgeBase) -> Foreign:
        others = [slug for slug in kb.namesakes if slug in self._enabled]
        return Foreign(self._neighbours.standard_ids(others), self._neighbours.alias_ids(others))

    def _fetch_neighbour(self, slug: str) -> Objects | None:
        kb, imported = self._enabled.get(slug), self._state.kb.get(slug)
        if kb is None or imported is None:
            return None
        types = tuple(name for name in kb.entities if name != "grouping")
        return convert(self._reader.read(kb, imported.version, types=types), kb, self._options).known

    def _report(self, task: _Task, fetched: int, left_out: Counter[str]) -> None:
        if task.target is None:
            return
        details = {
            "knowledge_base": task.kb.slug,
            "release": task.version,
            "fetched": fetched,
            "in_opencti": task.target.counts(),
            "left_out": list(left_out_lines(task.target.left_out + left_out)),
        }
        self._log.info("Release converted", details)

    # from a plan to the platform

    def _send(self, task: _Task, todo: Plan) -> None:
        """Send what is planned, from where an interrupted run left off; complete its work, or say why not."""
        total = len(todo.objects)
        position = Open(task.kb.slug, task.version, task.base, sent=0, list=digest_of_list(todo.objects))
        interrupted = self._state.open
        if interrupted and replace(interrupted, sent=0, work=None) == position:
            position = replace(position, sent=interrupted.sent)
            self._log.info("An interrupted run goes on", {"knowledge_base": task.kb.slug, "sent": position.sent})
        work = works.Work(self._helper, f"CTI Butler: {task.steps} ({total} objects)")
        self._state.open = position = replace(position, work=work.id)
        size = self._config.batch_size
        try:
            self._store.write(self._state)
            while position.sent < total:
                batch = todo.objects[position.sent : position.sent + size]
                work.send(batch)
                self._state.open = position = replace(position, sent=position.sent + len(batch))
                self._store.write(self._state)
            work.close(f"{task.steps}: {total} objects sent", in_error=False)
        except Stopped:
            self._give_up(
                work, position, f"stopped after {position.sent} of {total} objects, goes on at the next start"
            )
            raise
        except StateReset:
            work.close(f"the state was reset after {position.sent} of {total} objects", in_error=True)
            raise
        except Exception as error:
            reason = str(error) if isinstance(error, works.NotSent) else f"{type(error).__name__}: {error}"
            self._give_up(work, position, f"failed after {position.sent} of {total} objects: {reason}")
            raise _SendingFailed(reason) from error
        self._log.info("Sent", {"knowledge_base": task.kb.slug, "release": task.version, "objects": total})

    def _give_up(self, work: works.Work, position: Open, message: str) -> None:
        """Close the work in error and keep the position."""
        try:
            work.close(message, in_error=True)
            self._state.open = replace(position, work=None)
            self._store.write(self._state)
        except StateReset:
            return
        except Exception as error:
            self._log.error("The work could not be closed", {"work": work.id, "reason": str(error)})

    def _record_failure(self, task: _Task, reason: str) -> None:
        """A work for what could not even begin, so that it shows on the platform."""
        try:
            works.Work(self._helper, f"CTI Butler: {task.steps}").close(reason, in_error=True)
        except Exception as error:
            self._log.error("The failure could not be shown on the platform", {"reason": str(error)})

    def _close_left_open(self) -> None:
        """Close the work of a process that was killed without a word."""
        left = self._state.open
        if left is None or left.work is None:
            return
        try:
            works.close(self._helper, left.work, f"interrupted after {left.sent} objects", in_error=True)
        except Exception as error:  # it may be gone
            self._log.warning("The work of an interrupted run could not be closed", {"reason": str(error)})
        self._state.open = replace(left, work=None)


class _SendingFailed(Exception):
    """Sending failed, and the work says so."""


def _ends(links: str | None) -> str | None:
    """The part of the contributors' digest that tells their releases."""
    return links.split("-")[1] if links else None


def _short_digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:8]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
