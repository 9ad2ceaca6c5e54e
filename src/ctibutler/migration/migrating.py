"""Files from one release to another: what is in them, what becomes of it, and the same files written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.liveness import liveness
from ctibutler.answers.releases import installed
from ctibutler.comparing.outcomes import Outcome
from ctibutler.errors import InvalidRequest, NotFound, Problem, TooMuch, UnreadableFile
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration import guess
from ctibutler.migration.between import Between
from ctibutler.migration.contexts import Settled, follow_techniques, replacement_of
from ctibutler.migration.decisions import Decision, apply_decisions
from ctibutler.migration.guess import Fit
from ctibutler.migration.ids import read_id
from ctibutler.migration.items import MOST_ITEMS, Item, Joined, Place, Reading, Replacement
from ctibutler.migration.kinds import bundle, layer
from ctibutler.migration.kinds.layer_entries import COMBINE
from ctibutler.migration.recognising import FileKind, kind_named, recognised

LARGEST_FILE = 10 * 1024 * 1024
"""All files of a request together may have so many bytes."""

MOST_FILES = 200

ACCEPT = ("named", "same-name")
"""Candidates that may be taken without a human, if somebody says so."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to migrate. `name` is for messages and the review."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Options:
    """How to migrate.

    `source` is the release that the files are of (None: guessed), `target` the one to bring them to (None: the latest).
    """

    source: str | None = None
    target: str | None = None
    accept: tuple[str, ...] = ()
    combine: str | None = None
    column: str | None = None
    refresh: bool = False
    add_columns: bool = False
    form: str | None = None
    decisions: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        """Raise InvalidRequest for words that are none."""
        if self.combine is not None and self.combine not in COMBINE:
            raise InvalidRequest.of("combine", f"`{self.combine[:40]}` is none of {', '.join(COMBINE)}.")
        for word in self.accept:
            if word not in ACCEPT:
                raise InvalidRequest.of("accept", f"`{word[:40]}` is none of {', '.join(ACCEPT)}.")


class Source(msgspec.Struct, frozen=True):
    """The release that a file is of, and how it is known: `guessed` from its ids, with how well the best three releases fit."""

    version: str
    guessed: bool
    fits: tuple[Fit, ...] = ()


