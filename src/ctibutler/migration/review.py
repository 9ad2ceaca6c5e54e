"""The review of a migration: every item with what became of it, and an empty column for what a human decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec

from ctibutler.answers.tables.table import Table, TableColumn, names_of, rows_of
from ctibutler.comparing.outcomes import HANDLINGS, OUTCOMES, Candidate, Evidence, Handling
from ctibutler.migration.files import Migrated, Migration, Source
from ctibutler.migration.items import Place

SHEETS = ("csv", "md", "xlsx")
"""The forms of tables that a review can have, beside JSON."""


class ReviewRow(msgspec.Struct, frozen=True, kw_only=True):
    """An item: where it stands, what became of it, and what it rests on.

    `where` is its place in words, `id` what stands there, `old_id` the id of the object that it means in the old release.
    """

    file: str
    place: Place
    where: str
    id: str
    old_id: str | None
    name: str | None
    type: str | None
    outcome: str
    also: tuple[str, ...]
    handling: Handling
    new_id: str | None
    new_name: str | None
    similarity: float | None
    reason: str
    evidence: tuple[Evidence, ...]
    candidates: tuple[Candidate, ...]
    removed: bool
    decision: str = ""


class MigrationCounts(msgspec.Struct, frozen=True):
    """How many items have each outcome, and each handling."""

    outcomes: dict[str, int]
    handling: dict[str, int]


class ReportFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is about: the knowledge base, both releases, all items counted, and remarks about files."""

    knowledge_base: str
    source: Source = msgspec.field(name="from")
    target: str = msgspec.field(name="to")
    counts: MigrationCounts
    remarks: tuple[str, ...]


class Report(ReportFacts, frozen=True, kw_only=True):
    """A whole report."""

    items: Sequence[ReviewRow]


def report_of(migration: Migration, rows: Sequence[ReviewRow]) -> Report:
    """Return the whole report of a migration."""
    facts = report_facts(migration)
    return Report(**{name: getattr(facts, name) for name in ReportFacts.__struct_fields__}, items=rows)


def report_facts(migration: Migration) -> ReportFacts:
    """Return what a migration was about."""
    outcomes: Counter[str] = Counter()
    handling: Counter[str] = Counter()
    for file in migration.files:
        outcomes.update(one.outcome.outcome for one in file.settled)
        handling.update(one.outcome.handling for one in file.settled)
    return ReportFacts(
        knowledge_base=migration.kb.slug,
        source=migration.source,
        target=migration.target,
        counts=MigrationCounts(
            {word: outcomes[word] for word in OUTCOMES if outcomes[word]}, {word: handling[word] for word in HANDLINGS}
        ),
        remarks=tuple(f"{name}: {remark}" if name else remark for name, remark in _remarks(migration)),
    )


def review_rows(migration: Migration) -> list[ReviewRow]:
    """Return every item of every file once: those that need a human first, then those to look at, each in the order of the
    files."""
    rows = [row for file in migration.files for row in _rows(file)]
    return _sorted(rows)


def _sorted(rows: Sequence[ReviewRow]) -> list[ReviewRow]:
    return sorted(rows, key=lambda row: -HANDLINGS.index(row.handling))


def _rows(file: Migrated) -> Iterator[ReviewRow]:
    for number, (item, settled) in enumerate(zip(file.items, file.settled, strict=True)):
        outcome, joined = settled.outcome, file.joined.get(number)
        replacement = settled.replacement
        is_dropped = replacement is not None and replacement.mark is None and not replacement.new
        yield ReviewRow(
            file=file.name,
            place=item.place,
            where=str(item.place),
            id=item.written,
            old_id=outcome.id if outcome.stix_id is not None else None,
            name=outcome.name,
            type=outcome.type,
            outcome=outcome.outcome,
            also=outcome.also,
            handling=outcome.handling,
            new_id=outcome.new_id,
            new_name=outcome.new_name,
            similarity=outcome.similarity,
            reason=outcome.reason,
            evidence=outcome.evidence,
            candidates=outcome.candidates,
            removed=joined is not None or is_dropped,
        )


