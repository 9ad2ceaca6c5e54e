"""Files from one release to another: what is in them, what becomes of it, and the same files written anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ctibutler.answers.library import Library
from ctibutler.answers.releases import installed
from ctibutler.comparing.outcomes import Outcome
from ctibutler.errors import NotFound, Problem, UnreadableFile
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.between import Between
from ctibutler.migration.contexts import follow_techniques
from ctibutler.migration.decisions import apply_decisions
from ctibutler.migration.files import InputFile, Migrated, Migration, Options, Source
from ctibutler.migration.ids import field_id
from ctibutler.migration.items import Item, Items, Place, Reading, Replacements
from ctibutler.migration.kinds import bundle
from ctibutler.migration.limits import LIMITS, Limits
from ctibutler.migration.recognising import FileKind, kind_named, recognised
from ctibutler.migration.releases import label_named, sources_of, stated_label
from ctibutler.migration.settling import met, names_of, outcomes_of, settled, unmoved

Pairs = Callable[[str, str], Between]
"""From one release to another."""


@dataclass(frozen=True)
class _Read:
    file: InputFile
    kind: FileKind | None
    items: list[Item]
    reading: Reading
    stated: str | None = None


def migrate(
    library: Library,
    kb: KnowledgeBase,
    files: Sequence[InputFile],
    options: Options,
    pairs: Pairs,
    limits: Limits = LIMITS,
) -> Migration:
    """Migrate files, each from the release that it says it is of, or that all others together are guessed to be of.

    A file that cannot be read, or is of something else, does not stop the others. Raises NotFound for a release that is not
    installed, InvalidRequest, and TooMuch.
    """
    labels = installed(library, kb).labels
    target = label_named(kb, labels, options.target)
    reading = Reading(kb, column=options.column, combine=options.combine, add_columns=options.add_columns)
    read: list[_Read] = []
    broken: dict[int, Problem] = {}
    for number, file in enumerate(files):
        try:
            one = _read(file, reading, labels, options)
            limits.refuse_items(len(one.items))
            read.append(one)
        except (UnreadableFile, NotFound) as problem:
            broken[number] = in_file(file, problem)
    return _migrated(library, _Job(kb, labels, target, options, limits), read, list(broken.values()), pairs)


def migrate_ids(
    library: Library,
    kb: KnowledgeBase,
    ids: Sequence[str],
    options: Options,
    pairs: Pairs,
    limits: Limits = LIMITS,
) -> Migration:
    """Migrate a list of ids.

    Raises NotFound for a release that is not installed, TooMuch, InvalidRequest.
    """
    labels = installed(library, kb).labels
    target = label_named(kb, labels, options.target)
    items = []
    for index, text in enumerate(ids):
        found = field_id(kb, text)
        items.append(Item(found or text, text, Place(index=index), 0, 0, readable=found is not None))
    read = [_Read(InputFile("", b""), None, items, Reading(kb))]
    return _migrated(library, _Job(kb, labels, target, options, limits), read, [], pairs)


def items_of(file: InputFile, kb: KnowledgeBase, options: Options) -> list[Item]:
    """Return what is in a file, read for a knowledge base.

    Raises UnreadableFile.
    """
    kind = kind_named(options.form) if options.form is not None else recognised(file.content, kb)
    return kind.read(file.content, Reading(kb, column=options.column))


@dataclass(frozen=True)
class _Job:
    """What is the same for all files."""

    kb: KnowledgeBase
    labels: Sequence[str]
    target: str
    options: Options
    limits: Limits

    def stays(self, source: str) -> bool:
        """Whether files of a release are brought to the same one, and nothing in them changes."""
        return release_labels.sort_key(source) == release_labels.sort_key(self.target) and not self.options.refresh


def _read(file: InputFile, reading: Reading, labels: Sequence[str], options: Options) -> _Read:
    kind = kind_named(options.form) if options.form is not None else recognised(file.content, reading.kb)
    is_silent = options.source is not None or kind.name != "layer"
    stated = None if is_silent else stated_label(reading.kb, labels, file.content)
    return _Read(file, kind, kind.read(file.content, reading), reading, stated)


def in_file(file: InputFile, problem: Problem) -> Problem:
    """Return a problem that names the file that has it."""
    return type(problem)(f"{file.name}: {problem}", problem.details) if file.name else problem


def _migrated(library: Library, job: _Job, read: Sequence[_Read], broken: Sequence[Problem], pairs: Pairs) -> Migration:
    job.limits.refuse_items(sum(len(one.items) for one in read))
    told = [(one.stated, one.items) for one in read]
    sources = sources_of(library, job.kb, job.labels, job.options.source, told) if read else []
    by_source: dict[str, list[int]] = {}
    for number, source in enumerate(sources):
        by_source.setdefault(source.version, []).append(number)
    files: dict[int, Migrated] = {}
    failed = list(broken)
    used: set[int] = set()
    for label, numbers in by_source.items():
        between = pairs(label, job.target)
        outcomes = outcomes_of(between, (item for number in numbers for item in read[number].items))
        for number in numbers:
            try:
                files[number] = _file(job, read[number], sources[number], between, outcomes, used)
            except UnreadableFile as problem:
                failed.append(in_file(read[number].file, problem))
    unused = [decision for decision in job.options.decisions if decision.row not in used]
    if unused and not failed:
        raise unused[0].problem(f"no file has `{unused[0].id}` there")
    return Migration(job.kb, job.target, tuple(files[number] for number in sorted(files)), tuple(failed))


def _file(
    job: _Job,
    read: _Read,
    source: Source,
    between: Between,
    outcomes: Mapping[str, Outcome],
    used: set[int],
) -> Migrated:
    items, name, content = read.items, read.file.name, read.file.content
    now = [settled(item, between.flow, outcomes, source.version, job.target) for item in items]
    follow_techniques(items, now, between.flow, job.target)
    stays = job.stays(source.version)
    if stays:
        now = [unmoved(one) for one in now]
    used |= apply_decisions(job.options.decisions, name, items, now, between)
    replacements = {number: one.replacement for number, one in enumerate(now) if one.replacement is not None}
    if read.kind is None or (not replacements and stays and not read.reading.add_columns):
        return Migrated(name, read.kind, content, content, source, items, now)
    reading = replace(
        read.reading,
        release=None if stays else job.target,
        names=names_of(between, now),
        tactics_of={
            one.outcome.new_id: between.flow.of_after.get(one.outcome.new_stix_id or "", ())
            for one in now
            if one.outcome.new_id is not None
        },
        tactics=between.flow.new,
        platforms=between.platforms if read.kind.name == "layer" and b"platforms" in content else frozenset(),
        objects=_objects(between, content, items, replacements) if read.kind.name == "stix" else {},
        notes={
            number: (one.outcome.outcome, one.outcome.new_name or "", one.outcome.reason)
            for number, one in enumerate(now)
        },
    )
    written = read.kind.write(content, reading, items, replacements)
    joined = {one.number: one for one in written.joined}
    for one in joined.values():
        now[one.number] = met(items, now, one)
    return Migrated(name, read.kind, content, written.content, source, items, now, joined, written.remarks)


def _objects(between: Between, content: bytes, items: Items, replacements: Replacements) -> dict[str, str]:
    return between.contents(bundle.known_ids(content, items, replacements))
