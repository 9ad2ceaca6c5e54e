"""What a page shows of a kind of object, and the dialect of its texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dialect = Literal["attack", "markdown", "cwe", "xhtml", "breaks", "plain"]
"""How a publisher marks up texts: Markdown with tags and citations, Markdown, CWE's summary with HTML below, XHTML with
prefixes, text with `<br>`, or nothing."""


@dataclass(frozen=True)
class Answers:
    """A section with the answers to questions that the knowledge base declares, one table for each."""

    title: str
    """Its heading."""

    questions: tuple[str, ...]
    """The words of the questions. One that cannot be asked of the object is left out."""

    in_columns: bool = False
    """Ids and names alone, in columns: for rows without a text of their own."""


@dataclass(frozen=True)
class Told:
    """A section with a property of the object."""

    title: str
    """Its heading."""

    property: str
    """Name of the property."""


@dataclass(frozen=True)
class Layout:
    """What pages of some kinds of objects show, in order. Questions that no section asks come after, and properties that none
    tells are under *Other properties*."""

    kinds: tuple[str, ...]
    """The kinds, in the words of the knowledge base."""

    sections: tuple[Answers | Told, ...]
    """The sections below the description."""

    left_out: tuple[str, ...] = ()
    """Questions that the page does not ask, because another answers more."""


LabelColour = Literal["clear", "green", "amber", "red"]
"""The colours of the Traffic Light Protocol."""

Shape = Literal[
    "technique", "subtechnique", "tactic", "group", "campaign", "software", "mitigation", "detection", "data", "asset",
    "weakness", "attack-pattern", "countermeasure", "artifact", "location", "sector", "other",
]  # fmt: skip
"""The marks of kinds of objects: a shape and a colour each."""
