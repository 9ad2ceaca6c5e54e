"""Everything that a knowledge base can declare is documented."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

from ctibutler.knowledge_bases import HOSTED, declaration


def test_every_field_has_its_docstring_below_it() -> None:
    module = ast.parse(Path(declaration.__file__).read_text(encoding="utf-8"))
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    undocumented = [
        f"{found.name}.{ast.unparse(field.target)}"
        for found in classes
        for field, below in pairwise([*found.body, ast.Pass()])
        if isinstance(field, ast.AnnAssign) and not is_docstring(below)
    ]
    assert classes
    assert undocumented == []


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_every_knowledge_base_names_a_real_object_as_example() -> None:
    for kb in HOSTED.all:
        assert kb.example is not None, kb.slug
        assert kb.lists(kb.example.stix_id.partition("--")[0]), kb.slug


def test_every_knowledge_base_can_be_a_key() -> None:
    """Commands and answers remember things by knowledge base."""
    assert len({kb: kb.slug for kb in HOSTED.all}) == len(HOSTED.all)
