"""SQL is in `catalog/` and nowhere else in the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import ctibutler

PACKAGE = Path(ctibutler.__file__).parent
# Keywords are in capitals in all of our SQL.
SQL = re.compile(
    r"\bSELECT\s[^.]|\bINSERT INTO\b|\bDELETE FROM\b|\bUPDATE \w+\s+SET\b|\b(CREATE|DROP|ALTER) (TABLE|VIEW|INDEX)\b|^PRAGMA "
)


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """The string constants of a module with their lines, including parts of f-strings."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def modules_with_sql() -> dict[str, int]:
    """The first line with SQL, by module."""
    found: dict[str, int] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for line, text in texts_of(path):
            if SQL.search(text):
                found.setdefault(path.relative_to(PACKAGE).as_posix(), line)
    return found


def test_only_the_catalogue_contains_sql() -> None:
    found = modules_with_sql()
    assert {"catalog/objects.py", "catalog/edges.py", "catalog/jobs.py"} <= found.keys()
    assert {name: line for name, line in found.items() if not name.startswith("catalog/")} == {}
