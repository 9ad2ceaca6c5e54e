"""Works: the progress records that the platform shows, one for each knowledge base that has something to send."""

import json
import socket
import time
import uuid
from collections.abc import Callable, Sequence

from pycti import OpenCTIConnectorHelper

from connector.stix import StixObject

_PATIENCE = (1.0, 2.0, 4.0, 8.0)


class NotSent(Exception):
    """Objects did not reach the queue."""


class Work:
    """One work on the platform."""

    def __init__(self, helper: OpenCTIConnectorHelper, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        """Open it. It is multipart, or the platform would call it complete after the first batch."""
        self._helper = helper
        self._sleep = sleep
        self.id: str | None = helper.api.work.initiate_work(helper.connector_id, name, is_multipart=True)

    def send(self, objects: Sequence[StixObject]) -> None:
        """Send objects, one message each, in an order in which each follows what it refers to."""
        self._wait_for_the_broker()
        bundle = {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": list(objects)}
        # No entity types: the worker would take them for a filter. No clean-up: it would cut every reference to an
        # object that is not in this very bundle.
        messages = self._helper.send_stix2_bundle(json.dumps(bundle), work_id=self.id)
        lost = len(objects) - len(messages)
        if lost and not self._helper.connect_validate_before_import:
            raise NotSent(f"pycti put {lost} of {len(objects)} objects aside")

    def close(self, message: str, in_error: bool) -> None:
        """End it, with the reason if something failed."""
        if self.id is not None:
            close(self._helper, self.id, message, in_error, self._sleep)

    def _wait_for_the_broker(self) -> None:
        """Wait until someone listens at RabbitMQ's port.

        pycti announces the messages to the work first and connects then: where the broker is gone, the work would wait
        for messages that never come.
        """
        if self._helper.queue_protocol != "amqp" or not self._helper.bundle_send_to_queue:
            return
        connection = self._helper.connector_config["connection"]
        place = (connection["host"], int(connection["port"]))
        for pause in (*_PATIENCE, None):
            try:
                socket.create_connection(place, timeout=10).close()
            except OSError as error:
                if pause is None:
                    raise NotSent(f"RabbitMQ at {place[0]}:{place[1]} does not answer: {error}") from error
                self._sleep(pause)
            else:
                return


def close(
    helper: OpenCTIConnectorHelper,
    work_id: str,
    message: str,
    in_error: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """End a work by its id, patiently: one that stays open looks like an import that never ends."""
    for pause in (*_PATIENCE[:2], None):
        try:
            helper.api.work.to_processed(work_id, message, in_error=in_error)
        except Exception as error:  # pycti raises whatever it meets
            if pause is None:
                raise
            helper.connector_logger.warning("The work could not be closed yet", {"work": work_id, "reason": str(error)})
            sleep(pause)
        else:
            return