@dataclass(frozen=True)
class Migrated:
    """A file that was migrated. `remarks` are about the file as a whole."""

    name: str
    kind: FileKind | None
    before: bytes
    after: bytes
    source: Source
    items: Sequence[Item]
    settled: Sequence[Settled]
    joined: Mapping[int, Joined] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether the file is another one now."""
        return self.before != self.after


@dataclass(frozen=True)
class Migration:
    """Files that were migrated to a release of a knowledge base."""

    kb: KnowledgeBase
    target: str
    files: tuple[Migrated, ...]

    @property
    def source(self) -> Source:
        """The release that the files are of: that of the first one, and guessed if any was."""
        sources = [file.source for file in self.files]
        return next((source for source in sources if source.guessed), sources[0])


@dataclass(frozen=True)
class _Read:
    file: InputFile
    kind: FileKind | None
    items: list[Item]
    reading: Reading


Pairs = Callable[[str, str], Between]
"""From one release to another."""


def migrate(
    library: Library, kb: KnowledgeBase, files: Sequence[InputFile], options: Options, pairs: Pairs
) -> Migration:
    """Migrate files, each with the release that it says it is of, or that all others together are guessed to be of.

    Raises UnreadableFile and TooMuch, which name the file, NotFound for a release that is not installed, InvalidRequest.
    """
    reading = Reading(kb, column=options.column, combine=options.combine, add_columns=options.add_columns)
    read = [_read(file, reading, options.form) for file in files]
    return _migrated(library, kb, read, options, pairs)


def migrate_ids(library: Library, kb: KnowledgeBase, ids: Sequence[str], options: Options, pairs: Pairs) -> Migration:
    """Migrate a list of ids.

    Raises NotFound for a release that is not installed, TooMuch, InvalidRequest.
    """
    items = []
    for index, text in enumerate(ids):
        found = read_id(kb, text)
        items.append(Item(found or text, text, Place(index=index), 0, 0, readable=found is not None))
    return _migrated(library, kb, [_Read(InputFile("", b""), None, items, Reading(kb))], options, pairs)


def items_of(file: InputFile, kb: KnowledgeBase, options: Options) -> list[Item]:
    """Return what is in a file, read for a knowledge base.

    Raises UnreadableFile, which names the file.
    """
    return _read(file, Reading(kb, column=options.column), options.form).items


def looked_up(items: Iterable[Item]) -> list[str]:
    """Return the distinct ids of items, in their order."""
    return list(dict.fromkeys(item.id for item in items if item.readable and not item.is_slug))


def refuse_too_much(files: Sequence[InputFile]) -> None:
    """Raise TooMuch for more files, or more bytes in them, than a request may have."""
    if len(files) > MOST_FILES:
        raise TooMuch(f"{len(files)} files are more than {MOST_FILES}, the most that are migrated at once")
    size = sum(len(file.content) for file in files)
    if size > LARGEST_FILE:
        raise TooMuch(f"{size:,} bytes are more than {LARGEST_FILE:,}, the most that are migrated at once")


def _read(file: InputFile, reading: Reading, form: str | None) -> _Read:
    try:
        kind = kind_named(form) if form is not None else recognised(file.content, reading.kb)
        return _Read(file, kind, kind.read(file.content, reading), reading)
    except UnreadableFile as problem:
        raise _in_file(file, problem) from None


def _in_file(file: InputFile, problem: Problem) -> Problem:
    return type(problem)(f"{file.name}: {problem}", problem.details) if file.name else problem


def _migrated(library: Library, kb: KnowledgeBase, read: Sequence[_Read], options: Options, pairs: Pairs) -> Migration:
    total = sum(len(one.items) for one in read)
    if total > MOST_ITEMS:
        raise TooMuch(f"{total:,} items are more than {MOST_ITEMS:,}, the most that are migrated at once")
    labels = installed(library, kb).labels
    target = _label(kb, labels, options.target)
    sources = _sources(library, kb, labels, read, options)
    by_source: dict[str, list[int]] = {}
    for number, source in enumerate(sources):
        by_source.setdefault(source.version, []).append(number)
    files: dict[int, Migrated] = {}
    used: set[int] = set()
    for label, numbers in by_source.items():
        between = pairs(label, target)
        outcomes = _outcomes(between, [item for number in numbers for item in read[number].items])
        for number in numbers:
            files[number] = _file(read[number], sources[number], target, options, between, outcomes, used)
    unused = [decision for decision in options.decisions if decision.row not in used]
    if unused:
        raise unused[0].problem(f"no file has `{unused[0].id}` there")
    return Migration(kb, target, tuple(files[number] for number in sorted(files)))


def _outcomes(between: Between, items: Iterable[Item]) -> dict[str, Outcome]:
    """What became of all ids and short names, by id."""
    ids = []
    for item in items:
        if item.readable:
            tactic = between.flow.old(item.id) if item.is_slug else None
            ids.append(item.id if tactic is None else tactic.id)
            if item.is_slug and tactic is None:
                ids.pop()
    distinct = list(dict.fromkeys(ids))
    return dict(zip(distinct, between.outcomes(distinct), strict=True))


def _file(
    read: _Read,
    source: Source,
    target: str,
    options: Options,
    between: Between,
    outcomes: Mapping[str, Outcome],
    used: set[int],
) -> Migrated:
    items = read.items
    settled = [_settled(item, between, outcomes, source.version, target) for item in items]
    follow_techniques(items, settled, between.flow, target)
    stays = release_labels.sort_key(source.version) == release_labels.sort_key(target) and not options.refresh
    if stays:
        settled = [_unmoved(one) for one in settled]
    used |= apply_decisions(options.decisions, read.file.name, items, settled, between)
    replacements = {number: one.replacement for number, one in enumerate(settled) if one.replacement is not None}
    if read.kind is None or (not replacements and stays and not read.reading.add_columns):
        return Migrated(read.file.name, read.kind, read.file.content, read.file.content, source, items, settled)
    reading = replace(
        read.reading,
        release=None if stays else target,
        names=_names(between, settled),
        tactics_of={
            one.outcome.new_id: between.flow.of_after.get(one.outcome.new_stix_id or "", ())
            for one in settled
            if one.outcome.new_id is not None
        },
        tactics=between.flow.new,
        objects=between.contents(bundle.copies(items, replacements)) if read.kind.name == "stix" else {},
        notes={
            number: (one.outcome.outcome, one.outcome.new_name or "", one.outcome.reason)
            for number, one in enumerate(settled)
        },
    )
    try:
        written = read.kind.write(read.file.content, reading, items, replacements)
    except UnreadableFile as problem:
        raise _in_file(read.file, problem) from None
    joined = {one.number: one for one in written.joined}
    for one in joined.values():
        settled[one.number] = _met(items, settled, one)
    return Migrated(
        read.file.name, read.kind, read.file.content, written.content, source, items, settled, joined, written.remarks
    )


def _settled(item: Item, between: Between, outcomes: Mapping[str, Outcome], source: str, target: str) -> Settled:
    if not item.readable:
        outcome = Outcome(
            id=item.written[:100],
            outcome="unreadable",
            handling="human",
            reason="An id should stand here, and this is none.",
        )
        return Settled(outcome, _mark(item, outcome, target))
    flow = between.flow
    tactic = flow.old(item.id) if item.is_slug else None
    if item.is_slug and tactic is None:
        newer = flow.newer(item.id)
        outcome = (
            Outcome(
                id=item.id,
                outcome="unknown",
                handling="human",
                reason=f"{source} has no tactic or other object of this name.",
            )
            if newer is None
            else Outcome(
                id=item.id,
                name=newer.name,
                outcome="not_yet",
                handling="look",
                new_id=newer.id,
                new_name=newer.name,
                reason=f"{source} does not have {newer.id} {newer.name} yet; {target} does.",
            )
        )
        return Settled(outcome, None if newer is not None else _mark(item, outcome, target))
    outcome = outcomes[item.id if tactic is None else tactic.id]
    return Settled(outcome, replacement_of(item, outcome, target, flow))


def _mark(item: Item, outcome: Outcome, target: str) -> Replacement:
    return Replacement(mark=f"{item.written[:100]}: {outcome.outcome} in {target}, needs a human")


def _unmoved(settled: Settled) -> Settled:
    """From a release to itself, nothing changes; what is revoked or deprecated there is worth a look."""
    outcome = settled.outcome
    if outcome.outcome in ("unreadable", "unknown", "ambiguous"):
        return Settled(outcome)
    is_stale = "stale" in outcome.also or outcome.outcome not in ("unchanged",)
    handling = "look" if is_stale else outcome.handling
    return Settled(msgspec.structs.replace(outcome, handling=handling))


def _met(items: Sequence[Item], settled: Sequence[Settled], joined: Joined) -> Settled:
    now, other = settled[joined.number], items[joined.into]
    if joined.conflict is not None:
        outcome = msgspec.structs.replace(
            now.outcome,
            handling="human",
            reason=f"{now.outcome.reason} {joined.conflict}; the first one's stay, and its metadata has the others.",
        )
        return Settled(outcome, now.replacement)
    reason = f"{now.outcome.reason} It is the same as {other.written[:60]} ({other.place}) now, and stands there once."
    return Settled(msgspec.structs.replace(now.outcome, reason=reason), now.replacement)


def _names(between: Between, settled: Iterable[Settled]) -> dict[str, str]:
    """The names of the new objects, and of the techniques above them, by id."""
    names = {
        one.id: one.name or "" for entry in settled if entry.replacement is not None for one in entry.replacement.new
    }
    above = sorted({stem for name in names if (stem := name.rpartition(".")[0]) and stem not in names})
    named = zip(above, between.in_new(above), strict=True) if above else ()
    return names | {object_id: outcome.name or "" for object_id, outcome in named}


def _label(kb: KnowledgeBase, labels: Sequence[str], asked: str | None) -> str:
    """The installed release that somebody asks for; the latest for None. A whole number means its highest release.

    Raises NotFound.
    """
    if not labels:
        raise NotFound(f"no release of {kb.slug} is installed")
    if asked is None or asked.strip().lower() == release_labels.LATEST:
        return labels[0]
    wanted = release_labels.sort_key(asked)
    for label in labels:
        if release_labels.sort_key(label) == wanted:
            return label
    raise NotFound(f"no release `{asked[:40]}` of {kb.slug} is installed; there are {', '.join(labels)}")


def _sources(
    library: Library, kb: KnowledgeBase, labels: Sequence[str], read: Sequence[_Read], options: Options
) -> list[Source]:
    if options.source is not None:
        label = _label(kb, labels, options.source)
        return [Source(label, guessed=False)] * len(read)
    stated = [_stated(kb, labels, one) for one in read]
    ids = looked_up(item for one, label in zip(read, stated, strict=True) if label is None for item in one.items)
    slugs = any(one.items for one, label in zip(read, stated, strict=True) if label is None)
    if not ids:
        known = next((label for label in stated if label is not None), None)
        if slugs and known is None:
            guess.guessed(kb, [], [])
        return [Source(label or known or labels[0], guessed=label is None) for label in stated]
    version, best = guess.guessed(kb, ids, guess.fits(ids, liveness(library, kb, ids)))
    return [Source(version, True, tuple(best)) if label is None else Source(label, False) for label in stated]


def _stated(kb: KnowledgeBase, labels: Sequence[str], read: _Read) -> str | None:
    """The installed release that a file says it is of: `16` is the highest installed 16.x.

    Raises NotFound if that is not installed, InvalidRequest if the file is of another knowledge base.
    """
    if read.kind is None or read.kind.name != "layer":
        return None
    stated = layer.stated(read.file.content)
    if stated.domain and kb.navigator_domain and matrix_of(stated.domain) != matrix_of(kb.navigator_domain):
        raise InvalidRequest(f"{read.file.name or 'the layer'}: a layer of {stated.domain[:40]}, not of {kb.slug}")
    if stated.release is None or not release_labels.is_label(stated.release):
        return None
    shown = release_labels.shown(stated.release)
    for label in labels:
        if label == shown or ("." not in shown and label.partition(".")[0] == shown):
            return label
    raise NotFound(
        f"{read.file.name or 'the layer'}: it says that it is of {shown}, and no such release of {kb.slug} is installed;"
        f" there are {', '.join(labels)}"
    )


def matrix_of(domain: str) -> str:
    """`enterprise` of `enterprise-attack` and of `mitre-enterprise`."""
    return domain.lower().removeprefix("mitre-").removesuffix("-attack")
