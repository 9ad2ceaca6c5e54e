"""The platform's worker: takes messages from the queue and imports them with pycti's own code."""

import base64
import inspect
import json
from dataclasses import dataclass, field
from typing import Any

from pycti import OpenCTIApiClient

from tests.platform.opencti import TOKEN, OpenCti


@dataclass(slots=True)
class Delivery:
    """What the queue held, and what became of it."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    objects: list[dict[str, Any]] = field(default_factory=list)
    too_large: list[Any] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(len(message["content"]) for message in self.messages)


def take(platform: OpenCti, connector_id: str) -> Delivery:
    """Empty the queue without importing anything."""
    delivery = Delivery()
    for body in platform.broker.take_all(connector_id):
        message = json.loads(body)
        delivery.messages.append(message)
        content = json.loads(base64.b64decode(message["content"]))
        assert len(content["objects"]) == 1, "a message carries one object"
        delivery.objects.extend(content["objects"])
    return delivery


def import_all(platform: OpenCti, connector_id: str) -> Delivery:
    """Empty the queue into the platform, as a worker does."""
    delivery = take(platform, connector_id)
    client = _client(platform)
    has_work_header = hasattr(client, "set_work_id")
    has_retry_count = (
        "objects_max_refs"
        in inspect.signature(client.stix2.import_bundle_from_json).parameters
    )
    for message in delivery.messages:
        client.set_applicant_id_header(message["applicant_id"])
        client.set_draft_id(message.get("draft_id") or "")
        if has_work_header:
            client.set_work_id(message["work_id"])
        result = client.stix2.import_bundle_from_json(
            base64.b64decode(message["content"]),
            message["update"],
            message["entities_types"] or None,
            message["work_id"],
            *((0,) if has_retry_count else ()),
        )
        if isinstance(result, tuple):
            delivery.too_large.extend(result[1])
    return delivery


def import_pushed(platform: OpenCti) -> None:
    """Import the bundles that came over HTTP. The platform splits them, as pycti does here."""
    client = _client(platform)
    for work_id, bundle in platform.pushed:
        client.stix2.import_bundle_from_json(bundle, work_id=work_id)


def _client(platform: OpenCti) -> OpenCTIApiClient:
    client = OpenCTIApiClient(platform.url, TOKEN, log_level="critical")
    client.session.trust_env = (
        False  # looking for proxies costs a fifth of the time, and there are none
    )
    return client
