"""The public views: the database contract for people who query the database directly."""

from __future__ import annotations

from ctibutler.catalog.database import Database
from ctibutler.knowledge_bases import KnowledgeBases


def refresh_contract_views(database: Database, knowledge_bases: KnowledgeBases) -> None:
    """Make the views of these knowledge bases, unless they stand already."""
