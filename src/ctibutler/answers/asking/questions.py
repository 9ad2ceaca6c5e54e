"""What is asked of objects, one or several, and answered by walking along declared ways."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ctibutler.answers.asking.answering import Answering
from ctibutler.answers.asking.asked import asked_about, asked_of, named_object, start_of
from ctibutler.answers.asking.question_records import AskedCount, AskedCounts, QuestionAnswer, QuestionQuery
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, installed_release
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of


def ask(
    library: Library, kb: KnowledgeBase, ids: Sequence[str] | None, word: str, query: QuestionQuery
) -> QuestionAnswer:
    """Return the rows that answer a question about these objects; for None, about every object that it can be asked of, with
    a row for each pair.

    Raises NotFound if one object is asked of and there is none, or no such question; Hidden if it is revoked or deprecated
    and the query leaves such objects out. Raises InvalidRequest for an unknown way or view, and if several objects are asked
    of and some cannot be found.
    """
    with library.database.read() as connection:
        return Answering(library, connection, query).answer(asked_of(connection, kb, ids, word, query))


def ask_each(
    library: Library, kb: KnowledgeBase, object_id: str, words: Collection[str] | None, query: QuestionQuery
) -> list[QuestionAnswer]:
    """Return the answers to the questions with these words, all for None, that can be asked of an object, in the order of their
    declarations. Those without any row are left out.

    Raises NotFound and Hidden, as `ask` does.
    """
    answers = []
    with library.database.read() as connection:
        release = installed_release(connection, kb, query.release)
        found, view = named_object(connection, kb, release, object_id, query)
        kind = kind_of(kb, found.type, view.properties)
        answering = Answering(library, connection, query)
        for question in kb.questions:
            if kind in question.of and (words is None or question.word in words):
                answer = answering.answer([asked_about(connection, kb, release, question, [(found, view)])])
                answers += [answer] if answer.page.total else []
    return answers


def asked_counts(library: Library, kb: KnowledgeBase, request: ObjectRequest, *, with_sub: bool = True) -> AskedCounts:
    """Return what an object can be asked, with the number of answers to each question; with the kinds of the object included
    too unless `with_sub` is false.

    Raises NotFound and Hidden, as `find_object` does.
    """
    query = QuestionQuery(
        release=request.release,
        include_revoked=request.include_revoked,
        include_deprecated=request.include_deprecated,
    )
    with library.database.read() as connection:
        release = installed_release(connection, kb, request.release)
        found, view = named_object(connection, kb, release, request.id, query)
        kind = kind_of(kb, found.type, view.properties)
        answering = Answering(library, connection, query)
        counted = [
            AskedCount(
                question,
                question.knowledge_base or kb.slug,
                answering.counted([asked_about(connection, kb, release, question, [(found, view)])], with_sub=with_sub),
            )
            for question in kb.questions
            if kind in question.of
        ]
    return AskedCounts(start_of(view), kind, kb.slug, release.label, counted)
