"""The catalogue's tables, version by version (Alembic)."""
