"""The public views: the database contract for people who query the database directly.

Every knowledge base has two, named as upstream's collections are: `mitre_cwe_vertex_collection` has a row for every
object of every installed release, `mitre_cwe_edge_collection` for every relationship, embedded ones (`_is_ref`) and those
that we made included. They show ids, flags and indexed fields. The export for ArangoDB writes whole documents, whose fields
of the same names have the same values; it alone has the seeds.

The rules are in the docstring of the package.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from ctibutler.catalog.contract.seeds import SEED_RECORDED
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database, first_line
from ctibutler.catalog.engine.dialect import Engine
from ctibutler.catalog.link_sets import TECHNIQUE_TACTIC
from ctibutler.errors import StoreUnavailable
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import META_TYPES, RELATIONSHIP
from ctibutler.stix.times import rfc3339


def refresh_contract_views(database: Database, knowledge_bases: KnowledgeBases) -> None:
    """Create the views of these knowledge bases, unless they exist already, and drop those of others.

    Raises StoreUnavailable if a view that is not ours depends on one that has to change.
    """
    views = contract_views(database.engine, knowledge_bases)
    wanted = " ".join([blake2b(repr(views).encode(), digest_size=16).hexdigest(), *views])
    with database.read() as connection:
        if _standing(connection) == wanted:
            return
    with database.write() as connection:
        standing = _standing(connection)
        if standing == wanted:
            return  # another process was faster
        try:
            _replace(connection, standing.split()[1:], views)
        except database.driver.InternalError as failure:
            reason = first_line(failure)
            raise StoreUnavailable(f"{database}: the public views cannot be renewed: {reason}") from failure
        connection.run("UPDATE catalogue SET contract = :wanted", wanted=wanted)


def contract_views(engine: Engine, knowledge_bases: KnowledgeBases) -> dict[str, str]:
    """Name → text of every view."""
    views = {}
    for kb in knowledge_bases.all:
        sql = _Sql(engine, kb, knowledge_bases.all)
        views[kb.vertex_collection] = _vertices(sql)
        views[kb.edge_collection] = "\nUNION ALL\n".join((_native(sql), _embedded(sql), _links(sql)))
        for alias in kb.database_aliases:
            views[f"{alias}_vertex_collection"] = f"SELECT * FROM {kb.vertex_collection}"
            views[f"{alias}_edge_collection"] = f"SELECT * FROM {kb.edge_collection}"
    return views


def _standing(connection: Connection) -> str:
    """Digest and names of the views that the database has."""
    return str(connection.value("SELECT contract FROM catalogue"))


def _replace(connection: Connection, old: Iterable[str], views: dict[str, str]) -> None:
    # Backwards, because an alias stands on its view and was made after it.
    connection.script(f"DROP VIEW IF EXISTS {name}" for name in reversed(list(dict.fromkeys((*old, *views)))))
    connection.script(f"CREATE VIEW {name} AS\n{text}" for name, text in views.items())


class _Sql:
    """Pieces of SQL for the views of one knowledge base on one engine."""

    def __init__(self, engine: Engine, kb: KnowledgeBase, all_bases: Iterable[KnowledgeBase]) -> None:
        self.engine = engine
        self.kb = kb
        self.meta_types = ", ".join(f"'{name}'" for name in sorted(META_TYPES))
        self._database_names = " ".join(f"WHEN '{base.slug}' THEN '{base.database_name}'" for base in all_bases)
        self._seeds = " ".join(
            f"WHEN '{stix_id}' THEN '{kb.vertex_collection}/{stix_id}+{rfc3339(recorded)}'"
            for stix_id, recorded in SEED_RECORDED.items()
        )

    def time(self, instant: str) -> str:
        """An instant in microseconds as text with six digits, in UTC."""
        if self.engine == "postgresql":
            moment = f"timestamp '1970-01-01' + ({instant}) * interval '1 microsecond'"
            return f"""to_char({moment}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
        fraction = f"((({instant}) % 1000000 + 1000000) % 1000000)"
        second = f"(({instant}) - {fraction}) / 1000000"
        return f"strftime('%Y-%m-%dT%H:%M:%S', {second}, 'unixepoch') || printf('.%06dZ', {fraction})"

    def embedded_id(self, uuid: str) -> str:
        """The STIX id of an embedded relationship."""
        if self.engine == "postgresql":
            return f"'relationship--' || CAST(CAST(encode({uuid}, 'hex') AS UUID) AS TEXT)"
        digits = f"lower(hex({uuid}))"
        parts = (
            f"substr({digits}, {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        )
        return "'relationship--' || " + " || '-' || ".join(parts)

    def word(self, key: str) -> str:
        """The word of a number. No join: of more than eight tables PostgreSQL joins the rest as they are written."""
        return f"(SELECT word FROM word WHERE word_key = {key})"

    def note(self, label: str) -> str:
        """`version=16_0`."""
        return f"'version=' || replace({label}, '.', '_')"

    def type_of(self, stix_id: str) -> str:
        """The text before `--`."""
        position = {"sqlite": "instr({0}, '--')", "postgresql": "strpos({0}, '--')"}[self.engine].format(stix_id)
        return f"CASE {position} WHEN 0 THEN {stix_id} ELSE substr({stix_id}, 1, {position} - 1) END"

    def is_latest(self, identifier: str, release: str, repeat: str, base: str = "") -> str:
        """Condition: of all records of an id in a knowledge base this one is the latest."""
        return f"({release}, {repeat}) = ({self._latest(identifier, base, 'm.release_key, m.repeat')})"

    def is_latest_release(self, identifier: str, release: str, base: str = "") -> str:
        """Condition: the latest record of an id lies in this release, or none does."""
        return f"coalesce({release} = ({self._latest(identifier, base, 'm.release_key')}), TRUE)"

    def _latest(self, identifier: str, base: str, columns: str) -> str:
        return f"""
            SELECT {columns}
              FROM object o
              JOIN member m  ON m.object_key = o.object_key
              JOIN release r ON r.release_key = m.release_key
             WHERE o.identifier_key = {identifier} AND r.knowledge_base = {base or f"'{self.kb.slug}'"}
             ORDER BY o.modified DESC NULLS LAST, r.sort_key DESC, m.repeat DESC
             LIMIT 1"""

    def lacks(self, identifier: str, release: str) -> str:
        """Condition: a release has no object with this id."""
        return f"""
            NOT EXISTS (
                SELECT 1
                  FROM object o
                  JOIN member m ON m.object_key = o.object_key AND m.release_key = {release}
                 WHERE o.identifier_key = {identifier})"""

    def lacks_id(self, stix_id: str, release: str) -> str:
        """Condition: a release has no object of its own with this id."""
        # No NOT EXISTS: PostgreSQL would make it a join over everything, also where one edge is asked for.
        return f"""
            coalesce((
                SELECT FALSE
                  FROM identifier i
                  JOIN object o ON o.identifier_key = i.identifier_key
                  JOIN member m ON m.object_key = o.object_key AND m.release_key = {release}
                 WHERE i.stix_id = {stix_id}
                 LIMIT 1), TRUE)"""

    def stands(self, source: str, release: str, base: str = "") -> str:
        """Condition: an edge from this id in a release does not fall with its source's record."""
        latest = self.is_latest_release(source, release, base)
        return f"CASE WHEN {latest} THEN TRUE ELSE {self.lacks(source, release)} END"

    def end(self, identifier: str, stix_id: str, release: str, base: str = "") -> str:
        """`_id` of the record of an id in a release (a table's alias); of a seed; without time where neither is there."""
        prefix = f"(CASE {base} {self._database_names} END)" if base else f"'{self.kb.database_name}'"
        kind = f"CASE WHEN {self.type_of(stix_id)} = '{RELATIONSHIP}' THEN '_edge_collection/' ELSE '_vertex_collection/' END"
        return f"""
            coalesce((
                SELECT {prefix} || {kind} || {stix_id} || '+' || {self.time(f"{release}.installed_at + m.repeat")}
                  FROM object o
                  JOIN member m ON m.object_key = o.object_key AND m.release_key = {release}.release_key
                 WHERE o.identifier_key = {identifier}
                 ORDER BY o.modified DESC NULLS LAST, m.repeat DESC
                 LIMIT 1),
                CASE {stix_id} {self._seeds} ELSE {prefix} || '_vertex_collection/' || {stix_id} END)"""


def _vertices(sql: _Sql) -> str:
    key = f"identifier.stix_id || '+' || {sql.time('release.installed_at + member.repeat')}"
    return f"""
SELECT {key} AS _key,
       '{sql.kb.vertex_collection}/' || {key} AS _id,
       {sql.is_latest("object.identifier_key", "member.release_key", "member.repeat")} AS _is_latest,
       {sql.note("release.label")} AS _stix2arango_note,
       identifier.stix_id AS id,
       {sql.word("member.type_key")} AS type,
       {sql.time("object.created")} AS created,
       {sql.time("object.modified")} AS modified,
       object.name AS name_folded,
       object.external_id AS external_id,
       object.revoked = 1 AS revoked,
       object.deprecated = 1 AS deprecated,
       release.label AS release,
       release.latest = 1 AS in_latest_release
  FROM release
  JOIN member     ON member.release_key = release.release_key
  JOIN object     ON object.object_key = member.object_key
  JOIN identifier ON identifier.identifier_key = object.identifier_key
 WHERE release.knowledge_base = '{sql.kb.slug}'
   AND {sql.word("member.type_key")} <> '{RELATIONSHIP}'"""


def _native(sql: _Sql) -> str:
    key = f"mine.stix_id || '+' || {sql.time('release.installed_at + member.repeat')}"
    return f"""
SELECT {key} AS _key,
       '{sql.kb.edge_collection}/' || {key} AS _id,
       {sql.end("relationship.source_key", "source.stix_id", "release")} AS _from,
       {sql.end("relationship.target_key", "target.stix_id", "release")} AS _to,
       FALSE AS _is_ref,
       {sql.is_latest("object.identifier_key", "member.release_key", "member.repeat")}
           AND {sql.stands("relationship.source_key", "member.release_key")} AS _is_latest,
       {sql.note("release.label")} AS _stix2arango_note,
       {sql.type_of("source.stix_id")} AS _source_type,
       {sql.type_of("target.stix_id")} AS _target_type,
       CAST(NULL AS TEXT) AS _arango_cti_processor_note,
       mine.stix_id AS id,
       '{RELATIONSHIP}' AS type,
       {sql.time("object.created")} AS created,
       {sql.time("object.modified")} AS modified,
       {sql.word("relationship.kind_key")} AS relationship_type,
       source.stix_id AS source_ref,
       target.stix_id AS target_ref,
       object.revoked = 1 AS revoked,
       object.deprecated = 1 AS deprecated,
       release.label AS release,
       release.latest = 1 AS in_latest_release
  FROM release
  JOIN member            ON member.release_key = release.release_key
  JOIN relationship      ON relationship.object_key = member.object_key
  JOIN object            ON object.object_key = member.object_key
  JOIN identifier mine   ON mine.identifier_key = object.identifier_key
  JOIN identifier source ON source.identifier_key = relationship.source_key
  JOIN identifier target ON target.identifier_key = relationship.target_key
 WHERE release.knowledge_base = '{sql.kb.slug}'"""


def _embedded(sql: _Sql) -> str:
    stix_id = sql.embedded_id("reference.uuid")
    moment = sql.time("release.installed_at + member.repeat")
    is_edge = "relationship.object_key IS NOT NULL"
    home = f"CASE WHEN {is_edge} THEN '{sql.kb.edge_collection}/' ELSE '{sql.kb.vertex_collection}/' END"
    return f"""
SELECT {stix_id} || '+' || {moment} AS _key,
       '{sql.kb.edge_collection}/' || {stix_id} || '+' || {moment} AS _id,
       {home} || source.stix_id || '+' || {moment} AS _from,
       {sql.end("reference.target_key", "target.stix_id", "release")} AS _to,
       TRUE AS _is_ref,
       {sql.is_latest("object.identifier_key", "member.release_key", "member.repeat")}
           AND CASE WHEN relationship.source_key IS NULL THEN TRUE
                    ELSE {sql.stands("relationship.source_key", "member.release_key")} END AS _is_latest,
       {sql.note("release.label")} AS _stix2arango_note,
       {sql.word("member.type_key")} AS _source_type,
       {sql.type_of("target.stix_id")} AS _target_type,
       CAST(NULL AS TEXT) AS _arango_cti_processor_note,
       {stix_id} AS id,
       '{RELATIONSHIP}' AS type,
       {sql.time("object.created")} AS created,
       {sql.time("object.modified")} AS modified,
       {sql.word("reference.kind_key")} AS relationship_type,
       source.stix_id AS source_ref,
       target.stix_id AS target_ref,
       FALSE AS revoked,
       FALSE AS deprecated,
       release.label AS release,
       release.latest = 1 AS in_latest_release
  FROM release
  JOIN member            ON member.release_key = release.release_key
  JOIN object            ON object.object_key = member.object_key
  JOIN object_reference  ON object_reference.object_key = member.object_key
  JOIN reference         ON reference.source_key = object.identifier_key
                        AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
  JOIN identifier source ON source.identifier_key = object.identifier_key
  JOIN identifier target ON target.identifier_key = reference.target_key
  LEFT JOIN relationship ON relationship.object_key = member.object_key
 WHERE release.knowledge_base = '{sql.kb.slug}'
   AND release.ignore_embedded = 0
   AND NOT (release.ignore_embedded_sro = 1 AND {is_edge})
   AND NOT (release.ignore_embedded_smo = 1 AND {sql.word("member.type_key")} IN ({sql.meta_types}))
   AND {sql.lacks_id(stix_id, "member.release_key")}"""


def _links(sql: _Sql) -> str:
    key = f"mine.stix_id || '+' || {sql.time('link_set.made_at')}"
    parent = f"'{sql.kb.edge_collection}/' || source.stix_id || '+' || {sql.time('link_set.made_at')}"
    return f"""
SELECT {key} AS _key,
       '{sql.kb.edge_collection}/' || {key} AS _id,
       CASE link.embedded WHEN 1 THEN {parent}
            ELSE {sql.end("link.source_key", "source.stix_id", "far_source", "far_source.knowledge_base")} END AS _from,
       {sql.end("link.target_key", "target.stix_id", "far_target", "far_target.knowledge_base")} AS _to,
       link.embedded = 1 AS _is_ref,
       link_set.set_key = (
           SELECT s.set_key
             FROM link l
             JOIN link_set s ON s.set_key = l.set_key
             JOIN release r  ON r.release_key = s.owner_release
            WHERE l.identifier_key = carrier.identifier_key AND r.knowledge_base = '{sql.kb.slug}'
            ORDER BY l.modified DESC NULLS LAST, r.sort_key DESC, s.made_at DESC
            LIMIT 1)
           AND {sql.stands("carrier.source_key", "carrier.source_release", "near.knowledge_base")} AS _is_latest,
       CASE link_set.mode WHEN '{TECHNIQUE_TACTIC}' THEN {sql.note("release.label")} END AS _stix2arango_note,
       {sql.type_of("source.stix_id")} AS _source_type,
       {sql.type_of("target.stix_id")} AS _target_type,
       link_set.mode AS _arango_cti_processor_note,
       mine.stix_id AS id,
       '{RELATIONSHIP}' AS type,
       {sql.time("link.created")} AS created,
       {sql.time("link.modified")} AS modified,
       {sql.word("link.kind_key")} AS relationship_type,
       source.stix_id AS source_ref,
       target.stix_id AS target_ref,
       FALSE AS revoked,
       FALSE AS deprecated,
       release.label AS release,
       release.latest = 1 AS in_latest_release
  FROM release
  JOIN link_set           ON link_set.owner_release = release.release_key
  JOIN link               ON link.set_key = link_set.set_key
  JOIN identifier mine    ON mine.identifier_key = link.identifier_key
  JOIN identifier source  ON source.identifier_key = link.source_key
  JOIN identifier target  ON target.identifier_key = link.target_key
  JOIN link carrier       ON carrier.link_key = (
           SELECT min(l.link_key)
             FROM link l
            WHERE l.set_key = link.set_key
              AND l.identifier_key = CASE link.embedded WHEN 1 THEN link.source_key ELSE link.identifier_key END)
  JOIN release far_source ON far_source.release_key = link.source_release
  JOIN release far_target ON far_target.release_key = link.target_release
  JOIN release near       ON near.release_key = carrier.source_release
 WHERE release.knowledge_base = '{sql.kb.slug}'
   AND {sql.lacks_id("mine.stix_id", "release.release_key")}
   AND (link.embedded = 1 OR carrier.link_key = link.link_key)"""
