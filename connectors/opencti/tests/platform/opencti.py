"""A stand-in of the OpenCTI platform: its GraphQL operations that connectors and workers use, over real HTTP."""

import json
import re
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.platform.broker import Broker
from tests.platform.knowledge import Knowledge, Refused, wrong

TOKEN = "5f1b3bd6-6b2e-4d5b-9c8a-1f0f4f3f2c11"
_OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")

_ENTITY_OPERATIONS = {
    "AttackPatternAdd": ("Attack-Pattern", "attackPatternAdd"),
    "CourseOfActionAdd": ("Course-Of-Action", "courseOfActionAdd"),
    "IntrusionSetAdd": ("Intrusion-Set", "intrusionSetAdd"),
    "CampaignAdd": ("Campaign", "campaignAdd"),
    "MalwareAdd": ("Malware", "malwareAdd"),
    "ToolAdd": ("Tool", "toolAdd"),
    "DataSourceAdd": ("Data-Source", "dataSourceAdd"),
    "DataComponentAdd": ("Data-Component", "dataComponentAdd"),
    "VulnerabilityAdd": ("Vulnerability", "vulnerabilityAdd"),
    "OrganizationAdd": ("Organization", "organizationAdd"),
    "SystemAdd": ("System", "systemAdd"),
    "IndividualAdd": ("Individual", "individualAdd"),
    "GroupingAdd": ("Grouping", "groupingAdd"),
}


@dataclass(slots=True)
class Work:
    """A work as the platform shows it."""

    id: str
    name: str
    multipart: bool
    expected: int = 0
    done: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    processed: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return bool(self.processed) and not self.in_error and self.done == self.expected

    @property
    def in_error(self) -> bool:
        return any(in_error for _, in_error in self.processed)


