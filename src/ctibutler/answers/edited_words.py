"""How many words of their texts objects gained and lost from one release to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.catalog import objects
from ctibutler.comparing import words
from ctibutler.comparing.classes import value_of
from ctibutler.comparing.differences import read_content
from ctibutler.comparing.outcomes import Outcome
from ctibutler.comparing.words import EditedWords
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_EDITED = "edited"


def edited_words(
    library: Library, kb: KnowledgeBase, old: str, new: str, rows: Sequence[Outcome]
) -> Mapping[str, EditedWords]:
    """Return STIX id → the words that were added to and removed from the texts of an object, for those of these rows that were
    edited. Texts are compared as they are read, without markup. Objects whose texts have the same words are left out.

    Raises NotFound if a release is not installed.
    """
    edited = [row for row in rows if _EDITED in (row.outcome, *row.also) and row.stix_id and row.new_stix_id]
    if not edited:
        return {}
    with library.database.read() as connection:
        before, after = [installed_release(connection, kb, label) for label in (old, new)]
        judged = library.judged.prepare(connection, kb, before, after)
        sides = (
            [judged.old.by_id[row.stix_id or ""] for row in edited],
            [judged.new.by_id[row.new_stix_id or ""] for row in edited],
        )
        bodies = [objects.contents(connection, [entry.object_key for entry in side]) for side in sides]
    found = {}
    for row, *both in zip(edited, *bodies, strict=True):
        old_content, new_content = map(read_content, both)
        names = dict.fromkeys(one.id for one in row.evidence if one.kind == "property")
        values = [(value_of(old_content, name), value_of(new_content, name)) for name in names]
        texts = [(one, other) for one, other in values if isinstance(one, str) and isinstance(other, str)]
        counts = [words.edited_words(*pair) for pair in texts]
        total = EditedWords(sum(one.added for one in counts), sum(one.removed for one in counts))
        if any(total):
            found[row.stix_id or ""] = total
    return found