def review_table(migration: Migration, rows: Sequence[ReviewRow]) -> Table:
    """Return the review as a table, with totals by outcome on top."""
    facts = report_facts(migration)
    columns = _columns(migration)
    source = facts.source.version + (" (guessed)" if facts.source.guessed else "")
    return Table(
        name=f"{facts.knowledge_base}-{facts.source.version}-{facts.target}-review",
        title=f"{migration.kb.title}: from {source} to {facts.target}",
        columns=names_of(columns),
        rows=rows_of(columns, [_sorted([*rows, *map(_row_of_remark, _remarks(migration))])]),
        facts={
            "knowledge base": migration.kb.title,
            "from": source,
            "to": facts.target,
            **{word: str(number) for word, number in facts.counts.handling.items()},
            **{word: str(number) for word, number in facts.counts.outcomes.items()},
            "rows": str(len(rows)),
        },
        changed_at=0,
    )


def _remarks(migration: Migration) -> Iterator[tuple[str, str]]:
    """The names of files, each with something to look at that is no item."""
    return ((file.name, remark) for file in migration.files for remark in file.remarks)


def _row_of_remark(remark: tuple[str, str]) -> ReviewRow:
    file, text = remark
    return ReviewRow(
        file=file,
        place=Place(),
        where="",
        id="",
        old_id=None,
        name=None,
        type=None,
        outcome="",
        also=(),
        handling="look",
        new_id=None,
        new_name=None,
        similarity=None,
        reason=text,
        evidence=(),
        candidates=(),
        removed=False,
    )


def _columns(migration: Migration) -> tuple[TableColumn[ReviewRow], ...]:
    kb, sources = migration.kb, {file.name: file.source.version for file in migration.files}

    def page(object_id: str | None, release: str) -> str:
        if not object_id or " " in object_id:
            return ""
        return f"/api/v1/{kb.slug}/objects/{quote(object_id, safe=':+')}/?{kb.version_parameter}={quote(release)}"

    def diff(row: ReviewRow) -> str:
        if not row.old_id:
            return ""
        releases = f"from={quote(sources[row.file])}&to={quote(migration.target)}"
        return f"/api/v1/{kb.slug}/objects/{quote(row.old_id, safe=':+')}/diff/?{releases}"

    return (
        TableColumn("handling", lambda row: row.handling),
        TableColumn("file", lambda row: row.file),
        TableColumn("place", lambda row: row.where),
        TableColumn("id", lambda row: row.id),
        TableColumn("name", lambda row: row.name),
        TableColumn("outcome", lambda row: row.outcome),
        TableColumn("also", lambda row: row.also),
        TableColumn("new_id", lambda row: row.new_id),
        TableColumn("new_name", lambda row: row.new_name),
        TableColumn("reason", lambda row: row.reason),
        TableColumn("candidates", lambda row: [_shown(one) for one in row.candidates]),
        TableColumn("decision", lambda row: row.decision),
        TableColumn("old_page", lambda row: page(row.old_id, sources[row.file])),
        TableColumn("new_page", lambda row: page(row.new_id, migration.target)),
        TableColumn("diff", diff),
    )


def _shown(candidate: Candidate) -> str:
    return f"{candidate.id} {candidate.name or ''} ({candidate.score:.2f}, {candidate.why})"


def summary_of(report: ReportFacts) -> str:
    """Return what a report is about in a line: `attack-ics 17.0 → 18.1: 637 items: 630 automatic, 7 look, 0 human`."""
    source, counts = report.source, report.counts.handling
    items = sum(counts.values())
    return (
        f"{report.knowledge_base} {source.version}{' (guessed)' if source.guessed else ''} → {report.target}: "
        f"{items:,} {'item' if items == 1 else 'items'}: {', '.join(f'{counts[word]:,} {word}' for word in HANDLINGS)}"
    )