class OpenCti:
    """The platform: what it knows, its connectors' states, its works."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.knowledge = Knowledge()
        self.works: dict[str, Work] = {}
        self.states: dict[str, str | None] = {}
        self.infos: dict[str, Any] = {}
        self.registrations: list[dict[str, Any]] = []
        self.operations: Counter[str] = Counter()
        self.retries = 0
        self.pushed: list[str] = []
        self.queue_size = 0
        self.on_operation: Any = None
        """Called with the name of each operation before it is answered."""
        self._resets: set[str] = set()
        self._lock = threading.RLock()
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = json.dumps(platform.answer(body, dict(self.headers))).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
                self.wfile.write(head.encode() + answer)  # in one piece: two cost 40 ms of delayed acknowledgement

            def log_message(self, *_: Any) -> None:
                """Nothing to the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reset_state(self, connector_id: str) -> None:
        """The reset button: empty state, empty queue; a ping's state is not taken until the connector has seen it."""
        with self._lock:
            self.states[connector_id] = ""
            self._resets.add(connector_id)
        self.broker.purge(connector_id)

    def state(self, connector_id: str) -> Any:
        raw = self.states.get(connector_id)
        return json.loads(raw) if raw else None

    def answer(self, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        request = json.loads(body)
        found = _OPERATION.search(request["query"])
        name = found.group(1) if found else "?"
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error("AUTH_REQUIRED", "You must be logged in to do this.")
        if self.on_operation:
            self.on_operation(name)
        with self._lock:
            self.operations[name] += 1
            if int(headers.get("opencti-retry-number") or 0) > 0 and name not in ("reportExpectation",):
                self.retries += 1
            try:
                return {"data": self._operate(name, request.get("variables") or {})}
            except Refused as refusal:
                return _error(refusal.name, refusal.message, **refusal.data)

    def _operate(self, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        given = variables.get("input") or {}
        if name in _ENTITY_OPERATIONS:
            entity_type, key = _ENTITY_OPERATIONS[name]
            return {key: self.knowledge.add_entity(entity_type, given).answer()}
        operation = getattr(self, f"_{_snake(name)}", None)
        if operation is None:
            raise wrong(f"unknown operation {name}")
        result: dict[str, Any] = operation(variables, given)
        return result

    # the connector's side

    def _health_check(self, variables: Any, given: Any) -> dict[str, Any]:
        return {"about": {"version": "7.261026.0"}}

    def _register_connector(self, variables: Any, given: dict[str, Any]) -> dict[str, Any]:
        connector_id = given["id"]
        self.registrations.append(given)
        self.broker.declare(connector_id)
        self.states.setdefault(connector_id, None)
        connection = {
            "host": self.broker.host,
            "vhost": "/",
            "use_ssl": False,
            "port": self.broker.port,
            "user": self.broker.user,
            "pass": self.broker.password,
        }
        config = {"connection": connection}
        for kind, exchange in (("push", "amqp.worker.exchange"), ("listen", "amqp.connector.exchange")):
            config |= {
                kind: f"{kind}_{connector_id}",
                f"{kind}_routing": f"{kind}_routing_{connector_id}",
                f"{kind}_exchange": exchange,
            }
        answer = {"id": connector_id, "connector_state": self.states[connector_id], "jwks": '{"keys":[]}'}
        return {"registerConnector": {**answer, "connector_user_id": str(uuid.uuid4()), "config": config}}

    def _ping_connector(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        connector_id = variables["id"]
        self.infos[connector_id] = variables.get("connectorInfo")
        if connector_id in self._resets:
            self._resets.discard(connector_id)
        else:
            self.states[connector_id] = variables["state"]
        answer = {"id": connector_id, "connector_state": self.states[connector_id], "connector_info": None}
        return {"pingConnector": answer}

    def _get_connector(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        waiting = self.broker.waiting(variables["id"])
        details = {"messages_number": waiting, "messages_size": self.queue_size}
        return {"connector": {"id": variables["id"], "connector_queue_details": details}}

    def _work_add(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        work = Work(
            f"work_{variables['connectorId']}_{time.time_ns()}", variables["friendlyName"], variables["isMultiPartWork"]
        )
        self.works[work.id] = work
        return {"workAdd": {"id": work.id}}

    def _add_expectations(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        self._work(variables).expected += variables["expectations"]
        return {"workEdit": {"addExpectations": variables["expectations"]}}

    def _work_to_processed(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        self._work(variables).processed.append((variables["message"], bool(variables.get("inError"))))
        return {"workEdit": {"toProcessed": variables["id"]}}

    def _stix_bundle_push(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        self.pushed.append(variables["bundle"])
        return {"stixBundlePush": True}

    def _connector_deletion_mutation(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        raise wrong("a connector that unregisters itself loses its queue")

    # the worker's side

    def _report_expectation(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        work = self._work(variables)
        work.done += 1
        if variables.get("error"):
            work.errors.append(variables["error"])
        return {"workEdit": {"reportExpectation": variables["id"]}}

    def _is_work_alive(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        return {"isWorkAlive": variables["id"] in self.works}

    _work_alive_query = _is_work_alive

    def _get_vocab_categories(self, variables: Any, given: Any) -> dict[str, Any]:
        return {"vocabularyCategories": []}

    def _labels(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        wanted = variables["filters"]["filters"][0]["values"][0]
        found = [item for item in self.knowledge.small.values() if item.get("value") == wanted]
        return {"labels": {"edges": [{"node": item} for item in found], "pageInfo": {"globalCount": len(found)}}}

    def _label_add(self, variables: Any, given: dict[str, Any]) -> dict[str, Any]:
        key = f"label--{given['value'].strip().lower()}"
        return {"labelAdd": self.knowledge.add_small("Label", key, {"value": given["value"]})}

    def _kill_chain_phase_add(self, variables: Any, given: dict[str, Any]) -> dict[str, Any]:
        key = f"phase--{given['kill_chain_name']}--{given['phase_name']}"
        names = ("kill_chain_name", "phase_name", "x_opencti_order")
        item = self.knowledge.add_small("Kill-Chain-Phase", key, {name: given.get(name) for name in names})
        return {"killChainPhaseAdd": item}

    def _external_reference_add(self, variables: Any, given: dict[str, Any]) -> dict[str, Any]:
        if not given.get("source_name"):
            raise wrong("an external reference without a source name")
        key = f"reference--{given.get('url') or (given['source_name'] + '/' + str(given.get('external_id')))}"
        return {"externalReferenceAdd": self.knowledge.add_small("External-Reference", key, given)}

    def _identity_add(self, variables: Any, given: dict[str, Any]) -> dict[str, Any]:
        return {"identityAdd": self.knowledge.add_entity(given["type"], given).answer()}

    def _location_add(self, variables: Any, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("type") not in ("Country", "Region", "City", "Administrative-Area", "Position"):
            raise wrong(f"unknown kind of location: {given.get('type')}")
        return {"locationAdd": self.knowledge.add_entity(given["type"], given).answer()}

    def _stix_core_relationship_add(self, variables: Any, given: dict[str, Any]) -> dict[str, Any]:
        return {"stixCoreRelationshipAdd": self.knowledge.add_relationship(given).answer()}

    def _stix_core_object_edit(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        self.knowledge.delete(variables["id"])
        return {"stixCoreObjectEdit": {"delete": variables["id"]}}

    def _stix_core_relationship_edit(self, variables: dict[str, Any], given: Any) -> dict[str, Any]:
        self.knowledge.delete(variables["id"])
        return {"stixCoreRelationshipEdit": {"delete": variables["id"]}}

    def _marking_definition_add(self, variables: Any, given: dict[str, Any]) -> dict[str, Any]:
        named = {**given, "name": given["definition"]}
        return {"markingDefinitionAdd": self.knowledge.add_entity("Marking-Definition", named).answer()}

    def _work(self, variables: dict[str, Any]) -> Work:
        work = self.works.get(variables["id"])
        if work is None:
            raise Refused("WORK_NOT_ALIVE", "Work is no longer alive")
        return work


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _error(name: str, message: str, **data: Any) -> dict[str, Any]:
    return {
        "data": None,
        "errors": [{"message": message, "name": name, "extensions": {"code": name, "data": data}}],
    }
