"""What a shell offers for the words of commands: a completer for each kind of option and argument.

Modules that only some completers need are imported in them: nobody waits for a shell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from ctibutler.cli.completion.line import Candidate, Line, begins, completer
from ctibutler.cli.declaring import Completer
from ctibutler.errors import Problem
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import NEVER_LISTED, KnowledgeBase
from ctibutler.settings import SOURCES

if TYPE_CHECKING:
    from ctibutler.catalog.engine.connection import Connection

Labels = Mapping[str, str | None]
"""Labels of releases, with what is to be said of each."""


def words(*offered: str) -> Completer:
    """Completes one of these words."""
    return completer(lambda line: ((word, None) for word in offered if begins(word, line.word)))


def several(complete_one: Completer) -> Completer:
    """Completes the last of several words with commas between them."""

    def complete(context: click.Context, parameter: click.Parameter, word: str) -> list[CompletionItem]:
        before, comma, last = word.rpartition(",")
        given = {item.casefold() for item in before.split(",")}
        return [
            CompletionItem(before + comma + item.value, help=item.help)
            for item in complete_one(context, parameter, last)
            if item.value.casefold() not in given
        ]

    return complete


@completer
def knowledge_base(line: Line) -> Iterable[Candidate]:
    """A knowledge base, with its title."""
    return ((name, kb.title) for name, kb in line.named(line.word).items())


@completer
def installable(line: Line) -> Iterator[Candidate]:
    """`KB`, `KB@RELEASE` of a release that is offered or installed, and `KB@all`."""
    return _targets(line, _available_labels, families=True)


@completer
def installed(line: Line) -> Iterator[Candidate]:
    """`KB`, or `KB@RELEASE` of an installed release."""
    return _targets(line, _installed_labels)


@completer
def removable(line: Line) -> list[Candidate]:
    """`KB@RELEASE` of an installed release. `KB` is offered only on the way there."""
    found = list(_targets(line, _installed_labels, families=True))
    return [(target, meaning) for target, meaning in found if "@" in target] or found


@completer
def release(line: Line) -> Iterator[Candidate]:
    """An installed release of the knowledge bases that the line names."""
    from ctibutler.catalog import releases

    with line.catalogue() as connection:
        held = [item for item in releases.installed(connection) if item.knowledge_base in line.slugs]
    for label in sorted({item.label for item in held}, key=release_labels.sort_key, reverse=True):
        if begins(label, line.word):
            yield label, ", ".join(item.knowledge_base for item in held if item.label == label)


def release_or_latest(context: click.Context, parameter: click.Parameter, word: str) -> list[CompletionItem]:
    """An installed release, or the word for the latest one."""
    return [*release(context, parameter, word), *words(release_labels.LATEST)(context, parameter, word)]


@completer
def object_id(line: Line) -> Iterator[Candidate]:
    """An external id in the releases that the line names, with the name of its object."""
    return _ids(line, [(kb, None) for kb in line.asked])


def knowledge_base_or_id(context: click.Context, parameter: click.Parameter, word: str) -> list[CompletionItem]:
    """A knowledge base, or an external id."""
    return [*knowledge_base(context, parameter, word), *(object_id(context, parameter, word) if word else [])]


@completer
def question(line: Line) -> Iterator[Candidate]:
    """A question that can be asked about objects with the id that the line names; of no certain kind, any question."""
    object_id = str(line.context.params.get("object_id") or line.context.params.get("a") or "").partition(",")[0]
    likely = [kb for kb in line.asked if kb.types_named_by(object_id)]
    offered: dict[str, str] = {}
    for kb in likely or line.asked:
        types = kb.types_named_by(object_id)
        kinds = {kind.word for kind in kb.kinds if not types or set(types) & set(kind.types)}
        for known in kb.questions:
            if kinds & set(known.of):
                offered.setdefault(known.word, known.says)
    yield from ((word, says) for word, says in offered.items() if begins(word, line.word))


@completer
def layer_id(line: Line) -> Iterator[Candidate]:
    """An external id of an object that there is a Navigator layer of."""
    return _ids(line, [(kb, kb.navigator_types) for kb in line.asked if kb.navigator_domain])


@completer
def object_type(line: Line) -> Iterator[Candidate]:
    """A type of objects in the knowledge bases that the line names: in their words, or of STIX."""
    in_words = dict.fromkeys(word.word for kb in line.asked for word in kb.type_words if not word.subtechnique)
    yield from ((word, None) for word in in_words if begins(word, line.word))
    yield from _types(line, lambda name: name not in NEVER_LISTED)


@completer
def stix_type(line: Line) -> Iterator[Candidate]:
    """A STIX type, relationships included."""
    return _types(line, lambda _: True)


def source(context: click.Context, parameter: click.Parameter, word: str) -> list[CompletionItem]:
    """The name of a source, or a folder."""
    return words(*SOURCES)(context, parameter, word) or [CompletionItem(word, type="dir")]


@completer
def job(line: Line) -> Iterator[Candidate]:
    """The id of a job, newest first, with what it is about and its state."""
    from ctibutler.catalog import jobs
    from ctibutler.cli.output.job_progress import name_of

    with line.catalogue() as connection:
        for item in reversed(jobs.all_jobs(connection)):
            if begins(item.id, line.word):
                yield item.id, f"{name_of(item)}: {item.state}"


@completer
def job_type(line: Line) -> Iterator[Candidate]:
    """A type of jobs."""
    from ctibutler.catalog.job_records import LINK_JOB

    for name in dict.fromkeys([*(kb.job_type for kb in line.asked), LINK_JOB]):
        if begins(name, line.word):
            yield name, None


@completer
def key_name(line: Line) -> Iterator[Candidate]:
    """The name of an API key, with what the key may do."""
    from ctibutler.catalog.access import all_keys

    with line.catalogue() as connection:
        for item in all_keys(connection):
            if begins(item.name, line.word):
                yield item.name, "read and write" if item.can_write else "read"


def _targets(
    line: Line, labels_of: Callable[[Connection, KnowledgeBase], Labels], *, families: bool = False
) -> Iterator[Candidate]:
    """Knowledge bases that begin so, then the releases of the only one that the word can mean.

    With `families`, the names of families are offered too: they mean each of their knowledge bases.
    """
    beginning, at, _ = line.word.partition("@")
    named: dict[str, tuple[KnowledgeBase, ...]] = {name: (kb,) for name, kb in line.named(beginning).items()}
    if families:
        named = line.families(beginning) | named
    if at:
        named = {name: kbs for name, kbs in named.items() if name == beginning.casefold()}
    else:
        yield from ((name, ", ".join(kb.title for kb in kbs)) for name, kbs in named.items())
    if len(named) != 1:
        return
    ((name, kbs),) = named.items()
    with suppress(Problem, OSError), line.catalogue() as connection:
        labels = {label: meaning for kb in kbs for label, meaning in labels_of(connection, kb).items()}
        for label in sorted(labels, key=release_labels.sort_key, reverse=True):
            if begins(f"{name}@{label}", line.word):
                yield f"{name}@{label}", labels[label]


def _installed_labels(connection: Connection, kb: KnowledgeBase) -> Labels:
    from ctibutler.catalog import releases

    return {item.label: "latest" if item.latest else None for item in releases.installed(connection, kb.slug)}


def _available_labels(connection: Connection, kb: KnowledgeBase) -> Labels:
    from ctibutler.catalog import offers, releases

    found = {item.label: "available" for item in offers.of_knowledge_base(connection, kb.slug)}
    found |= {item.label: "installed" for item in releases.installed(connection, kb.slug)}
    return found | {"all": "every release"}


def _ids(line: Line, wanted: Iterable[tuple[KnowledgeBase, Sequence[str] | None]]) -> Iterator[Candidate]:
    """Ids that begin so, of these STIX types in each knowledge base."""
    from ctibutler.catalog import releases, suggestions

    found: dict[str, str | None] = {}
    with line.catalogue() as connection:
        for kb, types in wanted:
            held = releases.find(connection, kb.slug, line.release)
            if held is not None:
                for external_id, name in suggestions.external_ids(connection, kb, held.key, line.word, types):
                    found.setdefault(_as_begun(kb, external_id, line.word), name)
    return iter(found.items())


def _as_begun(kb: KnowledgeBase, external_id: str, beginning: str) -> str:
    """The id in the spelling that begins so: as published, or with or without the prefix that may be left out."""
    bare = external_id[len(kb.id_prefix) :] if begins(external_id, kb.id_prefix) else external_id
    spellings = (external_id, kb.id_prefix + bare, bare)
    return next((spelling for spelling in spellings if begins(spelling, beginning)), external_id)


def _types(line: Line, is_wanted: Callable[[str], bool]) -> Iterator[Candidate]:
    from ctibutler.catalog import releases

    with line.catalogue() as connection:
        held = [item for item in releases.installed(connection) if item.knowledge_base in line.slugs]
    for name in sorted({name for item in held for name in item.types if is_wanted(name)}):
        if begins(name, line.word):
            yield name, None
