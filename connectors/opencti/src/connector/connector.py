"""The connector's run: each knowledge base in turn, from the release that OpenCTI has to the one on the server."""

from datetime import UTC, datetime
from typing import Any

from connector import safeguards
from connector.compatibility import (
    explained,
    installed_pycti,
    oldest_platform,
    platform_version,
    supports_multipart,
)
from connector.knowledge_bases import ALL, KnowledgeBase
from connector.phase_order import CAPABILITY, reorder
from connector.planning import Planning, Task
from connector.platform import Platform
from connector.sending import Sender, SendingFailed
from connector.settings import ConnectorSettings
from connector.state import StateReset, StateStore
from connector.stix import StixObject
from ctibutler_client.errors import ServerError
from pycti import OpenCTIConnectorHelper

_NAMED = 20
"""Names in one line of the log."""


class CtiButlerConnector:
    """Keeps the knowledge bases of a CTI Butler server in OpenCTI."""

    def __init__(
        self, config: ConnectorSettings, helper: OpenCTIConnectorHelper
    ) -> None:
        self.config = config
        self.helper = helper
        self.failed = False
        """Whether something failed in the last run."""
        self._force_full = config.ctibutler.force_full
        self._store = StateStore(helper)

    def run(self) -> None:
        """Run now, and then at the configured interval."""
        pycti = installed_pycti()
        details = {
            "connector_id": self.helper.connector_id,
            "pycti": pycti,
            "pycti_needs_platform": oldest_platform(pycti),
            "platform": platform_version(self.helper.api),
            "works_in_parts": supports_multipart(self.helper.api.work.initiate_work),
        }
        self.helper.connector_logger.info("The CTI Butler connector starts", details)
        self.helper.schedule_process(
            message_callback=self.process_message,
            duration_period=self.config.connector.duration_period.total_seconds(),
        )

    def process_message(self) -> None:
        """One run. It raises nothing but the request to stop, because pycti would end the process."""
        self.failed = False
        try:
            if not self._run_once():
                self.helper.connector_logger.info(
                    "The state was reset on the platform: everything is sent again"
                )
                self._run_once()
        except StateReset:
            self._fail(
                "The state was reset on the platform again: the next run sends everything"
            )
        except Exception as error:
            self._fail("The run failed", reason=f"{type(error).__name__}: {error}")

    def _run_once(self) -> bool:
        """Whether the run reached its end. It does not if the state is reset in the meantime."""
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


