"""Every table: what its rows are known by, the keys of other tables in it, and what a row is there for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the catalogue.

    `key` are the columns that identify a row. `refers_to` names, by column, the table whose key the column holds. A row is
    an orphan unless one of the columns in `kept_by` (`member.object_key`) has its key, or if it meets the condition
    `orphan_if`; where there is neither, rows stand for themselves. `travels` says whether backups and copies contain the
    rows; `only` limits them to some.
    """

    name: str
    key: tuple[str, ...]
    refers_to: Mapping[str, str] = field(default_factory=dict)
    kept_by: tuple[str, ...] = ()
    orphan_if: str = ""
    travels: bool = True
    only: str = ""


_OBJECT = {"object_key": "object"}

TABLES = (
    Table("catalogue", ("one",), travels=False),
    Table("word", ("word_key",), travels=False),
    Table("release", ("release_key",)),
    Table("offer", ("knowledge_base", "sort_key", "source")),
    Table(
        "identifier",
        ("identifier_key",),
        kept_by=(
            "object.identifier_key",
            "object.creator_key",
            "relationship.source_key",
            "relationship.target_key",
            "reference.source_key",
            "reference.target_key",
            "link.identifier_key",
            "link.source_key",
            "link.target_key",
        ),
    ),
    Table(
        "object",
        ("object_key",),
        {"base_key": "word", "type_key": "word", "identifier_key": "identifier", "creator_key": "identifier"},
        kept_by=("member.object_key",),
    ),
    Table(
        "dictionary",
        ("dictionary_key",),
        {"base_key": "word"},
        # A dictionary stays as long as its knowledge base has anything, even if nothing is compressed with it any more.
        orphan_if="""base_key NOT IN (SELECT base_key FROM object)
             AND base_key NOT IN (SELECT base_key FROM detail)
             AND (base_key NOT IN (SELECT word_key FROM word WHERE word = 'link') OR NOT EXISTS (SELECT 1 FROM link))""",
    ),
    Table("body", ("object_key",), {**_OBJECT, "dictionary_key": "dictionary"}),
    Table("head", ("object_key",), _OBJECT),
    Table(
        "member",
        ("release_key", "type_key", "object_key"),
        {**_OBJECT, "release_key": "release", "type_key": "word"},
    ),
    Table(
        "relationship",
        ("object_key",),
        {**_OBJECT, "source_key": "identifier", "target_key": "identifier", "kind_key": "word"},
    ),
    Table(
        "reference",
        ("source_key", "place"),
        {"source_key": "identifier", "target_key": "identifier", "kind_key": "word"},
        orphan_if="""NOT EXISTS (
                SELECT 1
                  FROM object
                  JOIN object_reference ON object_reference.object_key = object.object_key
                 WHERE object.identifier_key = reference.source_key
                   AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place)""",
    ),
    Table("object_reference", ("object_key", "first_place"), _OBJECT),
    Table("field", ("object_key", "name_key", "value"), {**_OBJECT, "name_key": "word"}),
    Table("exact_name", ("value", "object_key", "rank"), _OBJECT),
    Table("link_set", ("set_key",), {"owner_release": "release", "other_release": "release"}),
    Table(
        "link",
        ("link_key",),
        {
            "set_key": "link_set",
            "identifier_key": "identifier",
            "source_key": "identifier",
            "target_key": "identifier",
            "kind_key": "word",
            "source_release": "release",
            "target_release": "release",
            "dictionary_key": "dictionary",
        },
    ),
    Table(
        "detail",
        ("detail_key",),
        {"base_key": "word", "dictionary_key": "dictionary"},
        kept_by=("release_detail.detail_key",),
    ),
    Table(
        "release_detail",
        ("release_key", "identifier_key"),
        {"release_key": "release", "identifier_key": "identifier", "detail_key": "detail"},
    ),
    Table(
        "qualifier",
        ("release_key", "name_key", "object_key", "value"),
        {**_OBJECT, "release_key": "release", "name_key": "word"},
    ),
    # A job that has not ended belongs to a worker here: a copy would run it again.
    Table("job", ("job_id",), only="completed IS NOT NULL"),
    Table("worker", ("worker_id",), travels=False),
    Table("update_check", ("one",)),
    Table("api_key", ("name",)),
    # Whoever is signed in here is not signed in to a copy.
    Table("sign_in", ("hash",), {"key_name": "api_key"}, travels=False),
    Table("term", ("term_key",), kept_by=("posting.term_key",)),
    Table("posting", ("term_key", "property", "first_key"), {"term_key": "term", "first_key": "object"}),
    Table("alembic_version", ("version_num",), travels=False),
)

BY_NAME = {table.name: table for table in TABLES}

# Zero stands for no dictionary.
NO_ROW = {"dictionary": 0}
