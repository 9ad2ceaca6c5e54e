"""Decisions of a human: the review sheet, with its column `decision` filled in."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from ctibutler.errors import InvalidRequest, UnreadableFile
from ctibutler.migration.between import Between
from ctibutler.migration.contexts import Settled
from ctibutler.migration.items import Item, Named, Replacement
from ctibutler.migration.kinds.workbook import is_workbook, rows_of_first_sheet
from ctibutler.migration.texts import BOM, decoded

KEEP, DROP = "keep", "drop"
_NEEDED = ("id", "decision")
_ESCAPED = re.compile(r"\\(.)")
_CELL = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"\s*:?-+:?\s*")
"""A cell of the line below the header."""

_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Decision:
    """What a human chose for an item: `keep`, `drop`, or ids of the new release. `row` is the one of the sheet."""

    row: int
    sheet: str
    file: str
    place: str
    id: str
    words: tuple[str, ...]

    def problem(self, what: str) -> InvalidRequest:
        """Return the error that something is wrong with this decision."""
        where = f"{self.sheet or 'decisions'}: row {self.row}"
        return InvalidRequest(f"{where}: {what}", {"decisions": [f"Row {self.row}: {what}."]})


def read_decisions(content: bytes, name: str) -> tuple[Decision, ...]:
    """Return the decisions in a review sheet: CSV, Markdown, xlsx or JSON. Rows without one are left out.

    Raises UnreadableFile and InvalidRequest, which name the sheet.
    """
    try:
        rows = list(_rows(content))
    except UnreadableFile as problem:
        raise UnreadableFile(f"{name}: {problem}") from None
    header = next((cells for _, cells in rows if set(_NEEDED) <= set(cells)), None)
    if header is None:
        raise InvalidRequest(f"{name}: no table with the columns `id` and `decision`")
    begun = False
    found = []
    for number, cells in rows:
        if cells is header:
            begun = True
        elif begun:
            row = dict(zip(header, cells, strict=False))
            if words := row.get("decision", "").replace(",", " ").split():
                file, place, item = (row.get(key, "").removeprefix("'") for key in ("file", "place", "id"))
                found.append(Decision(number, name, file, place, item, tuple(words)))
    return tuple(found)


def apply_decisions(
    decisions: Sequence[Decision], file: str, items: Sequence[Item], settled: list[Settled], between: Between
) -> set[int]:
    """Apply the decisions about a file, and return the rows that had an item in it.

    Raises InvalidRequest, with the row, for a decision that names no live object.
    """
    own = [decision for decision in decisions if decision.file in (file, "")]
    if not own:
        return set()
    places = {(str(item.place), item.written): number for number, item in enumerate(items)}
    chosen = _chosen(own, between)
    used = set()
    taken: set[int] = set()
    for decision in own:
        number = places.get((decision.place, decision.id))
        if number is None:
            # The file may have changed since: lines that went, cells that were added.
            same = [one for one, item in enumerate(items) if item.written == decision.id and one not in taken]
            number = same[0] if same else None
        if number is None:
            continue
        words = decision.words
        if items[number].holds_one and words[0].lower() != KEEP and (len(words) > 1 or words[0].lower() == DROP):
            raise decision.problem("one id has to stand there, neither none nor several")
        taken.add(number)
        used.add(decision.row)
        settled[number] = _decided(items[number], settled[number], decision, chosen, between)
    return used


def _chosen(decisions: Iterable[Decision], between: Between) -> Mapping[str, Named]:
    """The objects that decisions name, by the word that names them.

    Raises InvalidRequest.
    """
    words: dict[str, Decision] = {}
    for decision in decisions:
        if decision.words[0].lower() not in (KEEP, DROP):
            for word in decision.words:
                words.setdefault(word, decision)
        elif len(decision.words) > 1:
            raise decision.problem(f"`{decision.words[0]}` stands alone, without ids")
    named = {}
    for word, outcome in zip(words, between.in_new(list(words)), strict=True):
        if outcome.outcome != "unchanged" or "stale" in outcome.also or outcome.new_id is None:
            raise words[word].problem(f"`{word[:60]}` is not the id of a live object of the new release")
        tactic = between.flow.new.get(outcome.new_id)
        named[word] = Named(
            outcome.new_id, outcome.new_name, tactic.slug if tactic is not None else None, outcome.new_stix_id
        )
    return named


def _decided(item: Item, now: Settled, decision: Decision, chosen: Mapping[str, Named], between: Between) -> Settled:
    word = decision.words[0].lower()
    if word == KEEP:
        kept = replace(now.outcome, handling="automatic", reason="Decided: it stays as it is.")
        return Settled(kept)
    if word == DROP:
        gone = replace(now.outcome, handling="automatic", new_id=None, new_name=None, reason="Decided: it goes.")
        return Settled(gone, Replacement())
    new = [chosen[each] for each in decision.words]
    if "--" in item.id:
        new = [Named(one.stix_id or one.id, one.name, one.slug, one.stix_id) for one in new]
    outcome = replace(
        now.outcome,
        handling="automatic",
        new_id=" ".join(one.id for one in new),
        new_name=" · ".join(one.name or "" for one in new),
        reason=f"Decided: {', '.join(' '.join(filter(None, (one.id, one.name))) for one in new)}.",
    )
    tactic = _tactic_beside(item, new, between)
    return Settled(outcome, Replacement(tuple(new), tactic=tactic))


def _tactic_beside(item: Item, new: Sequence[Named], between: Between) -> str | None:
    """The short name beside a technique of a layer: the heir of the old one, if the technique has it, else its only one."""
    old = between.flow.old(item.tactic or "")
    own = set(between.flow.of_after.get(new[0].stix_id or "", ())) if new else set()
    if old is None or not own:
        return None
    kept = [end for end in between.flow.heirs(old.id) if end in own] or (sorted(own) if len(own) == 1 else [])
    return between.flow.new[kept[0]].slug if kept and kept[0] in between.flow.new else None


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows of a sheet with their numbers, counted from 1."""
    if is_workbook(content):
        yield from enumerate(rows_of_first_sheet(content), start=1)
        return
    text = decoded(content).removeprefix(BOM)
    if text.lstrip().startswith(("{", "[")):
        yield from _json_rows(text)
    elif text.lstrip().startswith(("#", "|")):
        for number, line in enumerate(text.splitlines(), start=1):
            if line.startswith("|"):
                cells = _CELL.split(line.strip().removeprefix("|").removesuffix("|"))
                if not all(_RULE.fullmatch(cell) for cell in cells):
                    yield number, [_ESCAPED.sub(r"\1", cell.strip()) for cell in cells]
    else:
        try:
            yield from enumerate(csv.reader(io.StringIO(text), strict=True), start=1)
        except csv.Error as failure:
            raise UnreadableFile(f"not CSV: {failure}") from None


def _json_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableFile("not JSON") from None
    rows = value.get("items") if isinstance(value, dict) else value
    keys = ["file", "place", "id", "decision"]
    yield 0, keys
    for number, row in enumerate(rows if isinstance(rows, list) else (), start=1):
        if isinstance(row, dict):
            shown = row | {"place": row.get("where", row.get("place", ""))}
            decision = row.get("decision") or ""
            yield number, [str(shown.get(key) or "")[:_LONGEST] for key in keys[:3]] + [str(decision)[:_LONGEST]]
