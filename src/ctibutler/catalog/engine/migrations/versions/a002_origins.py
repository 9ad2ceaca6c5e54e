"""Where releases come from in full, what publishers say beyond STIX, and when newer releases were looked for."""

from __future__ import annotations

from alembic import op

revision = "a002"
down_revision = "a001"
branch_labels = None
depends_on = None

_WORDS = {
    "sqlite": {"text": "TEXT", "blob": "BLOB", "clustered": "WITHOUT ROWID", "int": "INTEGER"},
    "postgresql": {"text": 'TEXT COLLATE "C"', "blob": "BYTEA", "clustered": "", "int": "BIGINT"},
}

_STATEMENTS = """
ALTER TABLE release ADD COLUMN converter_version INTEGER;
ALTER TABLE release ADD COLUMN fetched_at {int};
ALTER TABLE release ADD COLUMN mirrored_from {text};

CREATE TABLE detail (
    detail_key     {int} PRIMARY KEY,
    base_key       {int} NOT NULL,
    digest         {blob} NOT NULL,
    dictionary_key {int} NOT NULL,
    content        {blob} NOT NULL
);
CREATE INDEX detail_by_digest ON detail (base_key, digest);

CREATE TABLE release_detail (
    release_key    {int} NOT NULL,
    identifier_key {int} NOT NULL,
    detail_key     {int} NOT NULL,
    PRIMARY KEY (release_key, identifier_key)
) {clustered};
CREATE INDEX release_detail_by_detail ON release_detail (detail_key);

CREATE TABLE update_check (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    started_at {int},
    ended_at   {int},
    report     {text} NOT NULL DEFAULT '',
    asked_at   {int}
);
INSERT INTO update_check (one) VALUES (1)
"""


def upgrade() -> None:
    """Add to the tables of version 1."""
    engine = op.get_bind().dialect.name
    for statement in _STATEMENTS.format(**_WORDS[engine]).split(";"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError
