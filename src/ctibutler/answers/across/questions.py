"""One question over all knowledge bases: APT28 is in Enterprise and in Mobile, and each answers for itself."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.across.ids import stix_id_across
from ctibutler.answers.asking.question_records import QuestionAnswer, QuestionQuery
from ctibutler.answers.asking.questions import ask
from ctibutler.answers.library import Library
from ctibutler.catalog import objects, releases
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase


def ask_across(library: Library, object_id: str, word: str, query: QuestionQuery) -> list[QuestionAnswer]:
    """Return the answers of every knowledge base whose latest release holds an object and has the question for it.

    Raises NotFound if there is no such object, if its id names objects of several knowledge bases, and if none of those that
    hold it has the question.
    """
    stix_id, bases = holding(library, object_id)
    answers: list[QuestionAnswer] = []
    missing: NotFound | None = None
    for kb in bases:
        try:
            answers.append(ask(library, kb, [stix_id], word, query))
        except NotFound as problem:
            missing = missing or problem
    if not answers:
        raise missing or NotFound(f"no latest release has the object `{stix_id}`")
    return answers


def holding(library: Library, object_id: str) -> tuple[str, Sequence[KnowledgeBase]]:
    """Return the STIX id of an object, and the knowledge bases whose latest release holds it.

    Raises NotFound if there is no such object, and if its id names objects of several knowledge bases.
    """
    with library.database.read() as connection:
        stix_id = stix_id_across(library, connection, object_id)
        latest = {release.key: release for release in releases.latest(connection)}
        found = objects.with_stix_id(connection, list(latest), stix_id)
        slugs = {latest[item.release_key].knowledge_base for item in found}
    return stix_id, [kb for kb in library.knowledge_bases.all if kb.slug in slugs]
