"""Bringing a database to the schema that this code knows."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy

from ctibutler.catalog.contract.views import refresh_contract_views
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import StoreUnavailable
from ctibutler.knowledge_bases import KnowledgeBases

CURRENT = "a002"
_MIGRATIONS = Path(__file__).parent / "engine" / "migrations"


def open_catalogue(url: str, knowledge_bases: KnowledgeBases) -> Database:
    """The catalogue at this URL, made or brought up to date where needed.

    Raises StoreUnavailable when it cannot be reached, or was written by a later version of ctibutler.
    """
    database = Database(url)
    try:
        if _version(database) != CURRENT:
            _migrate(database)
        refresh_contract_views(database, knowledge_bases)
    except BaseException:
        database.close()
        raise
    return database


def _version(database: Database) -> str | None:
    with database.read() as connection:
        table = connection.by_engine(
            sqlite="SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'",
            postgresql="SELECT to_regclass('alembic_version')",
        )
        return connection.value("SELECT version_num FROM alembic_version") if connection.value(table) else None


def _migrate(database: Database) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with database.write() as connection:
        config.attributes["connection"] = connection.sqlalchemy_connection
        try:
            command.upgrade(config, "head")
        except CommandError as failure:
            raise StoreUnavailable(f"{database}: written by a later version of ctibutler ({failure})") from None
        except sqlalchemy.exc.DatabaseError as failure:
            raise StoreUnavailable(f"{database}: cannot be brought up to date: {failure.orig}") from failure
