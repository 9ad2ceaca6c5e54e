"""The queues that the platform declares in RabbitMQ before it answers a registration."""

import os
import time
from dataclasses import dataclass

import pika


@dataclass(frozen=True, slots=True)
class Broker:
    """One RabbitMQ."""

    host: str = "127.0.0.1"
    port: int = int(os.environ.get("CTIBUTLER_TEST_RABBITMQ_PORT", "5672"))
    user: str = "guest"
    password: str = "guest"

    def connect(self) -> pika.BlockingConnection:
        credentials = pika.PlainCredentials(self.user, self.password)
        return pika.BlockingConnection(
            pika.ConnectionParameters(
                self.host,
                self.port,
                "/",
                credentials,
                socket_timeout=5,
                blocked_connection_timeout=5,
            )
        )

    def is_there(self) -> bool:
        try:
            self.connect().close()
        except Exception:
            return False
        return True

    def declare(self, connector_id: str) -> None:
        """Two durable exchanges, two durable queues, and their bindings."""
        connection = self.connect()
        channel = connection.channel()
        for kind, exchange in (
            ("push", "amqp.worker.exchange"),
            ("listen", "amqp.connector.exchange"),
        ):
            channel.exchange_declare(exchange, exchange_type="direct", durable=True)
            channel.queue_declare(f"{kind}_{connector_id}", durable=True)
            channel.queue_bind(
                f"{kind}_{connector_id}", exchange, f"{kind}_routing_{connector_id}"
            )
        connection.close()

    def waiting(self, connector_id: str) -> int:
        """Messages in the queue for the worker."""
        connection = self.connect()
        frame = connection.channel().queue_declare(f"push_{connector_id}", passive=True)
        connection.close()
        return int(frame.method.message_count)

    def purge(self, connector_id: str) -> None:
        connection = self.connect()
        connection.channel().queue_purge(f"push_{connector_id}")
        connection.close()

    def remove(self, connector_id: str) -> None:
        connection = self.connect()
        channel = connection.channel()
        for kind in ("push", "listen"):
            channel.queue_delete(f"{kind}_{connector_id}")
        connection.close()

    def take_all(self, connector_id: str) -> list[bytes]:
        """Every message in the queue, in its order."""
        connection = self.connect()
        channel = connection.channel()
        bodies = []
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            frame, _, body = channel.basic_get(f"push_{connector_id}", auto_ack=True)
            if frame is None:
                break
            bodies.append(body)
        connection.close()
        return bodies


class NoBroker(Broker):
    """For a platform that takes bundles over HTTP alone."""

    def declare(self, connector_id: str) -> None:
        """Nothing: there are no queues."""

    def waiting(self, connector_id: str) -> int:
        return 0
