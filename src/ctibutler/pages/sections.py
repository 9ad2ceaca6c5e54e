"""The sections of an object's page: its declared layout, filled with answers to questions and with its properties."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from ctibutler.answers.asking.question_records import QuestionAnswer, QuestionRow
from ctibutler.answers.object_view import ObjectView
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.layouts import Answers, Layout, Told
from ctibutler.pages.rows import Row, Rows
from ctibutler.pages.text import escaped, has_words, joined
from ctibutler.pages.texts import Texts
from ctibutler.stix.objects import text
from ctibutler.stix.seeds import DOGESEC

_STANDARD = frozenset(
    {
        "type", "id", "spec_version", "name", "description", "created", "modified", "external_references",
        "kill_chain_phases", "revoked", "object_marking_refs", "x_mitre_deprecated", "granular_markings",
    }
)  # fmt: skip
# The name of the way that takes what an object is related to itself.
_OWN = "own"
# A collection of ATT&CK lists 24,000 objects.
_MOST_ITEMS = 100
_NO_LAYOUT = Layout((), ())


@dataclass(frozen=True)
class Answered:
    """The rows of one question. `counted` says how many there are: `17 groups`."""

    counted: str
    total: int
    rows: Sequence[Row]
    has_text: bool


@dataclass(frozen=True)
class Section:
    """A section of a page: tables of rows, or a property."""

    title: str
    anchor: str
    count: int | None = None
    tables: Sequence[Answered] = ()
    in_columns: bool = False
    value: Value | None = None


@dataclass(frozen=True)
class Value:
    """A property of JSON, ready to be shown: a text, a list, or named values. `more` items of a long list are left out."""

    text: Markup | None = None
    items: Sequence[Value] | None = None
    members: Mapping[str, Value] | None = None
    is_short: bool = False
    more: int = 0


@dataclass
class Filled:
    """All sections of a page, and the properties that none of them shows."""

    sections: list[Section] = field(default_factory=list)
    other: dict[str, Value] = field(default_factory=dict)


def layout_of(kb: KnowledgeBase, kind: str) -> Layout:
    """Return the declared layout of a kind of objects, or the one that shows everything."""
    return next((layout for layout in kb.layouts if kind in layout.kinds), _NO_LAYOUT)


def questions_of(kb: KnowledgeBase, kind: str) -> list[str]:
    """Return the words of the questions that a page about this kind of object asks."""
    layout = layout_of(kb, kind)
    return [question.word for question in kb.questions if kind in question.of and question.word not in layout.left_out]


def filled(
    kb: KnowledgeBase, kind: str, view: ObjectView, answers: Sequence[QuestionAnswer], rows: Rows, texts: Texts
) -> Filled:
    """Return the sections of an object's page."""
    layout, made = layout_of(kb, kind), Filled()
    by_word = {answer.question.word: answer for answer in answers}
    told = {section.property for section in layout.sections if isinstance(section, Told)}
    for section in layout.sections:
        if isinstance(section, Told):
            value = view.properties.get(section.property)
            if value not in (None, "", [], {}):
                made.sections.append(Section(section.title, anchor_of(section.title), value=shown(value, texts.block)))
            continue
        asked = [by_word.pop(word) for word in section.questions if word in by_word]
        if asked:
            made.sections.append(_answered(section, asked, rows, texts))
    for word, answer in by_word.items():
        title = word.replace("-", " ").capitalize()
        made.sections.append(_answered(Answers(title, (word,)), [answer], rows, texts))
    columns = {column.name for column in kb.columns if view.type in column.types}
    for name, value in view.properties.items():
        is_beside = name.removeprefix("x_mitre_") in columns or name in ("x_mitre_version",)
        if name not in _STANDARD and name not in told and not is_beside and not name.endswith(("_ref", "_refs")):
            made.other[name] = shown(value, texts.block)
    return made


def sources_of(answers: Iterable[QuestionAnswer]) -> list[ObjectView]:
    """Return the relationships whose texts the rows show."""
    return [view for answer in answers for view in answer.relationships]


def objects_of(answers: Iterable[QuestionAnswer]) -> list[ObjectView]:
    """Return the objects that the rows are of, and those that the paths to them go through."""
    found = [row.object for answer in answers for row in answer.page.items]
    return [*found, *(view for answer in answers for view in answer.through)]


def shown(value: object, as_text: Callable[[str], Markup]) -> Value:
    """Return a property of JSON, ready to be shown."""
    if isinstance(value, Mapping):
        return Value(members={str(name): shown(item, as_text) for name, item in value.items()})
    if isinstance(value, list):
        more = max(0, len(value) - _MOST_ITEMS)
        return Value(items=[shown(item, as_text) for item in value[:_MOST_ITEMS]], more=more)
    if isinstance(value, str):
        made = as_text(value)
        return Value(text=made, is_short=len(value) <= 60 and made.count("<p>") <= 1)
    return Value(text=escaped("none" if value is None else str(value).lower()), is_short=True)


def anchor_of(title: str) -> str:
    """Return the fragment of a section: `used-by`."""
    return "s-" + re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _answered(section: Answers, answers: Sequence[QuestionAnswer], rows: Rows, texts: Texts) -> Section:
    tables = []
    for answer in answers:
        one, many = answer.question.nouns
        noun = one if answer.page.total == 1 else many
        counted = noun.replace("{}", f"{answer.page.total:,}") if "{}" in noun else f"{answer.page.total:,} {noun}"
        if indirect := answer.page.total - answer.counts.ways.get(_OWN, answer.page.total):
            counted += f", {indirect:,} of them indirectly"
        told = {view.id: view for view in answer.relationships}
        through = {view.id: view for view in answer.through}
        made = [_row(row, told, through, rows, texts) for row in answer.page.items]
        tables.append(Answered(counted, answer.page.total, made, any(row.text or row.note for row in made)))
    has_text = any(table.has_text for table in tables)
    total = sum(answer.page.total for answer in answers)
    return Section(
        section.title, anchor_of(section.title), total, tables, in_columns=section.in_columns and not has_text
    )


def _row(
    row: QuestionRow, told: Mapping[str, ObjectView], through: Mapping[str, ObjectView], rows: Rows, texts: Texts
) -> Row:
    """A row with the publisher's words about the relationships that lead to it."""
    texts_of, notes = list[Markup](), list[str]()
    for evidence in row.evidence:
        path = [told[stix_id].properties for stix_id in evidence.path if stix_id in told]
        ends = dict.fromkeys(
            end for relation in path for end in (relation.get("source_ref"), relation.get("target_ref"))
        )
        between = [through[end] for end in ends if isinstance(end, str) and end in through]
        if between:
            notes.append(", ".join(view.external_id or view.name or view.id for view in between))
        for relation in path:
            words = text(relation, "description")
            if words and has_words(words) and relation.get("created_by_ref") != DOGESEC:
                texts_of.append(texts.line(words, rows.address_of(row.object)))
    note = f"by way of {'; '.join(dict.fromkeys(notes))}" if notes and len(notes) == len(row.evidence) else ""
    return rows.row(row.object, joined(dict.fromkeys(texts_of)), note)


def facts_of(kb: KnowledgeBase, view: ObjectView) -> dict[str, list[str]]:
    """Return what stands beside an object: the declared columns of its type."""
    facts: dict[str, list[str]] = {}
    for column in kb.columns:
        if view.type in column.types and (values := list(dict.fromkeys(column.read(view.properties)))):
            facts[column.name.replace("_", " ").capitalize()] = values
    version: Any = view.properties.get("x_mitre_version")
    if isinstance(version, str):
        facts["Version"] = [version]
    return facts
