"""Inferred techniques, for people."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.inference import Inference
from ctibutler.cli.output import text as output
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.knowledge_bases.declaration import KnowledgeBase


def write_inference(found: Inference, kb: KnowledgeBase, release: str, observed: Sequence[str]) -> None:
    """Print what goes with the observed techniques, the likeliest first."""
    output.line(output.filled(f"What most likely goes with {', '.join(observed)}, {kb.title} {release}"))
    output.line()
    rows = [
        [name, view.name or "", f"{score:.3f}"]
        for (name, score), view in zip(found.scores.items(), found.objects, strict=True)
    ]
    write_table([Column("ID"), Column("NAME", cut="last"), Column("SCORE", right=True)], rows)
