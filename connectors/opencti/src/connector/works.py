"""Works: the progress records on the platform, one for each knowledge base with something to send."""

import json
import socket
import uuid
from collections.abc import Sequence

import stamina
from connector.compatibility import supports_multipart
from connector.stix import StixObject
from pycti import OpenCTIConnectorHelper


class NotSent(Exception):
    """Objects did not reach the queue."""


class Work:
    """One work on the platform."""

    def __init__(self, helper: OpenCTIConnectorHelper, name: str) -> None:
        """Open a work.

        It has several parts where pycti can say so. Otherwise the platform may show it as complete between two batches,
        until the next one arrives.
        """
        self._helper = helper
        works = helper.api.work
        parts = (
            {"is_multipart": True} if supports_multipart(works.initiate_work) else {}
        )
        self.id: str | None = works.initiate_work(helper.connector_id, name, **parts)

    def send(self, objects: Sequence[StixObject]) -> None:
        """Send objects, one message each. Every object must follow what it refers to."""
        self._wait_for_broker()
        bundle = {
            "type": "bundle",
            "id": f"bundle--{uuid.uuid4()}",
            "objects": list(objects),
        }
        # No entity types: the worker would use them as a filter. No clean-up: it would remove every reference to an
        # object that is not in this bundle.
        messages = self._helper.send_stix2_bundle(json.dumps(bundle), work_id=self.id)
        lost = len(objects) - len(messages)
        if lost and not self._helper.connect_validate_before_import:
            raise NotSent(f"pycti left out {lost} of {len(objects)} objects")

    def close(self, message: str, in_error: bool) -> None:
        """Close the work, with the reason if something failed."""
        if self.id is not None:
            close(self._helper, self.id, message, in_error)

    def _wait_for_broker(self) -> None:
        """Wait until RabbitMQ accepts connections.

        pycti announces the messages to the work before it connects. Without RabbitMQ the work would wait for messages
        that never come.
        """
        if (
            self._helper.queue_protocol != "amqp"
            or not self._helper.bundle_send_to_queue
        ):
            return
        connection = self._helper.connector_config["connection"]
        place = (connection["host"], int(connection["port"]))
        try:
            _connect(place)
        except OSError as error:
            raise NotSent(
                f"RabbitMQ at {place[0]}:{place[1]} is not reachable: {error}"
            ) from error


def close(
    helper: OpenCTIConnectorHelper, work_id: str, message: str, in_error: bool
) -> None:
    """Close a work by its id. A work that stays open looks like an import that never ends."""
    # pycti raises whatever it meets
    for attempt in stamina.retry_context(
        on=Exception, attempts=3, timeout=None, wait_initial=1.0, wait_max=2.0
    ):
        with attempt:
            helper.api.work.to_processed(work_id, message, in_error=in_error)


@stamina.retry(on=OSError, attempts=5, timeout=None, wait_initial=1.0, wait_max=8.0)
def _connect(place: tuple[str, int]) -> None:
    socket.create_connection(place, timeout=10).close()
