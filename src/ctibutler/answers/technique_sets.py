"""Sets of techniques: given by their ids, or as what groups, software and other objects have to do with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.answers.asking.answering import Answering
from ctibutler.answers.asking.asked import Asked, asked_about, named_object, start_of
from ctibutler.answers.asking.question_records import QuestionQuery, Start
from ctibutler.answers.library import Library
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.catalog.walks import Node, nodes_of
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.knowledge_bases.matrices import matrix_form, question_for_techniques

OWN = "own"
"""The way of an object's own relationships."""


@dataclass(frozen=True, slots=True)
class TechniqueSet:
    """Techniques, and the objects that each was given by: itself, or those that have to do with it.

    `given` are all objects that were found, `problems` say what is wrong with the other ids, a sentence each. `question` is
    the word of the question that found all of them by the objects' own relationships; None if there is no such question.
    """

    given: Sequence[Start]
    techniques: Mapping[Node, Sequence[Start]]
    problems: Sequence[str]
    question: str | None = None


def technique_set(
    library: Library, connection: Connection, kb: KnowledgeBase, release: Release, ids: Iterable[str]
) -> TechniqueSet:
    """Return the techniques that these ids mean in a release. Of an object that is no technique, they are those at the other
    end of its own relationships; where it has none of its own, those that it leads to by the ways of its question.

    Whatever has no techniques is told among the problems.
    """
    form = matrix_form(kb)
    given, problems = list[Start](), list[str]()
    found: dict[Node, list[Start]] = {}
    asked: dict[str | None, list[Asked]] = {}
    words: set[str | None] = set()
    for object_id in dict.fromkeys(ids):
        try:
            named, view = named_object(connection, kb, release, object_id, QuestionQuery())
        except NotFound as problem:
            problems.append(str(problem))
            continue
        kind, start = kind_of(kb, named.type, view.properties), start_of(view)
        if start in given:
            continue
        question = question_for_techniques(kb, kind)
        if form is not None and kind in form.techniques:
            found.setdefault(nodes_of(connection, release, [named.object_key])[named.object_key], []).append(start)
            words.add(None)
        elif question is None:
            problems.append(f"`{object_id[:100]}` is a {kind}, which has no techniques")
            continue
        else:
            own = OWN if any(way.name == OWN for way in question.ways) else None
            words.add(question.word if own else None)
            asked.setdefault(own, []).append(asked_about(connection, kb, release, question, [(named, view)]))
        given.append(start)
    for way, of_way in asked.items():
        query = QuestionQuery(release.label, via=None if way is None else [way], evidence=False)
        _, rows = Answering(library, connection, query).rows(of_way)
        starts = {node: start for of_it in of_way for node, start in of_it.starts.items()}
        for row in rows:
            by = [starts[node] for node in dict.fromkeys(walk.start for _, walk in row.found)]
            found.setdefault(row.node, []).extend(by)
    return TechniqueSet(given, found, problems, words.pop() if len(words) == 1 else None)
