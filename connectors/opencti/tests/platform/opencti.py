"""A stand-in of the OpenCTI platform: the GraphQL operations of connectors and workers, over real HTTP.

Each document is validated against facts about the real schema, and each answer takes its shape from them. A document
with an unknown field is refused in the platform's words.
"""

import json
import re
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from graphql import DocumentNode, GraphQLError, execute_sync, parse, validate

from tests.platform.broker import Broker
from tests.platform.knowledge import Entity, Knowledge, Refused, wrong
from tests.platform.schema import ADD, VOCABULARIES, entity_type, schema_of

TOKEN = "5f1b3bd6-6b2e-4d5b-9c8a-1f0f4f3f2c11"
NEWEST = "7.261026.0"
_NOW = "2026-01-01T00:00:00.000Z"
_SHORTEST = 2


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
    """The platform: what it knows, the states of its connectors, its works."""

    def __init__(self, broker: Broker, version: str = NEWEST) -> None:
        self.broker = broker
        self.version = version
        self.knowledge = Knowledge()
        self.works: dict[str, Work] = {}
        self.states: dict[str, str | None] = {}
        self.infos: dict[str, Any] = {}
        self.registrations: list[dict[str, Any]] = []
        self.operations: Counter[str] = Counter()
        self.invalid: list[str] = []
        """Documents and variables that the schema does not know."""
        self.retries = 0
        self.pushed: list[tuple[str, str]] = []
        """Bundles that came over HTTP, each with the id of its work."""
        self.queue_size = 0
        self.may_move_phases = True
        """Whether the user has the capability to manage kill chain phases."""
        self.on_operation: Any = None
        """Called with the name of each operation before it is answered."""
        self.resets: set[str] = set()
        self._lock = threading.RLock()
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = platform.answer(body, dict(self.headers))
                content = json.dumps(answer).encode()
                head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
                self.wfile.write(
                    head.encode() + content
                )  # in one piece: two cost 40 ms of delayed acknowledgement

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
        """The reset button: empty state, empty queue. The next ping learns of it instead of storing its state."""
        with self._lock:
            self.states[connector_id] = ""
            self.resets.add(connector_id)
        self.broker.purge(connector_id)

    def state(self, connector_id: str) -> Any:
        raw = self.states.get(connector_id)
        return json.loads(raw) if raw else None

    def answer(
        self, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        request = json.loads(body)
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 200, _errors(
                Refused("AUTH_REQUIRED", "You must be logged in to do this.")
            )
        document, problems = _document(self.version, request["query"])
        if problems or document is None:
            self.invalid += problems
            return 400, _errors(Refused("GRAPHQL_VALIDATION_FAILED", problems[0]))
        name = _operation_name(document)
        if self.on_operation:
            self.on_operation(name)
        with self._lock:
            self.operations[name] += 1
            if (
                int(headers.get("opencti-retry-number") or 0) > 0
                and name != "reportExpectation"
            ):
                self.retries += 1
            result = execute_sync(
                schema_of(self.version),
                document,
                root_value=_Root(self),
                variable_values=request.get("variables") or {},
                operation_name=name or None,
            )
        if result.errors:
            return 200, self._refusal(result.errors[0])
        return 200, {"data": result.data}

    def _refusal(self, error: GraphQLError) -> dict[str, Any]:
        original = error.original_error
        if isinstance(original, Refused):
            return _errors(original)
        self.invalid.append(error.message)
        return _errors(
            Refused("BAD_USER_INPUT", _in_the_words_of_the_platform(error.message))
        )


@cache
def _document(version: str, query: str) -> tuple[DocumentNode | None, list[str]]:
    """The parsed document, and what the schema has against it."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return None, [error.message]
    return document, [error.message for error in validate(schema_of(version), document)]


def _in_the_words_of_the_platform(message: str) -> str:
    """The platform's library quotes otherwise, and releases of ours differ about unknown fields."""
    unknown = re.search(r"'(\w+)' not to include unknown field '(\w+)'", message)
    if unknown:
        return f'Variable "$input" got invalid value; Field "{unknown[2]}" is not defined by type "{unknown[1]}".'
    return re.sub(r"'(\$?\w+)'", r'"\1"', message)


def _operation_name(document: DocumentNode) -> str:
    (operation,) = document.definitions
    name = getattr(operation, "name", None)
    return name.value if name else ""


def _errors(refusal: Refused) -> dict[str, Any]:
    extensions = {"code": refusal.name, "data": refusal.data}
    return {
        "data": None,
        "errors": [
            {"message": refusal.message, "name": refusal.name, "extensions": extensions}
        ],
    }


class _Root:
    """The resolvers: a method for each field of Query and Mutation."""

    def __init__(self, platform: OpenCti) -> None:
        self._platform = platform
        self._knowledge = platform.knowledge

    def __getattr__(self, name: str) -> Any:
        if name not in ADD:
            raise AttributeError(name)
        kind = ADD[name]
        return lambda _info, **arguments: self._add(kind, arguments["input"])

    # connectors

    def about(self, _info: Any) -> dict[str, Any]:
        return {"version": self._platform.version}

    def connector(self, _info: Any, id: str) -> dict[str, Any] | None:
        if id not in self._platform.states:
            return None
        return self._connector(id)

    def registerConnector(self, _info: Any, input: dict[str, Any]) -> dict[str, Any]:
        platform, connector_id = self._platform, input["id"]
        platform.registrations.append(input)
        platform.broker.declare(connector_id)
        platform.states.setdefault(connector_id, None)
        return self._connector(connector_id)

    def pingConnector(self, _info: Any, id: str, **given: Any) -> dict[str, Any]:
        platform = self._platform
        platform.infos[id] = given.get("connectorInfo")
        if id in platform.resets:
            platform.resets.discard(id)
        else:
            platform.states[id] = given.get("state")
        return self._connector(id)

    def deleteConnector(self, _info: Any, id: str) -> str:
        raise wrong("a connector that unregisters itself loses its queue")

    def _connector(self, connector_id: str) -> dict[str, Any]:
        platform, broker = self._platform, self._platform.broker
        connection = {
            "host": broker.host,
            "vhost": "/",
            "use_ssl": False,
            "port": broker.port,
            "user": broker.user,
            "pass": broker.password,
        }
        config: dict[str, Any] = {
            "connection": connection,
            "s3": {},
            "dead_letter_routing": "dead",
        }
        for kind, exchange in (
            ("push", "amqp.worker.exchange"),
            ("listen", "amqp.connector.exchange"),
        ):
            config |= {
                kind: f"{kind}_{connector_id}",
                f"{kind}_routing": f"{kind}_routing_{connector_id}",
                f"{kind}_exchange": exchange,
            }
        return {
            "id": connector_id,
            "name": "CTI Butler",
            "connector_state": platform.states[connector_id],
            "connector_user_id": str(uuid.uuid4()),
            "jwks": '{"keys":[]}',
            "config": config,
            "connector_queue_details": lambda _info: {
                "messages_number": broker.waiting(connector_id),
                "messages_size": platform.queue_size,
            },
        }

    # works

    def workAdd(self, _info: Any, connectorId: str, **given: Any) -> dict[str, Any]:
        work = Work(
            f"work_{connectorId}_{time.time_ns()}",
            given["friendlyName"],
            bool(given.get("isMultiPartWork")),
        )
        self._platform.works[work.id] = work
        return {"id": work.id}

    def workEdit(self, _info: Any, id: str) -> "_WorkEdit":
        work = self._platform.works.get(id)
        if work is None:
            raise Refused("WORK_NOT_ALIVE", "Work is no longer alive")
        return _WorkEdit(work)

    def isWorkAlive(self, _info: Any, id: str) -> bool:
        return id in self._platform.works

    def stixBundlePush(self, _info: Any, bundle: str, work_id: str, **_: Any) -> bool:
        self._platform.pushed.append((work_id, bundle))
        return True

    # reading knowledge

    def vocabularyCategories(self, _info: Any) -> list[dict[str, Any]]:
        return [
            {
                "key": category,
                "entity_types": types.split(),
                "fields": [
                    {"key": name, "required": False, "multiple": True}
                    for name in names.split()
                ],
            }
            for category, (types, names) in VOCABULARIES.items()
        ]

    def vocabularies(self, _info: Any, filters: Any = None, **_: Any) -> dict[str, Any]:
        wanted = _values(filters, "name")
        found = [
            self._small(item)
            for item in self._knowledge.small.values()
            if item.get("name") in wanted
        ]
        return _connection(found)

    def labels(self, _info: Any, filters: Any = None, **_: Any) -> dict[str, Any]:
        wanted = _values(filters, "value")
        return _connection(
            [
                self._small(item)
                for item in self._knowledge.small.values()
                if item.get("value") in wanted
            ]
        )

    def killChainPhases(
        self, _info: Any, filters: Any = None, first: int = 500, **_: Any
    ) -> dict[str, Any]:
        chains = _values(filters, "kill_chain_name")
        found = [
            self._small(item)
            for item in self._knowledge.small.values()
            if item["entity_type"] == "Kill-Chain-Phase"
            and item["kill_chain_name"] in chains
        ]
        return _connection(found[:first])

    def stixCoreObjects(
        self,
        _info: Any,
        types: Any = None,
        filters: Any = None,
        first: int = 500,
        after: Any = None,
        **_: Any,
    ) -> dict[str, Any]:
        ids, names = set(_values(filters, "ids")), set(_values(filters, "name"))
        aliases = {*_values(filters, "aliases"), *_values(filters, "x_opencti_aliases")}
        found = [
            self._entity(entity)
            for entity in self._knowledge.of_type(*types)
            if ids & {entity.id, entity.standard_id, *entity.stix_ids}
            or entity.values["name"] in names
            or aliases
            & {
                *(entity.values.get("aliases") or ()),
                *(entity.values.get("x_opencti_aliases") or ()),
            }
        ]
        return _connection(found, first, after)

    def stixCoreRelationships(
        self,
        _info: Any,
        filters: Any = None,
        first: int = 500,
        after: Any = None,
        **given: Any,
    ) -> dict[str, Any]:
        not_by = {
            id(one)
            for ref in _values(filters, "createdBy")
            if (one := self._knowledge.find(ref))
        }
        found = []
        for relation in self._knowledge.relationships.values():
            author = self._knowledge.find(relation.values.get("createdBy") or "")
            ends = [
                self._knowledge.entities[relation.values[key]]
                for key in ("fromId", "toId")
            ]
            if relation.entity_type not in given["relationship_type"] or (
                author and id(author) in not_by
            ):
                continue
            if (
                ends[0].entity_type in given["fromTypes"]
                and ends[1].entity_type in given["toTypes"]
            ):
                found.append(self._relationship(relation))
        return _connection(found, first, after)

    # writing knowledge

    def stixCoreRelationshipAdd(
        self, _info: Any, input: dict[str, Any]
    ) -> dict[str, Any]:
        return self._relationship(self._knowledge.add_relationship(input))

    def stixCoreObjectEdit(self, _info: Any, id: str) -> dict[str, Any]:
        return {"delete": lambda _info, **_: self._knowledge.delete(id) or id}

    def stixCoreRelationshipEdit(self, _info: Any, id: str) -> dict[str, Any]:
        return {"delete": lambda _info: self._knowledge.delete(id) or id}

    def killChainPhaseEdit(self, _info: Any, id: str) -> dict[str, Any]:
        if not self._platform.may_move_phases:
            raise Refused("FORBIDDEN_ACCESS", "You are not allowed to do this.")
        item = self._knowledge.small[id]

        def patch(_info: Any, input: list[dict[str, Any]]) -> dict[str, Any]:
            for change in input:
                item[change["key"]] = int(change["value"][0])
            return self._small(item)

        return {"fieldPatch": patch}

    def _add(self, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        knowledge = self._knowledge
        match kind:
            case "Label":
                key = f"label--{given['value'].strip().lower()}"
                return self._small(
                    knowledge.add_small("Label", key, {"value": given["value"]})
                )
            case "KillChainPhase":
                key = f"kill-chain-phase--{given['kill_chain_name']}--{given['phase_name']}"
                names = ("kill_chain_name", "phase_name", "x_opencti_order")
                # An upsert leaves the order of a phase as it is.
                return self._small(
                    knowledge.add_small(
                        "Kill-Chain-Phase",
                        key,
                        {name: given.get(name) for name in names},
                    )
                )
            case "ExternalReference":
                if len(given["source_name"].strip()) < _SHORTEST:
                    raise wrong("an external reference without a source name")
                named = f"{given['source_name']}/{given.get('external_id')}"
                key = f"external-reference--{given.get('url') or named}"
                return self._small(
                    knowledge.add_small(
                        "External-Reference", key, given, ("description",)
                    )
                )
            case "Vocabulary":
                key = (
                    f"vocabulary--{given['category']}--{given['name'].strip().lower()}"
                )
                return self._small(knowledge.add_small("Vocabulary", key, given))
            case "Identity" | "Location":
                return self._entity(knowledge.add_entity(given["type"], given))
            case "MarkingDefinition":
                return self._entity(
                    knowledge.add_entity(
                        "Marking-Definition", {**given, "name": given["definition"]}
                    )
                )
            case _:
                return self._entity(knowledge.add_entity(entity_type(kind), given))

    # the shapes of answers

    def _entity(self, entity: Entity) -> dict[str, Any]:
        return {
            "__typename": entity.entity_type.replace("-", ""),
            "id": entity.id,
            "standard_id": entity.standard_id,
            "entity_type": entity.entity_type,
            "parent_types": [
                "Basic-Object",
                "Stix-Object",
                "Stix-Core-Object",
                "Stix-Domain-Object",
            ],
            "x_opencti_stix_ids": sorted(entity.stix_ids),
            "representative": {"main": entity.values["name"]},
            "created_at": _NOW,
            "updated_at": _NOW,
            "confidence": entity.confidence,
            "createdBy": lambda _info: self._author(entity),
            **{
                key: value for key, value in entity.values.items() if key != "createdBy"
            },
            "revoked": bool(entity.values.get("revoked")),
        }

    def _relationship(self, relation: Entity) -> dict[str, Any]:
        ends = {
            key: self._knowledge.entities[relation.values[f"{key}Id"]]
            for key in ("from", "to")
        }
        return {
            "id": relation.id,
            "standard_id": relation.standard_id,
            "entity_type": relation.entity_type,
            "parent_types": [
                "Basic-Relationship",
                "Stix-Relationship",
                "Stix-Core-Relationship",
            ],
            "x_opencti_stix_ids": sorted(relation.stix_ids),
            "relationship_type": relation.entity_type,
            "createdBy": lambda _info: self._author(relation),
            "from": lambda _info: self._entity(ends["from"]),
            "to": lambda _info: self._entity(ends["to"]),
            "revoked": bool(relation.values.get("revoked")),
            "confidence": relation.confidence,
        }

    def _author(self, entity: Entity) -> dict[str, Any] | None:
        author = self._knowledge.find(entity.values.get("createdBy") or "")
        return self._entity(author) if author else None

    def _small(self, item: dict[str, Any]) -> dict[str, Any]:
        words = item.get("category")
        return {
            **item,
            "category": (
                {"key": words, "entity_types": [], "fields": []} if words else None
            ),
            "parent_types": ["Basic-Object", "Stix-Object", "Stix-Meta-Object"],
            "created_at": _NOW,
            "updated_at": _NOW,
        }


class _WorkEdit:
    """What can be done with a work."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def reportExpectation(self, _info: Any, error: dict[str, Any] | None = None) -> str:
        self._work.done += 1
        if error:
            self._work.errors.append(error)
        return self._work.id

    def addExpectations(self, _info: Any, expectations: int) -> str:
        self._work.expected += expectations
        return self._work.id

    def toProcessed(self, _info: Any, message: str, inError: bool = False) -> str:
        self._work.processed.append((message, inError))
        return self._work.id

    def toReceived(self, _info: Any, message: str) -> str:
        return self._work.id

    def ping(self, _info: Any) -> str:
        return self._work.id


def _values(filters: Any, key: str) -> list[Any]:
    """The values of all filters on a key."""
    return [
        value
        for one in (filters or {}).get("filters", ())
        if key in one["key"]
        for value in one["values"]
    ]


def _connection(
    items: list[dict[str, Any]], first: int = 500, after: str | None = None
) -> dict[str, Any]:
    start = int(after or 0)
    page = items[start : start + first]
    end = start + len(page)
    info = {
        "startCursor": str(start),
        "endCursor": str(end),
        "hasNextPage": end < len(items),
        "hasPreviousPage": start > 0,
        "globalCount": len(items),
    }
    return {
        "edges": [{"cursor": str(start), "node": item} for item in page],
        "pageInfo": info,
    }
