"""Who is asked: the objects of a question, by their ids, or all that it can be asked of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ctibutler.answers.asking.question_records import QuestionQuery, Start
from ctibutler.answers.naming import allowed, brief, candidates_of, hidden, installed_release
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.catalog import objects, walks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.namesakes import preferred
from ctibutler.catalog.objects import Found
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.catalog.walks import Node, Place
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of, kinds_named
from ctibutler.knowledge_bases.questions import Question


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The objects that one question is asked of, in their release. With `of_all`, that is every object that it can be asked
    of."""

    kb: KnowledgeBase
    release: Release
    question: Question
    starts: Mapping[Node, Start]
    places: Mapping[Node, Place]
    of_all: bool = False


def asked_of(
    connection: Connection, kb: KnowledgeBase, ids: Sequence[str] | None, word: str, query: QuestionQuery
) -> list[Asked]:
    """Return the objects with these ids, or all for None, by the question that the word means for them: that depends on their
    kind.

    Raises NotFound if there is no such object or question, Hidden if the object is left out. Raises InvalidRequest that
    names all of several ids that are wrong.
    """
    release = installed_release(connection, kb, query.release)
    if ids is None:
        return [_all_of(connection, kb, release, question, query) for question in _questions(kb, word, query.of)]
    named = list(dict.fromkeys(ids))
    if len(named) == 1:
        of_dead = any(question.of_dead and word in (question.word, *question.names) for question in kb.questions)
        found, view = named_object(connection, kb, release, named[0], query, of_dead=of_dead)
        kind = kind_of(kb, found.type, view.properties)
        return [asked_about(connection, kb, release, question_named(kb, kind, word), [(found, view)])]
    several = _several(connection, kb, release, named, query)
    by_question: dict[Question, list[tuple[Found, ObjectView]]] = {}
    for found, view in several:
        kind = kind_of(kb, found.type, view.properties)
        by_question.setdefault(question_named(kb, kind, word), []).append((found, view))
    return [asked_about(connection, kb, release, question, of_it) for question, of_it in by_question.items()]


def named_object(
    connection: Connection,
    kb: KnowledgeBase,
    release: Release,
    object_id: str,
    query: QuestionQuery,
    *,
    of_dead: bool = False,
) -> tuple[Found, ObjectView]:
    """Return the object with this id. With `of_dead`, a revoked or deprecated one is never left out.

    Raises NotFound and Hidden.
    """
    candidates = candidates_of(connection, kb, object_id, [release])
    living = candidates if of_dead else allowed(candidates, query.include_revoked, query.include_deprecated)
    found = preferred(kb, object_id, living)
    if found is not None:
        return found, ObjectView(objects.contents(connection, [found.object_key])[0], kb, release.label)
    if not candidates:
        raise NotFound(f"no object `{brief(object_id)}` in {kb.slug} {release.label}")
    raise hidden(kb, object_id, release, candidates, query.include_revoked)


def asked_about(
    connection: Connection,
    kb: KnowledgeBase,
    release: Release,
    question: Question,
    named: Sequence[tuple[Found, ObjectView]],
) -> Asked:
    """Return these objects as those that a question is asked of."""
    nodes = walks.nodes_of(connection, release, [found.object_key for found, _ in named])
    return Asked(
        kb,
        release,
        question,
        {nodes[found.object_key]: start_of(view) for found, view in named},
        {nodes[found.object_key]: Place(found.object_key, found.revoked or found.deprecated) for found, _ in named},
    )


def _several(
    connection: Connection, kb: KnowledgeBase, release: Release, ids: Sequence[str], query: QuestionQuery
) -> list[tuple[Found, ObjectView]]:
    several, wrong = [], []
    for object_id in ids:
        try:
            several.append(named_object(connection, kb, release, object_id, query))
        except NotFound as problem:
            wrong.append(str(problem))
    if wrong:
        raise InvalidRequest.of_fields({"ids": wrong})
    return several


def _all_of(
    connection: Connection, kb: KnowledgeBase, release: Release, question: Question, query: QuestionQuery
) -> Asked:
    kinds = kinds_named(kb, question.of)
    selection = Selection(
        releases=[release.key],
        types=sorted({name for kind in kinds for name in kind.types}),
        listed_only=False,
        include_revoked=query.include_revoked,
        include_deprecated=query.include_deprecated,
    )
    keys = objects.select_all(connection, selection)
    all_views = views(objects.contents(connection, keys), kb, release.label)
    kept = {
        key: view
        for key, view in zip(keys, all_views, strict=True)
        if kind_of(kb, view.type, view.properties) in question.of
    }
    nodes = walks.nodes_of(connection, release, kept)
    return Asked(
        kb,
        release,
        question,
        {nodes[key]: start_of(view) for key, view in kept.items()},
        {nodes[key]: Place(key, view.is_revoked or view.is_deprecated) for key, view in kept.items()},
        of_all=True,
    )


def question_named(kb: KnowledgeBase, kind: str | None, word: str) -> Question:
    """Return the question with this word that can be asked of a kind of objects, or of any kind for None.

    Raises NotFound, which names those that can be asked.
    """
    asked = word.strip().casefold()
    known = [question for question in kb.questions if kind is None or kind in question.of]
    for question in known:
        if asked in (question.word, *question.names):
            return question
    words = sorted({question.word for question in known})
    of = f"a {kind} of {kb.slug}" if kind else kb.slug
    if not words:
        raise NotFound(f"nothing can be asked about {of}")
    near = get_close_matches(asked, words, n=3, cutoff=0.6)
    meant = f"did you mean {' or '.join(f'`{name}`' for name in near)}? " if near else ""
    raise NotFound(f"no question `{brief(word)}` about {of}; {meant}there are {', '.join(words)}")


def start_of(view: ObjectView) -> Start:
    """Return what an answer tells of an object that it is about."""
    return Start(view.id, view.external_id, view.name)


def _questions(kb: KnowledgeBase, word: str, kind: str | None) -> list[Question]:
    """The questions with this word that objects of a kind can be asked; of any kind for None."""
    if kind is None:
        first = question_named(kb, None, word)
        return [question for question in kb.questions if question.word == first.word]
    wanted = next((known.word for known in kb.kinds if known.word.casefold() == kind.strip().casefold()), None)
    if wanted is None:
        raise InvalidRequest.of("of", f"`{brief(kind)}` is none of {', '.join(known.word for known in kb.kinds)}.")
    return [question_named(kb, wanted, word)]
