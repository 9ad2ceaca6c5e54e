"""Sends a plan to the platform in batches, and keeps the position so that an interrupted run can continue."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connector import works
from connector.planning import Task
from connector.sendable import digest_of_list
from connector.state import Open, StateReset, StateStore, SyncState
from connector.stix import StixObject
from connector.stopping import Stopped
from pycti import OpenCTIConnectorHelper


class SendingFailed(Exception):
    """Sending failed, and the work says why."""


class Sender:
    """Sends the plans of one run."""

    def __init__(
        self,
        helper: OpenCTIConnectorHelper,
        store: StateStore,
        state: SyncState,
        batch_size: int,
    ) -> None:
        self._helper = helper
        self._log = helper.connector_logger
        self._store = store
        self._state = state
        self._batch_size = batch_size

    def send(self, task: Task, objects: Sequence[StixObject]) -> None:
        """Send the objects of a task, starting where an interrupted run stopped, and complete the work."""
        total = len(objects)
        position = self._start(task, objects)
        work = works.Work(self._helper, f"CTI Butler: {task.steps} ({total} objects)")
        self._state.open = position = replace(position, work=work.id)
        try:
            self._store.write(self._state)
            while position.sent < total:
                batch = objects[position.sent : position.sent + self._batch_size]
                work.send(batch)
                self._state.open = position = replace(
                    position, sent=position.sent + len(batch)
                )
                self._store.write(self._state)
            work.close(f"{task.steps}: {total} objects sent", in_error=False)
        except Stopped:
            self._give_up(
                work,
                position,
                f"stopped after {position.sent} of {total} objects; the next start continues",
            )
            raise
        except StateReset:
            work.close(
                f"the state was reset after {position.sent} of {total} objects",
                in_error=True,
            )
            raise
        except Exception as error:
            reason = (
                str(error)
                if isinstance(error, works.NotSent)
                else f"{type(error).__name__}: {error}"
            )
            self._give_up(
                work,
                position,
                f"failed after {position.sent} of {total} objects: {reason}",
            )
            raise SendingFailed(reason) from error
        self._log.info(
            "Sent",
            {"knowledge_base": task.kb.slug, "release": task.version, "objects": total},
        )

    def close_interrupted(self) -> None:
        """Close the work of a process that was killed."""
        left = self._state.open
        if left is None or left.work is None:
            return
        try:
            works.close(
                self._helper,
                left.work,
                f"interrupted after {left.sent} objects",
                in_error=True,
            )
        except Exception as error:  # it may be gone
            self._log.warning(
                "The work of an interrupted run could not be closed",
                {"reason": str(error)},
            )
        self._state.open = replace(left, work=None)

    def record_failure(self, task: Task, reason: str) -> None:
        """Open and close a work for a task that failed before it could send, so that the platform shows it."""
        try:
            works.Work(self._helper, f"CTI Butler: {task.steps}").close(
                reason, in_error=True
            )
        except Exception as error:
            self._log.error(
                "The failure could not be shown on the platform", {"reason": str(error)}
            )

    def _start(self, task: Task, objects: Sequence[StixObject]) -> Open:
        start = Open(
            task.kb.slug, task.version, task.base, sent=0, list=digest_of_list(objects)
        )
        interrupted = self._state.open
        if interrupted and replace(interrupted, sent=0, work=None) == start:
            self._log.info(
                "An interrupted run continues",
                {"knowledge_base": task.kb.slug, "sent": interrupted.sent},
            )
            return replace(start, sent=interrupted.sent)
        return start

    def _give_up(self, work: works.Work, position: Open, message: str) -> None:
        """Close the work in error and keep the position."""
        details: dict[str, Any] = {"work": work.id}
        try:
            work.close(message, in_error=True)
            self._state.open = replace(position, work=None)
            self._store.write(self._state)
        except StateReset:
            return
        except Exception as error:
            self._log.error(
                "The work could not be closed", {**details, "reason": str(error)}
            )
