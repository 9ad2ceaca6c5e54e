"""Ids as people write them: tags, links, names, without the dash."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ctibutler.answers.naming import candidates_of, is_stix_id
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.typing_errors import distance
from ctibutler.catalog import objects, suggestions
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import squashed
from ctibutler.catalog.namesakes import preferred
from ctibutler.catalog.objects import Found
from ctibutler.catalog.releases import Release
from ctibutler.catalog.rows import EXACT_ID
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_AROUND = " \t\r\n\"'`«»“”‘’<>()[]{},;."
_LONGEST = 300
_MOST_NEAR = 3

# Of an id or a short name, one letter may be wrong; of a longer name, two.
_SHORTEST = 4
_LONG = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """An object that a text may mean. `by_id` says whether the text spells its id, not a name or an alias."""

    kb: KnowledgeBase
    release: Release
    found: Found
    by_id: bool

    @property
    def is_live(self) -> bool:
        """Whether its publisher neither revoked nor deprecated it."""
        return not (self.found.revoked or self.found.deprecated)


@dataclass(frozen=True, slots=True)
class Near:
    """An object with an id or a name similar to a text."""

    external_id: str
    name: str | None
    by_id: bool


def spellings(kb: KnowledgeBase, text: str) -> Iterator[str]:
    """Yield what a text may stand for in a knowledge base, the most specific first: the id in a link, what follows the name of
    the knowledge base as in `attack.t1059`, the text itself."""
    cleaned = unicodedata.normalize("NFKC", text).strip(_AROUND)
    if not cleaned or len(cleaned) > _LONGEST or "\x00" in cleaned:
        return
    for form in kb.address_forms:
        if address := form.pattern.match(cleaned):
            yield form.id.format(address[1].replace("/", "."))
            return
    if tagged := _tags(kb).match(cleaned):
        yield cleaned[tagged.end() :]
    yield cleaned


def readings(connection: Connection, places: Sequence[tuple[KnowledgeBase, Release]], text: str) -> list[Reading]:
    """Return the objects of these releases that a text may mean, for one that is nobody's exact id: those whose id it spells,
    else those with this name or alias; live ones, if there are any. Case, accents, blanks and punctuation are ignored."""
    every = [reading for kb, release in places for reading in _readings_in(connection, kb, release, text)]
    spelled = [reading for reading in every if reading.by_id] or every
    return [reading for reading in spelled if reading.is_live] or spelled


def near(connection: Connection, places: Sequence[tuple[KnowledgeBase, Release]], text: str) -> list[Near]:
    """Return the objects whose id or name is nearly a text, at most three, the most similar ones only."""
    word = squashed(text)
    if not _SHORTEST <= len(word) <= _LONGEST or is_stix_id(text):
        return []
    allowed = 1 if len(word) < _LONG or any(map(str.isdecimal, word)) else 2
    known = suggestions.exact_names(
        connection, [release.key for _, release in places], len(word) - allowed, len(word) + allowed
    )
    measured = [
        (far, rank, value, key) for value, rank, key in known if (far := distance(word, value, allowed)) is not None
    ]
    closest = min((item[0] for item in measured), default=0)
    best = sorted(item for item in measured if item[0] == closest)[:_MOST_NEAR]
    return _named(connection, places, [(key, rank == EXACT_ID) for _, rank, _, key in best])


def _readings_in(connection: Connection, kb: KnowledgeBase, release: Release, text: str) -> list[Reading]:
    for spelled in spellings(kb, text):
        best = preferred(kb, spelled, candidates_of(connection, kb, spelled, [release]))
        if best is not None:
            return [Reading(kb, release, best, by_id=True)]
        # Mostly letters and digits: `%s%s` is not South Sudan.
        is_word = 2 * len(squashed(spelled)) > len(spelled)
        named = objects.exactly_named(connection, [release.key], spelled) if is_word else []
        numbered = [found for rank, found in named if rank == EXACT_ID]
        if numbered:
            # The form of the id decides, not that of how it is written: `T 1086` is the technique too.
            best = preferred(kb, numbered[0].external_id or spelled, numbered)
            return [Reading(kb, release, best or numbered[0], by_id=True)]
        if named:
            # APT29 is called Cozy Bear, and CozyCar is called CozyBear.
            literal = objects.called(connection, [found.object_key for _, found in named], spelled)
            meant = [found for _, found in named if found.object_key in literal or not literal]
            return [Reading(kb, release, found, by_id=False) for found in meant]
    return []


def _tags(kb: KnowledgeBase) -> re.Pattern[str]:
    names = [*kb.names, *((kb.family,) if kb.family else ())]
    return re.compile(rf"(?:{'|'.join(map(re.escape, names))})[.:/]\s*(?=\S)", re.IGNORECASE)


def _named(
    connection: Connection, places: Sequence[tuple[KnowledgeBase, Release]], keys: Sequence[tuple[int, bool]]
) -> list[Near]:
    by_release = {release.key: (kb, release) for kb, release in places}
    of_object = objects.releases_of(connection, [key for key, _ in keys], list(by_release))
    shown: dict[str, Near] = {}
    for (key, by_id), content in zip(keys, objects.contents(connection, [key for key, _ in keys]), strict=True):
        kb, release = by_release[of_object[key]]
        view = ObjectView(content, kb, release.label)
        shown.setdefault(view.id, Near(view.external_id or view.id, view.name, by_id))
    return list(shown.values())