class _Run:
    """One run over all knowledge bases."""

    def __init__(
        self,
        config: ConnectorSettings,
        helper: OpenCTIConnectorHelper,
        store: StateStore,
        force_full: bool,
    ) -> None:
        self._config = config.ctibutler
        self._helper = helper
        self._log = helper.connector_logger
        self._store = store
        self._enabled = enabled_knowledge_bases(config)
        self._state = store.read(config.ctibutler.mapping_digest())
        if force_full:
            self._state.kb = {}
        self._planning = Planning(
            config.ctibutler, self._state, self._enabled, self._log
        )
        self._sender = Sender(helper, store, self._state, config.ctibutler.batch_size)
        self._platform = Platform(helper.api)
        self.failed = False

    def all(self) -> None:
        """Import every enabled knowledge base. One that fails does not stop the others."""
        self._sender.close_interrupted()
        for name in self._config.knowledgebases:
            if name not in self._enabled:
                self._log.info(
                    "Nothing to import: the platform has these objects already",
                    {"knowledge_base": name},
                )
        for position, kb in enumerate(self._enabled.values()):
            if position and self._queue_is_full():
                self._log.info(
                    "The queue is full: the next run imports the rest",
                    {"next": kb.slug},
                )
                break
            self._one(kb)
        self._state.last_run = _now()
        self._store.write(self._state)

    def _queue_is_full(self) -> bool:
        """Whether the queue is above the threshold. The helper's own check ends the process if it fails."""
        try:
            queue = self._helper.api.connector.read(
                connector_id=self._helper.connector_id
            )["connector_queue_details"]
            full: bool = queue["messages_size"] / 1_000_000 >= float(
                self._helper.connect_queue_threshold
            )
        except Exception as error:
            self._log.warning(
                "The size of the queue is unknown", {"reason": str(error)}
            )
            return False
        self._helper.connector_info.buffering = full
        return full

    def _one(self, kb: KnowledgeBase) -> None:
        task = Task(kb)
        requests_before = self._planning.client.requests_made
        try:
            self._sync(task)
        except StateReset:
            raise
        except Exception as error:
            self.failed = True
            reason = self._reason(error)
            self._log.error(
                "A knowledge base failed", {"knowledge_base": kb.slug, "reason": reason}
            )
            if not isinstance(error, SendingFailed):
                self._sender.record_failure(task, reason)
        finally:
            requests = self._planning.client.requests_made - requests_before
            self._log.info(
                "Requests to the server",
                {"knowledge_base": kb.slug, "requests": requests},
            )

    def _reason(self, error: Exception) -> str:
        if isinstance(error, ServerError | SendingFailed):
            return str(error)
        said = explained(error, self._helper.api)
        return said or f"{type(error).__name__}: {error}"

    def _sync(self, task: Task) -> None:
        self._planning.task(task)
        if task.done is None:
            return
        objects = self._checked(task) if task.plan.objects else []
        if objects:
            self._sender.send(task, objects)
        else:
            self._log.info(
                "The release changes nothing in OpenCTI",
                {"knowledge_base": task.kb.slug},
            )
        self._reorder_phases(task)
        task.done.done = _now()
        self._state.kb[task.kb.slug] = task.done
        self._state.open = None
        self._store.write(self._state)
        self._planning.finished(task)

    def _checked(self, task: Task) -> list[StixObject]:
        """The planned objects without those that would do harm on the platform."""
        known = self._planning.sent_objects(task)
        checked = safeguards.check(
            self._platform, task.plan.objects, known, self._config.keep_platform_names
        )
        for sentence in checked.at_risk:
            self._log.warning(
                "An entity of OpenCTI is at risk",
                {"knowledge_base": task.kb.slug, "reason": sentence},
            )
        renamed = [f"{old} → {new}" for old, new in checked.renamed()]
        if renamed:
            details = {
                "knowledge_base": task.kb.slug,
                "count": len(renamed),
                "first": renamed[:_NAMED],
            }
            self._log.info("Entities of OpenCTI get another name", details)
        if checked.held_back:
            self._log.info(
                "Not sent",
                {"knowledge_base": task.kb.slug, "reasons": dict(checked.held_back)},
            )
        return checked.objects

    def _reorder_phases(self, task: Task) -> None:
        """Put existing kill chain phases in order. Failing at that does not fail the import."""
        if task.target is None or not task.target.phase_order:
            return
        try:
            result = reorder(self._helper.api.kill_chain_phase, task.target.phase_order)
        except Exception as error:  # pycti raises whatever it meets
            self._log.warning(
                "The kill chain phases could not be read", {"reason": str(error)}
            )
            return
        if result.moved:
            self._log.info(
                "Kill chain phases moved",
                {"knowledge_base": task.kb.slug, "order": result.moved},
            )
        if result.refused:
            details = {
                "knowledge_base": task.kb.slug,
                "order": result.refused,
                "capability": CAPABILITY,
                "reason": result.reason,
            }
            self._log.warning(
                "Kill chain phases are in the wrong order; the user may not move them",
                details,
            )


def enabled_knowledge_bases(config: ConnectorSettings) -> dict[str, KnowledgeBase]:
    """The configured knowledge bases in the order of import."""
    return {kb.slug: kb for kb in ALL if kb.slug in config.ctibutler.knowledgebases}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
